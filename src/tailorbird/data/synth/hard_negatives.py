"""Rows on the border: of labels that are taken for each other, of passages that look alike.

For labels: new rows like those that most resemble a row of another label; a teacher writes one that
could be mistaken for the other label and is not. For answers: questions whose right passage is hard
to tell from its neighbours, with the neighbours named (`negatives`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.data.perturbations.base import asking, keeps_facts, make_perturbation, question
from tailorbird.data.synth._clozes import Cloze, clozes
from tailorbird.data.synth._documents import answered, why_not
from tailorbird.data.synth._neighbours import nearest_of_another_label
from tailorbird.data.synth._teaching import asked, read
from tailorbird.data.synth.base import Made, Material, Order, Unmade
from tailorbird.task.facts import states
from tailorbird.task.types import Document, Example, Prompt

_CHANGES = ("paraphrase", "typos")
"""By rule: the first that finds something to change, beginning with one by lot."""


@dataclass(frozen=True)
class HardNegatives:
    """Rows on the border, the hardest first."""

    neighbours: Annotated[int, Field(ge=1)] = 3
    """Passages beside the right one that are looked at."""

    def missing(self, material: Material) -> str | None:
        """Where there is one label alone, or no question on two documents."""
        if material.task.spec.kind == "label":
            targets = {e.target for e in material.seeds}
            return None if len(targets) > 1 else "the rows have one label alone"
        reason = why_not(material)
        if reason is None and len(material.task.documents) < 2:
            return "there is one document alone"
        if reason is None and next(self.orders(material), None) is None:
            return "no question on one document is near another"
        return reason

    def orders(self, material: Material) -> Iterator[Order]:
        """Pairs of rows, or questions, from the most alike on."""
        if material.task.spec.kind == "label":
            yield from _borders(material)
        else:
            yield from _beside(material, self.neighbours)

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """The row, with what it must not be taken for."""
        if "seed" in order.about:
            seed: Example = order.about["seed"]
            if answer is not None:
                return [Made(asking(seed, read(answer, ["Message"])[0]))]
            return [Made(asking(seed, _changed(question(seed), material)))]
        document: Document = order.about["document"]
        negatives: tuple[str, ...] = order.about["negatives"]
        if answer is not None:
            text, said = read(answer, ["Question", "Answer"])
            return [Made(answered(material, document, text, said), negatives=negatives)]
        cloze: Cloze = order.about["cloze"]
        example = answered(material, document, order.about["asked"], cloze.answer, (cloze.fact,))
        return [Made(example, negatives=negatives)]


# ---- labels --------------------------------------------------------------------------------------


def _borders(material: Material) -> Iterator[Order]:
    for near in nearest_of_another_label(material):
        prompt = _contrast(material, near.row, near.other) if material.teachers else None
        yield Order(near.row.id, f"not {near.other.target}", prompt, {"seed": near.row})


def _contrast(material: Material, row: Example, other: Example) -> Prompt:
    parts = [
        (f"A message that is {row.target}", question(row)),
        (f"A message that is {other.target}", question(other)),
    ]
    wish = (
        f'Write another message that is "{row.target}", in words that somebody could take for '
        f'"{other.target}", though it is clearly "{row.target}".'
    )
    return asked(material, parts, wish, ["Message"])


def _changed(text: str, material: Material) -> str:
    for change in material.by_lot(_CHANGES, "change", text):
        (after,) = make_perturbation(change).perturb([text], material.seed)
        if after is not None and keeps_facts(text, after):
            return after
    raise Unmade("the rules find nothing to change")


# ---- passages ------------------------------------------------------------------------------------


def _beside(material: Material, count: int) -> Iterator[Order]:
    """Questions with their document's title, by how near the best wrong passage comes."""
    found = [(d, c) for d in material.task.documents for c in clozes(d.text)]
    texts = [f"About {d.title}: {c.question}" for d, c in found]
    hits = material.index.retriever.search(texts, count + 4) if texts else []
    ranked = []
    for (document, cloze), text, row in zip(found, texts, hits, strict=True):
        wrong: dict[str, float] = {}
        right = 0.0
        for hit in row:
            passage = material.index.passages[hit.index]
            if passage.document == document.id:
                right = max(right, hit.score)
            elif not states(passage.shown, cloze.fact):
                wrong.setdefault(passage.document, hit.score)
        if wrong:
            nearness = max(wrong.values()) / right if right > 0 else float("inf")
            ranked.append((nearness, document, cloze, text, tuple(wrong)[:count]))
    for _, document, cloze, text, negatives in sorted(ranked, key=lambda r: (-r[0], r[1].id)):
        about = {"document": document, "cloze": cloze, "asked": text, "negatives": negatives}
        prompt = _apart(material, document, negatives[0]) if material.teachers else None
        yield Order(document.id, "beside", prompt, about)


def _apart(material: Material, document: Document, neighbour: str) -> Prompt:
    other = material.task.document_by_id[neighbour]
    parts = [
        ("Passage A", f"{document.title}: {document.text}"),
        ("Passage B", f"{other.title}: {other.text}"),
    ]
    wish = (
        "Write one question that passage A answers and passage B does not, though it seems to, and "
        "the answer in one or two sentences that say nothing but what passage A says."
    )
    return asked(material, parts, wish, ["Question", "Answer"])


GENERATOR = HardNegatives
