"""What to change where a rung does not fit, each with what it would take then.

Changes add up, in the order of what they cost: a smaller batch and layers that are computed again
change no result, a lower rank and four bits hardly, another model or fewer examples do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tailorbird.approaches.base import make_approach
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Rung
from tailorbird.train.forecast import Change, Machine, Plan, RungPlan
from tailorbird.train.memory import ROOM, Range
from tailorbird.train.planner import Planner
from tailorbird.train.space import with_changes as with_settings
from tailorbird.train.workload import epochs_of
from tailorbird.words import quoted


def with_changes(planner: Planner, rung: Rung, found: RungPlan) -> RungPlan:
    """`found` with what to change, where memory does not or may not suffice."""
    there = ROOM * planner.machine.memory
    if found.memory is None or found.memory.high <= there:
        return found
    return replace(found, changes=tuple(_for_memory(planner, rung, found, there)))


def _for_memory(planner: Planner, rung: Rung, found: RungPlan, there: float) -> Iterator[Change]:
    assert found.memory is not None
    settings: Mapping[str, Any] = rung.settings
    if found.batch:
        size, batches = found.batch
        setting = f"batch_size: {size}, recipe: {{accumulation: {batches}}}"
        if batches > 1:
            what = f"batches of {size} rows, {batches} to a step"
            yield Change(what, setting, found.memory, found.seconds, found.memory.high <= there)
        for what, change in _steps(rung):
            settings = with_settings(settings, change)
            yield _tried(planner, rung, settings, what, change, there)
        yield _four_bits(planner, rung, settings, there)
    base = planner.base.expected
    scale = (there - base) / max(1.0, found.memory.expected - base)
    if 0 < scale < 1:
        millions = scale * planner.model.frozen.weights / planner.model.dtype.itemsize / 1e6
        what = f"a model of at most about {millions:,.0f} million parameters"
        seconds = found.seconds.times(scale) if found.seconds else None
        yield Change(what, "", Range(base, there, there), seconds, True)


def _steps(rung: Rung) -> Iterator[tuple[str, dict[str, Any]]]:
    """What can be told the rung itself."""
    approach: Any = make_approach(rung.approach, rung.settings)
    trainer = dict(getattr(approach, "recipe", {}).get("trainer", {}))
    if hasattr(approach, "recipe") and not trainer.get("gradient_checkpointing"):
        setting = "recipe.trainer.gradient_checkpointing"
        yield "layers computed again for their gradients", {setting: True}
    named = approach.adapter if isinstance(approach.adapter, str) else next(iter(approach.adapter))
    rank = _rank(approach)
    if rank and rank > 8:
        lower = max(8, rank // 4)
        where = "rank" if isinstance(approach.adapter, str) else f"adapter.{named}.rank"
        yield f"rank {lower}", {where: lower}


def _rank(approach: Any) -> int | None:
    from tailorbird.train.adapters.base import make_adapter

    rank = getattr(make_adapter(approach.adapter), "rank", None)
    return rank and (approach.rank or rank)


def _tried(
    planner: Planner, rung: Rung, settings: Mapping[str, Any], what: str,
    change: Mapping[str, Any], there: float,
) -> Change:  # fmt: skip
    found = _estimate(planner, rung, settings)
    fits = found.memory is not None and found.memory.high <= there
    return Change(what, _said(change), found.memory, found.seconds, fits)


def _estimate(planner: Planner, rung: Rung, settings: Mapping[str, Any]) -> RungPlan:
    """Without a probe: what does not fit cannot be tried."""
    trial = Planner(planner.task, planner.machine, probe=False, imagined=True)
    return trial.rung(rung.model_copy(update={"settings": dict(settings)}))


def _four_bits(planner: Planner, rung: Rung, settings: Mapping[str, Any], there: float) -> Change:
    approach: Any = make_approach(rung.approach, settings)
    rank = _rank(approach) or 16
    with_four = {k: v for k, v in settings.items() if k != "rank"}
    with_four["adapter"] = {"qlora": {"rank": rank}}
    if rung.approach != "fine_tuned":
        with_four = {**settings, "adapter": "qlora"}
    machine = planner.machine
    where, seconds = "", True
    if machine.on_cpu:
        machine = Machine("a GPU with as much memory", machine.memory, machine.rate)
        where, seconds = ", on a GPU", False
    trial = Planner(planner.task, machine, probe=False, imagined=True)
    found = trial.rung(rung.model_copy(update={"settings": with_four}))
    fits = found.memory is not None and found.memory.high <= there
    return Change(
        f"a base of four bits{where}", f"adapter: {{qlora: {{rank: {rank}}}}}", found.memory,
        found.seconds if seconds else None, fits,
    )  # fmt: skip


def _said(change: Mapping[str, Any]) -> str:
    """As it stands in a task file."""
    import yaml

    nested = with_settings({}, change)
    return str(yaml.safe_dump(nested, default_flow_style=True, width=1000)).strip()[1:-1]


# ---- time ----------------------------------------------------------------------------------------


def for_time(plan: Plan, task: Task) -> Iterator[Change]:
    """What brings the whole ladder into `budget.minutes`, where it is expected to take longer."""
    if plan.minutes is None or plan.seconds is None or plan.seconds.expected <= 60 * plan.minutes:
        return
    budget, total = 60 * plan.minutes, plan.seconds
    trained = [r for r in plan.rungs if r.training_seconds]
    longest = max(trained, key=_training, default=None)
    if longest is not None and longest.training_seconds is not None:
        training = longest.training_seconds
        rest = total.expected - training.expected
        share = (budget - rest) / training.expected
        limit = int(share * len(task.examples("train")) * _used(task, longest.name))
        if limit >= 1:
            seconds = _less(total, training, 1 - share)
            yield Change(
                f"{longest.name} on fewer examples", f"limit: {limit}", None, seconds, True
            )
        epochs = _epochs(task, longest.name)
        if epochs > 1:
            seconds = _less(total, training, 1 - 1 / epochs)
            fits = seconds.expected <= budget
            yield Change(f"{longest.name} for one epoch", "epochs: 1", None, seconds, fits)
    slowest = max((r for r in plan.rungs if r.seconds), key=lambda r: _expected(r.seconds))
    if slowest.seconds is not None:
        seconds = _less(total, slowest.seconds, 1)
        left = " ".join(quoted("--only", r.name) for r in plan.rungs if r is not slowest)
        fits = seconds.expected <= budget
        yield Change(f"without {slowest.name}", left, None, seconds, fits)
    yield Change("more time", f"budget: {{minutes: {total.high / 60:.0f}}}", None, total, True)


def _training(rung: RungPlan) -> float:
    return _expected(rung.training_seconds)


def _expected(found: Range | None) -> float:
    return found.expected if found else 0.0


def _less(total: Range, part: Range, share: float) -> Range:
    return Range(*(t - share * p for t, p in zip(total, part)))


def _epochs(task: Task, name: str) -> int:
    (rung,) = task.only([name]).spec.rungs
    return epochs_of(make_approach(rung.approach, rung.settings), task)


def _used(task: Task, name: str) -> float:
    """The share of the training examples that the rung trains on."""
    (rung,) = task.only([name]).spec.rungs
    limit = getattr(make_approach(rung.approach, rung.settings), "limit", None)
    every = len(task.examples("train"))
    return min(1.0, limit / every) if limit else 1.0
