"""A word left out of a real paragraph in which it occurs twice, so that it can be read off."""

import re
from collections import Counter
from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, assistant, system, user
from tailorbird.models.fledgling.tasks.grammar import say

_WORD = re.compile(r"\b[^\W\d_]{5,}\b")


def sample(rng: Random, text: str) -> Conversation:
    """The second or a later occurrence of a word is blanked; without a repeated word, any one."""
    counts = Counter(_WORD.findall(text))
    repeated = [word for word, count in counts.items() if count > 1]
    word = rng.choice(repeated or list(counts) or ["____"])
    places = [match.start() for match in re.finditer(rf"\b{re.escape(word)}\b", text)] or [0]
    at = rng.choice(places[1:] or places)
    blanked = f"{text[:at]}____{text[at + len(word) :]}"
    told = say(
        rng, "[Fill the gap.|Which word is missing?|Give the missing word.|Name the ____ word.]"
    )
    return system(told), user(blanked), assistant(word)
