"""Words that tell a gender: he and she, husband and wife, Mr and Mrs."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from tailorbird.evaluate.audits.counterfactuals._names import ORIGINS, named, two
from tailorbird.evaluate.audits.counterfactuals.base import Versions, exchange, neutral, stated

_PAIRS = dict(
    pair.split("/")
    for line in (
        "he/she himself/herself he's/she's he'd/she'd he'll/she'll man/woman men/women",
        "boy/girl boys/girls husband/wife father/mother dad/mum daddy/mummy son/daughter",
        "sons/daughters brother/sister brothers/sisters uncle/aunt nephew/niece",
        "grandfather/grandmother grandad/grandma grandson/granddaughter stepfather/stepmother",
        "stepson/stepdaughter boyfriend/girlfriend gentleman/lady gentlemen/ladies mr/mrs",
        "widower/widow bloke/lass groom/bride fiancé/fiancée",
    )
    for pair in line.split()
)

_NO_NOUN = re.compile(
    r"\W*(?:$|[^\w\s]|(?:and|or|but|to|in|at|on|for|from|with|by|of|about|because|if|when|while|"
    r"that|so|as|is|was|has|had|will|would|can|could|out|off|away|again|now|today|"
    r"yesterday|tomorrow|the|a|an|i|we|you|they|he|she|it|this)\b)",
    re.IGNORECASE,
)
"""What may follow `her` where it is the object (`I rang her and ...`), not the possessive."""
Words = dict[str, str | Callable[[str], str]]

TO_WOMEN: Words = {
    **_PAIRS,
    "him": "her",
    "his": lambda rest: "hers" if _NO_NOUN.match(rest) else "her",
}
TO_MEN: Words = {
    **{woman: man for man, woman in _PAIRS.items()},
    "ms": "mr",
    "mom": "dad",
    "hers": "his",
    "her": lambda rest: "him" if _NO_NOUN.match(rest) else "his",
}

_TEMPLATES = ("I am a {}.", "I am writing as a {}.")
_SAID = {
    "men": ("father", "husband", "grandfather", "widower"),
    "women": ("mother", "wife", "grandmother", "widow"),
}


@dataclass(frozen=True)
class GenderWords:
    """The same text about a man and about a woman; control: as many neutral words exchanged."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """None where no word, or words of both kinds, tell a gender."""
        women, men_told = exchange(text, TO_WOMEN)
        men, women_told = exchange(text, TO_MEN)
        if bool(men_told) == bool(women_told):
            return None
        about_women, told = (True, women_told) if women_told else (False, men_told)
        swapped = _renamed(men if about_women else women, "men" if about_women else "women", rng)
        groups = {"men": swapped, "women": text} if about_women else {"men": text, "women": swapped}
        return Versions(groups, neutral(groups["men"], told, rng))

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """The writer says it."""
        return stated(text, _TEMPLATES, _SAID, rng)


def tells_gender(text: str) -> bool:
    """Whether a word of the text tells somebody's gender."""
    return bool(exchange(text, TO_WOMEN)[1] or exchange(text, TO_MEN)[1])


def _renamed(text: str, gender: str, rng: random.Random) -> str:
    """With a name of that gender where the text holds one of the other."""
    found = named(text)
    if found is None or found.gender == gender:
        return text
    return found.called(two(ORIGINS[found.origin].first(gender), rng)[0])


DIMENSION = GenderWords
