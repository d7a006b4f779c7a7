"""Several detectors as one probability: logistic regression on what each says of a sentence.

A calibration is a JSON file of numbers. The one that is packaged was fitted on passages of XQuAD
whose sentences were corrupted on purpose (`python benchmarks/hallucination.py --fit`); its
`provenance` says how. Fit your own on your own answers with `fit`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from tailorbird.errors import DataError, StoreError
from tailorbird.evaluate.hallucination._sentences import claims_of
from tailorbird.evaluate.hallucination.base import Case, Claim, make_detector, weakest
from tailorbird.extras import need
from tailorbird.models.base import Progress
from tailorbird.store import read_json, write_json

PACKAGED = Path(__file__).with_name("combined.json")


@dataclass(frozen=True)
class Calibration:
    """Weights of detectors."""

    detectors: tuple[Mapping[str, Any], ...]
    """Each one name with its settings."""
    weights: tuple[float, ...]
    """Of each detector's support, in log-odds."""
    intercept: float
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """What it was fitted on."""

    def supports(self, features: Sequence[Sequence[float]]) -> list[float]:
        """Probability of being supported, from float[claims][detectors]."""
        import numpy as np
        from scipy.special import expit

        rows = np.asarray(features, dtype=np.float64).reshape(-1, len(self.weights))
        return [float(p) for p in expit(rows @ np.asarray(self.weights) + self.intercept)]

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it. Raises `StoreError` where it is not what `save` wrote."""
        held = read_json(path)
        try:
            made = cls(
                tuple(held["detectors"]), tuple(float(w) for w in held["weights"]),
                float(held["intercept"]), held["provenance"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{path} is no calibration of detectors: {error!r}") from error
        if len(made.detectors) != len(made.weights):
            raise StoreError(f"{path} has not one weight per detector")
        return made


@dataclass(frozen=True)
class Combined:
    """Detectors, weighed."""

    file: Path = PACKAGED
    """A calibration; default: the packaged one."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per sentence."""
        calibration = Calibration.load(self.file)
        said = [claims_of(c.answer) for c in cases]
        alone = [Case(s, c.sources, c.question) for c, row in zip(cases, said) for s in row]
        rows = features(alone, calibration.detectors, cache)
        judged = iter(_claims([c.answer for c in alone], rows, calibration))
        found = [tuple(next(judged) for _ in row) for row in said]
        if progress:
            progress(len(cases))
        return found


def _claims(
    said: Sequence[str], rows: Sequence[tuple[float | None, ...]], calibration: Calibration
) -> list[Claim]:
    whole = [tuple(1.0 if v is None else v for v in row) for row in rows]
    names = [next(iter(d)) for d in calibration.detectors]
    made = []
    for text, row, support in zip(said, rows, calibration.supports(whole), strict=True):
        lacks = [n for n, v in zip(names, row) if v is None]
        shown = ", ".join(f"{n} {v:.2f}" for n, v in zip(names, row) if v is not None)
        if lacks:
            made.append(Claim(text, None, f"not judged by {', '.join(lacks)}"))
        else:
            made.append(Claim(text, support, shown))
    return made


def features(
    cases: Sequence[Case], detectors: Sequence[str | Mapping[str, Any]], cache: Path | None = None
) -> list[tuple[float | None, ...]]:
    """What each detector says of the weakest claim of each answer: [answer][detector]."""
    columns = [
        [weakest(claims) for claims in make_detector(d).examine(cases, cache)] for d in detectors
    ]
    return list(zip(*columns, strict=True))


def fit(
    cases: Sequence[Case],
    supported: Sequence[bool],
    detectors: Sequence[str | Mapping[str, Any]],
    provenance: Mapping[str, Any],
    cache: Path | None = None,
) -> Calibration:
    """Weigh `detectors` by logistic regression on answers whose truth is known.

    Supported and unsupported answers weigh the same, so that 0.5 means even odds whatever their
    number. Answers that a detector could not judge are left out. Raises `DataError` where only
    one kind is left.
    """
    linear_model = need("sklearn.linear_model")
    rows = zip(features(cases, detectors, cache), supported, strict=True)
    judged = [(row, truth) for row, truth in rows if None not in row]
    if len({truth for _, truth in judged}) < 2:
        raise DataError(
            "detectors are weighed on supported and on unsupported answers, and one kind is missing"
        )
    model = linear_model.LogisticRegression(class_weight="balanced", max_iter=1000)
    model.fit([row for row, _ in judged], [truth for _, truth in judged])
    named: list[Mapping[str, Any]] = [{d: {}} if isinstance(d, str) else d for d in detectors]
    weights = tuple(round(float(w), 6) for w in model.coef_[0])
    return Calibration(tuple(named), weights, round(float(model.intercept_[0]), 6), provenance)


DETECTOR = Combined
