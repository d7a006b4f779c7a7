"""The best of several answers, by a reward model that learned from the task's preferences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field

from tailorbird.approaches._prompted import Prompted, build_prompt, instructions
from tailorbird.approaches.base import Approach, Run, load_solver, save_solver
from tailorbird.errors import ModelError, TaskError
from tailorbird.models.base import Progress, Sampling
from tailorbird.models.files import is_endpoint
from tailorbird.settings import from_named
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Usage

if TYPE_CHECKING:
    from tailorbird.train.reward_model import RewardModel

Named = str | Mapping[str, Any]
"""A rung: its name, or its name with its settings."""


@dataclass(frozen=True)
class BestOfSolver:
    """A writer, and a judge that chooses among what it writes."""

    writer: Prompted
    approach: str
    """The writer's."""
    judge: "RewardModel"
    base: str
    """The judge's."""
    system: str
    """What the judge was told when it learned."""
    answers: int
    temperature: float

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """The likeliest answer or one of those drawn, whichever the judge puts first."""
        rows = [self.writer.predict(examples, progress)]
        for seed in range(self.answers - 1):
            sampling = Sampling(self.writer.max_tokens, self.temperature, seed=seed)
            rows.append(self.writer.drawn(examples, sampling))
        return [self._best(e, list(each)) for e, each in zip(examples, zip(*rows, strict=True))]

    def _best(self, example: Example, written: Sequence[Prediction]) -> Prediction:
        whole = [p for p in written if p.error is None]
        if not whole:
            return written[0]
        prompt = build_prompt(self.system, example)
        rewards = self.judge.score([prompt] * len(whole), [p.text for p in whole])
        best = max(range(len(whole)), key=rewards.__getitem__)
        usage = Usage(
            sum(p.usage.prompt_tokens for p in written),
            sum(p.usage.completion_tokens for p in written),
        )
        return replace(whole[best], usage=usage)

    def save(self, folder: Path) -> None:
        """Writer and judge, each in a folder of its own."""
        save_solver(self.writer, self.approach, folder / "writer")
        self.judge.save(folder / "judge", self.base)
        about = {n: getattr(self, n) for n in _ABOUT}
        write_json(folder / "best_of.json", about)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved solver."""
        from tailorbird.train.reward_model import RewardModel

        writer: Any = load_solver(folder / "writer")
        judge = RewardModel.load(folder / "judge")
        return cls(writer=writer, judge=judge, **read_json(folder / "best_of.json"))


_ABOUT = ("approach", "base", "system", "answers", "temperature")


@dataclass(frozen=True)
class BestOf:
    """Best-of-n (Stiennon et al. 2020, arXiv:2009.01325): a reward model chooses among answers.

    What can be gained by reinforcement with the same reward shows here, before any is done.
    """

    writer: Named = "zero_shot"
    """The rung that writes; one that asks a language model."""
    answers: Annotated[int, Field(ge=2)] = 4
    """How many are written: the likeliest, and others drawn."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    judge: str | None = None
    """The base of the reward model; by default the model of the task."""
    epochs: Annotated[int, Field(ge=1)] = 1
    """Of the reward model, over the preferences."""

    def __hash__(self) -> int:
        return hash(repr(self))

    def fit(self, task: Task, run: Run) -> BestOfSolver:
        """Fit the writer, and train the reward model or take it up where it was killed."""
        base = self._judge(task, run)
        approach: Approach = from_named("approaches", self.writer, "writer", "APPROACH")
        writer = approach.fit(task, replace(run, folder=run.folder / "writer"))
        if not isinstance(writer, Prompted):
            raise TaskError(
                "best_of needs a writer that can draw several answers",
                hint="name zero_shot, few_shot, rag, prompt_search or fine_tuned",
            )
        from tailorbird.train.reward_model import learned

        system = instructions(task)
        folder = run.folder / "judge"
        judge = learned(
            task, lambda example: build_prompt(system, example), base, folder, self.epochs,
            run.seed, run.quiet,
        )  # fmt: skip
        name = self.writer if isinstance(self.writer, str) else next(iter(self.writer))
        return BestOfSolver(writer, name, judge, base, system, self.answers, self.temperature)

    def _judge(self, task: Task, run: Run) -> str:
        if task.spec.kind != "answer":
            raise TaskError(
                "best_of chooses among written answers, and this task has labels",
                hint="use kind: answer, or another rung",
            )
        if not task.comparisons:
            raise TaskError(
                "best_of learns from ranked answers what a good one is, and the task names none",
                hint="name a file of prompt, chosen and rejected under data.preferences",
            )
        base = self.judge or run.model
        if is_endpoint(base):
            raise ModelError(
                f"the reward model needs a model on this machine, and {base} is an endpoint",
                hint="name one under judge: fledgling, a hub id or a folder",
            )
        return base


APPROACH = BestOf
SOLVER = BestOfSolver
