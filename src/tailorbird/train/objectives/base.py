"""What an objective is: how rows become a batch, the loss of a batch, and its weight.

The loss is a SUM and the weight its denominator, so that averages are exact under gradient
accumulation and across processes.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from tailorbird.train.rows import Batch


class Objective(Protocol):
    """One way to turn rows into a gradient."""

    @property
    def end_to_end(self) -> bool:
        """Whether a batch is one sequence of rows end to end, with `row_lengths` (see
        `attention_by_row`)."""

    def collate(self, rows: Sequence[Any]) -> Batch:
        """Rows of the dataset as one batch; with `labels` and `row_lengths` or an
        `attention_mask` [B, T] its tokens can be counted."""

    def weight(self, batch: Batch) -> Tensor:
        """What the summed loss is divided by: a scalar, at least one per batch that is learned."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The summed loss: a scalar with a gradient."""


def learned_tokens(batch: Batch) -> Tensor:
    """How many tokens of a batch are learned; token 0 is never predicted."""
    return (batch["labels"][:, 1:] != -100).sum()


def summed_cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy (nats) summed over the learned tokens.

    Only learned tokens pass the output layer; `labels` are moved, so the last token's output is
    computed for nothing.
    """
    targets = nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=-100)
    inputs: dict[str, Any] = {k: v for k, v in batch.items() if k != "labels"}
    inputs["use_cache"] = False
    if hasattr(model, "module"):  # DistributedDataParallel must see the call of forward
        logits, wanted = _at_learned_columns(model, inputs, targets)
    else:
        inside: Any = getattr(model, "get_base_model", None)  # below the adapters of PEFT
        logits, wanted = _at_learned(inside() if inside else model, inputs, targets)
    return nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")


def _at_learned(causal: Any, inputs: dict[str, Any], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits float[L, V] of the learned positions; for models whose head is one plain layer."""
    if any(getattr(causal.config, name, None) for name in _CHANGED_LOGITS):
        return _at_learned_columns(causal, inputs, targets)
    hidden = causal.get_decoder()(**inputs).last_hidden_state
    chosen = targets != -100
    return causal.get_output_embeddings()(hidden[chosen]), targets[chosen]


_CHANGED_LOGITS = (
    "final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier",
    "output_multiplier",
)  # fmt: skip
"""Configuration of models that do more to their logits than one linear layer."""


def _at_learned_columns(
    model: Any, inputs: dict[str, Any], targets: Tensor
) -> tuple[Tensor, Tensor]:
    """The same for any model, of all columns in which some row of the batch learns."""
    columns = (targets != -100).any(dim=0).nonzero()[:, 0]
    logits = model(**inputs, logits_to_keep=columns).logits
    chosen = targets[:, columns] != -100
    return logits[chosen], targets[:, columns][chosen]
