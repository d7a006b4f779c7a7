"""Questions on the steps of procedures: what comes next, what came before, what is needed.

Procedures are found by rule in the documents (`_steps.py`). The question is made by rule, or put
into somebody's words by a teacher; the answer is always the step as the document has it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from tailorbird.data.synth._documents import answered, why_not
from tailorbird.data.synth._steps import Procedure, procedures
from tailorbird.data.synth._teaching import asked, read, styles
from tailorbird.data.synth._voices import PERSONAS
from tailorbird.data.synth.base import Made, Material, Order, in_turns
from tailorbird.task.types import Document

_WORDINGS = {
    "after": (
        "{title}: what comes after this step: {step}",
        'I have done this: "{step}" What do I do next?',
        "What is the next step once this is done: {step}",
    ),
    "before": (
        "{title}: what comes before this step: {step}",
        'Before this: "{step}" What has to be done?',
        "Which step must be done right before this one: {step}",
    ),
    "first": ("{title}: where do I start?", "What is the first step? It is about this: {title}."),
    "last": ("{title}: what is the last step?", "What comes at the very end? I mean: {title}."),
    "needed": ("{title}: what do I need?", "What must I have ready? It is about this: {title}."),
}
"""What is asked for -> ways to ask."""


@dataclass(frozen=True)
class Procedures:
    """Every question that a procedure allows, procedures by turns."""

    def missing(self, material: Material) -> str | None:
        """For labels, without documents, and where they describe no steps."""
        reason = why_not(material)
        if reason is None and next(self.orders(material), None) is None:
            return "the documents hold no numbered steps and no list of what is needed"
        return reason

    def orders(self, material: Material) -> Iterator[Order]:
        """One question per procedure, then the next of each."""
        found = [
            (d, p)
            for d in material.drawn(material.task.documents, "procedures")
            for p in procedures(d)
        ]
        yield from in_turns(*(_orders(material, d, p) for d, p in found))

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """The question with the step, or steps, that answer it."""
        text = order.about["plain"] if answer is None else read(answer, ["Question"])[0]
        return [Made(answered(material, order.about["document"], text, order.about["said"]))]


def _orders(material: Material, document: Document, procedure: Procedure) -> Iterator[Order]:
    for how, step, said in material.by_lot(
        _pairs(procedure), "steps", document.id, procedure.parts
    ):
        dice = material.dice("step", document.id, how, step)
        plain = dice.choice(_WORDINGS[how]).format(title=procedure.title, step=step)
        prompt = None
        if material.teachers:
            parts = [("Procedure", _shown(procedure)), ("Question", plain)]
            wish = f"Put the question as it would be asked by {dice.choice(PERSONAS).told}."
            parts += styles(material, f"steps {document.id} {plain}")
            prompt = asked(material, parts, wish, ["Question"])
        yield Order(document.id, how, prompt, {"document": document, "plain": plain, "said": said})


def _pairs(procedure: Procedure) -> Iterator[tuple[str, str, str]]:
    """What is asked for, the step that is named, and the answer."""
    parts = procedure.parts
    if procedure.needed:
        yield "needed", "", "; ".join(p.rstrip(".;,") for p in parts) + "."
        return
    yield "first", "", _ended(parts[0])
    yield "last", "", _ended(parts[-1])
    for one, other in pairwise(parts):
        yield "after", _ended(one), _ended(other)
        yield "before", _ended(other), _ended(one)


def _ended(step: str) -> str:
    return step if step[-1] in ".!?" else f"{step}."


def _shown(procedure: Procedure) -> str:
    lines = (f"{i}. {part}" for i, part in enumerate(procedure.parts, 1))
    return "\n".join([procedure.title, *lines])


GENERATOR = Procedures
