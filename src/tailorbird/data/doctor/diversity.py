"""How varied the rows are: distinct words, copies of one another, repeated answers."""

import random
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tailorbird.data.doctor._near import hash64
from tailorbird.data.doctor._sample import Reservoir, clipped
from tailorbird.data.doctor._shingles import words
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Sample
from tailorbird.errors import MissingExtra
from tailorbird.extras import need
from tailorbird.task.types import Example

_FEW = 20
"""Of fewer rows nothing is said."""
_LEARNED = ("train", "rows")
"""Parts that are looked at: what is learned from."""


@dataclass(frozen=True)
class Diversity:
    """Variety of what is learned from: the training rows, or the rows of a file.

    The effective number of inputs is the Vendi score of a sample (Friedman & Dieng 2023, TMLR):
    exp(-sum l ln l) over the eigenvalues l of K/n, where K holds the cosines of all pairs. It is n
    for n inputs that share nothing and 1 for n copies. Distinct n-grams: the share of the n-grams
    of the sample that are different ones (Li et al. 2016, distinct-n); it falls with the size of
    the sample, so that only equal sizes compare.

    Effect: none is claimed, so these are notes; rows that say the same in other words teach less,
    and how much less is what a learning curve shows.
    """

    rows: Annotated[int, Field(ge=_FEW)] = 1_000
    """Inputs that are compared with one another, drawn at random. The time grows with its cube."""
    by: Literal["tfidf", "encoder"] = "tfidf"
    """What two inputs are compared by: their words, or their meaning, which takes longer."""
    low: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Warn where the effective number is below this share of the sample."""
    repeated: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Warn where one answer (not a label) is the target of more than this share."""

    def missing(self, patient: Patient) -> str | None:
        """Needs scikit-learn."""
        try:
            need("sklearn")
        except MissingExtra as error:
            return f"{error}; {error.hint}"
        return None

    def start(self, patient: Patient) -> "Drawing":
        """Begin."""
        labels = patient.task is not None and patient.task.spec.kind == "label"
        return Drawing(self, patient, Reservoir(self.rows, patient.seed), not labels)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A row of the sample."""

    id: str
    part: Part
    text: str
    target: str | None
    made_up: bool


@dataclass
class Drawing:
    """A sample of the rows, and a number for every answer."""

    check: Diversity
    patient: Patient
    sample: Reservoir[Drawn]
    answers: bool
    part: Part | None = None
    hashes: "array[int]" = field(default_factory=lambda: array("Q"))
    """Of every answer, 8 bytes."""

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""
        if part not in _LEARNED:
            return
        self.part = part
        for e in rows:
            place = self.sample.place()
            if place is not None:
                self.sample.put(place, Drawn(e.id, part, e.text, e.target, e.made_up))
            if self.answers and e.target is not None:
                self.hashes.append(_hash(e.target))

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""
        drawn = list(self.sample)
        if len(drawn) >= _FEW:
            yield self._variety(drawn)
        yield from self._repeated(drawn)
        yield from self._made_up(drawn)

    def _variety(self, drawn: Sequence[Drawn]) -> Finding:
        texts = [d.text for d in drawn]
        features = _features(texts, self.check.by, self.patient)
        kernel = cosines(features)
        effective = vendi_score(kernel)
        np.fill_diagonal(kernel, -1.0)
        nearest = kernel.argmax(axis=1)
        closeness = kernel.max(axis=1)
        order = np.argsort(-closeness, kind="stable")
        share = effective / len(drawn)
        among = "" if self.sample.whole else f" drawn of {self.sample.seen:,}"
        return Finding(
            check="diversity",
            level="warning" if share < self.check.low else "note",
            text=f"{len(drawn):,} inputs{among} count as {effective:,.0f} that share nothing; the "
            f"nearest other is {closeness.mean():.2f} alike on average (1: the same words)",
            affected=len(drawn),
            why="no effect on a mark is claimed; a learning curve shows whether more rows pay",
            samples=tuple(
                _alike(drawn[i], drawn[nearest[i]], closeness[i])
                for i in _one_of_each_pair(order, nearest)
            ),
            details={
                "effective number": round(effective, 1),
                "distinct n-grams of inputs": distinct(texts),
                "distinct n-grams of answers": distinct([d.target or "" for d in drawn])
                if self.answers
                else {},
                "likeness of the nearest other": _quantiles(closeness),
            },
        )

    def _repeated(self, drawn: Sequence[Drawn]) -> Iterator[Finding]:
        """Answers that are not labels and yet always the same."""
        if len(self.hashes) < _FEW or self.part is None:
            return
        hashes, counts = np.unique(np.frombuffer(self.hashes, np.uint64), return_counts=True)
        most = int(counts.argmax())
        share = counts[most] / len(self.hashes)
        if share <= self.check.repeated:
            return
        rows = [d for d in drawn if d.target is not None and _hash(d.target) == int(hashes[most])]
        yield Finding(
            check="diversity",
            level="warning",
            text=f"one answer is that of {100 * share:.0f} % of the rows ({len(counts):,} "
            f"different ones to {len(self.hashes):,} inputs): a model may learn to say only that",
            affected=int(counts[most]),
            why="no effect on a mark is claimed; the rung `majority` shows what that answer earns",
            samples=tuple(
                Sample(d.id, d.part, clipped(d.text), clipped(d.target or "")) for d in rows[:SHOWN]
            ),
            details={"different answers": len(counts), "answers": len(self.hashes)},
        )

    def _made_up(self, drawn: Sequence[Drawn]) -> Iterator[Finding]:
        """Whether rows that were made up are less varied than as many that were found."""
        made, found = ([d for d in drawn if d.made_up is which] for which in (True, False))
        n = min(len(made), len(found))
        if n < _FEW:
            return
        rng = random.Random(self.patient.seed)
        numbers = {
            name: vendi_score(cosines(_features([d.text for d in some], "tfidf", self.patient)))
            for name, some in (("made up", rng.sample(made, n)), ("found", rng.sample(found, n)))
        }
        yield Finding(
            check="diversity",
            level="note",
            text=f"{n:,} made-up inputs count as {numbers['made up']:,.0f} that share nothing, "
            f"{n:,} found ones as {numbers['found']:,.0f}",
            affected=len(made),
            why="no effect on a mark is claimed; tailorbird synth --ablate RUNG measures it",
            samples=tuple(Sample(d.id, d.part, clipped(d.text)) for d in made[:SHOWN]),
            details={k: round(v, 1) for k, v in numbers.items()},
        )


def vendi_score(kernel: Any) -> float:
    """exp of the entropy of the eigenvalues of K/n; kernel: float[N, N], symmetric, 1 on the
    diagonal."""
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def cosines(features: Any) -> Any:
    """float64[N, N] of rows of unit length; a row of zeros is like itself alone."""
    product = features @ features.T
    kernel = np.asarray(product.todense() if hasattr(product, "todense") else product, np.float64)
    np.fill_diagonal(kernel, 1.0)
    return kernel


def distinct(texts: Sequence[str], most: int = 3) -> dict[str, float]:
    """Different n-grams of words / all of them, for n from 1 to `most`."""
    every = [words(t.casefold()) for t in texts if t]
    shares = {}
    for n in range(1, most + 1):
        grams = Counter(g for w in every for g in zip(*(islice(w, i, None) for i in range(n))))
        if grams:
            shares[f"n = {n}"] = round(len(grams) / grams.total(), 4)
    return shares


def _features(texts: Sequence[str], by: str, patient: Patient) -> Any:
    """float[N, D] of unit length."""
    if by == "encoder":
        from tailorbird.models.encoder import embed

        return embed(texts, patient.cache)
    text = need("sklearn.feature_extraction.text")
    counted = text.TfidfVectorizer(sublinear_tf=True, tokenizer=words, token_pattern=None)
    return counted.fit_transform(texts)


def _alike(one: Drawn, other: Drawn, likeness: float) -> Sample:
    note = f"{likeness:.2f} like {other.id}: {clipped(other.text, 150)}"
    return Sample(one.id, one.part, clipped(one.text), note)


def _one_of_each_pair(order: Any, nearest: Any) -> list[int]:
    """The rows that are most like another one, without their partners."""
    shown: list[int] = []
    for i in map(int, order):
        if int(nearest[i]) not in shown:
            shown.append(i)
        if len(shown) == SHOWN:
            break
    return shown


def _quantiles(values: Any) -> dict[str, float]:
    found = np.quantile(values, (0, 0.1, 0.5, 0.9, 1))
    names = ("least", "10 %", "half", "90 %", "most")
    return {name: round(float(v), 3) for name, v in zip(names, found)}


def _hash(text: str) -> int:
    return hash64(" ".join(text.casefold().split()))


CHECK = Diversity
