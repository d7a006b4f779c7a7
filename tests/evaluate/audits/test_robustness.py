"""Robustness: what is planted is found, and what is not there is not."""

import random
import re
from pathlib import Path

import pytest
from audited import Says, lines, significant, subject
from building import ANSWERS, task

from tailorbird.approaches import _prompted
from tailorbird.approaches.base import Run, make_approach
from tailorbird.data.perturbations.base import asking
from tailorbird.errors import TaskError
from tailorbird.evaluate.audits import _answering
from tailorbird.evaluate.audits._instructions import SENTENCE
from tailorbird.evaluate.audits.base import Audited, make_audit
from tailorbird.models.scripted import Scripted
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prompt

THINGS = ("kettle", "lamp", "stove", "teapot")
ITEMS = tuple(
    Example(f"i{n}", f"My {thing} number {n} is broken, can you help me with that?", thing)
    for n, thing in enumerate(THINGS * 15)
)
LABELS = task(test=ITEMS, outputs={"labels": [*THINGS, "other"], "out_of_scope": "other"})


def names_the_thing(text: str) -> str:
    found = re.search("|".join(THINGS), text.lower())
    return found[0] if found else "other"


def audit(answer, folder: Path, over: Task = LABELS, **settings) -> Audited:
    about = subject(over, Says(answer), folder)
    made = make_audit("robustness", settings)
    assert made.missing(about) is None
    return made.examine(about)


def test_a_solver_that_reads_what_matters_raises_no_alarm(tmp_path: Path):
    found = audit(names_the_thing, tmp_path, at_most=0.02, obeyed_at_most=0, answered_at_most=0)
    rows = lines(found)
    assert significant(found) <= {"typos"}  # a slip may hit the very word
    assert rows["upper_case"].change.difference == 0
    assert rows["chatter"].estimate.value == 1
    assert rows["instruction in the input: obeyed"].estimate.value == 0
    assert rows["another field: answered"].estimate.value == 0
    assert [x.name for x in found.lines if x.holds is False] in ([], ["typos"])


def test_a_planted_weakness_is_found_alone(tmp_path: Path):
    found = audit(lambda t: "other" if t.isupper() else names_the_thing(t), tmp_path, at_most=0.1)
    assert "upper_case" in significant(found)
    line = lines(found)["upper_case"]
    assert (line.change.difference, line.holds) == (-1, False)
    assert not significant(found) & {"lower_case", "chatter", "spacing"}
    sample = next(s for s in found.samples if s.line == "upper_case")
    assert sample.after == f"{sample.before.split(chr(10))[0].upper()}\n→ other"
    assert Audited.from_json(found.to_json()) == found


def test_noise_is_seldom_called_a_weakness(tmp_path: Path):
    """Answers that any change of the text may turn, one way as often as the other."""
    alarms = 0
    for seed in range(25):

        def answer(text: str, seed: int = seed) -> str:
            right = random.Random(f"{seed} {text}").random() < 0.6
            return names_the_thing(text) if right else "other"

        found = audit(
            answer, tmp_path / str(seed), changes=["upper_case", "chatter"],
            instructions=False, strangers=[],
        )  # fmt: skip
        alarms += bool(significant(found))
    assert alarms <= 4  # of 25 at 5 %, more than 4 would come once in 140 times


def test_a_hidden_instruction_is_obeyed(tmp_path: Path):
    def last_label(text: str) -> str:
        said = [w.strip(".,:?") for w in text.lower().split()]
        return next((w for w in reversed(said) if w in (*THINGS, "other")), "other")

    found = audit(last_label, tmp_path, obeyed_at_most=0.1, changes=[])
    rows = lines(found)
    obeyed = rows["instruction in the input: obeyed"]
    assert (obeyed.estimate.value, obeyed.holds) == (1, False)
    assert rows["instruction in the input"].estimate.value == 0
    assert significant(found) == {"instruction in the input", "instruction in the input: obeyed"}


PAGES = {"kettle": "A kettle costs £20.", "lamp": "A lamp costs £35."}
ASKED = tuple(
    Example(f"q{n}", f"What is the price of a {thing}, asks customer {n}?", f"It costs {price}.",
            sources=(thing,), facts=(price,))
    for n, (thing, price) in enumerate([("kettle", "£20"), ("lamp", "£35")] * 10)
)  # fmt: skip


def reads(prompt: Prompt) -> str:
    asked = prompt[-1].content
    return "It costs £20." if "kettle" in asked.split("\n\n")[-1] else "It costs £35."


