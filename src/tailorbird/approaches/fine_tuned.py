"""The model tuned on the training data: any adapter, any objective, alone or reading passages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from tailorbird.approaches._abstention import phrase, require_nearness
from tailorbird.approaches._prompted import (
    Prompted,
    build_prompt,
    instructions,
    passage_index,
    prompted,
)
from tailorbird.approaches._strength import choose_strength
from tailorbird.approaches.base import Run
from tailorbird.data.split import nested_subset
from tailorbird.errors import ModelError, TaskError, nearest
from tailorbird.models.files import is_endpoint
from tailorbird.store import write_json
from tailorbird.task.benchmark import Task

Named = str | Mapping[str, Any]
"""A name, or a name with its settings: `dora`, `{dora: {rank: 8}}`."""
TRAINED = "trained.safetensors"
"""Under a stage's folder: its weights, for the stage that goes on from them."""


@dataclass(frozen=True)
class FineTuned:
    """Weights changed by `objective` within `adapter`; with `start`, after another stage.

    With `retrieve`, each training example is shown its supporting passage among distractors, with
    the facts redrawn, and some examples are shown distractors only and learn to abstain: trained
    on unchecked retrieved passages, a model learns to answer without support.
    """

    objective: Named = "sft"
    """What is learned: a file of `train/objectives`."""
    adapter: Named = "lora"
    """Which weights may change: a file of `train/adapters`."""
    start: Mapping[str, Any] | None = None
    """Settings of a stage that comes before this one and trains the same adapter."""
    retrieve: str | None = None
    """The kind of search: read passages, in training and after."""
    passages: Annotated[int, Field(ge=1)] = 3
    unanswerable: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of answerable examples that lose their supporting passage and learn to abstain."""
    abstain_by: Literal["model", "search"] = "model"
    """Who says that the documents do not tell. model: it learns that from examples without support;
    search: how near the best passage must be is chosen on dev, and the model learns to answer."""
    redraw: Annotated[float, Field(ge=0, le=1)] = 0.75
    """Share of examples whose facts are drawn anew."""
    list_labels: bool = False
    """Whether the prompt lists the labels; once tuned, the model knows them."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """By default 3, and of `sft` more where there are fewer than 400 examples."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """By default the adapter's usual one times the objective's `rate`."""
    batch_size: Annotated[int, Field(ge=1)] = 8
    rank: Annotated[int, Field(ge=1)] | None = None
    """Of an adapter of low rank that is given by its name alone; alpha is twice that."""
    limit: Annotated[int, Field(ge=1)] | None = None
    """Train on this many examples only, drawn at random; a larger number holds a smaller one."""
    calibrate: bool = False
    """Choose on dev when to abstain: how probable that must be, or how far the best passage."""
    strength: Annotated[float, Field(ge=0, le=2)] | Literal["auto"] = 1.0
    """How much of what was learned counts: 0 is the base, 1 all. auto: chosen on dev, the least
    that meets the bar."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of `train.recipe.Recipe`."""

    def __hash__(self) -> int:
        return hash(repr(self))

    # ---- fitting -----------------------------------------------------------------------------

    def fit(self, task: Task, run: Run) -> Prompted:
        """Train stage after stage, or take up training where it was killed."""
        if is_endpoint(run.model):
            raise ModelError(
                f"tuning needs a model on this machine, and {run.model} is an endpoint"
            )
        self._check_strength()
        self._check_abstaining(task)
        solver = self._untuned(task, run)
        folder = run.folder / "adapter"
        if not (folder / "tailorbird.json").is_file():
            self._tune(task, run, solver, folder)
        solver = replace(solver, adapter=folder)
        self._scale(task, run, solver, folder)
        if self.abstain_by == "search":
            return solver.calibrated(task, _SEARCH, by_search_alone=True)
        return solver.calibrated(task, "calibrate") if self.calibrate else solver

    def _untuned(self, task: Task, run: Run) -> Prompted:
        index = passage_index(task, self.retrieve, run.cache) if self.retrieve else None
        system = instructions(task, self.list_labels, with_passages=index is not None)
        solver = prompted(task, run, system)
        return replace(solver, index=index, passages=self.passages) if index else solver

    def _check_strength(self) -> None:
        """Before any time is spent on training."""
        from tailorbird.train.policy import require_scales

        if self.strength != 1:
            require_scales(self._adapter())

    def _check_abstaining(self, task: Task) -> None:
        if self.abstain_by == "search":
            require_nearness(self.retrieve, _SEARCH)
            phrase(task, _SEARCH)
        elif self.calibrate:
            phrase(task, "calibrate")

    def _scale(self, task: Task, run: Run, solver: Prompted, folder: Path) -> None:
        from tailorbird.train.policy import set_strength

        if self.strength != 1:
            chosen = self.strength
            if chosen == "auto":
                chosen = choose_strength(task, solver, run.folder, run.quiet)
            set_strength(folder, chosen)

    def _tune(self, task: Task, run: Run, solver: Prompted, folder: Path) -> None:
        from tailorbird.models.chat import Chat
        from tailorbird.models.local import load_parts
        from tailorbird.train.engine import forget_checkpoints
        from tailorbird.train.policy import attach, save_adapter
        from tailorbird.train.recipe import usual_rate

        adapter = self._adapter()
        stages = self._stages()
        model, tokenizer = load_parts(run.model, adapter)
        chat = Chat(tokenizer)
        policy = attach(model, adapter, run.seed, tokenizer, solver.system)
        width = model.config.get_text_config().hidden_size
        for number, stage in enumerate(stages, start=1):
            last = number == len(stages)
            part = run if last else replace(run, folder=run.folder / f"stage-{number}")
            stage._train(task, part, policy, chat, adapter.rate * usual_rate(width))
        save_adapter(policy, folder, run.model, chat.template_digest)
        for number in range(1, len(stages)):
            forget_checkpoints(run.folder / f"stage-{number}" / "training")
        forget_checkpoints(run.folder / "training")

    def _adapter(self) -> Any:
        from tailorbird.train.policy import make_adapter

        adapter: Any = make_adapter(self.adapter)
        if self.rank is None:
            return adapter
        if not hasattr(adapter, "rank") or not isinstance(self.adapter, str):
            raise TaskError(
                "rank goes with an adapter of low rank that is given by its name alone",
                hint="write adapter: {lora: {rank: 8, alpha: 16}} and leave rank out",
            )
        return replace(adapter, rank=self.rank)

    def _stages(self) -> list[Self]:
        """This stage and those before it, first to last. What they do not say is as here."""
        if self.start is None:
            return [self]
        if {"adapter", "rank", "calibrate", "abstain_by", "strength"} & self.start.keys():
            raise TaskError(
                "start trains the same adapter as the stage after it",
                hint="give adapter, rank, strength and how to abstain once, outside of start",
            )
        from tailorbird.approaches.base import make_approach

        shared = {n: getattr(self, n) for n in _SHARED}
        earlier: Any = make_approach("fine_tuned", shared | dict(self.start))
        return [*earlier._stages(), self]

    def epochs_on(self, task: Task) -> int:
        """Passes over the training data of `task`: as given, or as suits the number of examples."""
        from tailorbird.train.recipe import suited_epochs

        if self.epochs is not None:
            return self.epochs
        known = len(task.examples("train"))
        return suited_epochs(min(known, self.limit or known)) if self.learns == "sft" else 3

    @property
    def learns(self) -> str:
        """The name of the objective."""
        return self.objective if isinstance(self.objective, str) else next(iter(self.objective), "")

    # ---- one stage ---------------------------------------------------------------------------

    def _train(self, task: Task, run: Run, policy: Any, chat: Any, usual_rate: float) -> None:
        """Train `policy` in place; a stage that was finished before is read from the disk."""
        from tailorbird.train.attention import attends_by_row
        from tailorbird.train.engine import load_trained, save_trained, train
        from tailorbird.train.memory import choose_batch
        from tailorbird.train.objectives.base import Layout, OnPolicy, make_objective
        from tailorbird.train.objectives.sft import SFT
        from tailorbird.train.recipe import Recipe
        from tailorbird.train.reference import with_reference

        done = run.folder / TRAINED
        if done.is_file():
            load_trained(policy, done)
            return
        folder = run.folder / "training"
        material = self._material(task, run, policy, chat)
        objective: Any = make_objective(self.objective)
        objective = replace(objective, layout=Layout(chat.pad, attends_by_row(policy)))
        if isinstance(objective, OnPolicy):
            objective = objective.bound(material, policy)
        elif isinstance(objective, SFT):
            objective = objective.anchored_at(policy)
        rows: Sequence[Any] = objective.rows(material)
        write_json(run.folder / "rows.json", {"rows": len(rows), "dropped": material.dropped})
        if objective.uses_reference:
            rows = with_reference(policy, rows, objective.layout, folder, run.quiet)
        known = {f.name for f in fields(Recipe)}
        for name in self.recipe:
            if name not in known:
                raise TaskError(f'recipe has no field "{name}"{nearest(name, known)}')
        settings: dict[str, Any] = {
            "learning_rate": self.learning_rate or usual_rate * objective.rate,
            "batch_size": self.batch_size,
            "epochs": 1,  # every epoch is drawn anew, so one pass over `rows` is all of them
            "group_by_length": not objective.layout.end_to_end,
            "seed": run.seed,
        }
        recipe = Recipe(**(settings | dict(self.recipe)))
        if "accumulation" not in self.recipe and not isinstance(objective, OnPolicy):
            size, batches = choose_batch(
                policy, rows, recipe.batch_size, optimizer=recipe.optimizer,
                checkpointing=bool(recipe.trainer.get("gradient_checkpointing")),
            )  # fmt: skip
            recipe = replace(recipe, batch_size=size, accumulation=batches)
        train(policy, objective, rows, recipe, folder, run.quiet, run.watch)
        save_trained(policy, done)

    def _material(self, task: Task, run: Run, policy: Any, chat: Any) -> Any:
        from tailorbird.train.material import Material
        from tailorbird.train.policy import context
        from tailorbird.train.reading import Reading, as_given

        examples: Sequence[Any] = task.examples("train")
        if self.limit is not None:
            examples = nested_subset(examples, self.limit, run.seed)
        if self.abstain_by == "search":
            examples = [e for e in examples if e.answerable]
        solver = self._untuned(task, run)
        draw = as_given
        if solver.index is not None:
            taken = 0.0 if self.abstain_by == "search" else self.unanswerable
            draw = Reading(task, solver.index, self.passages, taken, self.redraw).draw
        return Material(
            task, chat, examples,
            lambda example, shown: build_prompt(
                solver.system, example, passages=shown[1] if shown else ()
            ),
            context=context(policy),
            epochs=self.epochs_on(task), seed=run.seed, model=run.model, folder=run.folder,
            quiet=run.quiet, draw=draw,
        )  # fmt: skip


_SEARCH = "abstain_by: search"
_SHARED = (
    "retrieve", "passages", "unanswerable", "redraw", "abstain_by", "list_labels", "batch_size",
    "limit",
)  # fmt: skip
"""What an earlier stage takes over where it does not say otherwise."""


APPROACH = FineTuned
SOLVER = Prompted
