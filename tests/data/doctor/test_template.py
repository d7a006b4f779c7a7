"""Rows as a model's chat template and context leave them: refused, cut, too long, unlearned."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import building
import pytest

from tailorbird.data.doctor.base import Finding, Patient
from tailorbird.data.doctor.examine import Diagnosis, examine, examine_task
from tailorbird.task.types import Example, Message, Prompt
from tailorbird.testing.checkpoint import CHAT_TEMPLATE

ONLY = ["template"]
Templated = Callable[[str], Path]
WORDS = "The courier left it in the rain. " * 40
"""280 words, more than 512 tokens."""


@pytest.fixture
def templated(checkpoint: Path, tmp_path: Path) -> Templated:
    """The tiny checkpoint with another template."""

    def templated(template: str) -> Path:
        folder = tmp_path / "templated"
        shutil.copytree(checkpoint, folder, ignore=shutil.ignore_patterns("*.safetensors"))
        (folder / "chat_template.jinja").write_text(template)
        return folder

    return templated


def of_file(examples: list[Example], model: Path | None, **settings: Any) -> Diagnosis:
    patient = Patient(None, {"rows": len(examples)}, Path("nowhere"), quiet=True)
    named = {"model": str(model)} if model else {}
    return examine(patient, {"rows": examples}, ONLY, {"template": named | settings})


def of_task(model: Path, **changes: Any) -> list[Finding]:
    changes = {"rungs": ["zero_shot"], "model": str(model)} | building.ANSWERS | changes
    train, test = changes.pop("train", ()), changes.pop("test", ())
    task = building.task(train, test, **changes)
    return list(examine_task(task, Path("nowhere"), only=ONLY, quiet=True).findings)


def test_rows_that_fit_are_no_finding(checkpoint: Path):
    assert not of_file([Example("a", "When will it come?", "Today.")] * 30, checkpoint).findings


def test_it_needs_a_model_that_a_rung_asks(checkpoint: Path):
    def why(**changes: Any) -> str:
        task = building.task([("a", "b")], [Example("t", "c", "b")], **changes)
        found = examine_task(task, Path("nowhere"), only=ONLY, quiet=True)
        return found.skipped["template"]

    assert "no model is named" in of_file([Example("a", "b", "c")], None).skipped["template"]
    assert why(rungs=["majority", "linear"]) == "no rung asks a language model"
    assert "not known here" in why(rungs=["zero_shot"], model="http://localhost:9/v1#large")
    assert "no-such-folder" in why(rungs=["zero_shot"], model="./no-such-folder")


def test_a_row_longer_than_the_context_is_left_out_of_training(checkpoint: Path):
    rows = [Example("short", "Where?", "Here."), Example("long", f"Where? {WORDS}", "Here.")]
    [finding] = of_file(rows, checkpoint).findings
    assert finding.text.startswith("1 row longer than the 512 tokens")
    assert "nothing to learn in 1 of them" in finding.text
    assert finding.remedy is not None
    assert dict(finding.remedy.changes) == {"long": None}
    assert finding.details == {"limit": 512, "nothing left to learn": 1}
    assert finding.effect == 1 / 2
    [shorter] = of_file(
        [Example("a", "Where did it go?", WORDS)], checkpoint, max_length=20
    ).findings
    assert shorter.details == {"limit": 20, "nothing left to learn": 0}
    assert "to learn from are left" in shorter.samples[0].note


def test_a_test_input_that_leaves_no_room_and_an_answer_that_is_cut(checkpoint: Path):
    train = [Example("a", "Where?", "In the rain, in front of the old blue door of a neighbour.")]
    test = [Example("t1", WORDS, "No."), Example("t2", "Who?", "Ann.")]
    cut, roomless = sorted(of_task(checkpoint, train=train, test=test), key=lambda f: f.text)
    assert roomless.text.startswith("1 test input too long for the 512 tokens")
    assert (roomless.affected, roomless.effect, roomless.remedy) == (1, 1 / 2, None)
    assert cut.text.startswith("1 answer longer than outputs.max_tokens, 8: a model that is right")
    assert [s.row for s in cut.samples] == ["a"]
    assert not of_task(checkpoint, train=train, test=test[1:], outputs={"max_tokens": 100})


def test_labels_are_chosen_and_never_cut(checkpoint: Path):
    labels = ["a label of many many many words", "another label of many words"]
    rows = [Example(f"r{i}", "Where?", label) for i, label in enumerate(labels * 3)]
    plain = {"kind": "label", "bar": building.SPEC["bar"], "outputs": {"max_tokens": 2}}
    assert not of_task(checkpoint, train=rows, test=rows, **plain)


def test_turns_that_the_template_refuses(templated: Templated):
    alternating = (
        "{% for m in messages %}{% if loop.previtem and loop.previtem['role'] == m['role'] %}"
        "{{ raise_exception('turns must alternate') }}{% endif %}{% endfor %}"
    ) + CHAT_TEMPLATE
    turns: Prompt = (Message("user", "Hello?"), Message("user", "Where?"))
    rows = [Example("plain", "Where?", "Here."), Example("twice", turns, "Here.")]
    [finding] = of_file(rows, templated(alternating)).findings
    assert finding.level == "error"
    assert finding.text.startswith("1 row that ")
    assert "turns must alternate" in finding.text
    assert finding.samples[0].note == "user user"
    assert finding.remedy is not None
    assert dict(finding.remedy.changes) == {"twice": None}
    assert finding.effect == 1 / 2


def test_what_is_said_may_be_refused_as_well(templated: Templated):
    refusing = (
        "{% if 'secret' in messages[0]['content'] %}{{ raise_exception('not that word') }}"
        f"{{% endif %}}{CHAT_TEMPLATE}"
    )
    rows = [Example("a", "Where?", "<b>Here.</b>"), Example("b", "A secret?", "<b>Here.</b>")]
    [finding] = of_file(rows, templated(refusing)).findings
    assert "not that word" in finding.text
    assert (finding.affected, finding.effect) == (1, 1 / 2)


def test_words_of_an_answer_that_the_template_leaves_out(templated: Templated):
    thoughtless = CHAT_TEMPLATE.replace(
        "{{ m['content'] + '<|end|>' }}{% endgeneration %}",
        "{{ m['content'].split('</think>')[-1] + '<|end|>' }}{% endgeneration %}",
    )
    assert thoughtless != CHAT_TEMPLATE
    rows = [
        Example("thought", "Where?", "<think>It rained and she was out.</think> At the door."),
        Example("marked", "Where?", "<b>At</b> the door."),
    ]
    [finding] = of_file(rows, templated(thoughtless)).findings
    assert finding.text.startswith("1 answer of which the template of")
    assert finding.samples[0].note == "3 of 9 words are left"
    assert finding.remedy is not None
    assert set(finding.remedy.changes) == {"thought"}


def test_the_rows_that_are_drawn_are_said(checkpoint: Path):
    rows = [Example(f"r{i}", WORDS, "Here.") for i in range(60)]
    [finding] = of_file(rows, checkpoint, rows=20).findings
    assert finding.affected < 60
    assert finding.text.endswith(f"(of {finding.affected} rows drawn)")
    assert finding.effect == 1


def test_dev_and_test_rows_train_nobody(checkpoint: Path):
    """A test row is not left out of training; where its prompt fits, it is no finding."""
    test = [Example("t", "Where did it go?", WORDS)]
    found = of_task(checkpoint, train=[("a", "b")], test=test, outputs={"max_tokens": 400})
    assert [f.text.split(",")[0] for f in found] == ["1 answer longer than outputs.max_tokens"]
    assert found[0].remedy is None
