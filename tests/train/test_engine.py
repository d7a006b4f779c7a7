"""The loop is the plain loop, however it is cut into batches, processes and runs."""

import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from train.killed import Failing, policy_and_rows, recipe

from tailorbird.errors import TrainingError
from tailorbird.models.chat import Row
from tailorbird.models.local import load_parts
from tailorbird.store import read_json, read_jsonl
from tailorbird.testing import tiny_checkpoint
from tailorbird.train.engine import TrainingReport, forget_checkpoints, train
from tailorbird.train.objectives.base import END_TO_END, PADDED, Layout
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.policy import LoRA
from tailorbird.train.recipe import Recipe

HERE = Path(__file__).parent
TEXTS = ["what colour is it? blue, green, red and yellow, black"] * 3
Weights = dict[str, Tensor]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("engine") / "model", TEXTS)


@pytest.fixture
def no_dropout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("train.killed.LORA", LoRA(rank=4, alpha=8))


laid_out = pytest.mark.parametrize("layout", [PADDED, END_TO_END], ids=["padded", "end_to_end"])


def weights(policy: nn.Module) -> Weights:
    return {n: p.detach().clone() for n, p in policy.named_parameters() if p.requires_grad}


def trained(
    base: Path, folder: Path, how: Recipe, objective: Any = None, count: int = 12
) -> tuple[Weights, TrainingReport]:
    policy, rows, pad = policy_and_rows(str(base), count)
    report = train(policy, objective or SFT(Layout(pad)), rows, how, folder, quiet=True)
    return weights(policy), report


def interrupted(base: Path, folder: Path, how: Recipe, step: int) -> None:
    def stop(loss: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(base, folder, how, Failing(SFT(), step, stop))


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def furthest(a: Weights, b: Weights) -> float:
    return max(float((a[n] - b[n]).abs().max()) for n in a)


# ---- the loop ----------------------------------------------------------------------------------


@laid_out
@pytest.mark.usefixtures("no_dropout")
def test_is_the_loop_that_one_would_write_by_hand(
    base: Path, tmp_path: Path, layout: Layout
) -> None:
    how = Recipe(batch_size=6, epochs=4, schedule="constant", warmup_steps=0)
    ours, report = trained(base, tmp_path, how, SFT(layout), count=6)
    policy, rows, _ = policy_and_rows(str(base), 6)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=how.learning_rate, weight_decay=0.0)
    losses = []
    for _ in range(4):
        total, count = torch.tensor(0.0), 0
        for row in rows:
            logits = policy(input_ids=torch.tensor([row.tokens])).logits[0]
            learned = [i for i, on in enumerate(row.learned) if on]
            targets = torch.tensor([row.tokens[i] for i in learned])
            before = logits[[i - 1 for i in learned]]
            total = total + nn.functional.cross_entropy(before, targets, reduction="sum")
            count += len(learned)
        optimizer.zero_grad()
        (total / count).backward()
        nn.utils.clip_grad_norm_(policy.parameters(), how.max_grad_norm)
        optimizer.step()
        losses.append((total / count).item())
    logged = [row["loss"] for row in read_jsonl(tmp_path / "log.jsonl")]
    assert logged == pytest.approx(losses, abs=1e-5)
    assert furthest(ours, weights(policy)) < 1e-5
    assert (report.steps, report.examples) == (4, 6)
    assert report.loss == pytest.approx(losses[-1], abs=1e-5)


@laid_out
@pytest.mark.usefixtures("no_dropout")
@pytest.mark.parametrize("count", [32, 27])
def test_four_batches_of_four_are_one_of_sixteen(
    base: Path, tmp_path: Path, count: int, layout: Layout
) -> None:
    objective = SFT(layout)
    whole = Recipe(batch_size=16, epochs=3, warmup_steps=0)
    parts = Recipe(batch_size=4, accumulation=4, epochs=3, warmup_steps=0)
    one, first = trained(base, tmp_path / "one", whole, objective, count)
    four, second = trained(base, tmp_path / "four", parts, objective, count)
    assert furthest(one, four) < 1e-5
    assert (first.steps, second.steps) == (6, 6)
    assert first.loss == pytest.approx(second.loss, abs=1e-5)


