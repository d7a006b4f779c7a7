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

    def collate(self, rows: Sequence[Any]) -> Batch:
        """Rows of the dataset as one batch."""

    def weight(self, batch: Batch) -> Tensor:
        """What the summed loss is divided by: a scalar, at least one per batch that is learned."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The summed loss: a scalar with a gradient."""


def learned_tokens(batch: Batch) -> Tensor:
    """How many tokens of a batch are learned; token 0 is never predicted."""
    return (batch["labels"][:, 1:] != -100).sum()


def summed_cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy (nats) summed over the learned tokens.

    Only learned tokens pass the output layer. `use_cache=False` also keeps packed rows apart (see
    `stack_packed`).
    """
    targets = batch["labels"][:, 1:]
    inputs = {
        "input_ids": batch["input_ids"][:, :-1],
        "attention_mask": _drop_last(batch["attention_mask"]),
        "position_ids": batch["position_ids"][:, :-1],
        "use_cache": False,
    }
    if hasattr(model, "module"):  # DistributedDataParallel must see the call of forward
        logits, wanted = _from_first_learned(model, inputs, targets)
    else:
        inside: Any = getattr(model, "get_base_model", None)  # below the adapters of PEFT
        logits, wanted = _at_learned(inside() if inside else model, inputs, targets)
    return nn.functional.cross_entropy(logits.float(), wanted, reduction="sum")


def _at_learned(causal: Any, inputs: dict[str, Any], targets: Tensor) -> tuple[Tensor, Tensor]:
    """Logits float[L, V] of the learned positions; for models whose head is one plain layer."""
    if any(getattr(causal.config, name, None) for name in _CHANGED_LOGITS):
        return _from_first_learned(causal, inputs, targets)
    hidden = causal.get_decoder()(**inputs).last_hidden_state
    chosen = targets != -100
    return causal.get_output_embeddings()(hidden[chosen]), targets[chosen]


_CHANGED_LOGITS = (
    "final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier",
    "output_multiplier",
)  # fmt: skip
"""Configuration of models that do more to their logits than one linear layer."""


def _from_first_learned(
    model: Any, inputs: dict[str, Any], targets: Tensor
) -> tuple[Tensor, Tensor]:
    """The same for any model: with rows padded on the left, prompts cost no output layer."""
    columns = (targets != -100).any(dim=0).nonzero()
    keep = targets.shape[1] - int(columns[0]) if len(columns) else 1
    logits = model(**inputs, logits_to_keep=keep).logits
    chosen = targets[:, -keep:] != -100
    return logits[chosen], targets[:, -keep:][chosen]


def _drop_last(mask: Tensor) -> Tensor:
    return mask[:, :-1] if mask.dim() == 2 else mask[:, :, :-1, :-1]
