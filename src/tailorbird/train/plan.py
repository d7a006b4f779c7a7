"""Memory, time, tokens and money of every rung, before it runs.

`planner.py` estimates a rung, `changes.py` looks for what to change where one does not fit, and
`forecast.py` holds what comes out.
"""

from dataclasses import replace

from tailorbird.progress import progress
from tailorbird.task.benchmark import Task
from tailorbird.train.changes import for_time, with_changes
from tailorbird.train.forecast import Machine, Plan, RungPlan
from tailorbird.train.planner import Planner


def plan(
    task: Task, probe: bool = True, machine: Machine | None = None, quiet: bool = False
) -> Plan:
    """Estimate every rung of `task` on this `machine`; `probe`: run a few real steps of each.

    Raises `ModelError` when the task's model is nowhere to be found, and `TaskError` for settings
    that no rung can have.
    """
    machine = machine or Machine.here()
    planner = Planner(task, machine, probe)
    rungs: list[RungPlan] = []
    with progress("planning", len(task.spec.rungs), quiet) as tick:
        for rung in task.spec.rungs:
            found = planner.rung(rung)
            rungs.append(with_changes(planner, rung, found))
            tick(1)
    budget = task.spec.budget
    made = Plan(
        task.spec.name, task.spec.model, budget.prices.currency, machine, tuple(rungs),
        budget.minutes,
    )  # fmt: skip
    return replace(made, changes=tuple(for_time(made, task)))
