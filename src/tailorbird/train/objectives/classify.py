"""Choose one of a closed list of classes: a linear layer over the model's hidden states."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, NoReturn

import torch
from pydantic import Field
from torch import Tensor, nn

from tailorbird.errors import TaskError
from tailorbird.models.headed import pad_right
from tailorbird.train.material import Material
from tailorbird.train.objectives.base import PADDED, Layout, Mean, Metrics
from tailorbird.train.rows import Batch


@dataclass(frozen=True, slots=True)
class Labelled:
    """An input and its class."""

    tokens: tuple[int, ...]
    label: int
    """Index of the class."""

    @property
    def learned(self) -> tuple[int, ...]:
        """There is one thing to learn, after the last token."""
        return (0,) * (len(self.tokens) - 1) + (1,)


@dataclass(frozen=True)
class Classify:
    """Cross-entropy of the classes, averaged over rows; for models that are `Headed`."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the probability that is spread over all classes (Szegedy et al. 2016,
    arXiv:1512.00567, section 7)."""
    weights: tuple[float, ...] = ()
    """What a row of each class counts; none: one each."""
    layout: Layout = PADDED
    uses_reference: ClassVar[bool] = False
    rate: ClassVar[float] = 0.3
    """At the usual rate a layer that begins at zero overshoots when classes are many."""

    def rows(self, material: Material) -> NoReturn:
        """Refused: a language model has no layer of classes."""
        raise TaskError(
            "classify needs a layer of classes on the model, which fine_tuned does not add",
            hint="use the rung classification_head",
        )

    def collate(self, rows: Sequence[dict[str, Labelled]]) -> Batch:
        """Rows padded on the right, and `classes` int64[B]."""
        batch = pad_right([r["row"].tokens for r in rows], self.layout.pad)
        return batch | {"classes": torch.tensor([r["row"].label for r in rows])}

    def weight(self, batch: Batch) -> Tensor:
        """What the rows count together."""
        if not self.weights:
            return torch.tensor(len(batch["classes"]))
        return self._weights(batch)[batch["classes"]].sum()

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """Summed cross-entropy; the share of right classes is watched."""
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        total = nn.functional.cross_entropy(
            logits, batch["classes"], self._weights(batch) if self.weights else None,
            reduction="sum", label_smoothing=self.label_smoothing,
        )  # fmt: skip
        right = (logits.argmax(dim=1) == batch["classes"]).float()
        return total, {"accuracy": Mean.of(right)}

    def _weights(self, batch: Batch) -> Tensor:
        return torch.tensor(self.weights, device=batch["classes"].device)


def balanced(labels: Sequence[int], classes: int) -> tuple[float, ...]:
    """Weights that let every class count the same in all, one on average over rows (King & Zeng
    2001, Logistic regression in rare events data, section 4)."""
    counts = torch.bincount(torch.tensor(labels), minlength=classes)
    return tuple((len(labels) / (classes * counts.clamp(min=1))).tolist())


OBJECTIVE = Classify
