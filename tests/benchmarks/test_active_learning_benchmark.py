"""The simulation of labelling: its arithmetic, and a game on real intents."""

import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
sys.path.append(str(ROOT / "benchmarks"))


def test_labels_that_are_needed_lie_between_rounds():
    from active_learning import needed

    assert needed([0.5, 0.7, 0.9], 0.8, batch=10) == pytest.approx(25)
    assert needed([0.5, 0.7], 0.25, batch=10) == pytest.approx(5)
    assert needed([0.5, 0.9, 0.7], 0.9, batch=10) == pytest.approx(20)
    assert needed([0.5, 0.7], 0.8, batch=10) is None


def test_what_is_saved_is_paired():
    from active_learning import saved

    curves = {"random": [[0.4, 0.8], [0.2, 0.8]], "better": [[0.8, 0.9], [0.8, 0.9]]}
    found = saved(curves, "better", 0.8, batch=10)
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert saved(curves, "better", 0.85, batch=10) is None


def test_a_game_on_real_intents(tmp_path: Path):
    if not (DATA / "bitext_support").is_dir():
        pytest.skip(f"the data sets are not in {DATA}")
    from active_learning import Game, World, curve, world

    found = world("bitext", DATA, tmp_path)
    assert not {t for t, _ in found.pool} & {t for t, _ in found.apart}
    labels = sorted({label for _, label in found.pool})[:4]
    pool, apart = (
        [p for x in labels for p in [p for p in part if p[1] == x][:12]]
        for part in (found.pool, found.apart)
    )
    small = World(pool, apart, tmp_path)
    game = Game.drawn(small, 4, seed=0, skew=False)
    assert game == Game.drawn(small, 4, seed=0, skew=False)
    for strategy in ("random", "combined"):
        marks = curve(game, strategy, seed=0, batch=4, rounds=3)
        assert len(marks) == 3
        assert np.all((np.array(marks) >= 0) & (np.array(marks) <= 1))
        assert marks == curve(game, strategy, seed=0, batch=4, rounds=3)
