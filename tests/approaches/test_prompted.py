"""What stands in a prompt, what is dropped when it does not fit, and how answers become labels."""

from collections.abc import Callable
from pathlib import Path

import pytest
from building import ANSWERS, examples, task

from tailorbird.approaches import _prompted
from tailorbird.approaches._prompted import (
    Demonstration,
    Prompted,
    build_prompt,
    instructions,
    recognise_label,
)
from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import ModelError, TaskError
from tailorbird.models.base import Sampling
from tailorbird.models.scripted import Scripted
from tailorbird.retrieve.passages import Passage
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message, Prompt

Runs = Callable[..., Run]
SHOWN = (Demonstration("What is 1?", "one"), Demonstration("What is 2?", "two"))
PASSAGES = (Passage("d#1", "d", "Prices", "It costs £3."), Passage("e", "e", "Hours", "At nine."))


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Every prompted solver of this test talks to it; it remembers its prompts."""
    lm = Scripted({}, default="no idea")
    monkeypatch.setattr(_prompted, "load_model", lambda *_, **__: lm)
    return lm


# ---- build_prompt ----------------------------------------------------------------------------


def test_a_prompt_is_system_demonstrations_passages_question():
    prompt = build_prompt("Be kind.", Example("q", "What now?"), SHOWN, PASSAGES)
    assert prompt == (
        Message("system", "Be kind."),
        Message("user", "What is 1?"),
        Message("assistant", "one"),
        Message("user", "What is 2?"),
        Message("assistant", "two"),
        Message("user", "[1] Prices: It costs £3.\n[2] Hours: At nine.\n\nWhat now?"),
    )


def test_a_conversation_keeps_its_turns_and_its_system_message_joins_ours():
    turns = (
        Message("system", "The customer is Ada."),
        Message("user", "Hello."),
        Message("assistant", "Hello, Ada."),
        Message("user", "Refund?"),
    )
    assert build_prompt("Be kind.", Example("q", turns), SHOWN[:1], PASSAGES[1:]) == (
        Message("system", "Be kind.\nThe customer is Ada."),
        Message("user", "What is 1?"),
        Message("assistant", "one"),
        Message("user", "Hello."),
        Message("assistant", "Hello, Ada."),
        Message("user", "[1] Hours: At nine.\n\nRefund?"),
    )


def test_a_plain_prompt_is_system_and_question():
    assert build_prompt("S", Example("q", "Q")) == (Message("system", "S"), Message("user", "Q"))


# ---- instructions ----------------------------------------------------------------------------


def test_instructions_list_labels_unless_told_not_to():
    made = task([("x", "red"), ("y", "blue")])
    assert "blue, red" in instructions(made)
    assert instructions(made, with_labels=False) == "Do it."


def test_instructions_say_how_to_abstain_only_with_passages():
    made = task(examples([("x", "y")]), **ANSWERS)
    assert instructions(made) == "Do it."
    assert "say: The pages do not say" in instructions(made, with_passages=True)


# ---- recognise_label -------------------------------------------------------------------------

LABELS = ("refund", "refund_status", "Opening hours", "other", "über")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("refund", "refund"),
        (" Refund.\n", "refund"),
        ('"refund_status"', "refund_status"),
        ("**other**", "other"),
        ("refund status", "refund_status"),
        ("the label is refund_status here", "refund_status"),
        ("I would say opening hours", "Opening hours"),
        ("ÜBER", "über"),
        ("refunds", None),
        ("", None),
        ("no idea", None),
        ("The answer is: refund", "refund"),
        ("It is refund, I think", "refund"),
        ("Label: refund. The customer wants money.", "refund"),
        ("(refund)", "refund"),
    ],
)
def test_label_in_a_written_answer(text: str, label: str | None):
    assert recognise_label(text, LABELS) == label


def test_an_answer_that_names_no_label_is_kept_as_it_was(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Scripted, "can_score", False)
    solver = Prompted("m", "S", 8, labels=("yes", "no"))
    scripted.default = "Maybe so"
    assert solver.predict([Example("q", "Q")])[0].text == "Maybe so"
    scripted.default = "Yes!"
    assert solver.predict([Example("q", "Q")])[0].text == "yes"


# ---- choosing labels, failing on one ---------------------------------------------------------


def test_a_model_that_scores_chooses_the_likeliest_label(scripted: Scripted):
    scripted.answers = {"money": "refund"}
    solver = Prompted("m", "S", 8, labels=("hours", "refund"))
    (answer,) = solver.predict([Example("q", "my money")])
    assert answer.text == "refund"
    assert answer.label_scores is not None
    assert sum(answer.label_scores.values()) == pytest.approx(1)
    assert answer.confidence == answer.label_scores["refund"] > 0.5


def test_an_input_longer_than_the_context_is_an_error_and_the_others_are_answered(
    scripted: Scripted,
):
    scripted.context = 20
    solver = Prompted("m", "S", 8, labels=("hours", "refund"))
    long, brief = solver.predict([Example("a", "word " * 50), Example("b", "word")])
    assert long.error is not None
    assert "context" in long.error
    assert brief.error is None
    assert brief.text in ("hours", "refund")


def test_one_failing_prompt_is_a_prediction_with_error(scripted: Scripted):
    def answer(prompt: Prompt) -> str:
        if "bad" in prompt[-1].content:
            raise ModelError("refused")
        return "fine"

    scripted.answers = answer
    bad, good = Prompted("m", "S", 8).predict([Example("a", "bad"), Example("b", "good")])
    assert (bad.error, good.error, good.text) == ("refused", None, "fine")


# ---- demonstrations --------------------------------------------------------------------------


def shown(lm: Scripted) -> list[str]:
    """What the last prompt demonstrated: the assistant's turns."""
    return [m.content for m in lm.calls[-1] if m.role == "assistant"]


