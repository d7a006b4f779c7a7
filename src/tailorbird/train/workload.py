"""What a rung has to read, write and learn, in tokens of the real data, before it runs.

Inputs of test are read to count their tokens, as a reader of the file would; nothing is answered
and nothing is marked.
"""

import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from tailorbird.approaches._prompted import Prompted, build_prompt, instructions, prompted
from tailorbird.approaches.base import Run
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prompt, Split
from tailorbird.train.memory import Range

SAMPLE = 1_000
"""Training examples whose tokens are counted; the longest ones are among them."""
ASKED = 200
"""Test inputs whose prompts are built."""
_LETTERS = 4
"""Letters of a token where no tokenizer can be asked: at an endpoint."""
UNSURE = Range(4 / 5, 1.0, 4 / 3)
"""By so much such a count may be wrong."""


@dataclass(frozen=True)
class Training:
    """One stage of training."""

    adapter: Any
    rows: Sequence[Any]
    """A part of the rows; the longest are among them."""
    total: int
    """Rows of all epochs."""
    wanted: int
    """Rows of one step."""
    optimizer: str = "adamw"
    checkpointing: bool = False
    passes: float = 1.0
    """Forward and backward passes of each row; more where a reference model reads them, too."""
    notes: tuple[str, ...] = ()

    @property
    def tokens(self) -> float:
        """Of all rows."""
        return self.total * sum(len(r.tokens) for r in self.rows) / max(1, len(self.rows))


@dataclass(frozen=True)
class Answering:
    """Answering the test inputs."""

    lengths: Sequence[int]
    """Tokens of some prompts."""
    total: int
    """Prompts."""
    shared: int
    """Tokens with which all prompts begin; they are read once."""
    written: Range
    """Tokens of an answer."""
    tree: int = 0
    """Tokens that labels take beside a prompt whose labels are scored; 0: answers are written."""
    prompts: Sequence[Sequence[int]] = ()
    """Some prompts, for a probe."""

    @property
    def read(self) -> float:
        """Tokens of all prompts, as they are paid for."""
        return self.total * sum(self.lengths) / max(1, len(self.lengths))


# ---- answering ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Room:
    """A model without weights: it only knows how much fits."""

    chat: Any
    context: int

    def room(self, prompt: Prompt, max_tokens: int) -> int | None:
        """As models have it; None where there is no tokenizer to ask."""
        if self.chat is None:
            return None
        return self.context - len(self.chat.prompt(prompt)) - max_tokens


def answering(
    task: Task, name: str, approach: Any, chat: Any, context: int, split: Split = "test"
) -> Answering:
    """What a rung reads and writes to answer `split`; without `chat`, letters are counted."""
    every = task.examples(split)
    asked = random.Random(task.spec.seed).sample(every, min(ASKED, len(every)))
    closed = task.without_test()
    with tempfile.TemporaryDirectory(prefix="tailorbird-plan-") as folder:
        run = Run(Path(folder), task.spec.model, Path(folder), task.spec.seed, quiet=True)
        solver = _solver(closed, name, approach, run)
        room: Any = _Room(chat, context)
        prompts = solver.prompts(room, asked)
    ids = [list(chat.prompt(p)) for p in prompts] if chat else []
    return Answering(
        lengths=[len(p) for p in ids] or [_letters(p) for p in prompts],
        total=len(every) + (len(task.examples("dev")) if _on_dev(approach) else 0),
        shared=shared_tokens(ids),
        written=_written(closed, chat, name in _TUNED),
        tree=_tree(task.labels, chat) if chat else 0,
        prompts=ids,
    )


def _on_dev(approach: Any) -> bool:
    """Whether dev is answered, too, for thresholds to be chosen."""
    by_search = getattr(approach, "abstain_by", "model") == "search"
    return by_search or bool(getattr(approach, "calibrate", False))


_TUNED = ("fine_tuned", "multi_task")
_FITTED = ("zero_shot", "few_shot", "rag")
"""Rungs whose fit builds their prompt and does little else."""


def _solver(task: Task, name: str, approach: Any, run: Run) -> Prompted:
    """What builds the rung's prompts; passages are searched by words, as any have that length, and
    thresholds, for which the model would have to answer, are left alone."""
    known = {f.name for f in fields(approach)}
    changes: dict[str, Any] = {
        k: "sparse" for k in known & {"by", "retrieve"} if getattr(approach, k)
    }
    if "calibrate" in known:
        changes["calibrate"] = False
    approach = replace(approach, **changes)
    if name in _FITTED:
        solver: Prompted = approach.fit(task, run)
        return solver
    if name == "fine_tuned":
        solver = approach._untuned(task, run)
        return solver
    return prompted(task, run, instructions(task, getattr(approach, "list_labels", True)))


def _written(task: Task, chat: Any, tuned: bool) -> Range:
    """Tokens of an answer: as long as the known ones, or as long as a model may go on."""
    examples = task.examples("train")
    some = random.Random(task.spec.seed).sample(examples, min(ASKED, len(examples)))
    targets = [str(e.target) for e in some]
    known = [len(chat.continuation(t)) if chat else len(t) / _LETTERS for t in targets]
    most = float(task.spec.outputs.max_tokens)
    mean = min(most, sum(known) / len(known))
    if task.spec.kind == "label" and chat:
        return Range.exactly(mean)
    return Range(0.8 * mean, mean, most) if tuned else Range(0.8 * mean, (mean + most) / 2, most)


