"""What a rung has to learn from: examples, comparisons and raw texts as token rows."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from tailorbird.data.texts import load_texts
from tailorbird.errors import TaskError
from tailorbird.models.chat import Chat, Row
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Texts
from tailorbird.task.types import Comparison, Example, Prompt
from tailorbird.train.reading import Shown, as_given


@dataclass
class Material:
    """A task as one rung sees it; objectives make their rows of it."""

    task: Task
    chat: Chat
    examples: Sequence[Example]
    """Those to train on."""
    ask: Callable[[Example, Shown | None], Prompt]
    """The prompt of an example; of one that is drawn for reading, with its passages."""
    context: int
    """Longer rows are dropped, and counted."""
    epochs: int = 1
    seed: int = 0
    model: str = "fledgling"
    """The base, for objectives that ask a model."""
    folder: Path = Path()
    """The rung's own, for what is costly to make."""
    quiet: bool = False
    draw: Callable[[Sequence[Example], int, int], list[Shown]] = as_given
    """Examples once per epoch, in a new order each time, with what is shown beside each."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason -> how many rows were left out for it."""

    def drawn(self) -> list[Shown]:
        """Examples once per epoch, as they are shown; `draw` may leave some out."""
        shown = self.draw(self.examples, self.epochs, self.seed)
        self.leave_out("answer not in the passages", self.epochs * len(self.examples) - len(shown))
        return shown

    def answered(self) -> list[Row]:
        """Prompts with their gold answers; the answers are learned."""
        shown = self.drawn()
        rows = (self.chat.row(self.ask(s[0], s), str(s[0].target)) for s in shown)
        return list(self.fitting(rows))

    def prompts(self) -> list[tuple[Example, list[int]]]:
        """Examples with their prompts alone, for objectives that let the model answer."""
        asked = [(s[0], self.chat.prompt(self.ask(s[0], s))) for s in self.drawn()]
        kept = [(e, ids) for e, ids in asked if len(ids) < self.context]
        self.leave_out("longer than the context", len(asked) - len(kept))
        return kept

    def comparisons(self) -> list[Comparison]:
        """The ranked answers of the task, once per epoch, in a new order each time.

        Raises `TaskError` where there are none.
        """
        if not self.task.comparisons:
            raise TaskError(
                "this objective learns from ranked answers, and the task names none",
                hint="name a file of prompt, chosen and rejected under data.preferences",
            )
        drawn = []
        for epoch in range(self.epochs):
            rng = random.Random(f"{self.seed}-{epoch}")
            drawn += rng.sample(self.task.comparisons, len(self.task.comparisons))
        return drawn

    def compared(self, comparison: Comparison) -> tuple[Row, ...]:
        """The answers of one comparison, best first, behind its prompt."""
        prompt = self.ask(Example(comparison.id, comparison.input), None)
        return tuple(self.chat.row(prompt, answer) for answer in comparison.answers)

    def running_text(self, longest: int = 1024) -> list[Row]:
        """Raw texts, cut into rows of at most `longest` tokens, all learned, once per epoch.

        Raises `TaskError` where the task names none.
        """
        if not self.task.texts:
            raise TaskError(
                "this objective learns from raw text, and the task names none",
                hint="name files or a folder under data.texts",
            )
        rows = [row for text in self.task.texts for row in self._pieces(text, longest)]
        orders = (random.Random(f"{self.seed}-{e}") for e in range(self.epochs))
        return [row for rng in orders for row in rng.sample(rows, len(rows))]

    def general(self, source: str | None, tokens: float, longest: int = 256) -> list[Row]:
        """Rows of general text in a seeded order, with so many learned tokens; the last one is cut.

        Of the file or folder `source`, again from the start where it is used up; or of the mix that
        fledgling was trained on, which has no end. Raises `TaskError` where there is neither.
        """
        rows: list[Row] = []
        left = round(tokens)
        for row in self._read_along(source, longest):
            if left <= 0:
                break
            rows.append(_cut(row, left))
            left -= sum(row.learned)
        return rows

    def _read_along(self, source: str | None, longest: int) -> Iterator[Row]:
        rng = random.Random(self.seed)
        if source is None and self.model != "fledgling":
            raise TaskError(
                f"replay needs general text, and nothing is known of what {self.model} has read",
                hint="name a file or folder: objective: {sft: {replay: 0.2, general: FOLDER}}",
            )
        if source is None:
            from tailorbird.models.fledgling.corpus import token_rows
            from tailorbird.models.fledgling.mix import documents

            yield from token_rows(documents(self.seed, None), self.chat.tokenizer, longest)
        texts, _ = load_texts([Texts(path=str(source))], self.task.folder, self.task.data_folder)
        rows = [row for text in texts for row in self._pieces(text, longest)]
        while True:
            yield from rng.sample(rows, len(rows))

    def _pieces(self, text: str, longest: int) -> Iterator[Row]:
        length = min(longest, self.context)
        ids = [*self.chat.tokenizer(text, add_special_tokens=False).input_ids]
        ids.append(self.chat.tokenizer.eos_token_id)
        for start in range(0, len(ids), length):
            piece = tuple(ids[start : start + length])
            if len(piece) > 1:
                yield Row(piece, (1,) * len(piece))

    def fitting(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Those that fit in the context; the others are counted."""
        for row in rows:
            if len(row.tokens) <= self.context:
                yield row
            else:
                self.leave_out("longer than the context", 1)

    def leave_out(self, reason: str, number: int) -> None:
        """Count rows that are not learned from."""
        if number:
            self.dropped[reason] = self.dropped.get(reason, 0) + number


def _cut(row: Row, learned: int) -> Row:
    """The beginning of a row, up to so many learned tokens."""
    seen = list(accumulate(row.learned))
    end = next((i + 1 for i, count in enumerate(seen) if count == learned), len(seen))
    return Row(row.tokens[:end], row.learned[:end])