def many(n: int) -> Task:
    rows = [(f"message {i} about {'abc'[i % 3]}", "abc"[i % 3]) for i in range(n)]
    return task(rows)


def test_fixed_demonstrations_vary_their_answers(scripted: Scripted, run: Runs):
    train = [(f"x{i}", "common") for i in range(40)] + [("y", "rare"), ("z", "odd")]
    solver = make_approach("few_shot", {"shots": 3}).fit(task(train), run())
    assert sorted(d.target for d in solver.demonstrations) == ["common", "odd", "rare"]  # type: ignore[attr-defined]


def test_fixed_demonstrations_are_seeded_and_distinct(run: Runs):
    chosen = [
        make_approach("few_shot", {"shots": 6}).fit(many(30), run(seed=seed)).demonstrations  # type: ignore[attr-defined]
        for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 6
    assert {d.target for d in chosen[0]} == {"a", "b", "c"}


def test_asking_for_more_shots_than_there_are_examples_shows_all(run: Runs):
    solver = make_approach("few_shot", {"shots": 9}).fit(many(4), run())
    assert len(solver.demonstrations) == 4  # type: ignore[attr-defined]


def test_long_examples_are_not_shown_unless_there_are_no_others(run: Runs):
    long, brief = ("word " * 200, "a"), ("brief", "b")
    approach = make_approach("few_shot", {"shots": 1})
    assert approach.fit(task([long, brief]), run()).demonstrations[0].target == "b"  # type: ignore[attr-defined]
    assert approach.fit(task([long]), run()).demonstrations[0].target == "a"  # type: ignore[attr-defined]


def test_the_most_similar_demonstration_stands_next_to_the_question(scripted: Scripted, run: Runs):
    train = [
        ("blue sky", "far"),
        ("green grass in the garden", "near"),
        ("green grass in the garden at noon", "nearest"),
    ]
    made = task(examples(train), **ANSWERS)
    solver = make_approach("few_shot", {"shots": 2, "select": "similar"}).fit(made, run())
    solver.predict([Example("q", "green grass in the garden at noon")])
    assert shown(scripted) == ["near", "nearest"]


@pytest.mark.parametrize(
    ("context", "left"), [(None, 4), (30, 4), (24, 3), (16, 1), (12, 0), (3, 0)]
)
def test_demonstrations_are_dropped_first_to_last_until_the_prompt_fits(
    scripted: Scripted, context: int | None, left: int
):
    scripted.context = context
    pool = tuple(Demonstration(f"in {i}", f"out {i}") for i in range(4))  # 4 words each
    solver = Prompted("m", "S", max_tokens=8, demonstrations=pool)  # 2 + 4 n + 8 words
    solver.predict([Example("q", "Q")])
    assert shown(scripted) == [f"out {i}" for i in range(4)][4 - left :]


def test_passages_go_after_demonstrations_and_are_then_not_cited(scripted: Scripted, run: Runs):
    documents = {"best": "grass is green", "other": "the garden and its grass"}
    made = task(examples([("q", "a")]), documents=documents, **ANSWERS)
    solver = make_approach("rag", {"passages": 2, "by": "sparse"}).fit(made, run())
    asked = [Example("q", "is grass green")]
    assert solver.predict(asked)[0].citations == ("best", "other")
    whole = sum(len(m.content.split()) for m in scripted.calls[-1]) + 8
    scripted.context = whole - 1
    (answer,) = solver.predict(asked)
    assert answer.citations == ("best",)
    assert "[2]" not in scripted.calls[-1][-1].content


# ---- passages --------------------------------------------------------------------------------


def test_citations_name_each_document_once_best_first(scripted: Scripted, run: Runs):
    long = " ".join(f"grass number {i} is green." for i in range(30))
    made = task(
        examples([("q", "a")]),
        documents={"one": long, "two": "the sky is blue"},
        chunk_words=20,
        **ANSWERS,
    )
    solver = make_approach("rag", {"passages": 3, "by": "sparse"}).fit(made, run())
    (answer,) = solver.predict([Example("q", "green grass")])
    assert answer.citations == ("one",)
    assert scripted.calls[-1][-1].content.count("[") == 3


def test_rag_without_documents_says_so(run: Runs):
    with pytest.raises(TaskError, match="no documents"):
        make_approach("rag", {}).fit(task(examples([("q", "a")]), **ANSWERS), run())


def test_zero_shot_takes_other_instructions(scripted: Scripted, run: Runs):
    made = task(examples([("q", "a")]), **ANSWERS)
    make_approach("zero_shot", {"instructions": "Sing."}).fit(made, run()).predict(
        [Example("q", "Q")]
    )
    assert scripted.calls[-1][0] == Message("system", "Sing.")


def test_saving_keeps_everything_but_the_cache(scripted: Scripted, run: Runs, tmp_path: Path):
    solver = make_approach("few_shot", {"shots": 2}).fit(many(6), run())
    solver.save(tmp_path)
    loaded = Prompted.load(tmp_path)
    assert loaded.cache is None
    assert loaded.demonstrations == solver.demonstrations  # type: ignore[attr-defined]
    assert (loaded.system, loaded.labels, loaded.max_tokens) == (
        solver.system,  # type: ignore[attr-defined]
        solver.labels,  # type: ignore[attr-defined]
        solver.max_tokens,  # type: ignore[attr-defined]
    )
    assert "cache" not in (tmp_path / "prompt.json").read_text()


# ---- abstaining by nearness ------------------------------------------------------------------


def test_what_is_too_far_is_neither_shown_nor_cited(
    scripted: Scripted, run: Runs, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Scripted, "can_score", False)
    pages = {"kettles": "A kettle costs £35.", "pans": "A pan costs £9."}
    near = Example("1", "what is the price of a kettle", "£35.", ("kettles",), ("£35",))
    far = Example("2", "who won the football match", "The pages do not say", answerable=False)
    made = task([near, far], dev=[near, far], documents=pages, **ANSWERS)
    scripted.default = "It is £35."
    settings = {"passages": 1, "by": "dense", "calibrate": True}
    solver = make_approach("rag", settings).fit(made, run())
    for answers in (solver.predict([near, far]), solver.drawn([near, far], Sampling(8, 1.0))):
        assert [a.text for a in answers] == ["It is £35.", "The pages do not say"]
        assert [a.citations for a in answers] == [("kettles",), ()]
    assert "football" not in scripted.calls[-1][-1].content