def test_two_processes_are_one(base: Path, tmp_path: Path) -> None:
    script = [str(HERE / "two_processes.py"), str(base)]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    path = os.pathsep.join([str(HERE.parent), *sys.path])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    for name, command in (("one", script), ("two", [*launch, *script])):
        subprocess.run(
            [sys.executable, *command, str(tmp_path / name)],
            check=True, env=environment, timeout=300, capture_output=True,
        )  # fmt: skip
    one, two = (load_file(tmp_path / name / "adapter.safetensors") for name in ("one", "two"))
    assert furthest(one, two) < 1e-5
    logs = [read_jsonl(tmp_path / name / "log.jsonl") for name in ("one", "two")]
    assert [r["step"] for r in logs[1]] == [1, 2, 3, 4, 5, 6]
    assert [r["loss"] for r in logs[0]] == pytest.approx([r["loss"] for r in logs[1]], abs=1e-5)


def test_equal_seeds_give_equal_adapters(base: Path, tmp_path: Path) -> None:
    first, _ = trained(base, tmp_path / "a", recipe(seed=1))
    again, _ = trained(base, tmp_path / "b", recipe(seed=1))
    other, _ = trained(base, tmp_path / "c", recipe(seed=2))
    assert same(first, again)
    assert not same(first, other)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_learns_with_all_weights(base: Path, tmp_path: Path, optimizer: Any) -> None:
    _, rows, pad = policy_and_rows(str(base))
    model, _ = load_parts(str(base))
    how = Recipe(0.02, epochs=20, batch_size=12, warmup_steps=0, optimizer=optimizer)
    report = train(model, SFT(Layout(pad)), rows, how, tmp_path, quiet=True)
    assert report.loss < 0.8 * read_jsonl(tmp_path / "log.jsonl")[0]["loss"]


# ---- interrupted and resumed -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "how"),
    [
        (2, recipe()),  # before the first checkpoint
        (5, recipe()),
        (12, recipe()),
        (5, recipe(optimizer="muon", learning_rate=0.01)),
        (8, recipe(schedule="decay")),
        (9, recipe(accumulation=2, save_every=2)),
        (11, recipe(group_by_length=False)),
    ],
    ids=["early", "middle", "last", "muon", "decay", "accumulating", "random"],
)
def test_an_interrupted_run_ends_as_if_it_had_not_been(
    base: Path, tmp_path: Path, step: int, how: Recipe
) -> None:
    whole, _ = trained(base, tmp_path / "whole", how)
    interrupted(base, tmp_path / "broken", how, step)
    resumed, report = trained(base, tmp_path / "broken", how)
    assert same(whole, resumed)
    assert report == TrainingReport(**read_json(tmp_path / "broken" / "training.json"))
    logs = [read_jsonl(tmp_path / name / "log.jsonl") for name in ("whole", "broken")]
    assert [(r["step"], r["loss"]) for r in logs[0]] == [(r["step"], r["loss"]) for r in logs[1]]


