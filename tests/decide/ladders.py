"""Small ladders with known marks, for the tests of `decide`."""

from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.task.bar import Bar, Criterion
from tailorbird.task.task import Budget, Rung, TaskSpec

N = 200


def marks(right, n=N, step=1):
    """`right` of `n` marks are 1; rungs with equal `step` get the same items right."""
    order = [(i * step) % n for i in range(n)]
    return tuple(float(order[i] < right) for i in range(n))


def rung(name, right, approach=None, n=N, *, step=1, guard=None, cost=None, **more):
    scores = {} if right is None else {"label": marks(right, n, step)}
    estimates = {m: estimate_mean(v, [None] * n, 0) for m, v in scores.items()}
    if guard is not None:
        scores["unsupported"] = marks(guard, n)
        estimates["unsupported"] = estimate_mean(scores["unsupported"], [None] * n, 0)
    timings = {"latency_p95": Estimate(1.0, 0.9, 1.1, n, n, "order statistics")}
    if cost is not None:
        timings["cost_per_1000"] = Estimate(cost, cost, cost, n, n, "measured")
    return RungResult(name, approach or name, {}, None, scores, estimates, timings=timings, **more)


def results(*rungs, n=N, groups=None, openings=1):
    return Results("t", "d", groups or (None,) * n, rungs, test_openings=openings)


def spec(found, at_least=0.6, guards=(), proof="estimate", margin=0.02, primary=None):
    bar = Bar(
        primary=primary or Criterion(metric="label", at_least=at_least),
        guards=guards,
        proof=proof,
        margin=margin,
    )
    # model_construct: the ladder under test need not name approaches that exist.
    rungs = tuple(Rung(approach=r.approach, name=r.name) for r in found.rungs)
    return TaskSpec.model_construct(name="t", bar=bar, rungs=rungs, seed=0, budget=Budget())
