"""The model tuned on the training data by LoRA, alone or reading retrieved passages."""

from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from tailorbird.approaches._prompted import (
    Prompted,
    build_prompt,
    instructions,
    passage_index,
    prompted,
)
from tailorbird.approaches.base import Run
from tailorbird.data.split import nested_subset
from tailorbird.errors import ModelError, TaskError
from tailorbird.models.files import is_endpoint
from tailorbird.task.benchmark import Task
from tailorbird.train.policy import LoRA
from tailorbird.train.reading import abstention
from tailorbird.train.recipe import Recipe


@dataclass(frozen=True)
class FineTuned:
    """Supervised LoRA.

    With `retrieve`, each training example is shown its supporting passage among distractors, with
    the facts redrawn, and some examples are shown distractors only and learn to abstain: trained
    on unchecked retrieved passages, a model learns to answer without support.
    """

    retrieve: str | None = None
    """sparse, dense, hybrid or cases: read passages, in training and after."""
    passages: Annotated[int, Field(ge=1)] = 3
    unanswerable: Annotated[float, Field(ge=0, le=1)] = 0.15
    """Share of answerable examples that lose their supporting passage and learn to abstain."""
    redraw: Annotated[float, Field(ge=0, le=1)] = 0.75
    """Share of examples whose facts are drawn anew."""
    list_labels: bool = False
    """Whether the prompt lists the labels; once tuned, the model knows them."""
    epochs: Annotated[int, Field(ge=1)] = 3
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    batch_size: Annotated[int, Field(ge=1)] = 8
    rank: Annotated[int, Field(ge=1)] = 16
    limit: Annotated[int, Field(ge=1)] | None = None
    """Train on this many examples only, drawn at random; a larger number holds a smaller one."""
    calibrate: bool = False
    """Choose on dev from which probability on the model abstains."""

    def fit(self, task: Task, run: Run) -> Prompted:
        """Train the adapter, or take up training where it was killed."""
        if is_endpoint(run.model):
            raise ModelError(
                f"tuning needs a model on this machine, and {run.model} is an endpoint"
            )
        index = passage_index(task, self.retrieve, run.cache) if self.retrieve else None
        system = instructions(task, self.list_labels, with_passages=index is not None)
        solver = prompted(task, run, system)
        if index is not None:
            solver = replace(solver, index=index, passages=self.passages)
        adapter = run.folder / "adapter"
        if not (adapter / "tailorbird.json").is_file():
            self._train(task, run, solver)
        solver = replace(solver, adapter=adapter)
        return solver.calibrated(task, _abstention(task)) if self.calibrate else solver

    def _train(self, task: Task, run: Run, solver: Prompted) -> None:
        from tailorbird.models.chat import Chat
        from tailorbird.models.local import load_parts
        from tailorbird.train.attention import attends_by_row
        from tailorbird.train.engine import forget_checkpoints, train
        from tailorbird.train.objectives.sft import SFT
        from tailorbird.train.policy import attach, save_adapter
        from tailorbird.train.reading import Reading, as_given

        model, tokenizer = load_parts(run.model)
        chat = Chat(tokenizer)
        examples = task.examples("train")
        if self.limit is not None:
            examples = nested_subset(examples, self.limit, run.seed)
        if solver.index is None:
            texts = as_given(examples, self.epochs, run.seed)
        else:
            texts = Reading(task, solver.index, self.passages, self.unanswerable, self.redraw).draw(
                examples, self.epochs, run.seed
            )
        rows = []
        for example, shown in texts:
            prompt = build_prompt(solver.system, example, passages=shown)
            rows.append(chat.row(prompt, str(example.target)))
        context = int(getattr(model.config, "max_position_embeddings", 1 << 20))
        kept = [r for r in rows if len(r.tokens) <= context]
        _say_dropped(len(rows) - len(kept), len(rows), context, run)
        # Every epoch is drawn anew, so one pass over `rows` is all the epochs.
        policy = attach(model, LoRA(self.rank, 2 * self.rank), run.seed)
        end_to_end = attends_by_row(policy)
        recipe = Recipe(
            learning_rate=self.learning_rate, epochs=1, batch_size=self.batch_size,
            group_by_length=not end_to_end, seed=run.seed,
        )  # fmt: skip
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(chat.ends)
        objective = SFT(pad, end_to_end)
        train(policy, objective, kept, recipe, run.folder / "training", run.quiet)
        save_adapter(policy, run.folder / "adapter", run.model, chat.template_digest)
        forget_checkpoints(run.folder / "training")


def _abstention(task: Task) -> str:
    text = abstention(task, task.examples("train"))
    if text is None:
        raise TaskError(
            "calibrate needs a way to abstain", hint="name a phrase under outputs.abstain"
        )
    return text


def _say_dropped(dropped: int, total: int, context: int, run: Run) -> None:
    from tailorbird.store import write_json

    record = {"rows": total, "dropped_longer_than_context": dropped, "context": context}
    write_json(run.folder / "rows.json", record)


APPROACH = FineTuned
SOLVER = Prompted
