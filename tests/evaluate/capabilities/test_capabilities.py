"""Abilities are asked alike of every model, and marked exactly."""

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tailorbird.errors import DataError, TaskError
from tailorbird.evaluate.capabilities import arithmetic, grammar
from tailorbird.evaluate.capabilities.base import Ground, make_capability
from tailorbird.evaluate.capabilities.instructions import KINDS, drawn
from tailorbird.models.base import Completion
from tailorbird.models.local import LocalModel
from tailorbird.models.text import bits_of_each, general_text
from tailorbird.registry import names
from tailorbird.task.types import Usage

GROUND = Ground(quiet=True)


class Says:
    """A model that answers by a rule."""

    def __init__(self, rule: Any) -> None:
        self.rule = rule

    def complete(self, prompts: Any, *_: Any) -> list[Completion]:
        return [Completion(self.rule(p[-1].content), Usage()) for p in prompts]


def test_the_abilities() -> None:
    assert set(names("evaluate.capabilities")) == {
        "arithmetic", "blimp", "grammar", "harness", "instructions", "text",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["arithmetic", "grammar", "instructions", "text"])
def test_equal_seeds_ask_equal_things(name: str, checkpoint: Path) -> None:
    small = {
        "arithmetic": {"sums": 6, "max_tokens": 2},
        "grammar": {"pairs": 16},
        "instructions": {"per_kind": 1, "max_tokens": 2},
        "text": {"stretches": 5},
    }
    capability, lm = make_capability({name: small[name]}), LocalModel.load(str(checkpoint))
    first, again, other = (capability.measure(lm, replace(GROUND, seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert [i.asked for i in first] != [i.asked for i in other]
    assert all(i.mark is not None for i in first)
    assert len({i.asked for i in first}) == len(first)


def test_unknown_ones_are_named() -> None:
    with pytest.raises(TaskError, match='"grammer"; did you mean "grammar"'):
        make_capability("grammer")
    with pytest.raises(TaskError, match='no setting "pair"; did you mean "pairs"'):
        make_capability({"grammar": {"pair": 3}})


# ---- general text ------------------------------------------------------------------------------


def test_the_sample_is_some_thousand_words_of_forty_subjects() -> None:
    paragraphs = general_text()
    assert len(paragraphs) == len(set(paragraphs)) == 40
    assert 2500 < sum(len(p.split()) for p in paragraphs) < 5000


def test_own_text(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One morning the ferry did not come. " * 60)
    (tmp_path / "b.txt").write_text("Nobody had told the baker.")
    capability, lm = make_capability({"text": {"path": "{data}"}}), LocalModel.load(str(checkpoint))
    items = capability.measure(lm, replace(GROUND, data_folder=tmp_path))
    assert len(items) == 4
    assert len({i.group for i in items}) == 2
    short = next(i for i in items if "baker" in i.asked)
    assert short.mark == bits_of_each(lm, ["Nobody had told the baker."])[0]
    with pytest.raises(DataError):
        make_capability({"text": {"path": "nowhere"}}).measure(lm, GROUND)


# ---- pairs -------------------------------------------------------------------------------------


def test_pairs_differ_in_one_word() -> None:
    pairs = grammar.drawn(240, random.Random(0))
    assert len(set(pairs)) == 240
    for good, bad in pairs:
        words = list(zip(good.split(), bad.split(), strict=True))
        assert sum(a != b for a, b in words) == 1, (good, bad)


def test_blimp(checkpoint: Path, tmp_path: Path) -> None:
    capability = make_capability({"blimp": {"per_paradigm": 2}})
    assert "no data folder" in str(capability.missing(GROUND))
    ground = replace(GROUND, data_folder=tmp_path)
    assert "holds no blimp.jsonl.gz" in str(capability.missing(ground))
    pair = {"sentence_good": "The cats sleep.", "sentence_bad": "The cats sleeps."}
    lines = [json.dumps(pair | {"UID": uid}) for uid in ("one", "two") for _ in range(3)]
    (tmp_path / "blimp").mkdir()
    (tmp_path / "blimp" / "blimp.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    assert capability.missing(ground) is None
    items = capability.measure(LocalModel.load(str(checkpoint)), ground)
    assert len(items) == 4
    assert len({i.mark for i in items}) == 1
    assert items[0].said == pair["sentence_good" if items[0].mark else "sentence_bad"]


# ---- arithmetic --------------------------------------------------------------------------------


def test_sums() -> None:
    asked = arithmetic.drawn(100, random.Random(0))
    for question, result in asked.items():
        assert eval(question.split("What is ")[1].split("?")[0]) == result >= 0
    capability: Any = make_capability("arithmetic")
    right = Says(lambda q: f"Sure: {eval(q.split('is ')[1].split('?')[0])}.")
    assert {i.mark for i in capability.measure(right, GROUND)} == {1.0}
    assert {i.mark for i in capability.measure(Says(lambda q: "-1"), GROUND)} == {0.0}


@pytest.mark.parametrize(
    ("said", "number"),
    [("7", 7), ("3 + 4 = 7.", 7), ("It is 1,204", 1204), ("-3", -3), ("none", None), ("", None),
     ("7.5", None), ("about 12 apples", 12)],
)  # fmt: skip
def test_the_last_number(said: str, number: int | None) -> None:
    assert arithmetic.last_number(said) == number


# ---- instructions ------------------------------------------------------------------------------

FOLLOWED = {
    "one word": (["Sea.", "well-known"], ["The sea", "..."]),
    "capitals": (["THE SEA IS WIDE."], ["The SEA", "12"]),
    "small letters": (["the sea is wide."], ["The sea", "12"]),
    "without a letter": (["A sea is a sea"], ["bad dog gum map wow", "A"]),
    "quoted": (['"It is wide."', "“It is.”"], ["It is wide.", '"It" is']),
    "question": (["Is it wide?"], ["It is wide.", "Is it? Or not?", "?"]),
}


@pytest.mark.parametrize("kind", FOLLOWED)
def test_instructions(kind: str) -> None:
    check = KINDS[kind]("the sea", random.Random(1))[1]
    good, bad = FOLLOWED[kind]
    assert all(check(text) for text in good)
    assert not any(check(text) for text in bad)


def test_instructions_that_name_words_or_numbers() -> None:
    def asked(kind: str) -> tuple[list[str], int, Any]:
        question, check = KINDS[kind]("the sea", random.Random(3))
        numbers = [int(w) for w in question.split() if w.isdigit()]
        return question.split('"')[1::2], (numbers or [0])[0], check

    [word], _, first = asked("first word")
    assert first(f"{word.title()} is here.")
    assert not first(f"Here is {word}.")
    [word], _, last = asked("last word")
    assert last(f"Here is {word}.")
    assert not last(f"{word} is here.")
    pair, _, holds = asked("holds words")
    assert holds(f"A {pair[1]} and a {pair[0]}.")
    assert not holds(f"A {pair[1]}.")
    [word], count, thrice = asked("repeat")
    assert thrice(f"{word} " * count)
    assert not thrice(f"{word} " * (count + 1))
    _, count, long = asked("number of words")
    assert long("word " * count)
    assert not long("word " * (count - 1))
    _, count, lines = asked("number of lines")
    assert lines("- a\n" * count)
    assert not lines("- a\n" * (count + 1))


def test_an_empty_answer_follows_nothing() -> None:
    capability: Any = make_capability("instructions")
    items = capability.measure(Says(lambda q: ""), GROUND)
    assert {i.mark for i in items} == {0.0}
    assert len({i.group for i in items}) == len(KINDS) == 12
    assert len(drawn(3, random.Random(0))) == 36
