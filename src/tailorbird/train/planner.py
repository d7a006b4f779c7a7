"""Estimates of memory, time, tokens and money of one rung.

Memory is computed by the formulas of `train/memory.py`, time from the useful floating-point
operations (as `train/throughput.py` counts them) over the rate of a large matrix product on this
machine, times the share of it that such work has been seen to reach. A probe replaces those shares,
and what the formulas miss, by what a few real steps took here.
"""

import math
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

from tailorbird.approaches.base import make_approach
from tailorbird.errors import ModelError
from tailorbird.evaluate.run import ENOUGH_PROBES, PROBE_SECONDS, PROBES
from tailorbird.models.files import is_endpoint
from tailorbird.registry import module
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Prices, Rung
from tailorbird.train.forecast import NOTHING, Machine, RungPlan
from tailorbird.train.memory import (
    CAUTION,
    ROOM,
    Footprint,
    Load,
    Range,
    fitting,
    largest,
)
from tailorbird.train.passes import CPU_TOKENS
from tailorbird.train.probe import STEPS, Trained, probe_answering, probe_training
from tailorbird.train.shapes import Model, Policy
from tailorbird.train.workload import (
    UNSURE,
    Answering,
    Training,
    answering,
    shared_tokens,
    stages,
)

MIB = 2.0**20
_LIBRARIES = Range(450 * MIB, 540 * MIB, 720 * MIB)
"""A process that has loaded torch, transformers, peft and a task, on a CPU; on a GPU they take none
of its memory, but for half a gigabyte that CUDA keeps for itself."""
_CUDA = Range(300 * MIB, 500 * MIB, 800 * MIB)
_TRAINING = Range(0.15, 0.35, 0.7)
"""Share of the rate of matrix products that training reaches."""
_READING = Range(0.1, 0.3, 0.6)
_WRITING = Range(0.01, 0.05, 0.2)
"""Token by token, the rows of a batch are too few to keep a machine busy."""
_MISSED = Range(0.9, 1.1, CAUTION)
"""What is not weights, over what the formulas say: without a probe, and with one."""
_PROBED = Range(0.9, 1.0, 1.15)
_TIME = Range(0.75, 1.0, 1.35)
"""Seconds over those that a probe foretells: other work on the machine comes and goes."""
_TASK = Range(0, 30 * MIB, 100 * MIB)
"""The task itself, which a probe does not hold."""
_ROWS = 32
"""Rows that are written at once (`models.decoding.Decoder`)."""
_READ_TOKENS = 512
_PROBE_PROMPTS = 16
_PROBE_S = 600.0
"""Seconds after which a probe is given up."""
_NO_MODEL = Range(0.5, 3.0, 30.0)
"""Seconds of rungs without a language model: they read, count and fit a few thousand numbers."""
_ENCODER = 2 * 10.65e6
"""Operations per token of MiniLM: two per weight outside the table of embeddings."""
_ENCODER_READS = 256
"""Tokens of a text; the rest is cut off."""
_ENCODING = Range(0.2, 0.5, 1.0)
"""Share of the rate of matrix products that it reaches."""
_MEANINGS = ("dense", "hybrid", "cases", "trained")
"""Kinds of search that embed texts."""


