"""General text: how many bits its bytes take."""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from tailorbird.data.texts import load_texts
from tailorbird.evaluate.capabilities.base import Ground, Item
from tailorbird.task.task import Texts

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel


@dataclass(frozen=True)
class GeneralText:
    """Bits per byte of stretches of up to 1,000 characters, each by itself."""

    path: str | None = None
    """A file or folder of text that the model does not learn from, as in `data.texts`; none: the
    packaged sample, 40 paragraphs."""
    stretches: Annotated[int, Field(ge=2)] = 200
    """At most so many are drawn."""
    margin: Annotated[float, Field(gt=0)] = 0.05
    """Bits per byte that may be lost."""
    unit: ClassVar[str] = "bits per byte"
    higher_is_better: ClassVar[bool] = False
    title: ClassVar[str] = "general text"

    def missing(self, ground: Ground) -> str | None:
        """A path that leads nowhere is an error instead."""
        return None

    def measure(self, lm: "LocalModel", ground: Ground) -> list[Item]:
        """Stretches of one text are not independent."""
        from tailorbird.models.text import bits_of_each

        drawn = self.drawn(ground)
        bits = bits_of_each(lm, [text for _, text in drawn])
        return [Item(text, mark, group=group) for (group, text), mark in zip(drawn, bits)]

    def drawn(self, ground: Ground) -> list[tuple[str, str]]:
        """Text that it is from, and stretch."""
        from tailorbird.models.text import general_text, stretches

        texts = general_text()
        if self.path is not None:
            texts, _ = load_texts([Texts(path=self.path)], ground.folder, ground.data_folder)
        every = [(str(i), part) for i, text in enumerate(texts) for part in stretches([text])]
        return random.Random(ground.seed).sample(every, min(self.stretches, len(every)))


CAPABILITY = GeneralText
