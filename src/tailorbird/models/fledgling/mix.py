"""The pre-training mix of fledgling: an endless, seeded stream of documents.

Nearly all of it teaches one habit, to answer from what stands in the prompt: values are drawn
afresh for every document, so nothing can be known by heart. Real text is for the language.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tailorbird.models.fledgling.real_text import RealText
from tailorbird.models.fledgling.tasks import (
    arithmetic,
    cloze,
    copying,
    few_shot,
    labels,
    lookup,
    passage_qa,
    real_questions,
    sentences,
    shown_labels,
    slots,
)
from tailorbird.models.fledgling.tasks.chat import Conversation, Message

SHARES: dict[str, int] = {
    "passage_qa": 40,
    "few_shot": 6,
    "lookup": 4,
    "labels": 9,
    "shown_labels": 9,
    "copying": 3,
    "sentences": 3,
    "slots": 4,
    "arithmetic": 2,
    "real_questions": 7,
    "cloze": 2,
    "plain": 8,
    "dialogue": 3,
}
"""Documents of each family in a hundred; without real text the last four are left out."""

_INVENTED: dict[str, Callable[[Random], Conversation]] = {
    "passage_qa": passage_qa.sample,
    "few_shot": few_shot.sample,
    "lookup": lookup.sample,
    "labels": labels.sample,
    "shown_labels": shown_labels.sample,
    "copying": copying.sample,
    "slots": slots.sample,
    "arithmetic": arithmetic.sample,
}
_REAL = ("real_questions", "cloze", "plain", "dialogue")


@dataclass(frozen=True)
class Document:
    """Either a conversation or running text."""

    family: str
    """A key of ``SHARES``."""
    messages: Conversation | None = None
    """Chat turns, the first perhaps a system prompt, the last by the assistant."""
    text: str | None = None
    """Paragraphs of running text."""


def documents(seed: int, text_folder: Path | None) -> Iterator[Document]:
    """Documents for ever; the same seed (and folder) gives the same ones in the same order."""
    rng = Random(seed)
    real = RealText.read(text_folder, seed) if text_folder else None
    families = [name for name in SHARES if real or name not in _REAL]
    weights = [SHARES[name] for name in families]
    while True:
        # Drawn in blocks: one call to choices costs as much as the shorter documents.
        for family in rng.choices(families, weights, k=256):
            yield _document(rng, family, real)


def _document(rng: Random, family: str, real: RealText | None) -> Document:
    if family in _INVENTED:
        return Document(family, _INVENTED[family](rng))
    if real is None:  # of the families left, this is the only one that does without
        return Document(family, sentences.sample(rng, None))
    if family == "plain":
        return Document(family, text=real.passage(rng))
    return Document(family, _read(rng, family, real))


def _read(rng: Random, family: str, real: RealText) -> Conversation:
    if family == "dialogue":
        return next(real.dialogues)
    if family == "real_questions":
        return real_questions.sample(rng, real.passage(rng), real.passage(rng))
    if family == "cloze":
        return cloze.sample(rng, real.passage(rng))
    # Half and half: invented sentences look like the passages of the task, real ones do not.
    return sentences.sample(rng, real.passage(rng) if rng.random() < 0.5 else None)


__all__ = ["SHARES", "Conversation", "Document", "Message", "documents"]
