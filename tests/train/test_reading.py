"""Training examples that teach reading: passages shown, facts redrawn, some left to abstain."""

import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from building import ANSWERS, task

from tailorbird.retrieve.passages import Passage, PassageIndex
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.facts import states
from tailorbird.task.task import load_spec
from tailorbird.task.types import Example, Message
from tailorbird.train.reading import Reading, as_given, redraw_facts

STUDY = Path(__file__).parents[2] / "studies" / "insurance-email"


def reading(
    made: Task, unanswerable: float = 0.0, redraw: float = 0.0, passages: int = 2
) -> Reading:
    index = PassageIndex.build(made.documents, 130, "sparse")
    return Reading(made, index, passages, unanswerable, redraw)


@pytest.fixture(scope="module")
def study() -> Task:
    return load_task(load_spec(STUDY, {"data.train_limit": 400}), STUDY)


# ---- as_given --------------------------------------------------------------------------------


def test_every_epoch_shows_every_example_once_in_another_order(answer_task: Task):
    examples = answer_task.examples("train")
    rows = [e for e, passages in as_given(examples, 2, seed=0) if passages == ()]
    n = len(examples)
    assert sorted(e.id for e in rows[:n]) == sorted(e.id for e in rows[n:])
    assert rows[:n] != rows[n:]
    assert as_given(examples, 2, 0) == as_given(examples, 2, 0) != as_given(examples, 2, 1)


def test_no_epochs_are_no_rows(answer_task: Task):
    assert as_given(answer_task.examples("train"), 0, 0) == []


# ---- what is shown ---------------------------------------------------------------------------


@pytest.mark.parametrize("passages", [1, 2, 3])
def test_the_supporting_passage_is_shown_among_distractors(answer_task: Task, passages: int):
    examples = answer_task.examples("train")
    drawn = reading(answer_task, passages=passages)
    rows = drawn.draw(examples, 3, seed=0)
    assert len(rows) == 3 * len(examples)
    places = set()
    for example, shown in rows:
        documents = [p.document for p in shown]
        assert len(documents) == len(set(documents)) == passages
        if example.sources:
            places.add(documents.index(example.sources[0]))
    assert places == set(drawn.places), "it stands where a search finds it"


def test_the_supporting_passage_stands_anywhere_where_dev_does_not_tell(answer_task: Task):
    closed = replace(answer_task, splits={"train": answer_task.examples("train")})
    examples = [e for e in closed.examples("train") if e.sources]
    rows = reading(closed, passages=3, unanswerable=0.0).draw(examples, 3, seed=0)
    places = {[p.document for p in shown].index(e.sources[0]) for e, shown in rows}
    assert places == {0, 1, 2}


def test_of_a_long_document_the_passage_with_the_fact_is_shown():
    filler = "\n\n".join(f"{'kettle ' * 20}" for _ in range(3))
    made = task(
        [Example("e", "what does a kettle cost", "It costs £35.", ("d",), ("£35",))],
        documents={"d": f"{filler}\n\nIt costs £35. {'x ' * 20}\n\n{filler}", "other": "none"},
        chunk_words=25,
        **ANSWERS,
    )
    index = PassageIndex.build(made.documents, 25, "sparse")
    ((_, shown),) = Reading(made, index, 1, 0, 0).draw(made.examples("train"), 1, 0)
    assert "£35" in shown[0].text


def test_several_supporting_documents_are_all_shown():
    made = task(
        [Example("e", "both", "£1 and £2.", ("a", "b"), ("£1", "£2"))],
        documents={"a": "It is £1.", "b": "It is £2.", "c": "It is both."},
        **ANSWERS,
    )
    ((_, shown),) = reading(made, passages=2).draw(made.examples("train"), 1, 0)
    assert {p.document for p in shown} == {"a", "b"}


def test_an_answer_is_left_out_where_there_is_no_room_for_all_it_rests_on():
    examples = [
        Example("e", "both", "£1 and £2.", ("a", "b"), ("£1", "£2")),
        Example("one", "the first", "It is £1.", ("a",), ("£1",)),
        Example("asked", "is it £9?", "It is £1, not £9.", ("a",), ("£1",)),
        Example("invented", "the second", "It is £2, as of May 2020.", ("b",), ("£2",)),
    ]
    made = task(
        examples, documents={"a": "It is £1.", "b": "It is £2.", "c": "It is both."}, **ANSWERS
    )
    for redraw in (0.0, 1.0):
        rows = reading(made, redraw=redraw, passages=1).draw(examples, 2, 0)
        assert sorted(e.id for e, _ in rows) == ["asked", "asked", "one", "one"]


