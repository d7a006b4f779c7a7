"""Rungs without a language model: majority, nearest, linear and encoder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from building import ANSWERS, examples, task

from tailorbird.approaches._classifier import classes_and_answers
from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import TaskError
from tailorbird.task.types import Example

Runs = Callable[..., Run]

COLOURS = (
    ("a red apple", "red"),
    ("a red cherry", "red"),
    ("the sky is blue", "blue"),
    ("the sea is blue", "blue"),
    ("grass is green", "green"),
    ("a green leaf", "green"),
)


def answer_to(approach: str, train: Any, asked: str, run: Runs, **changes: Any) -> str:
    solver = make_approach(approach, {}).fit(task(train, **changes), run())
    return solver.predict([Example("q", asked)])[0].text


# ---- majority --------------------------------------------------------------------------------


def test_majority_gives_the_commonest_answer_and_its_share(run: Runs):
    made = task([("1", "a"), ("2", "b"), ("3", "b"), ("4", "c")])
    (answer,) = make_approach("majority", {}).fit(made, run()).predict(examples([("?", "c")]))
    assert (answer.text, answer.confidence) == ("b", 0.5)


@pytest.mark.parametrize(("targets", "wanted"), [("abab", "a"), ("baba", "b"), ("cab", "c")])
def test_majority_breaks_ties_by_the_first_seen(targets: str, wanted: str, run: Runs):
    assert answer_to("majority", [(str(i), t) for i, t in enumerate(targets)], "?", run) == wanted


# ---- nearest ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["sparse", "dense", "hybrid"])
def test_nearest_copies_the_neighbour(by: str, run: Runs):
    solver = make_approach("nearest", {"by": by}).fit(task(COLOURS), run())
    asked = examples([("the blue sea", "?"), ("a red cherry tart", "?"), ("the green grass", "?")])
    assert [p.text for p in solver.predict(asked)] == ["blue", "red", "green"]


def test_dense_finds_what_shares_no_word(run: Runs):
    train = [("My parcel has not arrived.", "delivery"), ("I want my money back.", "refund")]
    solver = make_approach("nearest", {"by": "dense"}).fit(task(train), run())
    (answer,) = solver.predict(examples([("Please reimburse the purchase", "?")]))
    assert answer.text == "refund"


# ---- linear and encoder ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "encoder"])
def test_classifier_separates_many_labels(name: str, run: Runs):
    solver = make_approach(name, {}).fit(task(COLOURS), run())
    answers = solver.predict(
        examples([("a red berry", "?"), ("green moss", "?"), ("is blue", "?")])
    )
    assert [p.text for p in answers] == ["red", "green", "blue"]
    for answer in answers:
        assert answer.label_scores is not None
        assert set(answer.label_scores) == {"red", "green", "blue"}
        assert answer.confidence == max(answer.label_scores.values())
        assert answer.label_scores[answer.text] == answer.confidence


@pytest.mark.parametrize("name", ["linear", "encoder"])
def test_classifier_separates_two_labels(name: str, run: Runs):
    solver = make_approach(name, {}).fit(task(COLOURS[:4]), run())
    red, blue = solver.predict(examples([("red", "?"), ("blue", "?")]))
    assert (red.text, blue.text) == ("red", "blue")
    assert red.label_scores is not None
    assert red.label_scores["red"] > 0.5 > red.label_scores["blue"]


@pytest.mark.parametrize("name", ["linear", "encoder"])
def test_classifier_with_a_single_class_is_sure(name: str, run: Runs):
    solver = make_approach(name, {}).fit(task(COLOURS[:2]), run())
    (answer,) = solver.predict(examples([("the sky", "?")]))
    assert (answer.text, answer.confidence) == ("red", 1.0)


def test_linear_probabilities_are_those_of_scikit_learn(run: Runs):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, labels = zip(*COLOURS)
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b|[^\w\s]"
    )
    model = LogisticRegression(C=30.0, max_iter=400, tol=1e-3)
    model.fit(vectorizer.fit_transform(texts), labels)
    wanted = model.predict_proba(vectorizer.transform(["a blue leaf"]))[0]
    solver = make_approach("linear", {}).fit(task(COLOURS), run())
    (answer,) = solver.predict(examples([("a blue leaf", "?")]))
    assert answer.label_scores == pytest.approx(dict(zip(model.classes_, wanted)))


# ---- canned answers --------------------------------------------------------------------------


def canned(route: str | None, **fields: Any) -> Any:
    rows = (
        ("cost of a repair", "It costs £35.", "repairs", "money"),
        ("price of a repair", "It costs £35.", "repairs", "money"),
        ("how dear is a repair", "£35, I think.", "repairs", "money"),
        ("when do you open", "At nine.", "hours", "time"),
        ("opening times", "At nine.", "hours", "time"),
    )
    train = [
        Example(f"e{i}", text, target, sources=(source,), fields={"topic": topic})
        for i, (text, target, source, topic) in enumerate(rows)
    ]
    outputs = ANSWERS["outputs"] | ({"route": route} if route else {})  # type: ignore[operator]
    return task(
        train, documents={"repairs": "…", "hours": "…"}, **ANSWERS | {"outputs": outputs}, **fields
    )


@pytest.mark.parametrize(
    ("route", "classes"), [("topic", {"money", "time"}), (None, {"repairs", "hours"})]
)
@pytest.mark.parametrize("name", ["linear", "encoder"])
def test_canned_answers_are_chosen_by_route_else_by_source(
    name: str, route: str | None, classes: set[str], run: Runs
):
    solver = make_approach(name, {}).fit(canned(route), run())
    dear, late = solver.predict(examples([("what does the repair cost", "?"), ("opening", "?")]))
    assert (dear.text, late.text) == ("It costs £35.", "At nine.")
    assert dear.label_scores is not None
    assert set(dear.label_scores) == classes


def test_several_sources_are_one_class_whatever_their_order():
    pairs = [(("b", "a"), "x"), (("a", "b"), "x"), (("a",), "y"), ((), "z")]
    train = [Example(str(i), "q", t, sources=s) for i, (s, t) in enumerate(pairs)]
    classes, answers = classes_and_answers(task(train, documents={"a": "", "b": ""}, **ANSWERS))
    assert classes == ["a + b", "a + b", "a", "z"]
    assert answers == {"a + b": "x", "a": "y", "z": "z"}


def test_of_equally_common_answers_the_most_typical_is_sent():
    said = ("It costs £35 in all.", "It costs £35.", "Dunno!")
    train = [Example(str(i), "q", t, sources=("a",)) for i, t in enumerate(said)]
    _, answers = classes_and_answers(task(train, documents={"a": ""}, **ANSWERS))
    assert answers["a"] in said[:2]


# ---- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["linear", "encoder", "nearest", "majority"])
def test_saving_twice_writes_equal_files(name: str, run: Runs, tmp_path: Path):
    solver = make_approach(name, {}).fit(task(COLOURS), run())
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        solver.save(tmp_path / folder)
    one, two = (
        {p.relative_to(tmp_path / f): p.read_bytes() for p in (tmp_path / f).rglob("*.json")}
        for f in ("one", "two")
    )
    assert one == two


# ---- quote -----------------------------------------------------------------------------------

PAGES = {"kettles": "A kettle costs £35.", "pans": "A pan costs £9."}
ASKED = [
    Example("1", "what is the price of a kettle", "£35.", ("kettles",), ("£35",)),
    Example("2", "the pan, how much", "£9.", ("pans",), ("£9",)),
    Example("3", "who won the football match", "The pages do not say", answerable=False),
]


def test_quote_gives_the_passage_and_cites_it(run: Runs):
    made = task(ASKED, documents=PAGES, **ANSWERS)
    answers = make_approach("quote", {"by": "dense"}).fit(made, run()).predict(ASKED)
    assert [a.text for a in answers][:2] == list(PAGES.values())
    assert [a.citations for a in answers][:2] == [("kettles",), ("pans",)]
    assert answers[2].citations, "without a threshold something is always near enough"
    both = make_approach("quote", {"by": "dense", "passages": 2}).fit(made, run())
    assert both.predict(ASKED[:1])[0].text == "A kettle costs £35.\nA pan costs £9."


def test_a_calibrated_quote_abstains_where_nothing_is_near(run: Runs):
    made = task(ASKED, dev=ASKED, documents=PAGES, **ANSWERS)
    solver = make_approach("quote", {"by": "dense", "calibrate": True}).fit(made, run())
    answers = solver.predict(ASKED)
    assert [a.text for a in answers] == [*PAGES.values(), "The pages do not say"]
    assert answers[2].citations == ()


def test_quote_wants_answers_and_documents(run: Runs):
    with pytest.raises(TaskError, match="wants labels"):
        make_approach("quote", {}).fit(task(COLOURS), run())
    with pytest.raises(TaskError, match="names no documents"):
        make_approach("quote", {}).fit(task([("1", "a")], **ANSWERS), run())
    made = task(ASKED, dev=ASKED, documents=PAGES, **ANSWERS)
    with pytest.raises(TaskError, match="a first rank is no nearness"):
        make_approach("quote", {"calibrate": True}).fit(made, run())


def test_quote_abstains_always_where_that_is_best(run: Runs):
    made = task(ASKED, dev=ASKED[2:], documents=PAGES, **ANSWERS)
    solver = make_approach("quote", {"by": "dense", "calibrate": True}).fit(made, run())
    assert solver.predict(ASKED[2:])[0].text == "The pages do not say"
