"""Forgetting: what the tuned model can still do of what its base could, ability by ability.

Both are asked the same items, and an ability counts as kept only where the interval of its loss
lies within the margin (non-inferiority). All must be kept, so margins need no correction for how
many there are. Beside it stands how far the distribution of the next token has moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from tailorbird.evaluate.audits.base import Audited, Line, Sample, Subject, corrected
from tailorbird.evaluate.capabilities.base import Capability, Ground, Item, make_capability
from tailorbird.evaluate.statistics import Comparison, compare, estimate_mean
from tailorbird.models.load import load_model
from tailorbird.store import digest, read_json, write_json
from tailorbird.task.types import Message

if TYPE_CHECKING:
    pass

Named = str | Mapping[str, Any]
"""A name, or a name with its settings: `grammar`, `{grammar: {pairs: 100}}`."""
FLOOR = 0.05
"""A base that gets less than this share right has nothing to lose."""
SHOWN = 3
"""Items shown of every ability that lost some."""


@dataclass(frozen=True)
class Retention:
    """Abilities of the tuned model against those of its base."""

    capabilities: tuple[Named, ...] = ("text", "grammar", "instructions", "arithmetic")
    """Files of `evaluate/capabilities`; each has a `margin`, in its own unit."""
    drift: Annotated[float, Field(gt=0)] | None = None
    """The most that the distribution may move, in nats per token, on general text and on the task's
    inputs."""
    inputs: Annotated[int, Field(ge=2)] = 100
    """Test inputs on which that is measured."""

    def missing(self, subject: Subject) -> str | None:
        """Where no weights were tuned."""
        solver: Any = subject.solver
        if getattr(solver, "adapter", None) is None or not hasattr(solver, "lm"):
            return "this rung has no tuned language model"
        return None

    def examine(self, subject: Subject) -> Audited:
        """Each ability of each of the two models is kept on the disk when it is measured."""
        ground = Ground(
            subject.seed, subject.task.folder, subject.task.data_folder, subject.quiet
        )  # fmt: skip
        lines: list[Line] = []
        samples: list[Sample] = []
        made = [make_capability(named) for named in self.capabilities]
        for capability in made:
            reason = capability.missing(ground)
            if reason is not None:
                lines.append(Line(capability.title, None, note=f"not measured: {reason}"))
                continue
            before, after = (_measured(capability, subject, ground, tuned) for tuned in (0, 1))
            lines.append(_line(capability, before, after, subject.seed))
            samples += _lost(capability, before, after)
        drifts = self._drift(subject, made, ground)
        return Audited(
            audit="retention", title="Forgetting", measure="after tuning", share=False,
            higher_is_better=True, lines=(*corrected(lines), *drifts),
            notes=_notes(made), samples=tuple(samples),
        )  # fmt: skip

    # ---- drift -------------------------------------------------------------------------------

    def _drift(
        self, subject: Subject, made: Sequence[Capability], ground: Ground
    ) -> tuple[Line, ...]:
        from tailorbird.evaluate.capabilities.text import GeneralText
        from tailorbird.models.text import text_rows

        _, tuned = _models(subject)
        named = (c for c in made if isinstance(c, GeneralText))
        general: GeneralText = next(named, GeneralText())
        drawn = general.drawn(ground)
        asked = subject.task.examples("test")[: self.inputs]
        inputs = [tuned.chat.prompt((Message("user", e.text),))[: tuned.context] for e in asked]
        texts = text_rows(tuned, [text for _, text in drawn])
        return (
            self._moved("drift on general text", texts, [g for g, _ in drawn], subject),
            self._moved("drift on the task's inputs", inputs, [e.group for e in asked], subject),
        )

    def _moved(
        self, name: str, rows: list[list[int]], groups: Sequence[str | None], subject: Subject
    ) -> Line:
        from tailorbird.models.text import divergences

        file = subject.folder / f"{name.replace(' ', '-')}.json"
        if not file.is_file():
            base, tuned = _models(subject)
            write_json(file, divergences(tuned, base, rows))
        found = estimate_mean(read_json(file), groups, subject.seed, bounded=False)
        assert found is not None  # every row was measured
        holds = None if self.drift is None else found.high <= self.drift
        return Line(name, found, holds=holds, measure="nats per token")


def _models(subject: Subject) -> tuple[Any, Any]:
    """The base, and the same as it was tuned."""
    solver: Any = subject.solver
    return load_model(solver.model), solver.lm()


def _measured(capability: Capability, subject: Subject, ground: Ground, tuned: int) -> list[Item]:
    which = ("base", "tuned")[tuned]
    file = subject.folder / f"{digest(repr(capability))[:12]}-{which}.json"
    if not file.is_file():
        items = capability.measure(_models(subject)[tuned], ground)
        write_json(file, [asdict(item) for item in items])
    return [Item(**row) for row in read_json(file)]


# ---- what was lost -------------------------------------------------------------------------------


def _line(capability: Capability, before: Sequence[Item], after: Sequence[Item], seed: int) -> Line:
    """The tuned model's mark, its change from the base, and whether the loss is small enough."""
    was, now = ([item.mark for item in items] for items in (before, after))
    groups = [item.group for item in after]
    bounded = capability.higher_is_better
    found = estimate_mean(now, groups, seed, bounded=bounded)
    first = estimate_mean(was, groups, seed, bounded=bounded)
    change = compare(was, now, groups, seed)
    if found is None or first is None or change is None:
        return Line(capability.title, None, note="not measured: no item could be marked")
    if not bounded and was == now:
        # Not one bit of difference: it is the same model, and no sample is too small to say so.
        change = replace(change, low=0.0, high=0.0, method="equal in every item")
    loss, most = (-change.difference, -change.low) if bounded else (change.difference, change.high)
    holds: bool | None = most <= capability.margin
    note = "" if holds else _note(capability, change, loss, most)
    if bounded and first.value < FLOOR:
        holds, note = None, "the base hardly can, so there is nothing to lose"
    return Line(
        capability.title, found, change, holds=holds, note=note, measure=capability.unit
    )  # fmt: skip


def _note(capability: Capability, change: Comparison, loss: float, most: float) -> str:
    """Why an ability is not shown to be kept."""
    margin = f"{capability.margin:g}"
    if loss >= capability.margin:
        return f"at least {margin} is lost"
    needed = change.n * ((most - loss) / (capability.margin - loss)) ** 2
    return f"not shown to lose at most {margin}; about {_about(needed)} items could"


def _about(count: float) -> str:
    """Two digits of a number of items are all that can be known of it."""
    if count >= 1e6:
        return "a million or more"
    return f"{float(f'{count:.2g}'):,.0f}"


def _lost(capability: Capability, before: Sequence[Item], after: Sequence[Item]) -> list[Sample]:
    """Items that the base got right and the tuned model gets wrong."""
    if not capability.higher_is_better:
        return []
    pairs = [(b, a) for b, a in zip(before, after) if (b.mark or 0) > (a.mark or 0)]
    return [
        Sample(capability.title, f"{b.asked}\n→ {b.said}", f"→ {a.said}") for b, a in pairs[:SHOWN]
    ]


def _notes(made: Sequence[Capability]) -> tuple[str, ...]:
    units = {c.unit for c in made if not c.higher_is_better}
    less = f" Of {', '.join(sorted(units))}, less is better." if units else ""
    return (
        "Each change is the tuned model minus its base on the same items; an ability is kept where "
        f"the whole interval of what was lost lies within its margin.{less}",
        "Drift is KL(tuned || base) in nats per token: 0 for a model that has not changed. It is "
        "no loss by itself, as the task is learned by it too.",
    )


AUDIT = Retention
