"""The only training loop: transformers.Trainer, with the loss handed to an Objective."""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from tailorbird.errors import TrainingError, nearest
from tailorbird.progress import progress
from tailorbird.store import (
    append_jsonl,
    read_json,
    read_jsonl,
    said,
    write_atomic,
    write_json,
    write_text,
)
from tailorbird.train.attention import attention_by_row
from tailorbird.train.fused_lora import fused_lora
from tailorbird.train.objectives.base import Mean, Metrics, Objective, OnPolicy
from tailorbird.train.passes import CPU_TOKENS, Passes
from tailorbird.train.recipe import Recipe
from tailorbird.train.rows import Batch
from tailorbird.train.throughput import Meter, Work, matrix_product_ceiling
from tailorbird.train.watchdogs import (
    stop_if_answers_decay,
    stop_if_diverged,
    stop_if_no_number,
)

Watch = Callable[[int, float], None]
"""Is told while training goes on how many of `PARTS` parts are over, and the mean loss of the last
one (nats per unit of weight; of an objective on its own answers, the mean reward with its sign
turned)."""
PARTS = 20


@dataclass(frozen=True)
class TrainingReport:
    """What a training run took."""

    steps: int
    examples: int
    learned_tokens: int
    """Learned tokens in the rows."""
    seconds: float
    """Wall time of the steps, resumed runs added up; loading not counted."""
    loss: float
    """Mean over the last tenth of the steps, nats per token."""
    cpu_seconds: float = 0.0
    """Processor time of the steps, all threads of this process."""
    tokens: int = 0
    """Tokens that were read, learned or not, all epochs; by this process."""
    utilisation: float | None = None
    """Useful FLOPs per second over those of a large matrix product here, of this process; None for
    models whose products cannot be counted."""

    @property
    def tokens_per_second(self) -> float:
        """Tokens per second of wall time; of this process."""
        return self.tokens / self.seconds if self.seconds else 0.0


