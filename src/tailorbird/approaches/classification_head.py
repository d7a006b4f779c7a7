"""A layer of classes on a transformer that is tuned with it: BERT's way, on any model."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field

from tailorbird.approaches._classifier import classes_and_answers, likeliest
from tailorbird.approaches.base import Run
from tailorbird.errors import ModelError
from tailorbird.models.base import Progress
from tailorbird.models.files import is_endpoint
from tailorbird.store import read_json, write_folder, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Usage

_BATCH_TOKENS = 4096
"""Tokens of one forward pass, padding included."""


@dataclass(frozen=True)
class Made:
    """How a model with a head was made, and is made again."""

    model: str
    adapter: str
    rank: int | None
    pooling: str
    seed: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class HeadSolver:
    """A body with a head, and the answers of its classes."""

    model: str
    """The base."""
    made: Made
    body: Any
    headed: Any
    answers: dict[str, str]

    @classmethod
    def of(cls, made: Made, answers: dict[str, str]) -> Self:
        """The body loaded, the adapter attached, and a head that knows nothing."""
        from tailorbird.models.headed import Headed, load_body

        body = load_body(made.model, made.adapter, made.rank, made.seed)
        pooling: Any = made.pooling
        if pooling == "auto":
            pooling = "last" if body.looks_back_only else "mean"
        headed = Headed(body.model, pooling, len(made.classes))
        headed.head.to(next(body.model.parameters()).device)
        return cls(made.model, made, body, headed, answers)

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The best class's answer, with the probability of every class."""
        if not examples:
            return []
        rows = [self.body.tokens(e)[0] for e in examples]
        found = likeliest(self._probabilities(rows, progress), self.made.classes, self.answers)
        return [replace(p, usage=Usage(prompt_tokens=len(r))) for p, r in zip(found, rows)]

    def _probabilities(self, rows: Sequence[Sequence[int]], progress: Progress | None) -> Any:
        """float64[N, C], computed in batches of like length."""
        import torch

        from tailorbird.models.headed import pad_right

        device = self.headed.head.weight.device
        out = np.zeros((len(rows), len(self.made.classes)))
        self.headed.eval()
        for batch in _batches([len(r) for r in rows]):
            inputs = pad_right([rows[i] for i in batch], self.body.pad)
            with torch.inference_mode():
                logits = self.headed(**{k: v.to(device) for k, v in inputs.items()})
            out[batch] = logits.double().softmax(dim=1).cpu().numpy()
            if progress:
                progress(len(batch))
        return out

    def save(self, folder: Path) -> None:
        """What was trained as safetensors, the rest as JSON."""
        from tailorbird.models.headed import save_weights

        save_weights(self.headed, folder)
        write_json(folder / "made.json", asdict(self.made))
        write_json(folder / "answers.json", self.answers)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved solver; its base is loaded from where it came from."""
        from tailorbird.models.headed import load_weights

        made = read_json(folder / "made.json")
        made["classes"] = tuple(made["classes"])
        solver = cls.of(Made(**made), read_json(folder / "answers.json"))
        load_weights(solver.headed, folder)
        return solver


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of rows, longest first, up to `_BATCH_TOKENS` a batch."""
    batches: list[list[int]] = []
    longest = 0
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if not batches or (len(batches[-1]) + 1) * longest > _BATCH_TOKENS:
            batches.append([])
            longest = lengths[i]
        batches[-1].append(i)
    return batches


@dataclass(frozen=True)
class ClassificationHead:
    """A linear layer over the hidden states of a transformer; both learn from the classes."""

    base: str | None = None
    """encoder (the packaged MiniLM), a hub id or a folder; none: the task's model."""
    adapter: str = "lora"
    """What may change of the base: lora or another file of `train/adapters`, full, or none."""
    rank: Annotated[int, Field(ge=1)] | None = None
    """Of an adapter of low rank."""
    pooling: Literal["auto", "last", "mean", "cls"] = "auto"
    """auto: the last token of causal models, the mean over the tokens of encoders."""
    class_weights: bool = False
    """Let every class count the same, however rare."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    epochs: Annotated[int, Field(ge=1)] | None = None
    """By default 3, and more where there are fewer than 400 examples."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """By default the adapter's usual one; for a frozen base 0.01."""
    batch_size: Annotated[int, Field(ge=1)] = 16

    def fit(self, task: Task, run: Run) -> HeadSolver:
        """Train head and adapter, or take up training where it was killed."""
        base = self.base or run.model
        if is_endpoint(base):
            raise ModelError(
                f"a head needs a model on this machine, and {base} is an endpoint",
                hint="name a base: encoder is the packaged one",
            )
        done = run.folder / "head"
        if done.is_dir():
            return HeadSolver.load(done)
        labels, answers = classes_and_answers(task)
        classes = tuple(sorted(set(labels)))
        made = Made(base, self.adapter, self.rank, self.pooling, run.seed, classes)
        solver = HeadSolver.of(made, answers)
        self._train(solver, task, labels, run)
        write_folder(done, solver.save)
        from tailorbird.train.engine import forget_checkpoints

        forget_checkpoints(run.folder / "training")
        return solver

    def _train(self, solver: HeadSolver, task: Task, labels: Sequence[str], run: Run) -> None:
        from tailorbird.train.engine import train
        from tailorbird.train.objectives.base import Layout
        from tailorbird.train.objectives.classify import Classify, Labelled, balanced
        from tailorbird.train.recipe import Recipe

        numbers = [solver.made.classes.index(label) for label in labels]
        tokens = [solver.body.tokens(e) for e in task.examples("train")]
        rows = [Labelled(ids, number) for (ids, _), number in zip(tokens, numbers)]
        write_json(
            run.folder / "rows.json", {"rows": len(rows), "cut": sum(cut for _, cut in tokens)}
        )
        weights = balanced(numbers, len(solver.made.classes)) if self.class_weights else ()
        objective = Classify(self.label_smoothing, weights, Layout(solver.body.pad))
        recipe = Recipe(
            learning_rate=self.learning_rate or self._usual_rate(solver.body.model),
            epochs=self.epochs_on(task), batch_size=self.batch_size, seed=run.seed,
        )  # fmt: skip
        folder = run.folder / "training"
        train(solver.headed, objective, rows, recipe, folder, run.quiet, run.watch)

    def epochs_on(self, task: Task) -> int:
        """Passes over the training data of `task`: as given, or as suits the number of examples."""
        from tailorbird.train.recipe import suited_epochs

        return self.epochs or suited_epochs(len(task.examples("train")))

    def _usual_rate(self, body: Any) -> float:
        from tailorbird.train.objectives.classify import Classify
        from tailorbird.train.policy import make_adapter
        from tailorbird.train.recipe import usual_rate

        if self.adapter == "none":
            return 1e-2
        width = body.config.get_text_config().hidden_size
        return make_adapter(self.adapter).rate * Classify.rate * usual_rate(width)


APPROACH = ClassificationHead
SOLVER = HeadSolver
