"""Length: small talk before or after what is asked, which asks for nothing and states no fact."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from tailorbird.data.perturbations.base import each

_SMALL_TALK = (
    "It has been raining here all week and the garden looks like a lake.",
    "I am writing this at the kitchen table with a cup of tea beside me.",
    "My neighbour says that I worry too much, and perhaps that is true.",
    "The radio is playing that song again, the one everybody hums.",
    "Sorry if this is a little long, I never know where to begin.",
    "I meant to write last week, but one thing led to another.",
    "The builders across the street have started early again this morning.",
    "Anyway, I hope that you are having a better day than I am.",
    "The children are finally asleep, so it is quiet for once.",
    "I tried to find this out by myself and gave up.",
)


@dataclass(frozen=True)
class Chatter:
    """The same question, in more words."""

    where: Literal["before", "after", "around"] = "around"
    sentences: Annotated[int, Field(ge=1, le=len(_SMALL_TALK))] = 4
    """How many; of both sides together."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """Every text can be made longer."""
        return list(each(texts, seed, self._one))

    def _one(self, text: str, rng: random.Random) -> str:
        talk = rng.sample(_SMALL_TALK, self.sentences)
        first = {"before": len(talk), "after": 0, "around": (len(talk) + 1) // 2}[self.where]
        return "\n".join([*talk[:first], text, *talk[first:]])


PERTURBATION = Chatter
