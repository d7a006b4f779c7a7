from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.retrieve.passages import PassageIndex, chunk
from tailorbird.task.types import Document, Example


def texts(text: str, words: int = 20) -> list[str]:
    return [p.text for p in chunk(Document("d", "Title", text), words)]


def run_of(n: int, word: str = "w") -> str:
    return " ".join(f"{word}{i}" for i in range(n))


# ---- cutting ---------------------------------------------------------------------------------


def test_what_fits_is_one_passage_with_the_documents_own_id():
    (passage,) = chunk(Document("returns", "Returns", "Within 14 days.\n\nPaid in 5."), 20)
    assert (passage.id, passage.document) == ("returns", "returns")
    assert passage.text == "Within 14 days.\nPaid in 5."
    assert passage.shown == "Returns: Within 14 days.\nPaid in 5."


def test_several_passages_are_numbered_from_one():
    passages = chunk(Document("d", "T", "\n\n".join([run_of(15)] * 3)), 20)
    assert [p.id for p in passages] == ["d#1", "d#2", "d#3"]
    assert {p.document for p in passages} == {"d"}


def test_short_passages_are_whole_sentences():
    said = (
        "A chip costs £25, and a whole windscreen £95, but panoramic glass roofs cost more: £150."
    )
    parts = [p.text for p in chunk(Document("d", "D", f"{said} Tell us."), 5)]
    assert parts == [said, "Tell us."]
    assert len(chunk(Document("d", "D", "word " * 41), 5)) == 9, "a list"


def test_an_empty_document_has_no_passages():
    assert texts(" \n\n\t\n") == []


def test_neighbours_are_joined_while_they_fit():
    assert texts("\n\n".join([run_of(8)] * 5)) == ["\n".join([run_of(8)] * 2)] * 2 + [run_of(8)]


def test_a_heading_starts_a_new_passage_once_there_is_something_to_keep():
    text = f"{run_of(12, 'a')}\n\n## Next\n\n{run_of(5, 'b')}"
    assert texts(text) == [run_of(12, "a"), f"Next\n{run_of(5, 'b')}"]


def test_little_before_a_heading_does_not_stand_alone():
    text = f"{run_of(5, 'a')}\n\n## Next\n\n{run_of(5, 'b')}"
    assert texts(text) == [f"{run_of(5, 'a')}\nNext\n{run_of(5, 'b')}"]


@pytest.mark.parametrize("before", [0, 5, 10, 12, 19, 20])
def test_a_heading_is_never_parted_from_what_follows_it(before: int):
    text = f"{run_of(before, 'a')}\n\n# Part\n\n## Next\n\n{run_of(18, 'b')}"
    (with_heading,) = [t for t in texts(text) if "Next" in t]
    assert with_heading.endswith(f"Part\nNext\n{run_of(18, 'b')}")


def test_a_long_paragraph_is_cut_at_sentences():
    sentences = [f"{run_of(8, letter)}." for letter in "ABCD"]
    assert texts(" ".join(sentences)) == [" ".join(sentences[:2]), " ".join(sentences[2:])]


def test_a_sentence_stays_whole():
    first, second = f"Open from 8 a.m. to {run_of(20)}.", f"Closed {run_of(24)}."
    assert texts(f"{first} {second}") == [first, second]


def test_a_long_sentence_is_cut_between_words():
    assert [len(t.split()) for t in texts(run_of(50))] == [20, 20, 10]


@pytest.mark.parametrize("text", ["14.5 days and e.g. more", "Ring 01632 960 200: ask."])
def test_short_text_is_left_as_it_is(text: str):
    assert texts(text) == [text]


_word = st.text("abcdefgh0123456789£.,;:!?'-é", min_size=1, max_size=6)
_paragraph = st.lists(_word, min_size=1, max_size=60).map(" ".join)
_heading = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4).map(
    lambda words: "## " + " ".join(words)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_paragraph, _heading), max_size=12), st.integers(20, 40))
def test_no_word_is_lost_or_moved_and_passages_are_short(blocks: list[str], words: int):
    text = "\n\n".join(blocks)
    passages = chunk(Document("d", "T", text), words)
    wanted = [w for block in blocks for w in block.removeprefix("## ").split()]
    assert [w for p in passages for w in p.text.split()] == wanted
    headings = sum(len(b.split()) for b in blocks if b.startswith("## "))
    # A sentence stays whole up to twice the length.
    assert all(len(p.text.split()) <= 2 * words + headings for p in passages)
    assert len({p.id for p in passages}) == len(passages)


# ---- searching -------------------------------------------------------------------------------


def index(kind: str = "sparse") -> PassageIndex:
    documents = [
        Document("prices", "Prices", "\n\n".join([f"A kettle costs £35. {run_of(15)}"] * 2)),
        Document("hours", "Opening hours", "We open at nine."),
    ]
    return PassageIndex.build(documents, 20, kind)


def test_titles_are_searched_too():
    (row,) = index().search(["opening hours"], 1)
    assert [p.document for p in row] == ["hours"]


def test_search_gives_passages_best_first():
    first, second = index().search(["kettle", "nine"], 2)
    assert [p.id for p in first] == ["prices#1", "prices#2"]
    assert second[0].id == "hours"


def test_an_index_saves_twice_and_loads(tmp_path: Path):
    index().save(tmp_path)
    index().save(tmp_path)
    loaded = PassageIndex.load(tmp_path)
    assert loaded.passages == index().passages
    assert loaded.search(["kettle"], 3) == index().search(["kettle"], 3)


# ---- supporting passages ---------------------------------------------------------------------


def supporting(sources: tuple[str, ...], facts: tuple[str, ...]) -> list[str]:
    documents = [
        Document("fees", "Fees", f"The fee is £9. {run_of(15)}.\n\nTwo pay £20. {run_of(15)}."),
        Document("hours", "Hours", f"Open at 9 a.m. {run_of(15)}.\n\nClosed at 5 p.m. on Mondays."),
    ]
    built = PassageIndex.build(documents, 20, "sparse")
    return [p.id for p in built.supporting(Example("1", "?", sources=sources, facts=facts))]


@pytest.mark.parametrize(
    ("sources", "facts", "ids"),
    [
        (("fees",), ("£20",), ["fees#2"]),
        (("fees",), ("£9", "£20"), ["fees#1", "fees#2"]),  # one passage does not state both
        (("fees", "hours"), ("£20", "5 p.m."), ["fees#2", "hours#2"]),
        (("hours", "fees"), ("£20",), ["fees#2", "hours#1"]),  # a source without facts: its first
        (("hours",), ("£20",), ["hours#1"]),
        (("fees",), (), ["fees#1"]),
        (("gone",), ("£9",), []),
        ((), ("£9",), []),
    ],
)
def test_supporting_passages_state_all_facts(
    sources: tuple[str, ...], facts: tuple[str, ...], ids: list[str]
):
    assert supporting(sources, facts) == ids
