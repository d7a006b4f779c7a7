"""Personal data and secrets.

Names, e-mail addresses, phone numbers, bank accounts, cards, numbers of states, IP addresses,
streets, dates of birth, links with tokens, keys and passwords are found by patterns with their
checks (`_personal.py`), counted, and taken out. What the task's documents say is public: the
organisation's own number stays.

The remedy rewrites input, target, facts and fields of a row alike, so that an answer that has to
state a value still can. Ids and groups stay: no model reads them.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tailorbird.data.doctor._people import single_words
from tailorbird.data.doctor._personal import KINDS, REGIONS, Kind, find
from tailorbird.data.doctor._pseudonyms import Pseudonyms, canonical, redacted
from tailorbird.data.doctor._sample import clipped
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Remedy, Sample
from tailorbird.data.remedies import rewriting
from tailorbird.task.types import Example, Message
from tailorbird.words import counted

NAME = "privacy"
SECRET = "TAILORBIRD_SECRET"
"""The variable of the environment that holds the secret of pseudonyms."""
LEAST = 16
"""Characters of a secret."""
PACKAGES = ("phonenumbers", "stdnum", "faker", "detect_secrets")
WORDS: Mapping[Kind, str] = {
    "secret": "keys and passwords",
    "url_token": "links with a token",
    "email": "e-mail addresses",
    "iban": "bank accounts",
    "card": "card numbers",
    "national_id": "numbers of states",
    "ip": "IP addresses",
    "birth_date": "dates of birth",
    "phone": "phone numbers",
    "address": "addresses",
    "person": "names",
}
_FUZZY: tuple[Kind, ...] = ("person", "address")
"""Kinds without a check: what looks like one may be a firm or a product."""

Region = Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]


@dataclass(frozen=True)
class Privacy:
    """Personal data in inputs, targets, facts and fields."""

    style: Literal["redact", "pseudonyms"] = "redact"
    """redact: `[EMAIL]`; pseudonyms: made-up values, the same for the same value everywhere."""
    kinds: tuple[Kind, ...] = KINDS
    """What is looked for."""
    regions: tuple[Region, ...] = REGIONS
    """Countries whose phone numbers are known without their country code."""
    rows: Annotated[int, Field(ge=1)] = 100_000
    """Rows that one remedy rewrites at most: their new texts are held in memory."""

    def missing(self, patient: Patient) -> str | None:
        """Packages, or the secret of pseudonyms."""
        if any(find_spec(package) is None for package in PACKAGES):
            return "packages are not installed: pip install 'tailorbird[doctor]'"
        if self.style == "pseudonyms" and len(os.environ.get(SECRET, "")) < LEAST:
            return (
                f"pseudonyms need a secret of at least {LEAST} characters in {SECRET}; keep it "
                "apart from the data: whoever has both can find out who is meant"
            )
        return None

    def start(self, patient: Patient) -> "_Examination":
        """Begin."""
        style = Pseudonyms(os.environ[SECRET]) if self.style == "pseudonyms" else redacted
        return _Examination(self, patient, style)


CHECK = Privacy


@dataclass
class _Examination:
    check: Privacy
    patient: Patient
    style: Callable[[Kind, str], str]
    values: Counter[Kind] = field(default_factory=Counter)
    """How often each kind was found."""
    rows: Counter[Part] = field(default_factory=Counter)
    """Rows with personal data."""
    public: int = 0
    """Values that the documents state, too."""
    changes: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    """What was found in each of these rows."""
    samples: list[Sample] = field(default_factory=list)

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        for example in rows:
            found = self._found(example)
            if not found:
                continue
            self.rows[part] += 1
            if len(self.changes) >= self.check.rows:
                continue
            new = rewritten(example, found, self.style)
            if self._labelled:  # a label that is called like somebody is no name
                new = replace(new, target=example.target)
            self.changes[example.id] = rewriting(new)
            note = ", ".join(sorted({WORDS[kind] for kind in found.values()}))
            self.notes[example.id] = sys.intern(note)  # few kinds, and many rows
            if len(self.samples) < SHOWN:
                shown = clipped(new.text[_before(example.text, new.text) :])
                self.samples.append(Sample(example.id, part, shown, note))

    def _found(self, example: Example) -> dict[str, Kind]:
        """Value -> kind; what is public is left out."""
        found: dict[str, Kind] = {}
        texts = [m.content for m in example.turns] + list(example.fields.values())
        if not self._labelled:
            texts += [example.target or "", *example.facts]
        for text in texts:
            for span in find(text, self.check.kinds, self.check.regions):
                value = text[span.start : span.end]
                if (span.kind, canonical(span.kind, value)) in self._documents:
                    self.public += 1
                else:
                    self.values[span.kind] += 1
                    found[value] = span.kind
        return found

    @cached_property
    def _labelled(self) -> bool:
        return self.patient.task is not None and self.patient.task.spec.kind == "label"

    @cached_property
    def _documents(self) -> frozenset[tuple[Kind, str]]:
        documents = self.patient.task.documents if self.patient.task else ()
        return frozenset(
            (s.kind, canonical(s.kind, d.text[s.start : s.end]))
            for d in documents
            for s in find(d.text, self.check.kinds, self.check.regions)
        )

    def findings(self) -> Iterator[Finding]:
        affected = self.rows.total()
        if not affected:
            return
        counts = {k: self.values[k] for k in KINDS if self.values[k]}
        listed = ", ".join(f"{n:,} {WORDS[k]}" for k, n in sorted(counts.items(), key=_often))
        left = affected - len(self.changes)
        more = f"; one remedy leaves {counted(left, 'row')}: mend again for these" if left else ""
        yield Finding(
            NAME,
            "warning",
            f"{counted(affected, 'row')} with what looks like personal data or secrets: "
            f"{listed}{more}",
            affected,
            why="it moves no mark; a tuned model can repeat to others what it was shown",
            samples=tuple(self.samples),
            remedy=self._remedy(counts),
            details={"kinds": counts, "rows": dict(self.rows), "public": self.public}
            | ({"not rewritten": left} if left else {}),
        )

    def _remedy(self, counts: Mapping[Kind, int]) -> Remedy:
        said = "taken out" if self.check.style == "redact" else "replaced by made-up values"
        safe = not any(kind in counts for kind in _FUZZY) and not self.rows["test"]
        return Remedy("rewrite", self.changes, f"personal data {said}", safe, self.notes)


def _before(old: str, new: str) -> int:
    """Where to begin to show `new`, so that the first change is seen: a sentence before it."""
    same = next((n for n, (a, b) in enumerate(zip(old, new)) if a != b), 0)
    return max(0, same - 80)


def _often(entry: tuple[Kind, int]) -> tuple[int, Kind]:
    return -entry[1], entry[0]


def rewritten(
    example: Example, found: Mapping[str, Kind], style: Callable[[Kind, str], str]
) -> Example:
    """`example` with each value replaced wherever it stands in the row, names by their words, too.

    A value that was recognised in the input by what stands before it need not be in the answer.
    """
    new = {value: style(kind, value) for value, kind in found.items()}
    for value, kind in found.items():
        if kind == "person":
            for name in (value.title(), *single_words(value)):
                new.setdefault(name, style(kind, name))
    longest = sorted(new, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest))})(?!\w)")

    def without(text: str) -> str:
        return pattern.sub(lambda m: new[m[0]], text)

    given = example.input
    return replace(
        example,
        input=without(given)
        if isinstance(given, str)
        else tuple(Message(m.role, without(m.content)) for m in given),
        target=None if example.target is None else without(example.target),
        facts=tuple(without(f) for f in example.facts),
        fields={name: without(value) for name, value in example.fields.items()},
    )
