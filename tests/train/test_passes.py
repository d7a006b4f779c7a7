"""A batch in several passes teaches what it teaches in one."""

from pathlib import Path
from typing import Any

import pytest
from train.killed import policy_and_rows

from tailorbird.store import read_jsonl
from tailorbird.testing import tiny_checkpoint
from tailorbird.train import engine
from tailorbird.train.engine import train
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.passes import Passes
from tailorbird.train.recipe import Recipe


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = ["what colour is it? blue, green, red and yellow, black"] * 3
    return tiny_checkpoint(tmp_path_factory.mktemp("passes") / "model", texts)


def batch_of(base: Path) -> list[dict[str, Any]]:
    return [{"row": row} for row in policy_and_rows(str(base))[1]]


def test_every_row_is_in_one_pass_and_none_is_overfull(base: Path) -> None:
    rows = batch_of(base)
    longest = max(len(r["row"].tokens) for r in rows)
    parts = Passes(SFT(Layout(end_to_end=True)), longest)(rows)
    lengths = [part["row_lengths"].tolist() for part in parts]
    assert len(parts) > 1
    assert sorted(n for part in lengths for n in part) == sorted(len(r["row"].tokens) for r in rows)
    assert all(sum(part) <= longest for part in lengths)


def test_a_longer_row_is_a_pass_of_its_own(base: Path) -> None:
    rows = batch_of(base)
    assert len(Passes(SFT(), 1)(rows)) == len(rows)


def test_without_a_limit_it_is_one(base: Path) -> None:
    (whole,) = Passes(SFT(), None)(batch_of(base))
    assert len(whole["input_ids"]) == len(batch_of(base))


@pytest.mark.parametrize("end_to_end", [False, True])
def test_training_takes_the_same_steps(
    base: Path, tmp_path: Path, end_to_end: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = Recipe(batch_size=6, epochs=3, warmup_steps=0, learning_rate=1e-2)
    found = {}
    for tokens in (1, 10_000):
        monkeypatch.setattr(engine, "CPU_TOKENS", tokens)
        policy, rows, pad = policy_and_rows(str(base))
        for module in policy.modules():
            if hasattr(module, "p"):
                module.p = 0.0  # every pass would draw its own
        folder = tmp_path / str(tokens)
        report = train(policy, SFT(Layout(pad, end_to_end)), rows, how, folder, quiet=True)
        found[tokens] = [row["loss"] for row in read_jsonl(folder / "log.jsonl")]
        assert report.steps == 6
    assert found[1] == pytest.approx(found[10_000], abs=1e-5)
