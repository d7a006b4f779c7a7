"""Rows that are made from a document: what they cite, and how their answers are worded."""

from collections import Counter

from tailorbird.data.synth.base import Material, Unmade
from tailorbird.task.facts import facts_in, states
from tailorbird.task.types import Document, Example


def why_not(material: Material) -> str | None:
    """Why no row can be made from documents; None where some can."""
    if material.task.spec.kind == "label":
        return "the task asks for labels, not for answers"
    return None if material.task.documents else "the task has no documents"


def answered(
    material: Material, document: Document, asked: str, answer: str, facts: tuple[str, ...] = ()
) -> Example:
    """A question that `document` answers. Without `facts`: those of the answer that it states."""
    text = f"{document.title}\n{document.text}"
    facts = facts or tuple(f for f in facts_in(answer) if states(text, f))
    return Example(
        "", asked, f"{material.opening}{answer}", (document.id,), facts,
        fields=_fields(material, document),
    )  # fmt: skip


def unanswered(material: Material, document: Document, asked: str) -> Example:
    """A question near `document` that no document answers. Raises `Unmade` without a way to say."""
    if material.abstention is None:
        raise Unmade("the task does not say how to abstain (outputs.abstain)")
    fields = _fields(material, document)
    return Example("", asked, material.abstention, answerable=False, fields=fields)


def _fields(material: Material, document: Document) -> dict[str, str]:
    """The field that routes, as the rows that cite the document mostly have it."""
    route = material.task.spec.outputs.route
    if route is None:
        return {}
    known = Counter(
        e.fields[route] for e in material.seeds if document.id in e.sources and route in e.fields
    )
    if not known:
        raise Unmade(f'no row that cites the document has the field "{route}"')
    return {route: known.most_common(1)[0][0]}