def _tree(labels: Sequence[str], chat: Any) -> int:
    """Tokens that all labels take together: what they begin alike with is read once."""
    ids = [tuple(chat.continuation(label)) for label in labels]
    return len({i[:n] for i in ids for n in range(1, len(i))})


def shared_tokens(rows: Sequence[Sequence[int]]) -> int:
    """Tokens with which all rows begin; of one row alone none, as there is nobody to share."""
    if len(rows) < 2:
        return 0
    # In alphabetical order, all others lie between these two.
    first, last = min(map(tuple, rows)), max(map(tuple, rows))
    differ = (i for i, (a, b) in enumerate(zip(first, last)) if a != b)
    return next(differ, min(len(first), len(last)))


def _letters(prompt: Prompt) -> int:
    # Four more for the markers of every turn, as OpenAI's documentation counts them.
    return sum(round(len(m.content) / _LETTERS) + 4 for m in prompt)


# ---- training ----------------------------------------------------------------------------------


def stages(task: Task, name: str, approach: Any, chat: Any, config: Any) -> list[Training]:
    """What a rung learns from, stage by stage."""
    task = task.without_test()
    if name == "fine_tuned":
        return [_stage(task, s, approach._adapter(), chat, config) for s in approach._stages()]
    return [_supervised(task, approach, chat)]


def _stage(task: Task, stage: Any, adapter: Any, chat: Any, config: Any) -> Training:
    from tailorbird.train.objectives.base import OnPolicy, make_objective

    objective: Any = make_objective(stage.objective)
    every = _most(task.examples("train"), stage.limit)
    some = _some(every, task.spec.seed)
    part = replace(task, splits={**task.splits, "train": some})
    retrieve = "sparse" if stage.retrieve else None
    counted = replace(stage, retrieve=retrieve, limit=None, epochs=1)
    with tempfile.TemporaryDirectory(prefix="tailorbird-plan-") as folder:
        run = Run(Path(folder), task.spec.model, Path(folder), task.spec.seed, quiet=True)
        material = counted._material(part, run, _Configured(config), chat)
        on_policy = isinstance(objective, OnPolicy)
        rows = _to_write(material, task) if on_policy else objective.rows(material)
    of_examples = not (task.comparisons or task.texts) or on_policy or stage.learns == "sft"
    scale = len(every) / max(1, len(some)) if of_examples else 1.0
    recipe = dict(stage.recipe)
    trainer = dict(recipe.get("trainer", {}))
    return Training(
        adapter=adapter,
        rows=list(rows),
        total=round(len(rows) * scale * epochs_of(stage, task)),
        wanted=recipe.get("batch_size", stage.batch_size) * recipe.get("accumulation", 1),
        optimizer=recipe.get("optimizer", "adamw"),
        checkpointing=bool(trainer.get("gradient_checkpointing", False)),
        passes=1 + _asks_reference(objective) / 3,
        notes=("the time to write answers while it trains is not counted",) if on_policy else (),
    )


def _asks_reference(objective: Any) -> bool:
    return bool(getattr(objective, "uses_reference", False) or getattr(objective, "anchor", 0))


@dataclass(frozen=True)
class _Configured:
    """As much of a model as `FineTuned._material` asks for."""

    config: Any


def _to_write(material: Any, task: Task) -> list[Any]:
    """Prompts with answers of the longest kind, as an objective that writes its own has them."""
    from tailorbird.models.chat import Row

    more = task.spec.outputs.max_tokens
    asked = (ids for _, ids in material.prompts())
    return [Row((*ids, *ids[:1] * more), (0,) * len(ids) + (1,) * more) for ids in asked]


def _supervised(task: Task, approach: Any, chat: Any) -> Training:
    """Rungs that train on this task's examples in a way of their own."""
    from tailorbird.train.adapters.base import make_adapter

    every, system = task.examples("train"), instructions(task, with_labels=False)
    some = _some(every, task.spec.seed)
    named = approach.adapter
    adapter = make_adapter({named: {"rank": approach.rank}} if approach.rank else named)
    others = getattr(approach, "tasks", ())
    notes = (f"the examples of {len(others)} other tasks are not counted",) if others else ()
    return Training(
        adapter=adapter,
        rows=[chat.row(build_prompt(system, e), str(e.target)) for e in some],
        total=len(every) * epochs_of(approach, task),
        wanted=approach.batch_size,
        notes=notes,
    )


def epochs_of(approach: Any, task: Task) -> int:
    """Passes of a rung over its training data; some choose them by the number of examples."""
    suited = getattr(approach, "epochs_on", None)
    return int(suited(task) if suited else getattr(approach, "epochs", 1))


def _most(examples: Sequence[Example], limit: int | None) -> Sequence[Example]:
    """As many as training takes; which ones matters little here."""
    return examples if limit is None else examples[:limit]


def _some(examples: Sequence[Example], seed: int) -> tuple[Example, ...]:
    """A sample with the longest examples in it."""
    if len(examples) <= SAMPLE:
        return tuple(examples)
    longest = sorted(examples, key=lambda e: -len(e.text) - len(str(e.target)))[: SAMPLE // 20]
    known = {e.id for e in longest}
    rest = [e for e in examples if e.id not in known]
    drawn = random.Random(seed).sample(rest, SAMPLE - len(longest))
    return (*longest, *drawn)