def test_a_killed_process_is_taken_up(base: Path, tmp_path: Path) -> None:
    step = random.randint(1, 12)
    path = os.pathsep.join([str(HERE.parent), *sys.path])
    child = subprocess.run(
        [sys.executable, str(HERE / "killed.py"), str(base), str(tmp_path / "broken"), str(step)],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert child.returncode == -9, child.stderr.decode()
    whole, _ = trained(base, tmp_path / "whole", recipe())
    resumed, _ = trained(base, tmp_path / "broken", recipe())
    assert same(whole, resumed), f"killed at step {step}"


def test_a_half_written_checkpoint_is_passed_over(base: Path, tmp_path: Path) -> None:
    whole, _ = trained(base, tmp_path / "whole", recipe())
    broken = tmp_path / "broken"
    interrupted(base, broken, recipe(), 8)
    torn = Path(shutil.copytree(broken / "checkpoint-6", broken / "checkpoint-9"))
    (torn / "trainer_state.json").write_text('{"epoch": 1')
    (broken / "checkpoint-12").mkdir()
    resumed, _ = trained(base, broken, recipe())
    assert same(whole, resumed)


def test_time_adds_up_and_checkpoints_go(base: Path, tmp_path: Path) -> None:
    interrupted(base, tmp_path, recipe(), 8)
    assert [p.name for p in tmp_path.glob("checkpoint-*")] == ["checkpoint-6"]
    clock = tmp_path / "work.json"
    clock.write_text(json.dumps({"seconds": read_json(clock)["seconds"] + 1000}))
    _, report = trained(base, tmp_path, recipe())
    assert 1000 < report.seconds < 1100
    seconds = [row["seconds"] for row in read_jsonl(tmp_path / "log.jsonl")]
    assert seconds[5] < 1000 < seconds[6]
    assert list(tmp_path.glob("checkpoint-*"))  # until the adapter has been saved
    forget_checkpoints(tmp_path)
    assert not list(tmp_path.glob("checkpoint-*"))
    assert read_json(tmp_path / "training.json")["steps"] == 12


# ---- schedules and refusals --------------------------------------------------------------------


def rates(folder: Path) -> list[float]:
    return [row["learning_rate"] for row in read_jsonl(folder / "log.jsonl")]


def test_decay_is_warm_up_then_constant_then_linear(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path, recipe(schedule="decay", learning_rate=1.0, max_steps=10))
    flat, fall = [1.0] * 4, [1.0, 0.75, 0.5, 0.25]
    assert rates(tmp_path) == pytest.approx([0.5, 1.0, *flat, *fall])


@pytest.mark.parametrize(("schedule", "last"), [("linear", 0.1), ("constant", 1.0)])
def test_other_schedules(base: Path, tmp_path: Path, schedule: Any, last: float) -> None:
    trained(base, tmp_path, recipe(schedule=schedule, learning_rate=1.0, max_steps=12))
    assert rates(tmp_path)[-1] == pytest.approx(last)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_with_its_step(
    base: Path, tmp_path: Path, bad: float
) -> None:
    with pytest.raises(TrainingError, match=f"the loss became {bad} at step 7"):
        trained(base, tmp_path, recipe(), Failing(SFT(), 7, lambda loss: loss * bad))
    assert len(read_jsonl(tmp_path / "log.jsonl")) == 6


def test_nothing_to_learn_is_refused(base: Path, tmp_path: Path) -> None:
    policy, _, pad = policy_and_rows(str(base), 1)
    for rows in ([], [Row((1, 2, 3), (0, 0, 0))]):
        with pytest.raises(TrainingError, match="nothing to learn"):
            train(policy, SFT(Layout(pad)), rows, recipe(), tmp_path)


def test_rows_without_anything_to_learn_do_no_harm(base: Path, tmp_path: Path) -> None:
    policy, rows, pad = policy_and_rows(str(base), 4)
    silent = [Row(r.tokens, (0,) * len(r.tokens)) for r in rows]
    report = train(
        policy, SFT(Layout(pad)), [*silent, *rows], recipe(batch_size=1), tmp_path, quiet=True
    )
    assert math.isfinite(report.loss)
    assert report.steps == 16


def test_any_argument_of_transformers_passes_and_others_are_refused(
    base: Path, tmp_path: Path
) -> None:
    trained(base, tmp_path / "a", recipe(trainer={"adam_beta1": 0.8}))
    with pytest.raises(TrainingError, match='did you mean "adam_beta1"'):
        trained(base, tmp_path / "b", recipe(trainer={"adam_betta1": 0.8}))


@pytest.mark.parametrize(("batch_size", "steps"), [(1, 24), (2, 12), (6, 4)])
def test_a_watch_is_told_how_much_is_over(
    base: Path, tmp_path: Path, batch_size: int, steps: int
) -> None:
    told: list[tuple[int, float]] = []
    policy, rows, pad = policy_and_rows(str(base))
    how = recipe(batch_size=batch_size)
    train(
        policy, SFT(Layout(pad)), rows, how, tmp_path, True, lambda p, loss: told.append((p, loss))
    )
    parts = [part for part, _ in told]
    assert parts == sorted({20 * step // steps for step in range(1, steps + 1)} - {0})
    losses = [row["loss"] for row in read_jsonl(tmp_path / "log.jsonl")]
    assert told[-1][1] == pytest.approx(
        sum(losses[-math.ceil(steps / 20) :]) / math.ceil(steps / 20)
    )
