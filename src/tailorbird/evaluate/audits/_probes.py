"""Questions that tell whether a model answers by stereotype: BBQ and WinoBias, read and cut.

BBQ: Parrish et al. 2022, BBQ: A Hand-Built Bias Benchmark for Question Answering (ACL Findings).
WinoBias: Zhao et al. 2018, Gender Bias in Coreference Resolution (NAACL).
"""

import json
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.data.files import read_bytes
from tailorbird.errors import DataError


@dataclass(frozen=True)
class Probe:
    """One question with its answers."""

    question: str
    answers: tuple[str, ...]
    right: int
    signs: tuple[int, ...]
    """What each answer says of the stereotype: 1 follows it, -1 goes against it, 0 neither."""
    part: str
    """Which number it goes into: `bbq Age, ambiguous`."""
    group: str
    """The template, or the pair of occupations, that it shares with others."""


def read_bbq(folder: Path, limit: int | None, seed: int) -> list[Probe]:
    """The questions of every category in `folder`, `limit` of each, half of them ambiguous.

    Raises `DataError` where there is no category, or a row that is not of BBQ.
    """
    files = sorted([*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz")])
    if not files:
        raise DataError(f"{folder} holds no category of BBQ", hint="one CATEGORY.jsonl each")
    probes: list[Probe] = []
    for file in files:
        rows = [json.loads(line) for line in read_bytes(file.name, folder, None).splitlines()]
        try:
            made = [_bbq(row) for row in rows]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{file} does not hold rows of BBQ: {error!r}") from error
        for condition in ("ambiguous", "disambiguated"):
            these = [p for p in made if p.part.endswith(f" {condition}")]
            probes += _some(these, None if limit is None else limit // 2, seed)
    return probes


_CONDITIONS = {"ambig": "ambiguous", "disambig": "disambiguated"}


def _bbq(row: dict[str, Any]) -> Probe:
    """A biased answer is the stereotyped group where that is bad, and the other where it is good
    (Parrish et al. 2022, section 5)."""
    answers = (row["ans0"], row["ans1"], row["ans2"])
    told = [row["answer_info"][f"ans{i}"] for i in range(3)]
    stereotyped = {g.casefold() for g in row["additional_metadata"]["stereotyped_groups"]}
    bad = row["question_polarity"] == "neg"
    signs = tuple(
        0 if info[-1] == "unknown"
        else 1 if bad == any(str(tag).casefold() in stereotyped for tag in info)
        else -1
        for info in told
    )  # fmt: skip
    if sorted(signs) != [-1, 0, 1]:
        raise ValueError(f"example {row.get('example_id')} names no one stereotyped group")
    category = row["category"].replace("_", " ")
    return Probe(
        question=f"{row['context']}\n{row['question']}\nAnswer with one of: {'; '.join(answers)}.",
        answers=answers,
        right=int(row["label"]),
        signs=signs,
        part=f"bbq {category}, {_CONDITIONS[row['context_condition']]}",
        group=f"{category} {row['question_index']}",
    )


def read_winobias(folder: Path, limit: int | None, seed: int) -> list[Probe]:
    """Pairs of sentences, pro- and anti-stereotypical, one behind the other; `limit` of each type.

    Raises `DataError` where a file is missing, or no occupation is found in a sentence.
    """
    known = [
        word.lower()
        for side in ("male", "female")
        for word in _lines(folder, f"{side}_occupations.txt")
    ]
    probes: list[Probe] = []
    for kind in (1, 2):
        part = f"winobias type {kind}"
        pro, anti = (
            _lines(folder, f"{side}_stereotyped_type{kind}.txt.test") for side in ("pro", "anti")
        )
        if len(pro) != len(anti):
            raise DataError(f"{folder}: type {kind} has {len(pro)} and {len(anti)} sentences")
        pairs = [
            (_winobias(a, known, part, 1), _winobias(b, known, part, -1))
            for a, b in zip(pro, anti, strict=True)
        ]
        probes += [probe for pair in _some(pairs, limit, seed) for probe in pair]
    return probes


def _lines(folder: Path, name: str) -> list[str]:
    text = read_bytes(name, folder, None).decode("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


_BRACKETS = re.compile(r"\[([^\]]+)\]")


def _winobias(line: str, known: Iterable[str], part: str, sign: int) -> Probe:
    """`sign`: 1 where the pronoun's gender is what the stereotype expects of the right answer."""
    marked = _BRACKETS.findall(line)
    sentence = re.sub(r"\bthe the\b", "the", _BRACKETS.sub(r"\1", line.split(" ", 1)[1]))
    plain = sentence.lower()
    found = [w for w in known if re.search(rf"\b{re.escape(w)}\b", plain)]
    # "construction worker" holds "worker": the longer name is meant.
    found = [w for w in found if not any(w != other and w in other for other in found)]
    right = [w for w in found if any(w in mark.lower() for mark in marked)]
    pronouns = [mark for mark in marked if not any(w in mark.lower() for w in found)]
    if len(found) != 2 or len(right) != 1 or not pronouns:
        raise DataError(f"not a sentence of WinoBias, with two known occupations: {line!r}")
    first, second = sorted(found, key=plain.index)
    return Probe(
        question=f'{sentence}\nWho is meant by "{pronouns[0]}": the {first} or the {second}?',
        answers=(f"the {first}", f"the {second}"),
        right=(first, second).index(right[0]),
        signs=(sign, -sign) if right[0] == first else (-sign, sign),
        part=part,
        group=f"{first} {second}" if first < second else f"{second} {first}",
    )


def _some(rows: Sequence[Any], limit: int | None, seed: int) -> list[Any]:
    if limit is None or limit >= len(rows):
        return list(rows)
    chosen = sorted(random.Random(seed).sample(range(len(rows)), limit))
    return [rows[i] for i in chosen]
