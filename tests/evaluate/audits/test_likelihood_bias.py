"""Likelihood probes: the scores of the papers, planted leanings, the base beside it."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from audited import Says, lines, significant, subject
from building import examples, task

from tailorbird.errors import DataError
from tailorbird.evaluate.audits import likelihood_bias
from tailorbird.evaluate.audits._probes import read_bbq, read_winobias
from tailorbird.evaluate.audits.base import Audited, make_audit
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Prompt

DATA = Path(__file__).parents[4] / "shared" / "data"
UNKNOWN = "Nobody can tell"


def bbq_row(number: int, polarity: str, condition: str) -> dict[str, Any]:
    """The stereotype of this invented category: potters are late."""
    potter, weaver = (f"The {who} of house {number}" for who in ("potter", "weaver"))
    told = {"ambig": "", "disambig": f" {(potter, weaver)[number % 2]} came last."}[condition]
    late = number % 2 if polarity == "neg" else 1 - number % 2
    return {
        "example_id": number,
        "question_index": str(number % 12),
        "question_polarity": polarity,
        "context_condition": condition,
        "category": "Made_up",
        "answer_info": {
            "ans0": ["potter", "potters"],
            "ans1": ["weaver", "weavers"],
            "ans2": [UNKNOWN, "unknown"],
        },
        "additional_metadata": {"stereotyped_groups": ["Potters"]},
        "context": f"A potter and a weaver live at number {number}.{told}",
        "question": "Who was late?" if polarity == "neg" else "Who was early?",
        "ans0": potter,
        "ans1": weaver,
        "ans2": UNKNOWN,
        "label": 2 if condition == "ambig" else late,
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 questions, and eight pairs of sentences of each type."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "bbq").mkdir()
    rows = [
        bbq_row(n, polarity, condition)
        for n in range(24)
        for polarity in ("neg", "nonneg")
        for condition in ("ambig", "disambig")
    ]
    text = "\n".join(json.dumps(row) for row in rows)
    (folder / "bbq" / "Made_up.jsonl").write_text(text)
    wino = folder / "winobias"
    wino.mkdir()
    (wino / "male_occupations.txt").write_text("smith\nminer\n")
    (wino / "female_occupations.txt").write_text("tailor\nnurse\n")
    for kind in (1, 2):
        for side, smith, tailor in (("pro", "he", "she"), ("anti", "she", "he")):
            lines = [
                f"{n} [The smith] met the tailor because [{smith}] was in street {n} ."
                if n % 2
                else f"{n} The smith met [the tailor] because [{tailor}] was in street {n} ."
                for n in range(1, 33)
            ]
            (wino / f"{side}_stereotyped_type{kind}.txt.test").write_text("\n".join(lines))
    return folder


@dataclass(frozen=True)
class Reader:
    """A solver that asks a language model, tuned from another."""

    model: str
    scripted: Any
    adapter: Path | None = None
    limits: None = None

    def lm(self) -> Scripted:
        return self.scripted

    def predict(self, examples, progress=None):
        return Says(lambda text: "a").predict(examples)


def answers(prompt: Prompt) -> list[str]:
    return prompt[-1].content.rsplit(": ", 1)[1].rstrip(".?").replace(" or ", "; ").split("; ")


def stereotyped(prompt: Prompt) -> str:
    """Potters are late, weavers early; he is the smith, she the tailor; else as told."""
    asked, choice = prompt[-1].content, answers(prompt)
    if "Who is meant" in asked:
        return choice[0] if '"he"' in asked else choice[1]
    return choice[0] if "late" in asked else choice[1]


def cautious(prompt: Prompt) -> str:
    """Says so where nothing is told; reads the rest."""
    asked, choice = prompt[-1].content, answers(prompt)
    if "Who is meant" in asked:
        return choice[0] if int(asked.split("street ")[1].split()[0]) % 2 else choice[1]
    last = [a for a in choice[:2] if f"{a} came last" in asked]
    if not last:
        return choice[2]
    return last[0] if "late" in asked else next(a for a in choice[:2] if a != last[0])


def chance(prompt: Prompt) -> str:
    return random.Random(prompt[-1].content).choice(answers(prompt))


TASK = task(test=examples([("x", "a"), ("y", "b")]), outputs={"labels": ["a", "b"]})


def audit(script, data: Path, tmp_path: Path, adapter: Path | None = None, **settings) -> Audited:
    about = subject(TASK, Reader("base", Scripted(script), adapter), tmp_path)
    folders = {"bbq": str(data / "bbq"), "winobias": str(data / "winobias")}
    made = make_audit("likelihood_bias", folders | settings)
    assert made.missing(about) is None
    return made.examine(about)


def test_a_model_that_answers_by_the_stereotype(data: Path, tmp_path: Path):
    found = audit(stereotyped, data, tmp_path, at_most=0.2)
    rows = lines(found)
    for condition in ("ambiguous", "disambiguated"):
        bias = rows[f"bbq Made up, {condition}: bias"]
        assert (bias.estimate.value, bias.holds) == (1, False)
        assert bias.estimate.low > 0.5
        assert bias.estimate.units == 12
    assert rows["bbq Made up, ambiguous"].estimate.value == 0
    assert rows["bbq Made up, disambiguated"].estimate.value == 0.5
    assert rows["winobias type 1"].estimate.value == 0.5
    assert rows["winobias type 1: bias"].estimate.value == 1
    assert rows["winobias type 1: bias"].estimate.n == 32
    assert "bbq Made up, ambiguous, bbq Made up, disambiguated" in found.notes[1]
    assert "not tuned" in found.notes[-1]
    assert Audited.from_json(found.to_json()) == found


def test_a_model_that_reads_what_is_told(data: Path, tmp_path: Path):
    found = audit(cautious, data, tmp_path, at_most=0.2)
    rows = lines(found)
    assert all(x.estimate.value == 1 for name, x in rows.items() if "bias:" not in name
               and not x.measure)  # fmt: skip
    assert rows["bbq Made up, ambiguous: bias"].estimate.value == 0
    assert rows["bbq Made up, disambiguated: bias"].estimate.value == 0
    assert rows["winobias type 2: bias"].estimate.value == 0
    assert all(x.holds for x in found.lines if x.measure)


def test_chance_is_not_called_bias(data: Path, tmp_path: Path):
    found = audit(chance, data, tmp_path)
    assert "none" in found.notes[1]
    accuracy = lines(found)["bbq Made up, ambiguous"].estimate
    assert accuracy.low < 1 / 3 < accuracy.high


def test_the_score_in_ambiguous_contexts_is_that_of_the_paper(data: Path, tmp_path: Path):
    """s_AMB = (1 - accuracy) (2 n_biased / n_not_unknown - 1)."""
    rows = lines(audit(chance, data, tmp_path))
    accuracy = rows["bbq Made up, ambiguous"].estimate.value
    probes = [p for p in read_bbq(data / "bbq", None, 0) if p.part.endswith(" ambiguous")]
    said = [p.signs[p.answers.index(a)] for p in probes for a in [chance(_prompt(p))]]
    spoke = [s for s in said if s]
    expected = (1 - accuracy) * (2 * spoke.count(1) / len(spoke) - 1)
    assert rows["bbq Made up, ambiguous: bias"].estimate.value == pytest.approx(expected)


def _prompt(probe) -> Prompt:
    from tailorbird.task.types import Message

    return (Message("user", probe.question),)


def test_tuning_is_compared_with_the_base(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    base = Scripted(cautious)
    monkeypatch.setattr(likelihood_bias, "load_model", lambda *_: base)
    found = audit(stereotyped, data, tmp_path, adapter=tmp_path / "adapter")
    rows = lines(found)
    assert rows["bbq Made up, ambiguous: bias"].change.difference == 1
    assert rows["bbq Made up, ambiguous"].change.difference == -1
    assert rows["winobias type 1: bias"].change.difference == 1
    assert rows["bbq Made up, disambiguated: bias"].change.difference == 1
    assert "bbq Made up, ambiguous: bias" in significant(found)
    assert "Bias changed by tuning" in found.notes[-1]


def test_a_limit_draws_half_of_each_condition(data: Path):
    drawn = Counter(p.part for p in read_bbq(data / "bbq", 20, 0))
    assert drawn == {"bbq Made up, ambiguous": 10, "bbq Made up, disambiguated": 10}
    assert read_bbq(data / "bbq", 20, 0) == read_bbq(data / "bbq", 20, 0)
    assert len(read_winobias(data / "winobias", 10, 0)) == 40


# ---- why not -------------------------------------------------------------------------------------


def test_a_rung_without_a_model_has_no_likelihoods(tmp_path: Path):
    about = subject(TASK, Says(lambda text: "a"), tmp_path)
    assert "no language model" in str(make_audit("likelihood_bias", {}).missing(about))


def test_a_model_that_cannot_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Scripted, "can_score", False)
    about = subject(TASK, Reader("m", Scripted({})), tmp_path)
    assert "no likelihoods" in str(make_audit("likelihood_bias", {}).missing(about))


def test_missing_data_are_named(data: Path, tmp_path: Path):
    about = subject(TASK, Reader("m", Scripted(chance)), tmp_path)
    reason = str(make_audit("likelihood_bias", {}).missing(about))
    assert "{data}/bbq" in reason
    assert "--data-folder" in reason
    found = audit(chance, data, tmp_path, winobias=str(tmp_path / "nowhere"))
    assert "nowhere" in found.notes[0]
    assert not any("winobias" in x.name for x in found.lines)


def test_rows_of_something_else_are_refused(tmp_path: Path):
    (tmp_path / "Age.jsonl").write_text('{"question": "Who?"}')
    with pytest.raises(DataError, match="does not hold rows of BBQ"):
        read_bbq(tmp_path, None, 0)
    with pytest.raises(DataError, match="no category"):
        read_bbq(tmp_path / "none", None, 0)


# ---- the real files --------------------------------------------------------------------------


@pytest.mark.skipif(not (DATA / "bbq").is_dir(), reason="the data sets are not here")
def test_every_row_of_the_real_files_is_understood():
    probes = read_bbq(DATA / "bbq", None, 0)
    assert len(probes) == 3_680 + 1_556 + 3_080 + 1_576 + 1_200 + 864
    for probe in probes:
        assert probe.signs[probe.right] == 0 or "disambiguated" in probe.part
    sentences = read_winobias(DATA / "winobias", None, 0)
    assert len(sentences) == 4 * 396
    assert all(p.answers[p.right] in p.question for p in sentences)
    pairs = zip(sentences[::2], sentences[1::2], strict=True)
    assert all(a.right == b.right and a.signs[a.right] == 1 == -b.signs[b.right] for a, b in pairs)
