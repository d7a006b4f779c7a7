"""Training rows said otherwise: in other words, by other people, in another tone, with slips.

What is asked stays the same, and so does the answer: a row is only taken where every fact of its
input survives. By rule: the perturbations of `data/perturbations`, and a sentence in somebody's
voice. By a teacher, also made harder to read (`evolve`; after Xu et al. 2023, WizardLM,
arXiv:2304.12244, evolving in breadth by circumstances alone, as the answer must still be right).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from tailorbird.data.perturbations.base import asking, keeps_facts, make_perturbation, question
from tailorbird.data.synth._teaching import asked, read
from tailorbird.data.synth._voices import PERSONAS, TONES, Voice
from tailorbird.data.synth.base import Made, Material, Order, Unmade
from tailorbird.errors import TaskError, nearest
from tailorbird.registry import names
from tailorbird.task.facts import facts_in, states
from tailorbird.task.types import Example, Prompt

_VOICES = {"persona": PERSONAS, "tone": TONES}
_WISHES = {
    "paraphrase": "Say the message in other words, as another person would.",
    "evolve": (
        "Rewrite the message so that it is harder to understand, but asks for the same and has the "
        "same answer: add circumstances, indirect words or a sentence beside the point."
    ),
    "persona": "Rewrite the message as it would be written by {}.",
    "tone": "Rewrite the message so that its tone is {}.",
}
_KEEP = "Keep every number, name, date and code, and what is asked for: {}."


@dataclass(frozen=True)
class Variations:
    """Each training row, once in each kind."""

    kinds: tuple[str, ...] = ("paraphrase", "persona", "tone", "evolve", "typos")
    """paraphrase, persona, tone, evolve (by a teacher alone), or a perturbation: typos, spacing,
    chatter. What differs in case alone is the same input, and is not taken."""
    longest: Annotated[int, Field(ge=1)] = 400
    """Rows of more words are not varied."""

    def missing(self, material: Material) -> str | None:
        """Where no row was found; an unknown kind is refused."""
        known = {*_WISHES, *names("data.perturbations")}
        for kind in self.kinds:
            if kind not in known:
                raise TaskError(f'variations: no kind is called "{kind}"{nearest(kind, known)}')
        if not self._possible(material):
            return "evolve needs a teacher"
        return None if self._seeds(material) else "no training row is short enough to be varied"

    def orders(self, material: Material) -> Iterator[Order]:
        """All rows in one kind or another, then all of them in the next."""
        kinds = self._possible(material)
        for turn in range(len(kinds)):
            for i, seed in enumerate(self._seeds(material)):
                kind = kinds[(i + turn) % len(kinds)]
                about: dict[str, object] = {"seed": seed}
                if kind in _VOICES:
                    about["voice"] = material.dice(kind, seed.id).choice(_VOICES[kind])
                prompt = None
                if material.teachers and kind in _WISHES:
                    prompt = _prompt(material, seed, kind, about.get("voice"))  # type: ignore[arg-type]
                yield Order(seed.id, kind, prompt, about, max_tokens=_room(seed))

    def rows(self, order: Order, answer: str | None, material: Material) -> list[Made]:
        """The row with its input said otherwise."""
        seed: Example = order.about["seed"]
        before = question(seed)
        if answer is not None:
            (after,) = read(answer, ["Message"])
            kept = all(states(after, f) for f in facts_in(before) if states(before, f))
        else:
            after = _by_rule(order, before, material)
            kept = keeps_facts(before, after)
        if not kept:
            raise Unmade("a fact of the input was lost")
        made = asking(seed, after)
        if made.folded == seed.folded:
            raise Unmade("the input was not changed, but for case")
        return [Made(made)]

    def _possible(self, material: Material) -> list[str]:
        return [k for k in self.kinds if material.teachers or k != "evolve"]

    def _seeds(self, material: Material) -> list[Example]:
        return [e for e in material.seeds if len(question(e).split()) <= self.longest]


def _room(seed: Example) -> int:
    return 64 + 3 * len(question(seed).split())


def _prompt(material: Material, seed: Example, kind: str, voice: Voice | None) -> Prompt:
    label = material.task.spec.kind == "label"
    same = f'it must still be a clear case of "{seed.target}"' if label else "the answer stays true"
    wish = f"{_WISHES[kind].format(voice.told if voice else '')} {_KEEP.format(same)}"
    return asked(material, [("Message", question(seed))], wish, ["Message"])


def _by_rule(order: Order, text: str, material: Material) -> str:
    voice: Voice | None = order.about.get("voice")
    if voice is not None:
        if "\n" in text:  # a letter, which ends with a name
            return f"{text}\nPS: {voice.said}"
        first = material.dice("place", order.of, order.how).random() < 0.5
        return f"{voice.said} {text}" if first else f"{text} {voice.said}"
    (changed,) = make_perturbation(order.how).perturb([text], material.seed)
    if changed is None:
        raise Unmade("the rules find nothing to change")
    return changed


GENERATOR = Variations
