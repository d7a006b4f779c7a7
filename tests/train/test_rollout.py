"""Rollouts: what is drawn and how likely it is; and runs that learn from them, cut and resumed."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from train.game import Player, Stopped, play, undecided

from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import TrainingError
from tailorbird.store import read_json, read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.train.objectives.base import Layout, make_objective
from tailorbird.train.objectives.grpo import GRPO
from tailorbird.train.objectives.ppo import HEAD
from tailorbird.train.rollout import Writer, drawn_logprobs, per_token

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(undecided(tmp_path_factory.mktemp("rollout")))


# ---- drawing -----------------------------------------------------------------------------------


def asked(player: Player, samples: int = 1) -> list[Any]:
    prompts = [(e, player.parts[1].prompt(e.turns)) for e in player.material.examples]
    return [p for p in prompts for _ in range(samples)]


def test_answers_are_drawn_as_likely_as_they_are(base: str, tmp_path: Path) -> None:
    player = Player(base, tmp_path)
    written = Writer(player.parts[1], 3).write(player.policy, asked(player, 40), seed=5)
    share = sum(w.text == "left" for w in written) / len(written)
    assert share == pytest.approx(player.right(), abs=0.09)  # three standard errors of 320 draws
    warm = Writer(player.parts[1], 3, temperature=8.0).write(player.policy, asked(player, 4), 5)
    assert len({w.text for w in warm}) > len({w.text for w in written})


def test_equal_seeds_draw_equal_answers_and_leave_other_draws_alone(
    base: str, tmp_path: Path
) -> None:
    player, state = Player(base, tmp_path, dropout=0.5), torch.get_rng_state()
    player.policy.train()
    state = torch.get_rng_state()
    writer = Writer(player.parts[1], 3)
    first, again, other = (writer.write(player.policy, asked(player, 4), s) for s in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), state)
    assert player.policy.training


def test_rows_hold_the_prompt_and_all_that_was_drawn(base: str, tmp_path: Path) -> None:
    player = Player(base, tmp_path)
    chat, prompts = player.parts[1], asked(player, 2)
    for limit in (1, 3):
        for (example, ids), w in zip(
            prompts, Writer(chat, limit).write(player.policy, prompts, 0), strict=True
        ):
            assert w.example is example
            assert list(w.row.tokens[: len(ids)]) == ids
            answer = w.row.tokens[len(ids) :]
            assert w.row.learned == (0,) * len(ids) + (1,) * len(answer)
            assert w.ended == (answer[-1] in chat.ends)
            assert w.ended or len(answer) == limit
            assert w.text == chat.text(answer)


@pytest.mark.parametrize("end_to_end", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_logprobs_are_those_of_the_model(
    base: str, tmp_path: Path, end_to_end: bool, temperature: float
) -> None:
    player = Player(base, tmp_path, dropout=0.5)
    player.policy.train()
    rows = [w.row for w in Writer(player.parts[1], 3).write(player.policy, asked(player), 0)]
    found = per_token(
        player.policy, rows, Layout(player.parts[1].pad, end_to_end),
        lambda model, batch: drawn_logprobs(model, batch, temperature)[0],
    )  # fmt: skip
    player.policy.eval()
    for row, made in zip(rows, found, strict=True):
        logits = player.policy(input_ids=torch.tensor([row.tokens])).logits[0] / temperature
        places = [i for i, on in enumerate(row.learned) if on]
        expected = [logits[i - 1].log_softmax(-1)[row.tokens[i]].item() for i in places]
        assert made.tolist() == pytest.approx(expected, abs=1e-5)


# ---- which prompts -----------------------------------------------------------------------------


def test_prompts_without_room_or_mark_are_left_out_and_counted(base: str, tmp_path: Path) -> None:
    player = Player(base, tmp_path)
    objective = player.bound(GRPO(reward={"exact": 1.0}))
    lengths = [len(ids) for _, ids in asked(player)]
    player.material.context = max(lengths) + 2  # answers have three tokens
    kept = objective.rows(player.material)
    assert len(kept) == sum(n < max(lengths) for n in lengths)
    assert player.material.dropped == {"leave no room for an answer": 8 - len(kept)}
    nothing = player.bound(GRPO(reward="facts"))  # these examples name no facts
    player.material.context, player.material.dropped = 512, {}
    assert nothing.rows(player.material) == []
    assert player.material.dropped == {"answers cannot be marked": 8}
    with pytest.raises(TrainingError, match="nothing to learn"):
        player.learn(nothing)


# ---- in a task file ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "objective",
    [
        {"grpo": {"reward": {"overlap": 1, "unsupported": 0.5}, "samples": 2}},
        {"ppo": {"epochs": 2}},
    ],
    ids=["grpo", "ppo"],
)
def test_fine_tuned_goes_on_from_its_start(
    answer_task: Task, checkpoint: Path, run: Callable[..., Run], objective: Any
) -> None:
    settings = {"start": {"epochs": 1}, "objective": objective, "epochs": 1, "adapter": "full"}
    made = run(checkpoint)
    solver = make_approach("fine_tuned", settings).fit(answer_task.without_test(), made)
    assert len(solver.predict(answer_task.examples("dev")[:2])) == 2
    assert read_json(made.folder / "rows.json")["rows"] == 30
    log = read_jsonl(made.folder / "training" / "log.jsonl")
    assert {"reward", "kl", "alike"} <= log[0].keys()
    assert not any(HEAD in name for name in load_file(made.folder / "trained.safetensors"))


# ---- runs --------------------------------------------------------------------------------------


PPO = "ppo:2"


def elsewhere(
    base: str, folder: Path, fatal: int = 0, size: int = 2, launch: Sequence[str] = ()
) -> int:
    """The return code of a run in a process of its own; see game.py."""
    path = os.pathsep.join([str(HERE.parent), *sys.path])
    game = [str(HERE / "game.py"), PPO, base, str(folder), str(size), str(fatal)]
    child = subprocess.run(
        [sys.executable, *launch, *game],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, capture_output=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert child.returncode in (0, -9), child.stderr.decode()[-3000:]
    return child.returncode


@pytest.fixture(scope="module")
def whole(base: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that nobody disturbed: its folder, and what was trained."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, play(PPO, base, folder, size=2)


@pytest.mark.parametrize("settings", ["grpo", {"ppo": {"epochs": 2, "target_divergence": 0.5}}])
def test_an_interrupted_run_ends_as_if_it_had_not_been(
    base: str, tmp_path: Path, settings: Any
) -> None:
    """Also in the middle of the steps of one rollout, whose answers are then written again."""

    def player(name: str, seed: int = 0) -> Player:
        return Player(base, tmp_path / name, epochs=2, seed=seed, dropout=0.1)

    def learn(player: Player, at: int = 0) -> None:
        def stop() -> None:
            raise KeyboardInterrupt

        objective = player.bound(replace(make_objective(settings), minibatches=2))
        player.learn(Stopped(objective, at, stop), learning_rate=0.01, save_every=3)

    def weights(player: Player) -> dict[str, Any]:
        return {n: p.detach() for n, p in player.policy.named_parameters() if p.requires_grad}

    whole, other = player("whole"), player("other", seed=1)
    learn(whole)
    with pytest.raises(KeyboardInterrupt):
        learn(player("broken"), at=random.randint(12, 30))
    resumed = player("broken")
    learn(resumed)
    learn(other)
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(resumed)[name]), name
    assert not all(torch.equal(w, weights(other)[n]) for n, w in weights(whole).items())
    logs = [read_jsonl(tmp_path / n / "training/log.jsonl") for n in ("whole", "broken")]
    told = [[(r["step"], r["loss"], r.get("reward")) for r in log] for log in logs]
    assert told[0] == told[1]


def test_a_killed_process_is_taken_up(
    base: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    fatal = random.randint(2, 30)
    assert elsewhere(base, tmp_path, fatal) == -9
    resumed = play(PPO, base, tmp_path, size=2)
    assert resumed.keys() == whole[1].keys()
    for name, weight in whole[1].items():
        assert torch.equal(weight, resumed[name]), f"{name}, killed at loss {fatal}"


def test_two_processes_are_one(
    base: str, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Answers are drawn by seed and prompt, wherever; advantages are whitened over all of them."""
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    assert elsewhere(base, tmp_path, size=1, launch=launch) == 0
    two = load_file(tmp_path / "trained.safetensors")
    assert max(float((w - two[n]).abs().max()) for n, w in whole[1].items()) < 1e-4
    logs = [read_jsonl(folder / "training/log.jsonl") for folder in (whole[0], tmp_path)]
    assert [r["loss"] for r in logs[1]] == pytest.approx([r["loss"] for r in logs[0]], abs=1e-4)
