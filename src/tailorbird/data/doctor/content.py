"""Coarse words, threats, and hostile sentences about groups of people.

Word lists, not understanding: irony, quotation and politely worded contempt are not seen, and a
complaint may use the same words as an insult. A classifier of one's own may be named as well.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import Field

from tailorbird.data.doctor._sample import Share, clipped
from tailorbird.data.doctor.base import SHOWN, Finding, Part, Patient, Remedy, Sample
from tailorbird.extras import need
from tailorbird.task.types import Example
from tailorbird.words import counted

NAME = "content"
Side = Literal["answers", "inputs"]
Kind = Literal["coarse words", "threats", "hostility to a group", "the classifier"]
LONGEST = 20_000
"""Characters of a text that are read."""


@dataclass(frozen=True)
class Content:
    """Offensive text, in what is learned to be said and in what comes in."""

    languages: tuple[str, ...] = ("english",)
    """Lists of coarse words (glin-profanity's): english, german, french, spanish, ..."""
    ignore: tuple[str, ...] = ()
    """Coarse words that mean nothing bad here."""
    negative: Annotated[float, Field(ge=-1, le=0)] = -0.5
    """VADER's mark of a sentence, in [-1, 1], from which it is hostile to a group that it names."""
    model: str | None = None
    """A text classifier to ask as well: a hub id or a folder."""
    labels: tuple[str, ...] = ("toxic",)
    """Labels of that classifier that are bad."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Their least probability."""
    rows: Annotated[int, Field(ge=1)] = 2000
    """Rows that the classifier reads, drawn at random."""

    def missing(self, patient: Patient) -> str | None:
        """Packages, a list of words, or the classifier."""
        if any(find_spec(p) is None for p in ("glin_profanity", "vaderSentiment")):
            return "packages are not installed: pip install 'tailorbird[doctor]'"
        known = need("glin_profanity.data.dictionary").DictionaryLoader().available_languages
        unknown = [lang for lang in self.languages if lang not in known]
        if unknown:
            return f"there is no list of words for {unknown[0]}; known: {', '.join(sorted(known))}"
        return self._unusable(self.model) if self.model else None

    def _unusable(self, model: str) -> str | None:
        try:
            found = set(_classifier(model).model.config.id2label.values())
        except (OSError, ValueError, ImportError) as error:
            return f"no text classifier can be loaded from {model}: {error}"
        if not found & set(self.labels):
            return f"{model} knows the labels {', '.join(sorted(found))}; set labels to some"
        return None

    def start(self, patient: Patient) -> "_Examination":
        """Begin."""
        share = Share(self.rows if self.model else 0, sum(patient.rows.values()), patient.seed)
        return _Examination(self, patient.task is None or patient.task.spec.kind == "answer", share)


CHECK = Content


@dataclass
class _Side:
    """What was found in one side of the rows."""

    kinds: Counter[Kind] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    parts: Counter[Part] = field(default_factory=Counter)
    notes: dict[str, str] = field(default_factory=dict)
    """By row id."""
    samples: list[Sample] = field(default_factory=list)


@dataclass
class _Examination:
    check: Content
    written: bool
    """Whether targets are written answers, and no labels."""
    share: Share
    sides: dict[Side, _Side] = field(
        default_factory=lambda: {"answers": _Side(), "inputs": _Side()}
    )

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        judged = [e for e in rows if self.check.model and self.share.takes()]
        bad = self._judged(judged)
        for example in rows:
            self._see("inputs", part, example, example.text, example.id in bad["inputs"])
            if self.written and example.target:
                self._see("answers", part, example, example.target, example.id in bad["answers"])

    def _see(self, side: Side, part: Part, example: Example, text: str, bad: bool) -> None:
        found = dict(_offences(text[:LONGEST], self.check))
        if bad:
            found["the classifier"] = str(self.check.model)
        if not found:
            return
        seen = self.sides[side]
        seen.kinds.update(found.keys())
        seen.words[found.get("coarse words", "")] += 1
        seen.parts[part] += 1
        note = clipped("; ".join(f"{kind}: {what}" for kind, what in found.items()), 100)
        seen.notes[example.id] = note
        if len(seen.samples) < SHOWN:
            seen.samples.append(Sample(example.id, part, clipped(text), note))

    def _judged(self, rows: Sequence[Example]) -> dict[Side, set[str]]:
        """Ids of the rows that the classifier finds bad."""
        if not rows:
            return {"inputs": set(), "answers": set()}
        answered = [e for e in rows if self.written and e.target]
        return {
            "inputs": {e.id for e, bad in zip(rows, self._bad([e.text for e in rows])) if bad},
            "answers": {
                e.id
                for e, bad in zip(answered, self._bad([str(e.target) for e in answered]))
                if bad
            },
        }

    def _bad(self, texts: list[str]) -> list[bool]:
        if not texts:
            return []
        found = _classifier(str(self.check.model))([t[:LONGEST] for t in texts], batch_size=16)
        least, labels = self.check.threshold, self.check.labels
        return [any(f["label"] in labels and f["score"] >= least for f in each) for each in found]

    def findings(self) -> Iterator[Finding]:
        dropped: set[str] = set()
        for side, seen in self.sides.items():
            if seen.notes:
                left = {row: note for row, note in seen.notes.items() if row not in dropped}
                dropped |= left.keys()
                yield self._finding(side, seen, left)

    def _finding(self, side: Side, seen: _Side, notes: Mapping[str, str]) -> Finding:
        n, answers = len(seen.notes), side == "answers"
        reason = f"its {side[:-1]} may offend"
        listed = ", ".join(f"{kind} in {m:,}" for kind, m in seen.kinds.most_common())
        advice = (
            "a model that learns from them says such things"
            if answers
            else "people who write are angry at times; without such rows a system never meets them"
        )
        return Finding(
            NAME,
            "warning" if answers else "note",
            f"{counted(n, side[:-1])} may offend ({listed}): {advice}",
            n,
            why="it moves no mark",
            samples=tuple(seen.samples),
            remedy=Remedy("drop", dict.fromkeys(notes), reason, notes=notes) if notes else None,
            details={
                "kinds": dict(seen.kinds),
                "words": {w: m for w, m in seen.words.most_common(20) if w},
                "rows": dict(seen.parts),
            },
        )


def _offences(text: str, check: Content) -> Iterator[tuple[Kind, str]]:
    """Kinds of offence in a text, each with the words that show it."""
    lower = text.casefold().replace("’", "'")
    words, phrases = _coarse(check.languages, check.ignore)
    said = _WORD.findall(lower)
    found = words.intersection(said) | words.intersection(w.removesuffix("s") for w in said)
    found = found or frozenset(phrases.findall(lower))
    if found:
        yield "coarse words", ", ".join(sorted(found))
    threat = _THREAT.search(lower)
    if threat is not None:
        yield "threats", threat[0]
    for sentence in _END.split(text) if _GROUP.search(lower) else ():
        group = _GROUP.search(sentence.casefold())
        if group and _sentiment(sentence) <= check.negative:
            yield "hostility to a group", group[0]
            return


_WORD = re.compile(r"\w+")
_END = re.compile(r"(?<=[.!?])\s+|\n+")
_PLAIN = frozenset(
    """
    anal anus bareback bollocks bondage boner breasts bs butt clitoris cornhole domination ecchi
    ejaculation erotic escort eunuch fecal fingering fisting genitals grope hardcore hoe hooker
    incest intercourse lolita nipple nipples nude nudity orgasm orgy panties panty pegging penis
    pissed playboy poof porn pornography rape raping rapist rectum sadism santorum scat scissoring
    semen sex sexo sexy shrimping simp skeet snatch snowballing spunk swastika swinger threesome
    topless twinkie undressing urethra vagina vibrator voyeur vulva xx xxx suck sucks testbad01
    """.split()  # noqa: SIM905
)
"""Of bodies, medicine, law and daily life: listed, but no sign of an insult in a mail."""


@lru_cache(maxsize=8)
def _coarse(
    languages: Collection[str], ignored: Collection[str]
) -> tuple[frozenset[str], re.Pattern[str]]:
    """Coarse words, and a pattern of those with signs in them; word pairs are mostly innocent."""
    loader = need("glin_profanity.data.dictionary").DictionaryLoader()
    listed = {word.casefold() for lang in languages for word in loader.get_words(lang)}
    listed -= _PLAIN | {word.casefold() for word in ignored}
    single = frozenset(word for word in listed if _WORD.fullmatch(word))
    signs = (re.escape(w) for w in listed - single if " " not in w and re.search(r"\w", w))
    # Many languages have no such words, and an empty choice would match everywhere.
    return single, re.compile(rf"(?<!\w)(?:{'|'.join(sorted(signs)) or '(?!)'})(?!\w)")


_THREAT = re.compile(
    r"\b(?:(?:i|we)(?:'ll| will|'m going to| am going to|'re going to| are going to|'m gonna) "
    r"(?:kill|hurt|beat|shoot|stab|murder|burn|find|destroy) (?:you|him|her|them)\b|"
    r"(?:i|we) (?:hope|wish) (?:you|he|she|they|your \w+)(?: all)? (?:dies?|rots?|suffers?|burns?)|"
    r"kill (?:yourself|yourselves)|go and die|you (?:deserve|ought|should) (?:to )?die)\b"
)
_GROUP = re.compile(
    r"\b(?:(?:old|black|brown|white|gay|trans|disabled|fat|poor|jewish|muslim|foreign) "
    r"(?:people|men|women|folks?|persons)|women|girls|blacks|asians|arabs|africans|"
    r"mexicans|indians|pakistanis|chinese|romanians|turks|gypsies|immigrants|migrants|"
    r"foreigners|refugees|muslims|jews|christians|catholics|hindus|gays|lesbians|homosexuals|"
    r"transgenders?|the (?:elderly|disabled|poor|homeless|blind|deaf))\b"
)


_ILLNESS = (
    "cancer", "dead", "death", "deaths", "defect", "defects", "die", "died", "dies", "disease",
    "disorder", "ill", "illness", "infected", "infection", "injury", "lost", "pain", "painful",
    "poor", "risk", "risks", "severe", "sick", "suffer", "suffered", "suffering", "suffers",
    "tumor", "tumors", "victim", "victims", "weak", "weakness",
)  # fmt: skip
"""Words of VADER's list that tell of misfortune: they are said of people without hostility."""


@cache
def _analyser() -> Any:
    analyser = need("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()
    for word in _ILLNESS:
        analyser.lexicon.pop(word, None)
    return analyser


def _sentiment(sentence: str) -> float:
    """From -1, very negative, to 1 (Hutto & Gilbert 2014)."""
    return float(_analyser().polarity_scores(sentence[:1000])["compound"])


@lru_cache(maxsize=1)
def _classifier(name: str) -> Any:
    pipeline = need("transformers").pipeline
    return pipeline("text-classification", model=name, top_k=None, truncation=True, device="cpu")
