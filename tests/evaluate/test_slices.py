import json

import numpy as np

from tailorbird.evaluate.slices import worst_slices
from tailorbird.task.types import Example


def examples(n=200, grouped=False):
    rng = np.random.default_rng(0)
    return [
        Example(
            id=str(i),
            input="x" * int(rng.integers(5, 200)),
            answerable=i % 10 > 0,
            group=f"g{i // 4}" if grouped else None,
            fields={"topic": f"t{i % 8}", "channel": "mail"},
        )
        for i in range(n)
    ]


def marks(items, weak="t3", seed=1):
    rng = np.random.default_rng(seed)
    return [float(rng.random() < (0.3 if e.fields["topic"] == weak else 0.9)) for e in items]


def test_finds_the_weak_slice():
    items = examples()
    found = worst_slices(items, marks(items), seed=0)
    first = found.worst[0]
    assert (first.field, first.value) == ("topic", "t3")
    assert first.estimate.n == 25
    assert first.gap > 0.2
    assert first.p_value < 0.001
    assert "differ from the rest" in found.note
    json.dumps(found.to_json(), allow_nan=False)


def test_finds_it_among_groups_and_when_lower_is_better():
    items = examples(grouped=True)
    wrong = [1 - m for m in marks(items)]
    found = worst_slices(items, wrong, seed=0, higher_is_better=False)
    assert (found.worst[0].value, found.worst[0].p_value < 0.001) == ("t3", True)


def test_noise_is_called_leads():
    items = examples()
    alarms = 0
    for seed in range(40):
        found = worst_slices(items, marks(items, weak="none", seed=seed), seed=0)
        alarms += any(s.p_value < 0.05 for s in found.worst)
    assert alarms <= 5


def test_small_whole_and_unmarked_slices_are_not_looked_at():
    items = examples(40)
    found = worst_slices(items, marks(items), seed=0)
    assert {s.field for s in found.worst} <= {"input length", "answerable"}
    assert worst_slices(items, [None] * 40, seed=0).overall is None
    assert worst_slices([], [], seed=0).worst == ()


def test_slices_not_below_the_mean_are_left_out():
    items = examples()
    found = worst_slices(items, marks(items), seed=0, top=99)
    assert found.overall is not None
    assert all(s.estimate.value < found.overall.value for s in found.worst)
    gaps = [s.gap for s in found.worst]
    assert gaps == sorted(gaps, reverse=True)
