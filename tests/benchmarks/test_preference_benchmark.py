"""The benchmark of preference learning, on a few real pairs where a checkout has them."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import preferences

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.skipif(
    not (SHARED / preferences.PATH).is_file(),
    reason="the data are not beside this checkout",
)
def test_a_small_run_on_real_pairs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    words = ["--data-folder", SHARED, "--pairs", 40, "--held-out", 12, "--longest", 160, "--quiet"]
    words += ["--out", tmp_path / "runs", "--save", tmp_path / "saved.json"]
    monkeypatch.setattr(sys, "argv", ["preferences.py", *map(str, words)])
    preferences.main()
    report = json.loads((tmp_path / "saved.json").read_text("utf-8"))
    assert report["note"].startswith("2,312 rows read, 2,303 kept, 9 dropped;")
    rows = {row["measure"]: row for row in report["rows"]}
    gain = rows["gain by DPO, training pairs"]
    assert gain["mean lead"] > 0
    assert gain["better answer ahead, %"]["value"] > 0.5
    rewarded = rows["reward model, training pairs"]
    assert rewarded["mean lead"] > 0
    assert rewarded["better answer ahead, %"]["value"] > 0.5
    held_out = rows["reward model, held-out pairs"]["better answer ahead, %"]
    assert held_out["low"] < held_out["value"] < held_out["high"]
    assert 12 <= held_out["n"] < 20
