"""Two answers word by word: what one says and the other does not."""

import difflib
import re
from dataclasses import dataclass

_WORDS = re.compile(r"\s+|(?:[^\W_]+|.)\s*", re.DOTALL)
"""A word or a sign, with the space after it."""
MOST_WORDS = 2_000
"""Longer answers are not compared: the comparison takes quadratic time."""


@dataclass(frozen=True)
class Part:
    """A run of words of one answer."""

    text: str
    own: bool
    """Whether the other answer does not have it here."""


def differences(one: str, other: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both answers in parts; the texts of an answer's parts are the answer."""
    a, b = _WORDS.findall(one), _WORDS.findall(other)
    if max(len(a), len(b)) > MOST_WORDS:
        return (Part(one, False),), (Part(other, False),)
    left_keys, right_keys = ([word.strip() for word in words] for words in (a, b))
    matcher = difflib.SequenceMatcher(a=left_keys, b=right_keys, autojunk=False)
    blocks = matcher.get_opcodes()
    parts = (
        [(kind != "equal", a[i:j]) for kind, i, j, _, _ in blocks],
        [(kind != "equal", b[i:j]) for kind, _, _, i, j in blocks],
    )
    left, right = (
        tuple(Part("".join(words), own) for own, words in each if words) for each in parts
    )
    return left, right
