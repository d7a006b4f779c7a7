"""Labelling in the terminal: one item after the other, one line for each."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from tailorbird.errors import DataError, StoreError, nearest, plain
from tailorbird.learn.states import ANSWERABLE

if TYPE_CHECKING:
    from tailorbird.learn.queue import Queue
    from tailorbird.learn.records import Item

NUMBERED = 20
"""More labels than this are typed, not counted."""
KEYS = "= the suggestion, ? cannot tell, - skip, < the one before, . stop"


class Dialogue:
    """Asks one annotator about items, until there are none or they stop."""

    def __init__(
        self,
        queue: "Queue",
        annotator: str,
        lines: Iterator[str],
        say: Callable[[str], None],
        blind: bool = False,
    ) -> None:
        self.queue, self.annotator, self.lines, self.say = queue, annotator, lines, say
        self.blind = blind
        self.labels = queue.labels
        self.done = 0
        """Items labelled, or said to be beyond telling."""
        self.before: list[Item] = []
        """Items that were shown, so that one can go back."""

    def run(self, most: int | None = None) -> int:
        """Ask about at most `most` items; how many were answered."""
        self._introduce()
        while most is None or self.done < most:
            found = self.queue.claim(self.annotator)
            if not found:
                self.say("Nothing is left for you.")
                break
            if not self._ask(found[0]):
                break
        return self.done

    def _introduce(self) -> None:
        if self.labels and len(self.labels) <= NUMBERED:
            numbered = (f"{n} {label}" for n, label in enumerate(self.labels, start=1))
            self.say(plain("  ".join(numbered)))
        elif self.labels:
            self.say(f"{len(self.labels)} labels: type one, or as much as no other begins with")
        self.say(KEYS)

    def _ask(self, item: "Item") -> bool:
        """Show an item until there is an answer; False to stop."""
        self._show(item)
        begun = time.monotonic()
        for line in self.lines:
            word = line.strip()
            if word == ".":
                return False
            if word == "<" and self.before:
                return self._ask(self.before.pop()) and self._ask(item)
            try:
                self._record(item, word, time.monotonic() - begun)
            except (DataError, StoreError) as error:
                if error.__cause__ is not None:  # the database, not the person
                    raise
                self.say(f"  {error}")
                if isinstance(error, StoreError):  # somebody changed the item meanwhile
                    now = self.queue.item(item.id)
                    return now.state not in ANSWERABLE or self._ask(now)
            else:
                self.before.append(item)
                return True
        return False

    def _show(self, item: "Item") -> None:
        self.say(f"\n[{item.id}]")
        for turn in item.entry.example.turns:
            for line in turn.content.splitlines():
                self.say(f"  {turn.role}: {plain(line)}" if turn.role != "user" else plain(line))
        if not self.blind:
            if item.entry.suggestion is not None:
                self.say(plain(f"  suggestion: {item.entry.suggestion}"))
            self.say(plain(f"  why: {item.entry.why}"))

    def _record(self, item: "Item", word: str, seconds: float) -> None:
        if word == "-":
            self.queue.skip(item.id, self.annotator, "terminal")
            return
        label = None if word == "?" else self._label(item, word)
        took = round(seconds, 1)
        self.queue.answer(item.id, self.annotator, label, "terminal", took, round=item.round)
        self.done += 1

    def _label(self, item: "Item", word: str) -> str:
        """What was typed, as a label. Raises `DataError`."""
        if word == "<":
            raise DataError("there is none before")
        if word == "=" and not self.blind and item.entry.suggestion is not None:
            return item.entry.suggestion
        if not self.labels or word in self.labels:
            return word
        if word.isdecimal() and len(self.labels) <= NUMBERED and 0 < int(word) <= len(self.labels):
            return self.labels[int(word) - 1]
        begun = [x for x in self.labels if word and x.casefold().startswith(word.casefold())]
        if len(begun) != 1:
            several = f": {', '.join(begun[:5])} begin so" if begun else nearest(word, self.labels)
            raise DataError(f'no label is called "{word}"{several}')
        return begun[0]
