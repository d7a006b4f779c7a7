"""How an answer is to be given: instructions and the reply that follows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from tailorbird.models.fledgling.tasks.grammar import capital, say, sentence
from tailorbird.models.fledgling.tasks.passages import Point, with_article

Length = Literal["value", "sentence", "reply"]


@dataclass(frozen=True)
class Style:
    """One house style; the same style gives the same shape of reply to every question."""

    length: Length
    form: int
    """Which wording of the answer is used: one of ``_ANSWERS``, ``ECHO`` or ``OWN_WORDS``."""
    opening: str
    """First sentence of a reply, or empty."""
    closing: str
    """Last sentence of a reply, or empty."""
    salute: str
    """Template of the salutation with ``{name}``, or empty."""
    refusal: str
    """What is said if no passage answers."""
    cites: bool
    """Whether the number of the passage follows in brackets."""


ECHO, OWN_WORDS = -1, -2
"""The sentence of the passage; another sentence that says the same."""
_ANSWERS = (
    "The {noun} is {v}.",
    "The {noun} for the {it} is {v}.",
    "For the {it}, the {noun} is {v}.",
    "[It is|That is] {v}.",
    "The {noun} of the {it} is {v}.",
    "{noun}: {v}.",
    "[According to|From] our [rules|passages|records] the {noun} is {v}.",
    "With the {it} you have {a_noun} of {v}.",
    "We have {v} as the {noun}.",
)
_OPENINGS = (
    "",
    "",
    "",
    "[Thank you|Thanks] for [your message|your question|writing|getting in touch|asking][.|!]",
    "[Good question|I am happy to help|Of course|Certainly|Gladly][.|!]",
    "[I have looked this up|I checked this] for you.",
    "[I am sorry|Sorry] for the [trouble|wait|confusion].",
)
_CLOSINGS = (
    "",
    "",
    "",
    "[I hope this helps|Hope that helps][.|!]",
    "[Please|Just] [write again|let us know] if [you need more|anything is unclear].",
    "[Kind|Best|Warm] [regards|wishes]",
    "[Is there anything else|Can I do anything else for you]?",
    "Your [team|service team|{org}]",
)
_REFUSALS = (
    "I could not find [this|that|an answer] in [the passages|our handbook|our documents].",
    "[Sorry, |I am sorry, |]the passages do not [say|answer] this.",
    "[This|That] is not [covered|stated|mentioned] in the [passages|documents].",
    "I do not know[|; the passages do not say so].",
    "[Our rules|The documents I have] do not mention this.",
    "I [cannot|can not] answer this from the [passages|handbook].",
    "[not stated|unknown|no answer|not found]",
)
_TASKS = (
    "Answer the {who}'s [e-mail|question|message] from the [handbook |]passages.",
    "Answer [the question|the e-mail|questions] [from|using only|with] the passages[ given|].",
    "You [answer|reply to] {who}s of {org}. Use [only |]the passages.",
    "[Reply to|Answer] the {who} [with what|using what] the [passages|documents] say.",
    "You are an assistant of {org}. [Read the passages and answer|Answer from the passages].",
    "Read the [numbered |]passages[, then| and] [answer|reply].",
    "Help {who}s with [their questions|what they ask]. The passages [have|contain] the facts.",
)
_LENGTHS: dict[Length, str] = {
    "value": "[Give only the value.|Answer with the value [only|alone].|No sentence.]",
    "sentence": "[Answer in one sentence.|One sentence.|Reply with a [short|single] sentence.|]",
    "reply": "[Write a [short|friendly|brief] reply.|Be [brief|polite|kind].|Reply by e-mail.|]",
}
_HONESTY = (
    "[If|When] [they|the passages] do not [say|answer it], [say so|do not guess|admit it].",
    "Never [invent|make up|guess] [facts|anything|a value].",
    "",
    "",
)


def style(rng: Random, org: str) -> Style:
    """A house style drawn at random."""
    length: Length = rng.choices(("value", "sentence", "reply"), weights=(2, 4, 4))[0]
    is_reply = length == "reply"
    return Style(
        length=length,
        form=_form(rng),
        opening=say(rng, rng.choice(_OPENINGS)) if is_reply else "",
        closing=say(rng, rng.choice(_CLOSINGS), org=org) if is_reply else "",
        salute=say(rng, "[||Dear |Hello |Hi ]") if is_reply else "",
        refusal=sentence(rng, rng.choice(_REFUSALS)),
        cites=length != "value" and rng.random() < 0.08,
    )


def _form(rng: Random) -> int:
    draw = rng.random()
    return ECHO if draw < 0.4 else OWN_WORDS if draw < 0.7 else rng.randrange(len(_ANSWERS))


def instructions(rng: Random, wanted: Style, who: str, org: str) -> str:
    """A system prompt that asks for ``wanted``; not every detail is always spelt out."""
    parts = [say(rng, rng.choice(_TASKS), who=who, org=org), say(rng, _LENGTHS[wanted.length])]
    if wanted.opening and rng.random() < 0.5:
        parts.append(say(rng, '[Begin|Start] with "{text}".', text=wanted.opening))
    if wanted.closing and rng.random() < 0.5:
        parts.append(say(rng, '[End|Close|Finish] with "{text}".', text=wanted.closing))
    if wanted.salute and rng.random() < 0.5:
        parts.append(say(rng, "[Address the writer by name.|Greet the writer.]"))
    if wanted.cites:
        parts.append(say(rng, "[Cite|Give the number of] the passage[ in brackets|]."))
    if rng.random() < 0.45:
        parts.append(
            say(rng, '[Otherwise|If it is not there,] [reply|say]: "{r}"', r=wanted.refusal)
        )
    else:
        parts.append(say(rng, rng.choice(_HONESTY)))
    return " ".join(filter(None, parts))


def reply(rng: Random, wanted: Style, points: Sequence[Point], signed: str | None) -> str:
    """The answer to ``points`` in the style; a point of no passage is refused."""
    if wanted.length == "value":
        return ", ".join(point.value or wanted.refusal for point in points)
    told = [_answer(rng, wanted, point) for point in points]
    greeting = wanted.salute + signed + "," if wanted.salute and signed else ""
    return " ".join(filter(None, (greeting, wanted.opening, *told, wanted.closing)))


def _answer(rng: Random, wanted: Style, point: Point) -> str:
    if not point.passage:
        return wanted.refusal
    text = _statement(rng, wanted.form, point)
    return f"{text[:-1]} [{point.passage}]." if wanted.cites and text.endswith(".") else text


def _statement(rng: Random, form: int, point: Point) -> str:
    fact = point.fact
    if form == ECHO or (form == OWN_WORDS and not fact.says):
        return point.stated
    if form == OWN_WORDS or fact.choices:  # a phrase is no object of "the noun is"
        return capital(say(rng, rng.choice(fact.says), v=point.value, it=point.it))
    slots = {"noun": fact.noun, "a_noun": with_article(fact.noun)}
    return capital(say(rng, _ANSWERS[form], it=point.it, v=point.value, **slots))
