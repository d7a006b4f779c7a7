import pytest
from building import ANSWERS, task

from tailorbird.errors import TaskError
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

ABSTAIN = "The pages do not say"


@pytest.fixture
def answers() -> Task:
    return task(documents={"prices": "A repair costs £35.", "hours": "From 9 am."}, **ANSWERS)


def mark(metric: str, made: Task, text: str, **example: object) -> float | None:
    cited = example.pop("cited", ())
    gold = Example("e", **{"input": "What?", "target": "It costs £35."} | example)  # type: ignore[arg-type]
    return made.score(metric, gold, Prediction(text, citations=cited)).value  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "value"), [("red", 1), (" RED\n", 1), ("reddish", 0), ("", 0), ("blue", 0)]
)
def test_label(said: str, value: float):
    assert mark("label", task([("x", "red")]), said, target="red") == value


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("It costs £35.", 1),
        ("it costs the £35", 1),
        ("It costs £350.", 0),
        ("", 0),
        ("costs it £35", 0),
    ],
)
def test_exact(said: str, value: float, answers: Task):
    assert mark("exact", answers, said) == value


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("It costs £35.", 1),
        ("It costs", 2 * 2 / 5),
        ("costs costs costs", 2 * 1 / 6),
        ("nothing shared", 0),
        ("", 0),
    ],
)
def test_overlap(said: str, value: float, answers: Task):
    assert mark("overlap", answers, said) == pytest.approx(value)


def test_overlap_of_nothing_with_nothing_is_full(answers: Task):
    assert mark("overlap", answers, "The", target="a") == 1


@pytest.mark.parametrize(
    ("said", "example", "value"),
    [
        ("£35, please.", {"facts": ("£35",)}, 1),
        ("£350, please.", {"facts": ("£35",)}, 0),
        ("£35.", {"facts": ("£35", "14 days")}, 0),
        ("£35 in fourteen days.", {"facts": ("£35", "14 days")}, 1),
        (f"£35. {ABSTAIN}.", {"facts": ("£35",)}, 0),
        (f"Sorry: {ABSTAIN.lower()}!", {"target": f"{ABSTAIN}."}, 1),
        ("It is £5.", {"target": f"{ABSTAIN}."}, 0),
        ("", {"target": f"{ABSTAIN}."}, 0),
        (f"£35. {ABSTAIN} the rest.", {"target": f"£35. {ABSTAIN}.", "facts": ("£35",)}, 1),
        ("whatever", {"facts": ()}, None),
    ],
)
def test_facts(said: str, example: dict[str, object], value: float | None, answers: Task):
    assert mark("facts", answers, said, **example) == value


@pytest.mark.parametrize(
    ("said", "example", "value"),
    [
        ("It costs £35.", {"sources": ("prices",)}, 0),
        ("It costs £36.", {"sources": ("prices",)}, 1),
        ("From 9 am.", {"sources": ("prices",)}, 1),  # faithful, to the wrong document
        ("From 9am it costs £35.", {"sources": ("prices", "hours")}, 0),
        ("You said £12.", {"input": "I paid £12", "sources": ("prices",)}, 0),
        ("It costs £35.", {}, 0),
        ("Nothing.", {}, 0),
        ("", {}, 0),
    ],
)
def test_unsupported(said: str, example: dict[str, object], value: float, answers: Task):
    assert mark("unsupported", answers, said, **example) == value


@pytest.mark.parametrize(
    ("cited", "sources", "value"),
    [
        (("hours", "prices"), ("prices",), 1),
        (("hours",), ("prices",), 0),
        ((), ("prices",), 0),
        (("hours",), ("prices", "hours"), 1),
        (("hours",), (), None),
    ],
)
def test_cited(cited: tuple[str, ...], sources: tuple[str, ...], value: float, answers: Task):
    assert mark("cited", answers, "x", cited=cited, sources=sources) == value


@pytest.mark.parametrize(
    ("metric", "worst"),
    [("facts", 0), ("exact", 0), ("overlap", 0), ("cited", 0), ("unsupported", 1)],
)
def test_an_error_is_wrong_whatever_its_text(metric: str, worst: float, answers: Task):
    gold = Example("e", "q", "It costs £35.", ("prices",), ("£35",))
    failed = Prediction("It costs £35.", citations=("prices",), error="timed out")
    score = answers.score(metric, gold, failed)
    assert score.value == worst
    assert "timed out" in score.reason


def test_an_unknown_scorer_is_refused_with_the_nearest(answers: Task):
    with pytest.raises(TaskError, match='did you mean "exact"'):
        answers.score("exakt", Example("e", "q", "a"), Prediction("a"))
