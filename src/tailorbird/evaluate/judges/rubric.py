"""A judge that grades one answer by a rubric."""

from collections.abc import Sequence
from dataclasses import dataclass

from tailorbird.errors import TaskError
from tailorbird.evaluate.judges.base import Choice, Item, ask, prompt
from tailorbird.models.base import LM, Progress


@dataclass(frozen=True)
class Rubric:
    """What is asked of an answer, and the grades it can get."""

    text: str
    """In plain words: `Does the answer tell all that the customer needs, and nothing false?`"""
    grades: tuple[str, ...] = ("bad", "good")
    """Worst to best. Two can be corrected for the judge's errors most exactly."""
    max_tokens: int = 160
    """For its reasons and its verdict."""

    def __post_init__(self) -> None:
        if len({g.casefold() for g in self.grades}) != len(self.grades) or len(self.grades) < 2:
            raise TaskError(
                f"a rubric has at least two different grades, found {', '.join(self.grades)}",
                hint="name them from worst to best: bad,good",
            )

    def grade(
        self, lm: LM, items: Sequence[tuple[Item, str]], progress: Progress | None = None
    ) -> list[Choice]:
        """The grade of each answer, as its place in `grades`."""
        shown = ", ".join(self.grades)
        task = f"You grade an answer.\n{self.text}\nThe grades, from worst to best: {shown}."
        prompts = [prompt(task, item, [("Answer", a)], shown) for item, a in items]
        return ask(lm, prompts, self.grades, self.max_tokens, progress)