def test_questions_without_support_see_distractors_and_keep_their_target(answer_task: Task):
    lost = [e for e in answer_task.examples("train") if not e.answerable]
    rows = reading(answer_task, unanswerable=1.0).draw(lost, 2, 0)
    assert all(e.target == "The handbook does not say." and len(s) == 2 for e, s in rows)


@pytest.mark.parametrize(("facts", "distractors"), [(("£35",), {"a", "b"}), ((), {"b"})])
def test_the_rest_of_a_source_distracts_where_it_states_no_fact(
    facts: tuple[str, ...], distractors: set[str]
):
    documents = {"a": f"Kettles cost £35.\n\n{'kettle ' * 20}", "b": "Pans cost £9."}
    made = task(
        [Example("e", "what does a kettle cost", "£35.", ("a",), facts)],
        documents=documents,
        **ANSWERS,
    )
    index = PassageIndex.build(made.documents, 20, "sparse")
    rows = Reading(made, index, 2, 0, 0).draw(made.examples("train"), 20, 0)
    assert {p.document for _, shown in rows for p in shown if "£35" not in p.text} == distractors


def test_what_supports_is_no_distractor():
    # The fact stands in a alone; b is a source as well, and c's way to say it is not understood.
    both = Example("e", "what does a kettle cost", "£35.", ("a", "b"), ("£35",))
    other = Example("o", "what does a pan cost", "£35.", ("c",), ("£35",))
    documents = {"a": "A kettle costs £35.", "b": "Kettles and pans.", "c": "Pans: thirty five."}
    made = task([both, other], documents=documents, **ANSWERS)
    drawn = reading(made, passages=3)
    for _, shown in drawn.draw([both], 20, 0):
        assert len({p.id for p in shown}) == len(shown)
    lost = replace(drawn, unanswerable=1.0).draw([other], 20, 0)
    assert all(p.document != "c" for _, shown in lost for p in shown)


# ---- abstention ------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_a_share_of_answerable_examples_loses_its_passage(study: Task, share: float):
    examples = [e for e in study.examples("train") if e.answerable]
    rows = reading(study, unanswerable=share).draw(examples, 2, seed=0)
    lost = [(e, s) for e, s in rows if not e.answerable]
    assert len(lost) / len(rows) == pytest.approx(share, abs=0.05)
    asked = {e.id: e for e in examples}
    for example, shown in lost:
        missing = asked[example.id].facts
        rest = [p.shown for p in shown if p.document in example.sources]
        assert not any(states(text, fact) for text in rest for fact in missing)
        assert example.facts == ()
        assert "does not say" in str(example.target)


def test_examples_abstain_as_the_training_data_do_else_as_the_task_file():
    one = Example("e", "q", "It is £1.", ("d",), ("£1",))
    no = Example("n", "other", "Sorry, we cannot tell.", answerable=False)
    documents = {"d": "It is £1.", "o": "Other."}
    for train, said in (((one, no), "Sorry, we cannot tell."), ((one,), "The pages do not say")):
        made = task(train, documents=documents, **ANSWERS)
        rows = reading(made, unanswerable=1.0).draw(made.examples("train"), 1, 0)
        assert {e.target for e, _ in rows} == {said}


def test_nobody_abstains_where_nothing_says_how():
    made = task(
        [Example("e", "q", "It is £1.", ("d",), ("£1",))],
        documents={"d": "It is £1."},
        **ANSWERS | {"outputs": {}},
    )
    ((example, shown),) = reading(made, unanswerable=1.0).draw(made.examples("train"), 1, 0)
    assert example.target == "It is £1."
    assert shown[0].document == "d"


# ---- redrawn facts ---------------------------------------------------------------------------

EXAMPLE = Example(
    "e",
    "Is it £75 for TM-204 since March? I am 75.",
    "Nadia Holm says: £75 for TM-204 within 14 days of 1 March, not 750.",
    ("d",),
    ("Nadia Holm", "£75", "TM-204", "14 days", "1 March"),
)
SHOWN = (
    Passage("d", "d", "Part TM-204", "Costs £75. Ask Nadia Holm within 14 days of 1 March."),
    Passage("o", "o", "Other 75", "Costs £750 in April."),
)


def redrawn(seed: int, example: Example = EXAMPLE) -> tuple[Example, tuple[Passage, ...]]:
    return redraw_facts(example, SHOWN, random.Random(seed))


