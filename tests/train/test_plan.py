"""Estimates before running: what they are made of, against real models and a real step."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_endpoint import FakeEndpoint

from tailorbird.errors import ModelError, TrainingError
from tailorbird.models.chat import Chat, Row
from tailorbird.models.local import load_parts
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Prices, Rung
from tailorbird.train.adapters.base import make_adapter
from tailorbird.train.forecast import Machine
from tailorbird.train.memory import Footprint, Load, Range, choose_batch, free_memory, largest
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.plan import plan
from tailorbird.train.policy import attach
from tailorbird.train.probe import probe_training
from tailorbird.train.shapes import Model
from tailorbird.train.throughput import Meter

GIB = 2.0**30
BIG = Machine("CPU, 1 threads", 64 * GIB, 1e10)


def rows(*lengths: int, learned: int = 4) -> list[Row]:
    return [Row((7,) * n, (0,) * (n - learned) + (1,) * learned) for n in lengths]


def policy_of(checkpoint: Path, adapter: str | dict[str, Any]) -> Any:
    model, tokenizer = load_parts(str(checkpoint))
    return attach(model, make_adapter(adapter), 0, tokenizer, "Answer.").train()


# ---- memory ------------------------------------------------------------------------------------


def test_ranges():
    assert Range(1, 2, 3) + Range(1, 1, 2) == (2, 3, 5)
    assert Range(1, 2, 3).times(2) == (2, 4, 6)
    assert Range(1, 2, 3).times(Range(0.5, 1, 2)) == (0.5, 2, 6)


@pytest.mark.parametrize("adapter", ["lora", "full", {"layers": {"last": 1}}, "dora"])
def test_the_meta_device_counts_what_a_real_model_has(checkpoint: Path, adapter: Any):
    real = policy_of(checkpoint, adapter)
    empty = Model.of(str(checkpoint), on_cpu=True).policy(make_adapter(adapter))
    assert Footprint.of(empty.model) == Footprint.of(real)
    counted = [Meter(m) for m in (empty.model, real)]
    assert counted[0].per_token == counted[1].per_token


@pytest.mark.parametrize(("adapter", "most"), [("lora", 1.15), ("full", 1.15)])
def test_activations_are_those_that_torch_keeps(checkpoint: Path, adapter: str, most: float):
    """Every tensor that is saved for the backward pass, counted once, against the formula."""
    policy = policy_of(checkpoint, adapter)
    batch = SFT(Layout(0, end_to_end=True)).collate([{"row": r} for r in rows(90, 70, 110)])
    own = {p.untyped_storage().data_ptr() for p in policy.parameters()}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept.setdefault(storage.data_ptr(), (storage.nbytes(), tensor))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        SFT(Layout(0, end_to_end=True)).loss(policy, batch)
    measured = sum(size for size, _ in kept.values())
    parts = Footprint.of(policy).parts(Load(270, 12))
    assert parts["activations"] <= measured * 1.02
    assert measured <= (parts["activations"] + parts["logits"]) * most


def test_states_of_the_optimiser_are_those_that_it_keeps(checkpoint: Path):
    policy = policy_of(checkpoint, "full")
    trained = [p for p in policy.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    for p in trained:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    states = [s for state in optimizer.state.values() for s in state.values()]
    kept = sum(s.numel() * s.element_size() for s in states if s.ndim)
    assert Footprint.of(policy).states == kept
    assert Footprint.of(policy, "muon").states == kept / 2


def test_only_blocks_above_the_lowest_trained_one_keep_anything(checkpoint: Path):
    assert Footprint.of(policy_of(checkpoint, {"layers": {"last": 1}})).blocks == 1
    assert Footprint.of(policy_of(checkpoint, "lora")).blocks == 2


def test_checkpointing_keeps_less(checkpoint: Path):
    policy = policy_of(checkpoint, "lora")
    whole, again = (Footprint.of(policy, checkpointing=c) for c in (False, True))
    assert again.at(Load(1000, 10)) < whole.at(Load(1000, 10))


# ---- the batch that fits -----------------------------------------------------------------------


def test_the_load_of_the_longest_rows():
    assert largest(rows(10, 30, 20), 2) == Load(50, 8)
    assert largest(rows(10, 30, 20), 2, pass_tokens=40) == Load(40, 8)
    assert largest(rows(10, 300, 20), 2, pass_tokens=40) == Load(300, 8)


def test_a_batch_is_halved_until_it_fits(checkpoint: Path, monkeypatch: pytest.MonkeyPatch):
    policy = policy_of(checkpoint, "lora")
    monkeypatch.setattr("tailorbird.train.memory.CPU_TOKENS", 10**9)  # as on a GPU: one pass
    data = rows(*[200] * 40)
    footprint = Footprint.of(policy)
    sizes = []
    for room in (64, 16, 4, 2):
        needed = footprint.at(Load(room * 200, room * 4), accumulated=True)
        size, batches = choose_batch(policy, data, 32, memory=1.5 * needed)
        assert size * batches == 32
        assert footprint.at(largest(data, size)) < 1.5 * needed
        sizes.append(size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 32
    assert sizes[-1] <= 4


def test_when_not_one_row_fits(checkpoint: Path):
    with pytest.raises(TrainingError, match="one row of 500 tokens"):
        choose_batch(policy_of(checkpoint, "lora"), rows(20, 500), 8, memory=1e6)


def test_on_a_cpu_the_batch_is_as_wanted(checkpoint: Path):
    assert choose_batch(policy_of(checkpoint, "lora"), rows(20, 500), 8) == (8, 1)
    assert free_memory() > 1e8


# ---- plans -------------------------------------------------------------------------------------


def with_rungs(task: Task, model: str | Path, *rungs: str | Rung, **changes: Any) -> Task:
    made = tuple(Rung(approach=r, name=r) if isinstance(r, str) else r for r in rungs)
    update = {"rungs": made, "model": str(model), **changes}
    return replace(task, spec=task.spec.model_copy(update=update))


def tuned(**settings: Any) -> Rung:
    return Rung(approach="fine_tuned", name="tuned", settings=settings)


def test_tokens_are_those_of_the_real_rows(label_task: Task, checkpoint: Path):
    task = with_rungs(label_task, checkpoint, "zero_shot", tuned(epochs=2, list_labels=True))
    untuned, found = plan(task, probe=False, machine=BIG).rungs
    from tailorbird.approaches._prompted import build_prompt, instructions

    chat = Chat(load_parts(str(checkpoint))[1])
    system = instructions(label_task)
    prompts = [chat.prompt(build_prompt(system, e)) for e in label_task.examples("test")]
    assert untuned.read_tokens.expected == sum(map(len, prompts))
    learned = [
        chat.row(build_prompt(system, e), str(e.target)) for e in label_task.examples("train")
    ]
    assert found.trained_tokens == 2 * sum(len(r.tokens) for r in learned)
    assert found.batch == (8, 1)


def test_what_takes_more_is_planned_with_more(answer_task: Task, checkpoint: Path):
    task = with_rungs(
        answer_task, checkpoint, "zero_shot", "few_shot", "rag", tuned(epochs=1),
        Rung(approach="fine_tuned", name="reading", settings={"retrieve": "sparse", "epochs": 4}),
    )  # fmt: skip
    made = plan(task, probe=False, machine=BIG)
    zero, few, rag, short, long = made.rungs
    assert zero.read_tokens.expected < min(few.read_tokens.expected, rag.read_tokens.expected)
    assert short.trained_tokens < long.trained_tokens
    assert short.training_seconds is not None
    assert long.training_seconds is not None
    assert 4 * short.training_seconds.expected < long.training_seconds.expected
    for rung in made.rungs:
        for found in (rung.memory, rung.seconds):
            assert found is not None
            assert 0 < found.low < found.expected < found.high
    assert made.seconds is not None
    assert made.seconds.expected == pytest.approx(sum(r.seconds.expected for r in made.rungs))
    assert made.fits


def test_sft_after_another_stage_is_both_stages(label_task: Task, checkpoint: Path):
    task = with_rungs(label_task, checkpoint, tuned(epochs=1), tuned(epochs=1, start={"epochs": 3}))
    one, two = plan(task, probe=False, machine=BIG).rungs
    assert two.trained_tokens == 4 * one.trained_tokens


def test_money_is_hours_here_and_tokens_there(
    label_task: Task, checkpoint: Path, fake_endpoint: FakeEndpoint
):
    prices = Prices(machine_hour=36.0, prompt_million=1e6, completion_million=2e6)
    budget = label_task.spec.budget.model_copy(update={"prices": prices})
    here = plan(with_rungs(label_task, checkpoint, "zero_shot", budget=budget), False, BIG).rungs[0]
    assert here.seconds is not None
    assert here.cost == pytest.approx(here.seconds.times(0.01))

    task = with_rungs(label_task, fake_endpoint.spec, "zero_shot", tuned(), budget=budget)
    there, refused = plan(task, False, BIG).rungs
    assert there.memory is None
    assert there.seconds is None
    expected = there.read_tokens.expected + 2 * there.written_tokens.expected
    assert there.cost is not None
    assert there.cost.expected == pytest.approx(expected)
    assert "endpoint" in str(refused.problem)
    assert not fake_endpoint.requests  # a plan is free


def test_unknown_prices_are_not_zero(label_task: Task, checkpoint: Path):
    made = plan(with_rungs(label_task, checkpoint, "majority", "zero_shot"), False, BIG)
    assert made.cost is None
    assert [r.cost for r in made.rungs] == [None, None]
    assert made.rungs[0].memory is None


def test_a_missing_model(label_task: Task, tmp_path: Path):
    with pytest.raises(ModelError, match="no model folder"):
        plan(with_rungs(label_task, tmp_path / "nowhere", "zero_shot"), False, BIG)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="nothing can be planned"):
        plan(with_rungs(label_task, tmp_path / "empty", "zero_shot"), False, BIG)


def test_four_bits_without_a_gpu(label_task: Task, checkpoint: Path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    (found,) = plan(with_rungs(label_task, checkpoint, tuned(adapter="qlora")), False, BIG).rungs
    assert "CUDA" in str(found.problem)


# ---- what does not fit -------------------------------------------------------------------------


def test_without_memory_changes_are_named_in_order(label_task: Task):
    small = Machine("a small GPU", 0.598e9, 1e10)  # CUDA takes most of it
    task = with_rungs(label_task, "fledgling", tuned(rank=64, batch_size=32))
    made = plan(task, probe=False, machine=small)
    (found,) = made.rungs
    assert found.problem == "does not fit in memory"
    assert not made.fits
    said = [c.what for c in found.changes]
    assert said[0].startswith("batches of")
    assert said[1:4] == [
        "layers computed again for their gradients", "rank 16", "a base of four bits",
    ]  # fmt: skip
    assert "million parameters" in said[4]
    assert [c.setting for c in found.changes[1:3]] == [
        "recipe: {trainer: {gradient_checkpointing: true}}", "rank: 16",
    ]  # fmt: skip
    memory = [c.memory.expected for c in found.changes if c.memory]
    assert memory == sorted(memory, reverse=True)
    assert found.changes[4].fits


def test_a_batch_that_does_not_fit_is_divided(label_task: Task):
    small = Machine("a small GPU", 0.62e9, 1e10)
    (found,) = plan(
        with_rungs(label_task, "fledgling", tuned(batch_size=32)), probe=False, machine=small
    ).rungs
    assert found.batch is not None
    size, batches = found.batch
    assert size * batches == 32
    assert 1 < size < 32


def test_without_time_fewer_examples_are_named(label_task: Task, checkpoint: Path):
    slow = Machine("CPU, 1 threads", 64 * GIB, 1e7)
    cheap = Rung(approach="majority", name="the most")
    task = with_rungs(label_task, checkpoint, cheap, tuned(epochs=4))
    whole = plan(task, False, slow)
    assert whole.seconds is not None
    assert not whole.changes
    minutes = whole.seconds.expected / 60 / 2
    budget = task.spec.budget.model_copy(update={"minutes": minutes})
    made = plan(with_rungs(label_task, checkpoint, *task.spec.rungs, budget=budget), False, slow)
    assert not made.fits
    fewer = next(c for c in made.changes if c.setting.startswith("limit"))
    limit = int(fewer.setting.removeprefix("limit: "))
    assert "--only 'the most'" in [c.setting for c in made.changes]  # as a shell takes it
    again = plan(
        with_rungs(label_task, checkpoint, "majority", tuned(epochs=4, limit=limit), budget=budget),
        False, slow,
    )  # fmt: skip
    assert again.seconds is not None
    assert again.seconds.expected <= 60 * minutes * 1.1
    assert fewer.seconds is not None
    assert again.seconds.expected == pytest.approx(fewer.seconds.expected, rel=0.15)


# ---- the probe ---------------------------------------------------------------------------------


def test_a_probe_replaces_guesses_by_what_was_measured(label_task: Task, checkpoint: Path):
    task = with_rungs(label_task, checkpoint, tuned(limit=24, epochs=1))
    (guessed,), (probed,) = (plan(task, p, BIG).rungs for p in (False, True))
    assert probed.probed
    assert not guessed.probed
    assert probed.notes == ()
    for found in (probed, guessed):
        assert found.memory is not None
        assert found.seconds is not None
    width = [f.seconds.high / f.seconds.low for f in (probed, guessed) if f.seconds]
    assert width[0] < width[1]
    assert probed.memory is not None
    assert probed.memory.expected > 1e8  # the libraries alone take more
    assert probed.trained_tokens == guessed.trained_tokens


def test_a_probe_that_cannot_run_says_so(tmp_path: Path, checkpoint: Path):
    said = probe_training(str(tmp_path), {"lora": {}}, rows(9), rows(9), {}, 500)
    assert isinstance(said, str)
    assert "tokenizer" in said
    assert probe_training(str(checkpoint), {}, rows(9), rows(9), {}, 0.01) == "not ended after 0 s"
