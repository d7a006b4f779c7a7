"""Any task of lm-evaluation-harness that marks its items from 0 to 1."""

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from tailorbird.errors import TaskError, nearest
from tailorbird.evaluate.capabilities.base import Ground, Item

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel


@dataclass(frozen=True, kw_only=True)
class Harness:
    """The mean mark over all items of the tasks that are named."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    """As the harness calls them, groups of tasks too."""
    include_path: str | None = None
    """A folder of task files of your own; `{data}` as in data."""
    metric: str | None = None
    """Which of a task's metrics; none: its first."""
    shots: Annotated[int, Field(ge=0)] | None = None
    """Examples shown; none: as the task says."""
    limit: Annotated[int, Field(ge=1)] | None = 200
    """Items of each task; the first ones."""
    chat: bool = False
    """Ask in the model's chat template."""
    margin: Annotated[float, Field(gt=0)] = 0.05
    unit: ClassVar[str] = "mean mark"
    higher_is_better: ClassVar[bool] = True

    @property
    def title(self) -> str:
        """The tasks."""
        return f"harness: {', '.join(self.tasks)}"

    def missing(self, ground: Ground) -> str | None:
        """Where the harness, or the folder of task files, is not there."""
        if importlib.util.find_spec("lm_eval") is None:
            return "lm-evaluation-harness is not installed: pip install 'tailorbird[harness]'"
        if self.include_path and "{data}" in self.include_path and ground.data_folder is None:
            return "no data folder was given (--data-folder)"
        folder = self._folder(ground)
        return None if folder is None or folder.is_dir() else f"{folder} is no folder"

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """Raises `TaskError` for a task or metric that is not there, or without marks of items."""
        from tailorbird.evaluate.harness import evaluate

        try:
            found = evaluate(
                lm, self.tasks, self._folder(ground), self.shots, self.limit, self.chat, ground.seed
            )
        except (KeyError, ValueError) as error:
            raise TaskError(f"{self.title}: the harness says: {error}") from error
        return [
            _item(name, sample, self._metric(name, sample, found["higher_is_better"][name]))
            for name, samples in sorted(found["samples"].items())
            for sample in sorted(samples, key=lambda s: int(s["doc_id"]))
            if sample["filter"] == samples[0]["filter"]  # others read the same answer otherwise
        ]

    def _folder(self, ground: Ground) -> Path | None:
        if self.include_path is None:
            return None
        return ground.folder / self.include_path.replace("{data}", str(ground.data_folder))

    def _metric(self, task: str, sample: Mapping[str, Any], better: Mapping[str, Any]) -> str:
        usable = [m for m in sample["metrics"] if _is_mark(sample.get(m)) and better.get(m)]
        if self.metric is None and usable:
            return str(usable[0])
        if self.metric in usable:
            return str(self.metric)
        raise TaskError(
            f"{task} marks no single items from 0 to 1 by {self.metric or 'any metric'}"
            f"{nearest(str(self.metric), usable)}"
        )


def _is_mark(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _item(task: str, sample: Mapping[str, Any], metric: str) -> Item:
    asked = json.dumps(sample["doc"], ensure_ascii=False, default=str)
    said = json.dumps(sample["filtered_resps"], ensure_ascii=False, default=str)
    return Item(f"{task}: {asked[:400]}", float(sample[metric]), said[:400])


CAPABILITY = Harness
