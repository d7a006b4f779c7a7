"""The model as it comes: the task's goal and nothing else."""

from dataclasses import dataclass

from tailorbird.approaches._prompted import Prompted, instructions, prompted
from tailorbird.approaches.base import Run
from tailorbird.task.benchmark import Task


@dataclass(frozen=True)
class ZeroShot:
    """Instructions only."""

    instructions: str | None = None
    """Instead of the task's goal."""

    def fit(self, task: Task, run: Run) -> Prompted:
        """Nothing to learn."""
        return prompted(task, run, self.instructions or instructions(task))


APPROACH = ZeroShot
SOLVER = Prompted
