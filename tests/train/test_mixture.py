"""Shares, the order of rows, and the loss of each task in a mixture."""

from collections import Counter
from pathlib import Path

import pytest

from tailorbird.models.chat import Row
from tailorbird.models.local import load_parts
from tailorbird.testing import check_objective
from tailorbird.train.mixture import Mixture, TaskRow, mixed, shares
from tailorbird.train.objectives.base import END_TO_END, Layout
from tailorbird.train.objectives.sft import SFT

SIZES = {"large": 900, "small": 100}


def rows(count: int, first: int) -> list[Row]:
    return [Row((first, i + 1, 3), (0, 1, 1)) for i in range(count)]


@pytest.mark.parametrize(
    ("weights", "temperature", "large"),
    [(None, 1, 0.9), (None, 2, 0.75), (None, 1e9, 0.5), ({"large": 1.0, "small": 3.0}, 1, 0.25)],
)
def test_shares(weights: dict[str, float] | None, temperature: float, large: float) -> None:
    found = shares(SIZES, weights, temperature)
    assert found == pytest.approx({"large": large, "small": 1 - large})


def test_an_epoch_is_as_long_as_all_tasks_and_repeats_no_row_early() -> None:
    order = mixed([rows(30, 1), rows(10, 2)], [0.5, 0.5], epochs=1, seed=0)
    counts = [Counter(r.tokens for r in order if r.task == t) for t in (0, 1)]
    assert [c.total() for c in counts] == [20, 20]
    assert set(counts[0].values()) == {1}  # a part of the large one
    assert set(counts[1].values()) == {2}
    assert len(counts[1]) == 10


def test_what_one_epoch_leaves_out_comes_in_the_next() -> None:
    order = mixed([rows(30, 1), rows(10, 2)], [0.375, 0.625], epochs=2, seed=0)
    assert len({r.tokens for r in order if r.task == 0}) == 30


@pytest.mark.parametrize("seed", range(5))
def test_every_batch_holds_every_task_by_its_share(seed: int) -> None:
    order = mixed([rows(120, 1), rows(30, 2), rows(50, 3)], [0.6, 0.15, 0.25], 2, seed)
    assert len(order) == 400
    for start in range(0, 400, 20):
        counts = Counter(r.task for r in order[start : start + 20])
        assert all(abs(counts[t] - n) <= 1 for t, n in enumerate((12, 3, 5)))


def test_seeds_draw_other_orders_and_equal_seeds_the_same() -> None:
    orders = [mixed([rows(20, 1), rows(20, 2)], [0.5, 0.5], 1, seed) for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize("layout", [Layout(0), END_TO_END])
def test_a_mixture_conforms_and_is_sft_with_the_loss_of_each_task(
    checkpoint: Path, layout: Layout
) -> None:
    model, _ = load_parts(str(checkpoint))
    made = [TaskRow((1, 7, 9, 3), (0, 0, 1, 1), 0), TaskRow((2, 8, 3), (0, 1, 1), 1)]
    made += [TaskRow((5, 6, 4, 9, 3), (0, 0, 0, 1, 1), 1)]
    objective = Mixture(("mine", "other"), layout)
    check_objective(objective, made, model)
    wrapped = [{"row": row} for row in made]
    batch = objective.collate(wrapped)
    loss, watched = objective.loss(model, batch)
    plain, parts = SFT(layout), {}
    for task, name in enumerate(objective.tasks):
        own = [{"row": Row(r.tokens, r.learned)} for r in made if r.task == task]
        parts[name] = float(plain.loss(model, plain.collate(own))[0].detach())
    assert float(loss.detach()) == pytest.approx(sum(parts.values()), rel=1e-4)
    assert {k: float(m.total) for k, m in watched.items()} == pytest.approx(
        {f"loss/{name}": value for name, value in parts.items()}, rel=1e-4
    )
    assert {k: float(m.count) for k, m in watched.items()} == {"loss/mine": 2, "loss/other": 4}
