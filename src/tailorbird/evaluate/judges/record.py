"""A judge on disk: a JSON file with its model, its rubric and how far people agree with it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from tailorbird.errors import ModelError, StoreError
from tailorbird.evaluate.judges.agreement import Agreement
from tailorbird.evaluate.judges.pairwise import Pairwise
from tailorbird.evaluate.judges.rubric import Rubric
from tailorbird.evaluate.statistics import Estimate
from tailorbird.models.base import LM
from tailorbird.store import read_json, write_json


@dataclass(frozen=True)
class JudgeRecord:
    """A judge, and what is known of it."""

    kind: Literal["rubric", "pairwise"]
    model: str
    """As `--model` names it."""
    identity: str
    """Of the model that was measured: another one is another judge."""
    text: str
    grades: tuple[str, ...]
    max_tokens: int
    shows: tuple[str, ...] = ()
    """What the labelled rows held besides question and answer: `reference`, `sources`. The judge
    is shown the same wherever it is used."""
    agreement: Agreement | None = None
    """None: not measured. Such a judge cannot gate."""
    probes: Mapping[str, Estimate | None] = field(default_factory=dict)
    labelled: Mapping[str, Any] = field(default_factory=dict)
    """File, digest and number of the labelled rows."""

    @property
    def rubric(self) -> Rubric:
        """How it grades one answer. Raises `StoreError` where it compares two."""
        if self.kind != "rubric":
            raise StoreError("this judge compares two answers, and does not grade one")
        return Rubric(self.text, self.grades, self.max_tokens)

    @property
    def pairwise(self) -> Pairwise:
        """How it compares two answers."""
        return Pairwise(self.text, self.max_tokens)

    def cannot_gate(self) -> str | None:
        """Why no decision may rest on it; None where one may."""
        if self.agreement is None:
            return "its agreement with people was never measured"
        kappa = self.agreement.kappa
        if kappa is None:
            return (
                "its agreement with people has no value: none of its verdicts could be read, or "
                "all answers got one grade alone"
            )
        if kappa.low <= 0:
            return (
                f"its agreement with people may be chance: kappa {kappa.value:.2f} "
                f"[{kappa.low:.2f}, {kappa.high:.2f}]"
            )
        return None

    def check_model(self, lm: LM) -> None:
        """Raise `ModelError` where `lm` is not the model that was measured."""
        if lm.identity != self.identity:
            raise ModelError(
                f"the judge {self.model} is not the model that was measured: it is {lm.identity}, "
                f"and was {self.identity}",
                hint="measure it again: tailorbird judge LABELLED",
            )

    def save(self, path: Path) -> None:
        """Write it."""
        plain = asdict(self)
        plain["agreement"] = self.agreement and self.agreement.to_json()
        plain["probes"] = {n: e and e.to_json() for n, e in self.probes.items()}
        write_json(path, plain)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it. Raises `StoreError` where the file is missing or is no judge."""
        held = read_json(path)
        try:
            held["agreement"] = held["agreement"] and Agreement.from_json(held["agreement"])
            held["probes"] = {n: e and Estimate.from_json(e) for n, e in held["probes"].items()}
            held["grades"], held["shows"] = tuple(held["grades"]), tuple(held["shows"])
            return cls(**held)
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"{path} is no judge: {error!r}", hint="tailorbird judge LABELLED writes one"
            ) from error
