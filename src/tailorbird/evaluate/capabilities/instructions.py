"""Following instructions: what was asked of the form of an answer, and can be checked exactly.

After the idea of IFEval (Zhou et al. 2023, arXiv:2311.07911), with instructions of our own.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from tailorbird.evaluate.capabilities.base import Ground, Item, answers

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel

Check = Callable[[str], bool]
Asked = tuple[str, Check]
"""An instruction, and whether an answer follows it."""


@dataclass(frozen=True)
class Instructions:
    """Share of answers that have the form that was asked for, whatever they say."""

    per_kind: Annotated[int, Field(ge=1, le=50)] = 10
    """Instructions of each of the twelve kinds."""
    max_tokens: Annotated[int, Field(ge=1)] = 48
    margin: Annotated[float, Field(gt=0)] = 0.05
    unit: ClassVar[str] = "share followed"
    higher_is_better: ClassVar[bool] = True
    title: ClassVar[str] = "following instructions"

    def missing(self, ground: Ground) -> str | None:
        """Nothing is needed."""
        return None

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """Instructions of one kind are not independent."""
        asked = drawn(self.per_kind, random.Random(ground.seed))
        questions = [question for _, (question, _) in asked]
        said = answers(lm, questions, self.max_tokens, self.title, ground.quiet)
        return [
            Item(question, float(bool(text) and check(text)), text, kind)
            for (kind, (question, check)), text in zip(asked, said)
        ]


def drawn(per_kind: int, rng: random.Random) -> list[tuple[str, Asked]]:
    """Kind, question and check."""
    return [
        (name, kind(rng.choice(_TOPICS), rng)) for name, kind in KINDS.items()
        for _ in range(per_kind)
    ]  # fmt: skip


_TOPICS = (
    "the sea", "a garden in spring", "an old bridge", "the moon", "a long journey", "winter",
    "a good friend", "the market", "a clock", "bread", "a river", "the library", "rain", "a horse",
    "the kitchen", "music", "a small town", "the forest", "an island", "a letter",
)  # fmt: skip
_WORDS = (
    "stone",
    "light",
    "seven",
    "quiet",
    "paper",
    "green",
    "north",
    "apple",
    "window",
    "silver",
)


def words(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def lines(text: str) -> list[str]:
    """The lines of a text that are not empty."""
    return [line for line in text.splitlines() if line.strip()]


def _one_word(topic: str, rng: random.Random) -> Asked:
    return f"What comes to mind about {topic}? Answer in one word.", lambda t: len(words(t)) == 1


def _capitals(topic: str, rng: random.Random) -> Asked:
    return f"Write a sentence about {topic} in capital letters only.", str.isupper


def _small(topic: str, rng: random.Random) -> Asked:
    return f"Write a sentence about {topic} in small letters only.", str.islower


def _first_word(topic: str, rng: random.Random) -> Asked:
    word = rng.choice(_WORDS)
    asked = f'Write a sentence about {topic} that begins with the word "{word}".'
    return asked, lambda t: words(t)[:1] == [word]


def _last_word(topic: str, rng: random.Random) -> Asked:
    word = rng.choice(_WORDS)
    asked = f'Write a sentence about {topic} that ends with the word "{word}".'
    return asked, lambda t: words(t)[-1:] == [word]


def _holds_words(topic: str, rng: random.Random) -> Asked:
    pair = rng.sample(_WORDS, 2)
    asked = f'Write a sentence about {topic}. Use the words "{pair[0]}" and "{pair[1]}".'
    return asked, lambda t: set(pair) <= set(words(t))


def _without_letter(topic: str, rng: random.Random) -> Asked:
    letter = rng.choice("bdgmpw")
    asked = f'Write a sentence about {topic} without the letter "{letter}".'
    return asked, lambda t: len(words(t)) > 1 and letter not in t.lower()


def _so_many_words(topic: str, rng: random.Random) -> Asked:
    count = rng.randint(3, 8)
    return f"Write about {topic} in exactly {count} words.", lambda t: len(words(t)) == count


def _so_many_lines(topic: str, rng: random.Random) -> Asked:
    count = rng.randint(2, 4)
    asked = f"Name {count} things that have to do with {topic}. Write each on a line of its own."
    return asked, lambda t: len(lines(t)) == count


def _thrice(topic: str, rng: random.Random) -> Asked:
    word, count = rng.choice(_WORDS), rng.randint(2, 4)
    asked = f'Write the word "{word}" {count} times, and nothing else.'
    return asked, lambda t: words(t) == [word] * count


def _quoted(topic: str, rng: random.Random) -> Asked:
    asked = f"Write a sentence about {topic}. Put all of your answer in double quotation marks."
    return asked, lambda t: re.fullmatch(r'["“][^"“”]+["”]', t.strip()) is not None


def _as_question(topic: str, rng: random.Random) -> Asked:
    asked = f"Ask me one question about {topic}, and write nothing else."
    return asked, lambda t: t.strip().endswith("?") and t.count("?") == 1 and len(words(t)) > 1


KINDS: dict[str, Callable[[str, random.Random], Asked]] = {
    "one word": _one_word, "capitals": _capitals, "small letters": _small,
    "first word": _first_word, "last word": _last_word, "holds words": _holds_words,
    "without a letter": _without_letter, "number of words": _so_many_words,
    "number of lines": _so_many_lines, "repeat": _thrice, "quoted": _quoted,
    "question": _as_question,
}  # fmt: skip

CAPABILITY = Instructions
