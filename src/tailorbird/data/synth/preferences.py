"""Preference pairs: the right answer to a training input, and one that is wrong in a known way.

corrupted     a fact of the right answer changed (`evaluate/hallucination/_corruptions.py`)
elsewhere     what the nearest document that is no source says
abstains      an abstention, though the documents tell
invents       an answer, though the documents do not tell; the right one abstains
confused      a label that a most similar row has
plausible     a wrong answer that a teacher wrote
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tailorbird.data.perturbations.base import question
from tailorbird.data.synth._neighbours import nearest_of_another_label
from tailorbird.data.synth._teaching import asked, read
from tailorbird.data.synth.base import Made, Material, Order, Unmade
from tailorbird.errors import TaskError, nearest
from tailorbird.evaluate.hallucination._corruptions import KINDS, corrupt, names_of
from tailorbird.evaluate.hallucination._corruptions import Material as Sources
from tailorbird.evaluate.hallucination._sentences import content, sentences
from tailorbird.task.facts import states
from tailorbird.task.types import Example

WAYS = ("corrupted", "elsewhere", "abstains", "invents", "confused", "plausible")


@dataclass(frozen=True)
class Preferences:
    """Each training row, once in each way that it allows."""

    ways: tuple[str, ...] = WAYS

    def missing(self, material: Material) -> str | None:
        """Where no row allows a way; an unknown one is refused."""
        for way in self.ways:
            if way not in WAYS:
                raise TaskError(f'preferences: no way is called "{way}"{nearest(way, WAYS)}')
        if next(self.orders(material), None) is None:
            return f"no row can be made worse in one of these ways: {', '.join(self.ways)}"
        return None

    def orders(self, material: Material) -> Iterator[Order]:
        """All rows in one way or another, then all of them in the next."""
        if material.task.spec.kind == "label":
            if "confused" in self.ways:
                for near in nearest_of_another_label(material):
                    about = {"seed": near.row, "rejected": near.other.target}
                    yield Order(near.row.id, "confused", None, about)
            return
        rows = [(e, self._ways(e, material)) for e in material.seeds]
        for turn in range(max((len(ways) for _, ways in rows), default=0)):
            for i, (seed, ways) in enumerate(rows):
                if turn < len(ways):
                    yield _order(seed, ways[(i + turn) % len(ways)], material)

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """The input with both answers."""
        seed: Example = order.about["seed"]
        if answer is not None:
            (rejected,) = read(answer, ["Wrong answer"])
        elif order.how == "corrupted":
            rejected = _corrupted(seed, material)
        elif order.how in ("elsewhere", "invents"):
            rejected = _from_elsewhere(seed, material)
        else:
            rejected = order.about["rejected"]
        if content(rejected) == content(str(seed.target)):
            raise Unmade("the wrong answer says the same as the right one")
        return [Made(seed, rejected)]

    def _ways(self, seed: Example, material: Material) -> list[str]:
        possible = {"corrupted"} if seed.answerable else set()
        if material.task.documents:
            possible.add("elsewhere" if seed.answerable else "invents")
        if seed.answerable and material.abstention is not None:
            possible.add("abstains")
        if material.teachers and seed.answerable:
            possible.add("plausible")
        return [way for way in self.ways if way in possible]


def _order(seed: Example, way: str, material: Material) -> Order:
    about: dict[str, object] = {"seed": seed}
    if way == "abstains":
        about["rejected"] = material.abstention
    prompt = None
    if way == "plausible":
        parts = [("Question", question(seed)), ("Right answer", str(seed.target))]
        wish = (
            "Write an answer of the same length and style that sounds just as right, but is wrong "
            "in one fact that matters."
        )
        prompt = asked(material, parts, wish, ["Wrong answer"])
    return Order(seed.id, way, prompt, about)


def _corrupted(seed: Example, material: Material) -> str:
    """The right answer, false in one of the ways of `_corruptions`; required facts come first."""
    said = str(seed.target)
    documents = [material.task.document_by_id[s] for s in seed.sources]
    sources = tuple(f"{d.title}\n{d.text}" for d in documents)
    others = [n for e in material.seeds[:200] for n in names_of(str(e.target))]
    parts = sorted(sentences(said), key=lambda s: -sum(states(s, f) for f in seed.facts))
    from_where = Sources((*sources, said), others)
    for sentence in parts:
        for kind in material.by_lot(KINDS, "corrupt", seed.id):
            dice = material.dice("corruption", seed.id, kind)
            changed = corrupt(kind, sentence, from_where, dice)
            if changed is not None and changed != sentence and sentence in said:
                return said.replace(sentence, changed, 1)
    raise Unmade("the right answer holds nothing that can be made false by rule")


def _from_elsewhere(seed: Example, material: Material) -> str:
    """The sentence that has most of the question's words, of the nearest passage of no source."""
    asked_for = question(seed)
    (near,) = material.index.search([asked_for], 8)
    passage = next((p for p in near if p.document not in seed.sources), None)
    if passage is None:
        raise Unmade("no other document is near")
    words = content(asked_for)
    best = max(sentences(passage.text), key=lambda s: len(words & content(s)))
    return f"{material.opening}{best}"


GENERATOR = Preferences
