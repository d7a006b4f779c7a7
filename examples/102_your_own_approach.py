"""An approach of your own: rules that people wrote, put through the suite that every rung passes.

    python examples/102_your_own_approach.py

Saved as src/tailorbird/approaches/rules.py, with the last two lines of the module below, it would
be a rung called `rules` in every task file.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tailorbird.approaches.base import Run
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction
from tailorbird.testing import check_approach, small_task


@dataclass(frozen=True)
class Rulebook:
    """A solver is data: it answers, it saves, it loads."""

    rules: list[tuple[str, str]]
    otherwise: str

    def predict(self, examples: Sequence[Example], progress=None) -> list[Prediction]:
        """The label of the first phrase that stands in the message."""
        return [Prediction(self._label(e.text.lower())) for e in examples]

    def _label(self, text: str) -> str:
        return next((label for phrase, label in self.rules if phrase in text), self.otherwise)

    def save(self, folder: Path) -> None:
        """Plain JSON."""
        write_json(folder / "rules.json", {"rules": self.rules, "otherwise": self.otherwise})

    @classmethod
    def load(cls, folder: Path) -> "Rulebook":
        """What was saved."""
        return cls(**read_json(folder / "rules.json"))


@dataclass(frozen=True)
class Rules:
    """An approach is its settings; `fit` sees train and dev, never test."""

    rules: tuple[tuple[str, str], ...] = (
        ("charged", "billing"), ("invoice", "billing"), ("price", "billing"),
        ("arrive", "delivery"), ("courier", "delivery"), ("address", "delivery"),
        ("back", "returns"), ("return", "returns"), ("exchange", "returns"),
        ("open", "opening_hours"),
    )  # fmt: skip

    def fit(self, task: Task, run: Run) -> Rulebook:
        """Nothing to learn but what to say when no rule fits."""
        answers = [str(e.target) for e in task.examples("train")]
        return Rulebook(list(self.rules), max(sorted(set(answers)), key=answers.count))


APPROACH = Rules
SOLVER = Rulebook


def main() -> None:
    """Prove that the approach keeps the protocol, then see how good it is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = small_task("label", folder / "task")
        run = Run(folder / "run", model="none", cache=folder / "cache", quiet=True)

        # Answers in order, one each; no look at targets or neighbours; equal after save and load...
        check_approach(Rules(), task, run)
        print("check_approach: passed")

        solver = Rules().fit(task.without_test(), run)
        test = task.examples("test")
        marks = [task.score("label", e, p).value for e, p in zip(test, solver.predict(test))]
        print(f"right: {sum(marks):.0f} of {len(marks)}")


if __name__ == "__main__":
    main()