def obeys(prompt: Prompt) -> str:
    return SENTENCE if SENTENCE in prompt[-1].content else reads(prompt)


@pytest.mark.parametrize(("answer", "share"), [(reads, 0), (obeys, 1)])
def test_an_instruction_in_a_passage(
    answer, share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_prompted, "load_model", lambda *_, **__: Scripted(answer))
    over = task(test=ASKED, documents=PAGES, **ANSWERS | {"bar": ANSWERS["bar"]})
    rag = make_approach("rag", {"by": "sparse", "passages": 1})
    solver = rag.fit(over.without_test(), Run(tmp_path / "run", "scripted", tmp_path, quiet=True))
    about = subject(over, solver, tmp_path)
    found = lines(make_audit("robustness", {"changes": []}).examine(about))
    assert found["instruction in a passage: obeyed"].estimate.value == share
    assert found["instruction in a passage"].change.difference == -share
    assert found["another field: answered"].estimate.value == 1  # neither ever abstains


def test_who_only_quotes_a_passage_does_not_obey_it(tmp_path: Path):
    over = task(test=ASKED, documents=PAGES, **ANSWERS)
    solver = make_approach("quote", {"by": "sparse"}).fit(
        over.without_test(), Run(tmp_path / "run", "none", tmp_path, quiet=True)
    )
    audited = make_audit("robustness", {"changes": [], "obeyed_at_most": 0}).examine(
        subject(over, solver, tmp_path)
    )
    found = lines(audited)
    assert found["instruction in a passage"].estimate is None
    assert "only quotes" in found["instruction in a passage"].note
    assert "instruction in a passage: obeyed" not in found
    assert found["instruction in the input: obeyed"].estimate.value == 0
    assert not [x.name for x in audited.lines if x.holds is False]


def test_a_rung_that_reads_no_passages_has_no_such_line(tmp_path: Path):
    assert "instruction in a passage" not in lines(audit(names_the_thing, tmp_path, changes=[]))


def test_a_task_without_a_way_to_decline_is_told_so(tmp_path: Path):
    plain = task(test=ITEMS, outputs={"labels": list(THINGS)})
    line = lines(audit(names_the_thing, tmp_path, plain, changes=[]))["another field: answered"]
    assert line.estimate is None
    assert "outputs.out_of_scope" in line.note


def test_the_bar_says_whether_the_interval_must_hold(tmp_path: Path):
    bar = {"primary": {"metric": "label", "at_least": 0.8}}
    for proof, holds in (("estimate", True), ("interval", False)):
        over = task(
            test=ITEMS, outputs=LABELS.spec.outputs.model_dump(), bar=bar | {"proof": proof}
        )
        found = audit(names_the_thing, tmp_path / proof, over, changes=["upper_case"], at_most=0.01)
        assert lines(found)["upper_case"].holds is holds


def test_a_killed_audit_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_answering, "CHUNK", 16)
    settings = {"changes": ["upper_case", "chatter"], "instructions": False, "strangers": []}
    whole = audit(names_the_thing, tmp_path / "whole", **settings)
    about = subject(LABELS, Says(names_the_thing), tmp_path)
    about.solver.asked = 0

    def dies(text: str) -> str:
        if about.solver.asked > 90:
            raise KeyboardInterrupt
        return names_the_thing(text)

    about.solver.answer = dies
    with pytest.raises(KeyboardInterrupt):
        make_audit("robustness", settings).examine(about)
    about.solver.answer, about.solver.asked = names_the_thing, 0
    assert make_audit("robustness", settings).examine(about) == whole
    assert about.solver.asked < 120 - 60  # 60 items, two changes; one was answered before


def test_a_limit_draws_a_sample(tmp_path: Path):
    found = audit(names_the_thing, tmp_path, limit=20, changes=["upper_case"])
    assert lines(found)["upper_case"].estimate.n == 20
    assert "20 of 60" in found.notes[0]


def test_a_conversation_is_changed_at_its_end():
    from tailorbird.task.types import Message

    talk = (Message("user", "Hello."), Message("assistant", "Yes?"), Message("user", "My lamp?"))
    changed = asking(Example("c", talk, "lamp"), "MY LAMP?")
    assert [m.content for m in changed.turns] == ["Hello.", "Yes?", "MY LAMP?"]


def test_an_unknown_change_is_refused(tmp_path: Path):
    with pytest.raises(TaskError, match="did you mean"):
        audit(names_the_thing, tmp_path, changes=["typpos"])
