"""Questions from documents, with answers and what they cite; and some that no document answers.

By rule: a fact of a sentence is asked for (`_clozes.py`), or something is asked of a document that
neither it nor its neighbours state. By a teacher: in the words of somebody who might ask.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.data.synth._clozes import Cloze, clozes, kinds_in
from tailorbird.data.synth._documents import answered, unanswered, why_not
from tailorbird.data.synth._teaching import asked, read, styles
from tailorbird.data.synth._voices import PERSONAS
from tailorbird.data.synth.base import Made, Material, Order, Unmade, in_turns
from tailorbird.retrieve.passages import Passage, chunk
from tailorbird.task.types import Document

_WORDINGS = ("{}", "{}", "About {title}: {}", "{title}. {}", "One question: {}")
_UNSTATED = {
    "phone": ("Which number do I call about {}?", "Is there a phone number for {}?"),
    "address": ("Which e-mail address do I write to about {}?", "Can I send an e-mail about {}?"),
    "form": ("Which form do I need for {}?", "Is there a form for {}?"),
    "money": ("How much does it cost: {}?", "What will I have to pay for {}?"),
    "time": ("From what time can I reach somebody about {}?", "Until what time is it open: {}?"),
    "date": ("On what date does this end: {}?", "From which date is this so: {}?"),
    "person": ("Who is in charge of {}?", "Whom do I ask for about {}?"),
    "link": ("Is there a web page about {}?", "Where on the web do I find {}?"),
}
"""Kind of fact -> how it is asked for, of what the title of a document names."""
_NEAR = 3
"""Passages nearest to a question that must not state what it asks for either."""
_ASK = {
    "question": (
        "Write one question that would be asked by {who}, that the passage answers, and the answer "
        "in one or two sentences that say nothing but what the passage says."
    ),
    "unanswerable": (
        "Write one question that would be asked by {who}, on the subject of the passage, that "
        "sounds as if the passage answered it, but that it does not answer."
    ),
}


@dataclass(frozen=True)
class Questions:
    """Questions on every document, by turns."""

    unanswerable: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the orders that ask for what no document says."""
    passage_words: Annotated[int, Field(ge=20)] = 160
    """A teacher is shown passages of about this length."""
    per_passage: Annotated[int, Field(ge=1)] = 3
    """Questions that a teacher is asked for on one passage."""

    def missing(self, material: Material) -> str | None:
        """For labels, without documents, and where they state no fact that a rule can ask for."""
        reason = why_not(material)
        if reason is None and next(self.orders(material), None) is None:
            return "no sentence of the documents states a fact that the rules can ask for"
        return reason

    def orders(self, material: Material) -> Iterator[Order]:
        """One question per document, then the next of each; unanswerable ones in between."""
        documents = material.drawn(material.task.documents, "questions")
        by = _taught if material.teachers else _ruled
        told = in_turns(*(by(self, material, d) for d in documents))
        if material.abstention is None or not self.unanswerable:
            yield from told
            return
        untold = in_turns(*(_untold(self, material, d) for d in documents))
        owed = 0.0
        for order in told:
            yield order
            owed += self.unanswerable / (1 - self.unanswerable)
            while owed >= 1 and (unasked := next(untold, None)) is not None:
                owed -= 1
                yield unasked

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """The question with its answer, or with an abstention."""
        document: Document = order.about["document"]
        if order.how == "unanswerable":
            if answer is None:
                return [Made(unanswered(material, document, _unstated(order, material)))]
            (text,) = read(answer, ["Question"])
            return [Made(unanswered(material, document, text))]
        if answer is None:
            cloze: Cloze = order.about["cloze"]
            wording = material.dice("wording", document.id, cloze.question).choice(_WORDINGS)
            text = wording.format(cloze.question, title=document.title)
            return [Made(answered(material, document, text, cloze.answer, (cloze.fact,)))]
        text, said = read(answer, ["Question", "Answer"])
        return [Made(answered(material, document, text, said))]


def _ruled(settings: Questions, material: Material, document: Document) -> Iterator[Order]:
    for cloze in material.by_lot(clozes(document.text), "clozes", document.id):
        yield Order(document.id, "cloze", None, {"document": document, "cloze": cloze})


def _taught(settings: Questions, material: Material, document: Document) -> Iterator[Order]:
    for number in range(settings.per_passage):
        for passage in chunk(document, settings.passage_words):
            yield _asked("question", material, document, passage, number)


def _untold(settings: Questions, material: Material, document: Document) -> Iterator[Order]:
    if material.teachers:
        for passage in chunk(document, settings.passage_words):
            yield _asked("unanswerable", material, document, passage)
        return
    absent = sorted(set(_UNSTATED) - kinds_in(f"{document.title}\n{document.text}"))
    for kind in material.by_lot(absent, "absent", document.id):
        yield Order(document.id, "unanswerable", None, {"document": document, "kind": kind})


def _asked(
    how: str, material: Material, document: Document, passage: Passage, number: int = 0
) -> Order:
    lines = ["Question", "Answer"] if how == "question" else ["Question"]
    voice = material.dice("voice", how, passage.id, number).choice(PERSONAS)
    parts = [("Passage", passage.shown), *styles(material, f"{how} {passage.id} {number}")]
    prompt = asked(material, parts, _ASK[how].format(who=voice.told), lines)
    return Order(document.id, how, prompt, {"document": document})


def _unstated(order: Order, material: Material) -> str:
    """A question for a kind of fact that neither the document nor what is near it states."""
    document: Document = order.about["document"]
    kind: str = order.about["kind"]
    asked_for = material.dice("unstated", document.id, kind).choice(_UNSTATED[kind])
    text = asked_for.format(document.title[:1].lower() + document.title[1:])
    (near,) = material.index.search([text], _NEAR)
    if any(kind in kinds_in(p.shown) for p in near):
        raise Unmade("a passage near the question states such a fact")
    return text


GENERATOR = Questions