@pytest.mark.parametrize("seed", range(25))
def test_facts_are_redrawn_alike_everywhere(seed: int):
    example, (gold, other) = redrawn(seed)
    name, price, part, days, day = example.facts
    assert gold.text == f"Costs {price}. Ask {name} within {days} of {day}."
    assert gold.title == f"Part {part}"
    number = price.removeprefix("£")
    month = day.split()[1]
    assert example.input == f"Is it {price} for {part} since {month}? I am {number}."
    far = re.fullmatch(
        rf"{name} says: {price} for {part} within {days} of {day}, not (\d+)\.", str(example.target)
    )
    assert far, example.target
    assert other.title == f"Other {number}"
    assert f"£{far[1]}" in other.text
    assert far[1] != number
    assert (gold.id, gold.document) == ("d", "d")


def test_redrawing_changes_the_facts_most_of_the_time():
    changed = [sum(a != b for a, b in zip(redrawn(s)[0].facts, EXAMPLE.facts)) for s in range(25)]
    assert sum(changed) / len(changed) > 4


def test_numbers_keep_their_length_and_leading_zero():
    example = replace(EXAMPLE, target="01632 960 100", facts=())
    for seed in range(10):
        target = str(redrawn(seed, example)[0].target)
        assert re.fullmatch(r"0\d{4} [1-9]\d\d [1-9]\d\d", target), target


def test_conversations_are_redrawn_turn_by_turn():
    turns = (Message("user", "£75?"), Message("assistant", "Yes, £75."), Message("user", "Thanks."))
    example, (gold, _) = redrawn(1, replace(EXAMPLE, input=turns))
    price = example.facts[1]
    assert example.input == (
        Message("user", f"{price}?"),
        Message("assistant", f"Yes, {price}."),
        Message("user", "Thanks."),
    )
    assert price in gold.text


def test_without_redrawing_everything_stands_as_it_was(answer_task: Task):
    by_id = {e.id: e for e in answer_task.examples("train")}
    passages = {p.text for p in reading(answer_task).index.passages}
    for example, shown in reading(answer_task).draw(answer_task.examples("train"), 1, 0):
        assert example == by_id[example.id]
        assert {p.text for p in shown} <= passages


@pytest.mark.parametrize("share", [0.0, 0.75, 1.0])
def test_a_share_of_the_examples_is_redrawn(study: Task, share: float):
    by_id = {e.id: e for e in study.examples("train")}
    rows = reading(study, redraw=share).draw(study.examples("train"), 2, 0)
    with_facts = [e for e, _ in rows if any(c.isdigit() for f in e.facts for c in f)]
    changed = sum(e.facts != by_id[e.id].facts for e in with_facts)
    # A redrawn digit is now and then the same digit.
    assert changed / len(with_facts) == pytest.approx(share, abs=0.12)


def test_the_facts_of_answers_still_stand_in_what_is_shown(study: Task):
    """What the model learns to say is what it is shown, whatever was redrawn."""
    rows = reading(study, unanswerable=0.15, redraw=1.0, passages=3).draw(
        study.examples("train"), 3, seed=1
    )
    by_id = {e.id: e for e in study.examples("train")}
    texts = study.document_by_id
    checked, odd = 0, []
    for example, shown in rows:
        whole = "\n".join(p.shown for p in shown)
        original = by_id[example.id]
        support = "\n".join(texts[s].text for s in original.sources)
        for fact, was in zip(example.facts, original.facts):
            assert states(str(example.target), fact) == states(str(original.target), was)
            if states(support, was):  # some facts are said in other words by the handbook
                checked += 1
                if not states(whole, fact):
                    odd.append((example.id, was, fact))
    assert checked > 800
    assert odd == []


# ---- the same every time ---------------------------------------------------------------------


def test_one_seed_gives_one_set_of_rows(answer_task: Task):
    def drawn(seed: int) -> object:
        return reading(answer_task, 0.3, 0.7).draw(answer_task.examples("train"), 2, seed)

    assert drawn(0) == drawn(0) != drawn(1)


def test_epochs_are_drawn_anew(answer_task: Task):
    rows = reading(answer_task, 0.3, 1.0).draw(answer_task.examples("train"), 2, 0)
    n = len(rows) // 2
    first = {e.id: (e, s) for e, s in rows[:n]}
    assert sum(first[e.id] != (e, s) for e, s in rows[n:]) > n / 2


def test_rows_do_not_depend_on_the_process():
    """A killed training run goes on in another process, and must see the same rows."""
    script = (
        "import random; from tailorbird.train.reading import redraw_facts\n"
        "from tailorbird.task.types import Example\n"
        "facts = ('Ada Quill', 'Bea Quill', 'Cal Quill', 'Dan Quill')\n"
        "e = Example('e', ' '.join(facts), 'x', facts=facts)\n"
        "print(redraw_facts(e, (), random.Random(0))[0].facts)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": seed}, text=True,
            capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(said) == 1