class _Rows(Dataset[dict[str, Any]]):
    """Rows as the dataset that Trainer wants."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"row": self.rows[index]}


class _ByLength(Sampler[int]):
    """Rows of like length together, in an order that depends on the seed and the epoch alone.

    Trainer's own sampler draws on the global state of the random numbers, so that a run resumed
    in a later epoch would see other rows.
    """

    def __init__(self, rows: Sequence[Any], size: int, seed: int, epoch: Callable[[], int]) -> None:
        self.lengths = [len(row.tokens) for row in rows]
        self.size, self.seed, self.epoch = size, seed, epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch())
        order: list[int] = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            self.lengths, self.size, generator=draw
        )
        return iter(order)


class _Repeated(Sampler[int]):
    """Prompts in a seeded order, each batch as often as steps are taken on its answers."""

    def __init__(
        self, count: int, size: int, times: int, seed: int, epoch: Callable[[], int]
    ) -> None:
        self.count, self.size, self.times, self.seed, self.epoch = count, size, times, seed, epoch

    def __len__(self) -> int:
        return math.ceil(self.count / self.size) * self.size * self.times

    def __iter__(self) -> Iterator[int]:
        draw = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch())
        order = torch.randperm(self.count, generator=draw).tolist()
        while len(order) % self.size:  # the last batch is filled up from the front
            order.append(order[len(order) % self.count])
        for start in range(0, len(order), self.size):
            yield from order[start : start + self.size] * self.times


class _Engine(Trainer):
    """Trainer with an objective's sum over its weight as loss: exact under accumulation and DDP."""

    # The sum is already divided by the weight of all micro-batches of the step.
    loss_is_scaled_for_ga = True
    objective: Objective
    meter: Meter
    work: Work

    def __init__(self, objective: Objective, **kwargs: Any) -> None:
        self.objective = objective
        self.watched: dict[str, Mean] = {}
        self.answers: Sequence[Sequence[Any]] = ()
        on_policy = isinstance(objective, OnPolicy)
        on_cpu = kwargs["args"].device.type == "cpu"
        self.passes = Passes(objective, CPU_TOKENS if on_cpu else None)
        collate: Any = list if on_policy else self.passes
        super().__init__(data_collator=collate, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """Trainer's, except that grouping by length is the same in a resumed run."""
        if isinstance(self.objective, OnPolicy):
            return _Repeated(
                len(self.train_dataset), self.args.train_batch_size * self.args.world_size,  # type: ignore[arg-type]
                self.objective.steps_per_rollout, self.args.seed,
                lambda: int(self.state.epoch or 0),
            )  # fmt: skip
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        assert isinstance(self.train_dataset, _Rows)
        size = self.args.train_batch_size * self.args.gradient_accumulation_steps
        return _ByLength(
            self.train_dataset.rows, size, self.args.seed, lambda: int(self.state.epoch or 0)
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """The micro-batches of one step, and the weight of all of them on all processes."""
        batches = [b for _, b in zip(range(num_batches), epoch_iterator)]
        if isinstance(self.objective, OnPolicy):
            # One batch for Trainer, whatever it is cut into.
            batches = [self._answered(self.objective, batches)]
        parts = [part for batch in batches for part in batch]
        total = sum((self.objective.weight(b) for b in parts), torch.tensor(0)).to(device)
        return batches, self.accelerator.gather(total).sum()

    def _answered(self, objective: OnPolicy, batches: Sequence[Any]) -> list[Batch]:
        """Micro-batches of the answers to a batch of prompts; they are written once per rollout."""
        step = self.state.global_step
        if step % objective.steps_per_rollout == 0:
            prompts = [row["row"] for batch in batches for row in batch]
            self.answers, metrics = objective.rollout(self.model, prompts, step)  # type: ignore[arg-type]
            self._watch(metrics)
        rows = [{"row": row} for row in self.answers[step % objective.steps_per_rollout]]
        size = self.args.train_batch_size
        return [p for i in range(0, len(rows), size) for p in self.passes(rows[i : i + size])]

    def training_step(self, model: nn.Module, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """Trainer's, for the passes of one batch."""
        step = super().training_step
        with _rows_apart(model, self.objective):
            with self.accelerator.no_sync(model):
                losses = [step(model, part, num_items_in_batch) for part in inputs[:-1]]
            losses.append(step(model, inputs[-1], num_items_in_batch))
        return torch.stack(losses).sum()

    def floating_point_ops(self, inputs: Any) -> int:
        """Not Trainer's: the meter counts them."""
        return 0

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """This micro-batch's share of the step's mean loss."""
        assert isinstance(num_items_in_batch, Tensor)
        tokens, flops = self.meter.count(inputs)
        self.work.tokens += tokens
        self.work.flops += flops
        # accelerate casts inside the model's own forward only, which objectives may go around.
        with self.accelerator.autocast():
            total, metrics = self.objective.loss(model, inputs)
        self._watch(metrics)
        # DDP averages gradients over processes; the weight already spans them all.
        return total * self.accelerator.num_processes / num_items_in_batch.clamp(min=1)

    def _watch(self, metrics: Metrics) -> None:
        for name, mean in metrics.items():
            before = self.watched.get(name)
            self.watched[name] = (
                Mean(before.total + mean.total, before.count + mean.count) if before else mean
            )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Trainer's, with what the objective watches (on this process)."""
        logs |= {
            name: float(m.total) / max(1.0, float(m.count)) for name, m in self.watched.items()
        }
        self.watched.clear()
        super().log(logs, start_time)

    # ---- checkpoints: what is trained, whatever kind of model it is part of --------------------

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the trained weights alone; the frozen ones are where they came from."""
        if self.args.should_save:
            folder = Path(output_dir or str(self.args.output_dir))
            folder.mkdir(parents=True, exist_ok=True)
            save_trained(self.model, folder / WEIGHTS)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        load_trained(model or self.model, Path(resume_from_checkpoint) / WEIGHTS)

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        # On a full disk safetensors raises an error of its own, and torch.save a RuntimeError.
        with said("write", Path(str(self.args.output_dir)), SafetensorError, RuntimeError):
            super()._save_checkpoint(*args, **kwargs)


WEIGHTS = "trained.safetensors"
"""The weights in a checkpoint, by the name of the parameter."""


def save_trained(model: Any, file: Path) -> None:
    """Write the weights that training changes, whatever kind of model they are part of."""
    write_atomic(file, lambda path: save_file(_trained(model), path))


def load_trained(model: Any, file: Path) -> None:
    """Put what `save_trained` wrote into the weights that `model` trains.

    Raises `TrainingError` where these are others.
    """
    held, weights = load_file(file), _trained(model)
    if {n: w.shape for n, w in held.items()} != {n: w.shape for n, w in weights.items()}:
        raise TrainingError(
            f"{file} holds other weights than are trained now",
            hint="give another folder, or delete this one",
        )
    for name, weight in weights.items():
        weight.copy_(held[name])


def _trained(model: Any) -> dict[str, Tensor]:
    """The weights that training changes; a view of them, not a copy. Tied ones appear once."""
    return {n: p.data for n, p in model.named_parameters() if p.requires_grad}


class _Watch(TrainerCallback):
    """Draws progress, keeps the clock across resumes, logs losses, stops on a loss that is none."""

    def __init__(
        self, folder: Path, work: Work, tick: Callable[[int], None], watch: Watch | None,
        on_policy: bool,
    ) -> None:  # fmt: skip
        self.folder, self.work, self.tick, self.watch = folder, work, tick, watch
        self.on_policy = on_policy
        self.begun = time.monotonic(), time.process_time()
        self.losses: list[float] = []

    def clock(self) -> None:
        """Add the time since it was last looked at to the work."""
        now = time.monotonic(), time.process_time()
        self.work.seconds += now[0] - self.begun[0]
        self.work.cpu_seconds += now[1] - self.begun[1]
        self.begun = now

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.begun = time.monotonic(), time.process_time()
        self.losses = [e["loss"] for e in state.log_history if "loss" in e]
        self.tick(state.global_step)
        if state.is_world_process_zero:
            _cut_log(self.folder / "log.jsonl", state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.tick(1)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        self.losses.append(loss)
        stop_if_no_number(state.global_step, loss, logs)
        self.look(state, logs)
        if not state.is_world_process_zero:
            return
        self.clock()
        row = {
            "step": state.global_step,
            "loss": loss,
            "seconds": round(self.work.seconds, 1),
            "tokens": self.work.tokens,
            **{k: v for k, v in logs.items() if k not in ("loss", "epoch")},
        }
        append_jsonl(self.folder / "log.jsonl", [row])
        self.tell(state)

    def tell(self, state: Any) -> None:
        """Tell the watch when another part of the training is over."""
        step, steps = state.global_step, state.max_steps
        part, before = PARTS * step // steps, PARTS * (step - 1) // steps
        losses = self.losses
        if self.on_policy:
            losses = [-e["reward"] for e in state.log_history if "reward" in e]
        recent = losses[-math.ceil(steps / PARTS) :]
        if self.watch and part > before and recent:
            self.watch(part, sum(recent) / len(recent))

    def look(self, state: Any, logs: Any) -> None:
        """Stop a run that cannot come to good."""
        if not self.on_policy:  # there a loss says nothing of how well it goes
            stop_if_diverged(state.global_step, self.losses)
        elif "reward" in logs:
            stop_if_answers_decay([e for e in state.log_history if "reward" in e])

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.clock()
            write_json(self.folder / "work.json", asdict(self.work))


def _cut_log(log: Path, step: int) -> None:
    """Drop the steps that a killed run took after its last checkpoint: they are taken again."""
    kept = [row for row in read_jsonl(log) if row["step"] <= step]
    if log.is_file():
        write_text(log, "".join(json.dumps(row) + "\n" for row in kept))


def _checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that was written to its end."""
    whole = [p for p in folder.glob("checkpoint-*") if _is_json(p / "trainer_state.json")]
    newest = max(whole, key=lambda p: int(p.name.rpartition("-")[2]), default=None)
    return str(newest) if newest else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):  # Trainer writes this file last
        return False
    return True


def _work(folder: Path) -> Work:
    """What earlier, killed runs did."""
    path = folder / "work.json"
    return Work(**read_json(path)) if path.is_file() else Work()


def train(
    model: nn.Module,
    objective: Objective,
    rows: Sequence[Any],
    recipe: Recipe,
    folder: Path,
    quiet: bool = False,
    watch: Watch | None = None,
) -> TrainingReport:
    """Train `model` in place; resume from the newest checkpoint under `folder` if there is one.

    What `watch` raises ends the training.

    Checkpoints stay, until the caller has saved the result and calls `forget_checkpoints`. The
    same seed gives the same weights, interrupted or not. Raises `TrainingError` when there is
    nothing to learn or the loss stops being a number.
    """
    on_policy = isinstance(objective, OnPolicy)
    repeats = objective.steps_per_rollout if isinstance(objective, OnPolicy) else 1
    learned = 0 if on_policy else _learned_tokens(rows)
    if not (learned or (on_policy and rows)):
        raise TrainingError("there is nothing to learn: no rows, or no row has a target")
    if on_policy:
        recipe = _in_whole_rollouts(recipe, repeats)
    arguments = _arguments(recipe, folder)
    trainer = _Engine(
        objective, model=model, args=arguments, train_dataset=_Rows(rows),
        optimizers=(_optimizer(model, recipe), None),
    )  # fmt: skip
    trainer.remove_callback(PrinterCallback)
    steps = _total_steps(recipe, len(rows), arguments.world_size, repeats)
    if recipe.schedule == "decay":
        trainer.lr_scheduler = _decay(trainer, steps, recipe.warmup_steps)
    checkpoint = _checkpoint(folder)
    with progress("training", steps, quiet) as tick:
        trainer.meter, trainer.work = Meter(model), _work(folder)
        clock = _Watch(folder, trainer.work, tick, watch, on_policy)
        trainer.add_callback(clock)
        # The rollouts of an objective that has any write with the model's own attention.
        apart = nullcontext() if on_policy else _rows_apart(model, objective)
        with apart, fused_lora(model):
            trainer.train(resume_from_checkpoint=checkpoint)
    if isinstance(objective, OnPolicy):
        objective.release(model)
    clock.clock()
    dtype = torch.bfloat16 if recipe.bf16 else next(model.parameters()).dtype
    ceiling = matrix_product_ceiling(arguments.device, dtype)
    report = _report(clock, trainer.state.global_step, len(rows), learned, ceiling)
    trainer.accelerator.wait_for_everyone()
    if trainer.is_world_process_zero():
        write_json(folder / "training.json", asdict(report))
    return report


def _rows_apart(model: nn.Module, objective: Objective) -> AbstractContextManager[None]:
    """Rows laid end to end do not see each other, nor when checkpointed layers are run again."""
    return attention_by_row(model) if objective.layout.end_to_end else nullcontext()


def forget_checkpoints(folder: Path) -> None:
    """Delete what a killed run would go on from: call it when the result is on the disk."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)
    (folder / "work.json").unlink(missing_ok=True)


def _learned_tokens(rows: Sequence[Any]) -> int:
    # Packed rows on the disk are one array: summing it row by row would take minutes.
    whole = getattr(rows, "learned", None)
    return int(whole.sum()) if whole is not None else sum(sum(r.learned) for r in rows)


def _report(clock: _Watch, steps: int, rows: int, learned: int, ceiling: float) -> TrainingReport:
    tail = clock.losses[-max(1, len(clock.losses) // 10) :]
    loss = sum(tail) / max(1, len(tail))
    work = clock.work
    known = work.flops and work.seconds
    utilisation = work.flops / work.seconds / ceiling if known else None
    return TrainingReport(
        steps, rows, learned, work.seconds, loss, work.cpu_seconds, work.tokens, utilisation
    )


def _arguments(recipe: Recipe, folder: Path) -> TrainingArguments:
    schedule = "constant" if recipe.schedule == "decay" else recipe.schedule
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "learning_rate": recipe.learning_rate,
        "num_train_epochs": recipe.epochs,
        "max_steps": recipe.max_steps,
        "per_device_train_batch_size": recipe.batch_size,
        "gradient_accumulation_steps": recipe.accumulation,
        "warmup_steps": recipe.warmup_steps,
        "lr_scheduler_type": schedule,
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "save_steps": recipe.save_every,
        "save_total_limit": 1,
        "seed": recipe.seed,
        "bf16": recipe.bf16,
        "train_sampling_strategy": "group_by_length" if recipe.group_by_length else "random",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would hide that the loss is no number
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "use_cpu": not torch.cuda.is_available(),
        "dataloader_pin_memory": False,
    }
    known = {f.name for f in fields(TrainingArguments)}
    for name in recipe.trainer:
        if name not in known:
            raise TrainingError(f"transformers has no argument {name}{nearest(name, known)}")
    arguments = TrainingArguments(**(settings | dict(recipe.trainer)))
    # One GPU a process: Trainer would split a batch along its first dimension. Several GPUs are
    # used by torchrun.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def _in_whole_rollouts(recipe: Recipe, repeats: int) -> Recipe:
    """Checkpoints between rollouts only: answers that were half learned from are not kept."""
    if recipe.accumulation > 1:
        raise TrainingError(
            "accumulation is for rows that are known beforehand; the answers of a rollout are cut "
            "into parts of batch_size by themselves",
            hint="leave accumulation out, and give the prompts of a rollout as batch_size",
        )
    return replace(
        recipe,
        save_every=math.ceil(recipe.save_every / repeats) * repeats,
        # A value head is used outside of the forward pass, where the search would not find it.
        trainer={"ddp_find_unused_parameters": False} | dict(recipe.trainer),
    )


def _total_steps(recipe: Recipe, rows: int, processes: int, repeats: int) -> int:
    if recipe.max_steps > 0:
        return recipe.max_steps
    batches = math.ceil(rows / recipe.batch_size / processes) * repeats
    return math.ceil(math.ceil(batches / recipe.accumulation) * recipe.epochs)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer | None:
    """None leaves AdamW to Trainer."""
    if recipe.optimizer == "adamw":
        return None
    from tailorbird.train.muon import muon

    return muon(model, recipe.learning_rate, weight_decay=recipe.weight_decay)


def _decay(trainer: Trainer, steps: int, warmup: int) -> torch.optim.lr_scheduler.LambdaLR:
    optimizer = trainer.optimizer or trainer.create_optimizer()
    start = int(steps * 0.6)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 1.0 if step < start else max(0.0, (steps - step) / max(1, steps - start))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
