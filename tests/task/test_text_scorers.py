"""Scorers of the wording, the meaning and the form of answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from building import ANSWERS, SPEC, spec, task

from tailorbird.errors import DataError, TaskError
from tailorbird.task.benchmark import Task
from tailorbird.task.check import check_benchmark
from tailorbird.task.types import Example, Prediction

FORM = {"type": "object", "required": ["fee"], "properties": {"fee": {"type": "number"}}}


def answers(**outputs: Any) -> Task:
    return task(**ANSWERS | {"outputs": outputs})


def mark(metric: str, of: Task, said: str, target: str = "It costs £35 a month.") -> float | None:
    return of.score(metric, Example("e", "What does it cost?", target), Prediction(said)).value


WORDING = ("bleu", "chrf", "rouge1", "rouge2", "rougeL", "similarity")


@pytest.mark.parametrize("metric", WORDING)
def test_the_target_scores_1_nothing_scores_0_and_half_lies_between(metric: str):
    of = answers()
    assert mark(metric, of, "It costs £35 a month.") == 1
    assert mark(metric, of, "") == 0
    assert 0 < mark(metric, of, "It costs £35.") < 1


@pytest.mark.parametrize("metric", ["bleu", "chrf"])
def test_one_word_is_enough(metric: str):
    assert mark(metric, answers(), "Yes", target="Yes") == 1


def test_rouge_does_not_mark_what_it_cannot_read():
    of = answers()
    for metric in ("rouge1", "rouge2", "rougeL"):
        score = of.score(metric, Example("e", "q", "Тридцать пять"), Prediction("Тридцать пять"))
        assert score.value is None
        assert "a-z" in score.reason
    assert mark("rouge2", of, "Yes", target="Yes") is None


def test_meaning_goes_beyond_words():
    near = mark("similarity", answers(), "You pay £35 each month.")
    far = mark("similarity", answers(), "We close at noon on Sundays.")
    assert near > far + 0.3
    of = answers()
    assert mark("relevance", of, "It costs £35.") > mark("relevance", of, "My cat is asleep.") + 0.2
    assert mark("relevance", of, " ") == 0


@pytest.mark.parametrize("metric", ["similarity", "relevance"])
def test_a_batch_marks_as_one_by_one_and_errors_are_wrong(metric: str):
    of = answers()
    examples = [Example(str(i), f"Question {i}?", f"Answer {i}.") for i in range(5)]
    said = [Prediction(f"Perhaps {i} " * (i + 1)) for i in range(4)]
    said.append(Prediction("Answer 4.", error="no"))
    found = of.score_all(metric, examples, said)
    alone = [of.score(metric, e, p) for e, p in zip(examples, said)]
    assert [s.value for s in found] == pytest.approx([s.value for s in alone], abs=2e-4)
    assert (found[4].value, found[4].reason) == (0, "error: no")


# ---- pattern ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "value"),
    [("AB-12", 1), (" AB-12\n", 1), ("AB-12 or so", 0), ("AB-12\nAB-13", 0), ("ab-12", 0), ("", 0)],
)
def test_pattern_takes_the_whole_answer(said: str, value: float):
    assert mark("pattern", answers(pattern=r"[A-Z]{2}-\d\d|none"), said) == value


def test_an_alternative_does_not_escape_the_ends():
    of = answers(pattern="yes|no")
    assert [mark("pattern", of, t) for t in ("yes", "no", "yes and", "or no")] == [1, 1, 0, 0]


def test_no_pattern_runs_away():
    """Python's `re` would take longer than the universe has."""
    assert mark("pattern", answers(pattern="(a+)+"), "a" * 5_000 + "!") == 0


@pytest.mark.parametrize("pattern", ["(", "(?=a)b", r"(a)\1"])
def test_a_pattern_that_is_none_is_refused(pattern: str):
    with pytest.raises(TaskError, match="is no regular expression"):
        spec(**ANSWERS | {"outputs": {"pattern": pattern}})


# ---- schema ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('{"fee": 35}', None),
        (' {"fee": 35.5, "more": []}\n', None),
        ('{"fee": "35"}', r"$.fee: '35' is not of type 'number'"),
        ("{}", "$: 'fee' is a required property"),
        ("The fee is 35", "is not JSON"),
        ('```json\n{"fee": 35}\n```', "is not JSON"),
        ('{"fee": NaN}', "NaN is no number of JSON"),
        ("[" * 100_000, "is nested too deeply"),
        ("1" * 5_000, "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_schema(said: str, reason: str | None):
    score = answers(json_schema=FORM).score("schema", Example("e", "q", "{}"), Prediction(said))
    assert score.value == float(reason is None)
    assert (reason or "") in score.reason


def test_a_schema_of_nonsense_is_refused():
    with pytest.raises(TaskError, match="no JSON schema"):
        mark("schema", answers(json_schema={"type": "objekt"}), "{}")


def test_nothing_is_fetched():
    elsewhere = {"$ref": "https://example.org/schema.json"}
    with pytest.raises(TaskError, match="which is not in it"):
        mark("schema", answers(json_schema=elsewhere), "{}")


def test_a_schema_in_a_file(tmp_path: Path):
    file = tmp_path / "form.json"
    file.write_text(json.dumps(FORM))
    of = Task(spec(**ANSWERS | {"outputs": {"json_schema": "form.json"}}), {}, folder=tmp_path)
    assert mark("schema", of, '{"fee": 1}') == 1
    file.write_text(json.dumps(FORM | {"required": []}))
    changed = Task(of.spec, {}, folder=tmp_path)
    assert changed.digest != of.digest
    file.write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        mark("schema", Task(of.spec, {}, folder=tmp_path), "{}")


# ---- the bar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bar": {"primary": {"metric": "schema", "at_least": 1}}}, "needs outputs.json_schema"),
        ({"bar": {"primary": {"metric": "pattern", "at_least": 1}}}, "needs outputs.pattern"),
        ({"bar": {"primary": {"metric": "macro_f1", "at_least": 1}}}, "may be a guard"),
    ],
)
def test_a_bar_that_cannot_be_measured(changes: dict[str, Any], said: str):
    with pytest.raises(TaskError, match=said):
        spec(**ANSWERS | changes)


def test_a_guard_may_name_a_metric_of_the_right_kind():
    guards = [{"metric": "macro_f1", "at_least": 0.5}, {"metric": "ece", "at_most": 0.1}]
    bar = SPEC["bar"] | {"guards": guards}
    assert [c.metric for c in spec(bar=bar).bar.guards] == ["macro_f1", "ece"]
    with pytest.raises(TaskError, match="not measured for kind: answer"):
        spec(**ANSWERS | {"bar": bar | {"primary": {"metric": "facts", "at_least": 1}}})


def test_keys_that_are_not_set_leave_the_digest_alone():
    """Climbs from before these keys must go on."""
    assert "pattern" not in spec().model_dump()["outputs"]
    assert "json_schema" not in spec().model_dump()["outputs"]
    assert spec(outputs={"pattern": "a"}).digest != spec().digest


def test_the_check_says_what_gold_answers_earn_where_more_cannot_be_asked():
    bar = {
        "primary": {"metric": "exact", "at_least": 0.5},
        "guards": [{"metric": "relevance", "at_least": 0.2}],
    }
    test = [
        Example(str(i), f"Where is shop {i}?", f"Shop {i} is in the square.") for i in range(40)
    ]
    of = task([("Where?", "Here.")], test, **ANSWERS | {"bar": bar})
    said = [f.text for f in check_benchmark(of) if f.text.startswith("relevance")]
    assert len(said) == 1
    assert said[0].startswith("relevance: gold answers score 0.")
