"""True sentences made false, one way each: what a detector must catch, made of any documents.

Each kind changes one thing. `misplaced` puts in what the same sources say of something else.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tailorbird.task.facts import states

_NAME = re.compile(r"(?<=[\w,;] )(?:the )?[A-Z][^\W\d_]{2,}(?: [A-Z][^\W\d_]{2,})*")
_NUMBER = re.compile(r"(?<![\w.,-])(?!(?:1\d|20)\d\d\b)\d+(?:[.,]\d+)*(?![\w-])")
_YEAR = re.compile(r"(?<![\w.,£$€-])(?:1\d|20)\d\d(?![\w-]|[.,]\d)")
_MONTH = re.compile(
    r"\b(?:January|February|March|April|June|July|August|September|October|November|December)\b"
)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|could|will|would|must|should|may|does|did)\b"
    r"(?! (?:not|never|no)\b)"
)
_NOT = re.compile(r" (?:not|never)\b|n['’]t\b")
_OPPOSITES = {
    a: b
    for pair in """
    more/less larger/smaller largest/smallest higher/lower highest/lowest first/last before/after
    increase/decrease increased/decreased increases/decreases most/least many/few early/late
    earlier/later north/south northern/southern east/west eastern/western above/below always/rarely
    all/none with/without inside/outside old/new older/newer best/worst better/worse open/closed
    major/minor high/low longer/shorter long/short allowed/forbidden can/cannot won/lost rise/fall
    began/ended public/private cheaper/dearer older/younger large/small
    """.split()  # noqa: SIM905
    for a, b in (pair.split("/"), pair.split("/")[::-1])
}
_OPPOSITE = re.compile(rf"\b(?:{'|'.join(sorted(_OPPOSITES, key=len, reverse=True))})\b")


@dataclass(frozen=True)
class Material:
    """What corruptions draw from."""

    sources: tuple[str, ...]
    """What supports the sentence: nothing that stands here is put in, but for `misplaced`."""
    names: Sequence[str]
    """Names from elsewhere."""


def corrupt(kind: str, sentence: str, material: Material, rng: random.Random) -> str | None:
    """`sentence` made false in the way of `kind`; None where it holds nothing to change."""
    return KINDS[kind](sentence, material, rng)


def names_of(text: str) -> tuple[str, ...]:
    """Capitalised names in `text` that do not begin a sentence, each once."""
    return tuple(dict.fromkeys(m[0].removeprefix("the ") for m in _NAME.finditer(text)))


def _one(
    pattern: re.Pattern[str],
    sentence: str,
    rng: random.Random,
    change: Callable[[str], str | None],
) -> str | None:
    """`sentence` with one match of `pattern`, drawn by lot, changed."""
    matches = list(pattern.finditer(sentence))
    if not matches:
        return None
    match = rng.choice(matches)
    new = change(match[0])
    return None if new is None else sentence[: match.start()] + new + sentence[match.end() :]


def _fresh(candidates: Sequence[str], material: Material) -> str | None:
    return next((c for c in candidates if not any(states(s, c) for s in material.sources)), None)


def _number(sentence: str, material: Material, rng: random.Random) -> str | None:
    def change(old: str) -> str | None:
        drawn = [re.sub(r"\d", lambda _: str(rng.randint(1, 9)), old) for _ in range(20)]
        return _fresh(drawn, material)

    return _one(_NUMBER, sentence, rng, change)


def _date(sentence: str, material: Material, rng: random.Random) -> str | None:
    def month(old: str) -> str | None:
        months = [m for m in _MONTHS if m != old]
        return _fresh(rng.sample(months, len(months)), material)

    def year(old: str) -> str | None:
        shifts = [d for d in range(-20, 21) if d]
        return _fresh([str(int(old) + d) for d in rng.sample(shifts, len(shifts))], material)

    return _one(_MONTH, sentence, rng, month) or _one(_YEAR, sentence, rng, year)


_MONTHS = _MONTH.pattern.removeprefix(r"\b(?:").removesuffix(r")\b").split("|")


def _name(sentence: str, material: Material, rng: random.Random) -> str | None:
    drawn = rng.sample(material.names, min(20, len(material.names)))
    return _one(_NAME, sentence, rng, lambda _: _fresh(drawn, material))


def _negation(sentence: str, material: Material, rng: random.Random) -> str | None:
    if _NOT.search(sentence):
        return _NOT.sub("", sentence, count=1)
    match = _AUXILIARY.search(sentence)
    return match and f"{sentence[: match.end()]} not{sentence[match.end() :]}"


def _opposite(sentence: str, material: Material, rng: random.Random) -> str | None:
    return _one(_OPPOSITE, sentence, rng, _OPPOSITES.__getitem__)


def _misplaced(sentence: str, material: Material, rng: random.Random) -> str | None:
    """A number or a name, changed for another one of the same sources."""
    for pattern in rng.sample((_NUMBER, _NAME, _YEAR), 3):
        others = {m[0] for s in material.sources for m in pattern.finditer(s)}
        new = sorted(o for o in others if not states(sentence, o))
        if new:
            changed = _one(pattern, sentence, rng, lambda _, new=new: rng.choice(new))  # type: ignore[misc]
            if changed is not None:
                return changed
    return None


KINDS: dict[str, Callable[[str, Material, random.Random], str | None]] = {
    "number": _number,
    "date": _date,
    "name": _name,
    "negation": _negation,
    "opposite": _opposite,
    "misplaced": _misplaced,
}