class Planner:
    """Estimates of one task's rungs on one machine."""

    def __init__(self, task: Task, machine: Machine, probe: bool, imagined: bool = False) -> None:
        self.task, self.machine, self.probe, self.imagined = task, machine, probe, imagined
        self.shares: dict[str, tuple[Range, Range, str]] = {}
        self.base = _LIBRARIES if machine.on_cpu else _CUDA
        self.pass_tokens = CPU_TOKENS if machine.on_cpu else None

    # ---- the model ---------------------------------------------------------------------------

    @cached_property
    def model(self) -> Model:
        """The task's model, without its weights."""
        return Model.of(self.task.spec.model, self.machine.on_cpu)

    # ---- one rung ----------------------------------------------------------------------------

    def rung(self, rung: Rung) -> RungPlan:
        """What `rung` takes."""
        approach: Any = make_approach(rung.approach, rung.settings)
        solver = module("approaches", rung.approach).SOLVER
        trains = hasattr(approach, "adapter")
        if "model" not in getattr(solver, "__dataclass_fields__", {}):
            seconds = _NO_MODEL + self._embedding(approach)
            return RungPlan(rung.name, rung.approach, seconds=seconds, cost=self._hours(seconds))
        if is_endpoint(self.task.spec.model):
            return self._at_endpoint(rung, approach, trains)
        model = self._model_of(approach)
        asked = answering(self.task, rung.approach, approach, model.chat, model.context)
        note = self._shares(model, rung.approach, approach)[2]
        found = RungPlan(
            rung.name, rung.approach,
            memory=self._answering_memory(model, asked),
            seconds=self._answering_time(model, asked) + self._embedding(approach),
            read_tokens=Range.exactly(asked.read), written_tokens=asked.written.times(asked.total),
            probed=self.probe and not note, notes=(note,) if note else (),
        )  # fmt: skip
        if trains:
            found = self._trained(found, rung, approach, model)
        assert found.seconds is not None
        return self._judged(replace(found, cost=self._hours(found.seconds)))

    def _model_of(self, approach: Any) -> Model:
        base = getattr(approach, "base", None)
        return Model.of(base, self.machine.on_cpu) if base else self.model

    def _judged(self, found: RungPlan) -> RungPlan:
        """With a problem where memory does not, or may not, suffice."""
        if found.problem or found.memory is None:
            return found
        there = ROOM * self.machine.memory
        if found.memory.expected > there:
            return replace(found, problem="does not fit in memory")
        if found.memory.high > there:
            return replace(found, notes=(*found.notes, "may not fit in memory"))
        return found

    def _embedding(self, approach: Any) -> Range:
        """Of the texts that the sentence encoder reads: four tokens to three words."""
        searched = {getattr(approach, "by", None), getattr(approach, "retrieve", None)}
        encodes = getattr(approach, "model", None) == "minilm"
        if not encodes and not searched & set(_MEANINGS):
            return NOTHING
        texts = [e.text for e in self.task.examples("test")]
        if encodes or searched & {"cases", "trained"}:
            texts += [e.text for e in self.task.examples("train")]
        if not encodes:
            texts += [d.text for d in self.task.documents]
        tokens = sum(min(_ENCODER_READS, 4 / 3 * len(text.split())) for text in texts)
        return self._seconds(tokens * _ENCODER, _ENCODING)

    def _hours(self, seconds: Range) -> Range | None:
        price = self.task.spec.budget.prices.machine_hour
        return None if price is None else seconds.times(price / 3600)

    def _at_endpoint(self, rung: Rung, approach: Any, trains: bool) -> RungPlan:
        """Tokens and money only: the time is the endpoint's own."""
        if trains:
            problem = "tuning needs a model on this machine, and this one is an endpoint"
            return RungPlan(rung.name, rung.approach, problem=problem)
        asked = answering(self.task, rung.approach, approach, None, 0)
        read = UNSURE.times(asked.read)
        written = asked.written.times(asked.total).times(UNSURE)
        limits = self.task.spec.endpoint
        waits = (
            [60 * asked.total / limits.requests_per_minute] if limits.requests_per_minute else []
        )
        if limits.tokens_per_minute:
            waits.append(60 * (read.expected + written.expected) / limits.tokens_per_minute)
        notes: tuple[str, ...] = ("tokens are counted as one in four letters",)
        if waits:
            notes += (f"its limits make it last at least {max(waits) / 60:.0f} minutes",)
        return RungPlan(
            rung.name, rung.approach, read_tokens=read, written_tokens=written,
            cost=_bill(read, written, self.task.spec.budget.prices), notes=notes,
        )  # fmt: skip

    # ---- answering ---------------------------------------------------------------------------

    def _answering_memory(self, model: Model, asked: Answering) -> Range:
        """Libraries, weights, keys and values of the rows that are written at once, and what a
        pass of reading holds: one block and the logits that are wanted."""
        own = sorted((n - asked.shared for n in asked.lengths), reverse=True)
        rows = min(_ROWS, asked.total)
        mean = sum(own) / len(own)
        longest = sum(own[:rows]) * rows / min(rows, len(own))
        writing = 0.0 if asked.tree else 1.0
        kept = Range(
            asked.shared + rows * (mean + writing * asked.written.low),
            asked.shared + longest + writing * rows * asked.written.expected,
            2 * (asked.shared + longest + writing * rows * asked.written.high),
        )
        one_pass = max(_READ_TOKENS, own[0] + asked.tree, asked.shared)
        places = _READ_TOKENS if asked.tree else rows
        working = one_pass * 2 * model.frozen.block + places * model.logits
        total = self.base + Range.exactly(model.weights) + kept.times(model.kv)
        return total + Range(0.7, 1.0, 2.0).times(working)

    def _answering_time(self, model: Model, asked: Answering) -> Range:
        """All prompts in batches; then some one at a time, to measure the latency."""
        own = sum(asked.lengths) / len(asked.lengths) - asked.shared
        read = model.forward(own + asked.tree, asked.tree or 1, asked.shared)
        wrote = Range.exactly(0) if asked.tree else asked.written.times(model.forward(1, 1))
        reading, writing, _ = self.shares[model.name]
        written = _over(wrote, self.machine.rate, writing)
        batch = self._seconds(read, reading) + written
        whole = model.forward(own + asked.shared + asked.tree, asked.tree or 1)
        alone = self._seconds(whole, reading) + written
        return batch.times(asked.total) + Range(*(_latencies(s, asked.total) for s in alone))

    def _shares(self, model: Model, name: str, approach: Any) -> tuple[Range, Range, str]:
        """Of the machine's rate that reading and writing reach, and what is to be said of them.

        A probe answers training inputs; one stands for all rungs on a model.
        """
        if model.name not in self.shares:
            self.shares[model.name] = self._probed_shares(model, name, approach)
        return self.shares[model.name]

    def _probed_shares(self, model: Model, name: str, approach: Any) -> tuple[Range, Range, str]:
        if not self.probe:
            return _READING, _WRITING, ""
        asked = answering(self.task, name, approach, model.chat, model.context, "train")
        prompts = asked.prompts[:_PROBE_PROMPTS]
        took = probe_answering(model.name, prompts, self.task.spec.outputs.max_tokens, _PROBE_S)
        if isinstance(took, str):
            return _READING, _WRITING, f"the probe of answering was {took}"
        shared = shared_tokens(prompts)
        own = (len(p) - shared for p in prompts)
        read = sum(model.forward(n, 1, shared) for n in own) + model.forward(shared, 1)
        wrote = took.written * model.forward(1, 1)
        return (
            Range(0.75, 1.0, 1.25).times(read / max(took.reading, 1e-9) / self.machine.rate),
            Range(0.75, 1.0, 1.25).times(wrote / max(took.writing, 1e-9) / self.machine.rate)
            if took.written
            else _WRITING,
            "",
        )

    def _seconds(self, flops: float, share: Range) -> Range:
        return _over(Range.exactly(flops), self.machine.rate, share)

    # ---- training ----------------------------------------------------------------------------

    def _trained(self, found: RungPlan, rung: Rung, approach: Any, model: Model) -> RungPlan:
        """`found` with what comes before answering."""
        try:
            learned = stages(self.task, rung.approach, approach, model.chat, model.config)
            for stage in () if self.imagined else learned:
                stage.adapter.loading()  # which says what is missing here
            policies = [model.policy(s.adapter) for s in learned]
        except ModelError as error:
            return replace(found, problem=str(error))
        for stage, policy in zip(learned, policies):
            found = self._with_stage(found, stage, policy, model)
        return found

    def _with_stage(
        self, found: RungPlan, stage: Training, policy: Policy, model: Model
    ) -> RungPlan:
        footprint = policy.footprint(stage)
        room = self.machine.memory - self.base.expected
        batch = fitting(footprint, stage.rows, stage.wanted, room, self.pass_tokens)
        size, batches = batch or (1, stage.wanted)
        took = self._probe(stage, size, batches, model)
        memory = self.training_memory(footprint, stage, size, took)
        seconds = self.training_time(policy, stage, took)
        load = largest(stage.rows, size, self.pass_tokens)
        notes = (*found.notes, *stage.notes)
        if isinstance(took, str):
            notes += (f"the probe was {took}",)
        return replace(
            found,
            memory=Range(*map(max, memory, found.memory or memory)),
            parts={"libraries": self.base.expected, **footprint.parts(load)},
            seconds=seconds + (found.seconds or Range.exactly(0)),
            training_seconds=seconds + (found.training_seconds or Range.exactly(0)),
            trained_tokens=found.trained_tokens + stage.tokens,
            batch=(size, batches),
            probed=isinstance(took, Trained),
            notes=notes,
        )

    def training_memory(
        self, footprint: Footprint, stage: Training, size: int, took: "Trained | str | None" = None
    ) -> Range:
        """Libraries, weights, and what is not weights at a usual and at the largest batch."""
        again = stage.wanted > size or self.pass_tokens is not None
        mean = sum(len(r.tokens) for r in stage.rows) / len(stage.rows)
        most = largest(stage.rows, size, self.pass_tokens)
        usual = min(most.tokens, max(mean, min(size * mean, self.pass_tokens or math.inf)))
        share = usual / most.tokens
        weights = Range.exactly(footprint.weights)
        low, high = (
            footprint.at(load, again) - footprint.weights
            for load in (Load(usual, share * most.learned), most)
        )
        if isinstance(took, Trained):
            measured = took.peak - took.base - footprint.weights
            base = Range.exactly(took.base) + _TASK if self.machine.on_cpu else self.base
            return base + weights + _PROBED.times(max(measured, low))
        return self.base + weights + Range(low, high, high).times(_MISSED)

    def training_time(
        self, policy: Policy, stage: Training, took: "Trained | str | None" = None
    ) -> Range:
        """Of all rows of all epochs."""
        flops = policy.flops(stage.rows) / len(stage.rows) * stage.total * stage.passes
        if isinstance(took, Trained) and took.flops:
            return _TIME.times(took.seconds * flops / took.flops)
        return self._seconds(flops, _TRAINING)

    def _probe(
        self, stage: Training, size: int, batches: int, model: Model
    ) -> "Trained | str | None":
        if not self.probe:
            return None
        longest = sorted(stage.rows, key=lambda r: -len(r.tokens))[:size]
        count = STEPS * size
        usual = list(stage.rows[:: max(1, len(stage.rows) // count)])[:count]
        recipe: dict[str, Any] = {"batch_size": size, "optimizer": stage.optimizer}
        if stage.checkpointing:
            recipe["trainer"] = {"gradient_checkpointing": True}
        return probe_training(model.name, _named(stage.adapter), longest, usual, recipe, _PROBE_S)


def _named(adapter: Any) -> dict[str, Any]:
    return {type(adapter).__module__.rpartition(".")[2]: asdict(adapter)}


def _over(flops: Range, rate: float, share: Range) -> Range:
    """Seconds: the fewest operations at the largest share of the rate, and so on."""
    return Range(
        flops.low / (rate * share.high),
        flops.expected / (rate * share.expected),
        flops.high / (rate * share.low),
    )


def _latencies(alone: float, total: int) -> float:
    """Seconds that measuring the latency takes (`evaluate.run`), at `alone` seconds an answer."""
    count = min(PROBES, max(ENOUGH_PROBES, math.ceil(PROBE_SECONDS / max(alone, 1e-9))), total)
    return count * alone


def _bill(read: Range, written: Range, prices: Prices) -> Range | None:
    if prices.prompt_million is None or prices.completion_million is None:
        return None
    return read.times(prices.prompt_million / 1e6) + written.times(prices.completion_million / 1e6)
