"""Other words for the same thing: by rules offline, or by a language model where one is named."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.data.perturbations.base import each, plain_words, rewritten
from tailorbird.models.base import Sampling
from tailorbird.models.load import load_model
from tailorbird.task.types import Message

SYNONYMS = {
    word: tuple(others)
    for word, *others in map(
        str.split,
        (
            "buy purchase", "help assist", "big large", "large big", "quick fast", "quickly fast",
            "begin start", "start begin", "also additionally", "wrong incorrect", "obtain get",
            "enquire ask", "reply answer", "need require", "inform tell", "fix repair mend",
            "broken damaged", "damaged broken", "stop cease", "choose select pick",
            "check verify", "maybe perhaps", "perhaps maybe", "often frequently",
            "usually normally", "normally usually", "concerning about", "regarding about",
            "enough sufficient", "allowed permitted", "permitted allowed", "glad pleased",
            "pleased glad", "angry annoyed", "rubbish nonsense", "phone telephone",
            "telephone phone", "mobile telephone", "money cash", "trip journey", "journey trip",
            "ill unwell", "poorly unwell", "cheap inexpensive", "expensive costly",
            "costly expensive", "difficult hard", "easy simple", "immediately straightaway",
            "because since", "whole entire", "entire whole", "locate find", "change alter",
            "cancel terminate", "increase raise", "decrease reduce", "reduce lower",
            "problem issue", "issue problem", "mistake error", "error mistake",
            "documents papers", "papers documents", "arrive come",
            "receive get", "send post", "happens occurs", "kindly please",
            "stolen taken", "nearly almost", "almost nearly", "anyway anyhow", "rang phoned",
            "wonderful marvellous", "awful terrible", "terrible dreadful", "shop store",
        ),
    )
}  # fmt: skip
"""Word -> words that mean nearly the same in a letter, wherever they stand."""

_PHRASES = tuple(
    (re.compile(rf"\b{pattern}\b", re.IGNORECASE), new)
    for pattern, new in (
        ("can you", "could you please"),
        ("could you", "would you be able to"),
        ("can i", "am I able to"),
        ("may i", "am I allowed to"),
        ("how much is", "what is the price of"),
        ("how do i", "what is the way to"),
        ("how long does", "how much time does"),
        ("i want to", "I would like to"),
        ("i would like to", "I want to"),
        ("i need to", "I have to"),
        ("do i have to", "must I"),
        ("is it possible", "is there a way"),
        ("please tell me", "I should like to know"),
        ("when is", "at what time is"),
        ("what is", "what exactly is"),
        ("thank you", "many thanks"),
        ("as soon as possible", "without delay"),
        ("don't", "do not"),
        ("can't", "cannot"),
        ("won't", "will not"),
        ("isn't", "is not"),
        ("i'm", "I am"),
        ("i've", "I have"),
        ("it's", "it is"),
    )
)
_ASK = (
    "Say the same in other words. Keep every number, name, date and code exactly as it is, and "
    "keep the writer's point of view. Write nothing but the new text."
)


@dataclass(frozen=True)
class Paraphrase:
    """The same in other words."""

    model: str | None = None
    """A language model that rewrites: a hub id, a folder or an endpoint. None: rules."""
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Of the words that the rules know, how many are exchanged."""

    def perturb(self, texts: Sequence[str], seed: int) -> list[str | None]:
        """None where the rules know no word, or the model failed."""
        if self.model is None:
            return each(texts, seed, self._one)
        lm = load_model(self.model)
        prompts = [(Message("system", _ASK), Message("user", text)) for text in texts]
        sampling = Sampling(max_tokens=max(64, 2 * max((len(t.split()) for t in texts), default=0)))
        answers = lm.complete(prompts, sampling)
        return [a.text.strip() if a.finish == "stop" else None for a in answers]

    def _one(self, text: str, rng: random.Random) -> str | None:
        known = [s for s in plain_words(text) if text[slice(*s)] in SYNONYMS]
        chosen = rng.sample(known, round(self.share * len(known) + 0.49))
        new = {s: rng.choice(SYNONYMS[text[slice(*s)]]) for s in chosen}
        changed = _reworded(rewritten(text, new))
        return changed if changed != text else None


def _reworded(text: str) -> str:
    """The first phrase that is known, said otherwise."""
    for pattern, new in _PHRASES:
        found = pattern.search(text)
        if found:
            first = new[0].upper() if found[0][0].isupper() else new[0]
            return text[: found.start()] + first + new[1:] + text[found.end() :]
    return text


PERTURBATION = Paraphrase
