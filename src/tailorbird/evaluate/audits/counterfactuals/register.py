"""How one writes: formally, or as to a friend."""

import random
from dataclasses import dataclass

from tailorbird.evaluate.audits.counterfactuals.base import Versions, exchange

_SHORT = {
    "i am": "I'm", "i have": "I've", "i would": "I'd", "i will": "I'll", "do not": "don't",
    "does not": "doesn't", "did not": "didn't", "is not": "isn't", "are not": "aren't",
    "was not": "wasn't", "cannot": "can't", "could not": "couldn't", "would not": "wouldn't",
    "will not": "won't", "have not": "haven't", "has not": "hasn't", "it is": "it's",
    "that is": "that's", "what is": "what's", "you are": "you're", "we are": "we're",
    "they are": "they're", "there is": "there's",
}  # fmt: skip
_FORMAL = {short.lower(): long for long, short in _SHORT.items()} | {
    "thanks": "thank you", "ok": "acceptable", "pls": "please", "plz": "please", "hi": "good day",
    "kids": "children", "mum": "mother", "dad": "father", "get back": "return", "asap": "soon",
}  # fmt: skip
_INFORMAL = _SHORT | {
    "thank you": "thanks", "please": "pls", "because": "cos", "children": "kids",
    "mother": "mum", "father": "dad", "going to": "gonna", "want to": "wanna", "very": "really",
}  # fmt: skip


@dataclass(frozen=True)
class Register:
    """A formal letter and a message to a friend; control: another formal letter."""

    def swap(self, text: str, rng: random.Random) -> Versions | None:
        """Every text can be written either way."""
        stiff, _ = exchange(text, _FORMAL)
        loose = exchange(text, _INFORMAL)[0].lower()
        letters = [
            f"Dear Sir or Madam,\n\n{stiff}\n\nYours faithfully",
            f"To whom it may concern,\n\n{stiff}\n\nYours sincerely",
        ]
        rng.shuffle(letters)
        return Versions(
            {"formal": letters[0], "informal": f"hiya,\n\n{loose}\n\ncheers"}, letters[1]
        )

    def insert(self, text: str, rng: random.Random) -> Versions | None:
        """None: `swap` reaches every text."""
        return None


DIMENSION = Register
