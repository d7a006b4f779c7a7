"""Near copies: what is found is alike by exact Jaccard, and what is alike is found."""

import random
import re
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from tailorbird.data.doctor._near import Sketches
from tailorbird.data.doctor._shingles import BANDS, DEPTH, shingled, similarity
from tailorbird.data.doctor.base import Part
from tailorbird.task.types import Example

MAIL = "the courier left my new kettle in the rain and now it does not boil any water at all"


@cache
def runs(text: str) -> frozenset[tuple[str, ...]]:
    """The plainest way to say what shingles are."""
    words = re.findall(r"\w+", text.casefold())
    return frozenset(zip(words, words[1:], words[2:])) or frozenset([tuple(words)])


def jaccard(one: str, other: str) -> float:
    return len(runs(one) & runs(other)) / len(runs(one) | runs(other))


def texts(n: int, seed: int = 0) -> list[str]:
    """Half of them made from another by changing some of its words."""
    draw = random.Random(seed)
    vocabulary = ["".join(draw.choices("abcdefgh", k=5)) for _ in range(400)]
    made = [" ".join(draw.choices(vocabulary, k=draw.randint(1, 60))) for _ in range(n // 2)]
    for original in list(made):
        words = original.split()
        for _ in range(draw.randint(0, 1 + len(words) // 12)):
            words[draw.randrange(len(words))] = draw.choice(vocabulary)
        made.append(" ".join(words))
    return made


def seen(folder: Path, *parts: tuple[Part, list[str]], piece: int = 50) -> Sketches:
    sketches = Sketches(folder)
    for part, given in parts:
        rows = [Example(f"{part}-{i}", text, "yes") for i, text in enumerate(given)]
        for begin in range(0, len(rows), piece):
            sketches.look(part, rows[begin : begin + piece])
    return sketches


def test_similarity_is_that_of_the_sets_of_runs():
    given = [*texts(80), "Hello?", "hello", "?!", "", "Straße 5", "STRASSE 5"]
    mine = [set(s.tolist()) for s in shingled([t.casefold() for t in given]).of_each()]
    for (a, one), (b, other) in combinations(zip(given, mine), 2):
        if re.search(r"\w", a + b):
            assert similarity(one, other) == pytest.approx(jaccard(a, b)), (a, b)
    assert similarity(mine[-3], mine[-4]) == 0  # nothing, and nothing but punctuation
    assert all(mine)


def test_text_without_spaces_is_cut_into_characters():
    one, other = shingled(["今日は天気がとてもいいです", "今日は天気がとても悪いです"]).of_each()
    assert 0.3 < similarity(set(one.tolist()), set(other.tolist())) < 1
    [thai] = shingled(["ขอเงินคืน"]).of_each()
    assert len(thai) > 3


def test_keys_estimate_the_similarity():
    """A band is shared with probability s^DEPTH: over many pairs the estimate has no bias."""
    given = texts(1600, seed=3)
    pairs = [(i, i + 800) for i in range(800)]
    keys = shingled(given).keys()
    exact = np.array([jaccard(given[i], given[j]) for i, j in pairs])
    agree = np.array([(keys[i] == keys[j]).mean() for i, j in pairs])
    error = agree - exact**DEPTH
    assert keys.shape == (1600, BANDS)
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error)) + 1e-9
    assert exact.std() > 0.2


@pytest.mark.parametrize("least", [0.5, 0.7, 0.8])
def test_matches_are_all_pairs_that_are_alike(least: float, tmp_path: Path):
    given = texts(600, seed=1)
    left, right = given[:300], given[300:]
    sketches = seen(tmp_path, ("train", left), ("test", right))
    found = set(sketches.matches(sketches.rows("train"), sketches.rows("test"), least))
    exact = {
        (i, len(left) + j): jaccard(a, b)
        for i, a in enumerate(left)
        for j, b in enumerate(right)
        if a != b
    }
    wanted = {pair for pair, alike in exact.items() if alike >= least}
    assert len(wanted) > 20
    assert found <= wanted
    assert len(found) >= {0.5: 0.75, 0.7: 0.97, 0.8: 1}[least] * len(wanted)


def test_a_copy_is_like_a_row_that_is_kept(tmp_path: Path):
    """Each text is like the one before it, and the last not like the first."""
    words = [f"w{i}" for i in range(40)]
    chain = [" ".join([*words[:k], *(f"x{i}" for i in range(40 - k))]) for k in range(40, 0, -3)]
    sketches = seen(tmp_path, ("train", chain))
    copies = dict(sketches.copies(sketches.rows("train"), 0.7))
    assert 1 < len(copies) < len(chain) - 1
    for copy, original in copies.items():
        assert original < copy
        assert original not in copies
        assert jaccard(chain[copy], chain[original]) >= 0.7


def test_equal_inputs_with_other_answers_are_no_copies(tmp_path: Path):
    sketches = Sketches(tmp_path)
    rows = [
        Example("a", MAIL, "returns"),
        Example("b", f" {MAIL.upper()}", "Returns"),
        Example("c", MAIL, "delivery"),
        Example("d", f"{MAIL} please", "returns"),
        Example("e", f"{MAIL} please help", "delivery"),
        Example("f", MAIL),
    ]
    sketches.look("rows", rows)
    every = sketches.rows("rows")
    assert sketches.first_of_equals(every).tolist() == [0, 0, 2, 3, 4, 5]
    assert dict(sketches.copies(every[[0, 2, 3, 4, 5]], 0.7)) == {3: 0, 4: 2}


def test_long_answers_are_compared_too(tmp_path: Path):
    answer = "you may send it back within thirty days and we will pay for the parcel"
    other = "please write to the courier about this and not to us as we only sell kettles"
    sketches = Sketches(tmp_path)
    rows = [Example("a", MAIL, answer), Example("b", f"{MAIL} sir", f"{answer} sir")]
    sketches.look("rows", [*rows, Example("c", f"oh {MAIL}", other)])
    assert dict(sketches.copies(sketches.rows("rows"), 0.7)) == {1: 0}


def test_the_same_piece_from_a_second_check_is_not_more_rows(tmp_path: Path):
    sketches, rows = Sketches(tmp_path), [Example("a", MAIL), Example("b", MAIL)]
    sketches.look("train", rows)
    sketches.look("train", rows)
    sketches.look("dev", rows)
    assert sketches.rows("train").tolist() == [0, 1]
    assert sketches.rows("dev").tolist() == [2, 3]


def test_what_was_written_down_is_read_back(tmp_path: Path):
    sketches = seen(
        tmp_path, ("train", ["One\n two " * 100, "Ünï \ud800 \x00"]), ("test", ["zwei"])
    )
    record = sketches.record(0)
    assert (record.id, len(record.shown)) == ("train-0", 200)
    assert record.shown.startswith("One two One")
    assert sketches.record(1).shown == "Ünï \ud800 \x00"
    assert (sketches.sample(2, "note").part, sketches.sample(2, "note").text) == ("test", "zwei")
    assert not list(tmp_path.iterdir())  # the file has no name, so nothing is left after a kill


def test_thousands_of_rows_from_one_template_are_compared_with_few(tmp_path: Path):
    """All of them share runs, and no two are alike: the candidates are many, the work is not."""
    draw = random.Random(0)
    given = [
        f"{MAIL} {' '.join(str(draw.randrange(10**9)) for _ in range(14))}" for _ in range(2000)
    ]
    given.append(f"{given[1000]} thanks")
    sketches = seen(tmp_path, ("rows", given), piece=4096)
    read = []
    original = sketches.record
    sketches.record = lambda row: read.append(row) or original(row)  # type: ignore[method-assign, func-returns-value]
    assert dict(sketches.copies(sketches.rows("rows"), 0.7)) == {2000: 1000}
    assert 2000 < len(read) < 17 * 2001


def test_nothing_is_found_in_nothing(tmp_path: Path):
    sketches = Sketches(tmp_path)
    none = sketches.rows("train")
    assert not list(sketches.copies(none, 0.7))
    sketches.look("test", [Example("a", MAIL)])
    assert not list(Sketches(tmp_path).copies(none, 0.7))
