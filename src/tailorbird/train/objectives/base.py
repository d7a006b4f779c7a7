"""What an objective is: how rows become a batch, the loss of a batch, and its weight.

The loss is a SUM and the weight its denominator, so that averages are exact under gradient
accumulation and across processes. What a reference model says of a row stands in the row (see
`train/reference.py`); so a loss needs one model, and a reference is asked once.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from tailorbird.errors import TrainingError
from tailorbird.models.chat import Row
from tailorbird.settings import from_named
from tailorbird.train.attention import attention_by_row
from tailorbird.train.output_layer import is_frozen_layer, logprobs
from tailorbird.train.policy import has_virtual_tokens, virtual_tokens
from tailorbird.train.rows import Batch, PackedRow, lay_end_to_end, pad_left

if TYPE_CHECKING:
    from tailorbird.train.material import Material


@dataclass(frozen=True)
class Mean:
    """A mean that is still a sum and a count, so that means of parts add up."""

    total: Tensor
    count: Tensor

    @classmethod
    def of(cls, values: Tensor) -> "Mean":
        """Of all elements."""
        return cls(values.detach().float().sum(), torch.tensor(float(values.numel())))


Metrics = Mapping[str, Mean]
"""What is worth watching beside the loss: it goes into the log."""


@dataclass(frozen=True)
class Layout:
    """How rows become one batch."""

    pad: int = 0
    """Token id to pad with; never attended to."""
    end_to_end: bool = False
    """Lay the rows end to end, nothing padded; for models that `attend_by_row`."""

    def __call__(self, rows: Sequence[Row | PackedRow]) -> Batch:
        """All rows as one sequence, or padded on the left to the longest."""
        if self.end_to_end:
            return lay_end_to_end(rows)
        return pad_left([row for row in rows if isinstance(row, Row)], self.pad)


PADDED, END_TO_END = Layout(), Layout(end_to_end=True)


class Objective(Protocol):
    """One way to turn rows into a gradient: a frozen dataclass whose fields are its settings.

    Each file beside this one exports its class as `OBJECTIVE`.
    """

    uses_reference: ClassVar[bool]
    """Whether its rows (`Answers`) need to know what the model says before training."""
    rate: ClassVar[float]
    """Times the adapter's usual learning rate."""

    @property
    def layout(self) -> Layout:
        """How batches are laid out; set when the model is known."""

    def rows(self, material: "Material") -> Sequence[Any]:
        """What there is to learn in a task. Each row has `tokens` and `learned` (see
        `models.chat.Row`), or several of them behind one another."""

    def collate(self, rows: Sequence[Any]) -> Batch:
        """`{"row": row}` dictionaries as one batch; with `labels` and `row_lengths` or an
        `attention_mask` [B, T] its tokens can be counted."""

    def weight(self, batch: Batch) -> Tensor:
        """What the summed loss is divided by: a scalar, at least one per batch that is learned."""

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Metrics]:
        """The summed loss (a scalar with a gradient), and what to watch."""


@runtime_checkable
class OnPolicy(Protocol):
    """An objective whose rows are answers that the model wrote a moment ago.

    Its `rows` are prompts. The engine draws a batch of them, asks `rollout`, and takes
    `steps_per_rollout` optimiser steps on what comes back.
    """

    @property
    def steps_per_rollout(self) -> int:
        """Optimiser steps taken on the answers of one rollout."""

    def bound(self, material: "Material", model: nn.Module) -> Self:
        """The same, knowing the task, and with whatever it adds to the model (a value head, say);
        called once, before `rows` and before any checkpoint is loaded."""

    def rollout(
        self, model: nn.Module, prompts: Sequence[Any], step: int
    ) -> tuple[Sequence[Sequence[Any]], Metrics]:
        """Answers to `prompts`, with the credit of each: for every one of `steps_per_rollout`
        steps the rows that it learns from. Equal steps draw equal answers from equal weights."""

    def release(self, model: nn.Module) -> None:
        """Take off what `bound` added to the model; called once, when training is over."""


def make_objective(settings: str | Mapping[str, Any]) -> Objective:
    """The objective that a task file names: `"sft"`, or `{"dpo": {"beta": 0.1}}`.

    Raises `TaskError` for an unknown objective or setting, naming the nearest one.
    """
    made: Objective = from_named("train.objectives", settings, "objective", "OBJECTIVE")
    return made


# ---- what losses are made of -----------------------------------------------------------------


class TokenLogits(NamedTuple):
    """The model's view of the learned tokens of a batch, row by row in order."""

    logits: Tensor
    """float32[L, V]"""
    targets: Tensor
    """int64[L]"""
    row: Tensor
    """int64[L]: which row of the batch each belongs to."""


def learned_tokens(batch: Batch) -> Tensor:
    """How many tokens of a batch are learned; token 0 is never predicted."""
    return (batch["labels"][:, 1:] != -100).sum()


def row_count(batch: Batch) -> int:
    """Rows of the batch, whichever its layout."""
    lengths = batch.get("row_lengths")
    return len(lengths if lengths is not None else batch["labels"])


def token_logits(model: nn.Module, batch: Batch) -> TokenLogits:
    """Logits before every learned token; only those positions pass the output layer."""
    targets = _next_tokens(batch)
    learned = targets != -100
    if _ends_in_a_layer(model):
        hidden = hidden_states(model, batch)[learned]
        logits = _inside(model).get_output_embeddings()(hidden)
    else:
        logits = _logits_of_learned(model, batch, learned)
    return TokenLogits(logits.float(), targets[learned], _row_of_tokens(batch)[learned])


def token_logprobs(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Log-probabilities (nats) float32[L] of the learned tokens, and their row int64[L]."""
    if _ends_in_a_layer(model):
        head = _inside(model).get_output_embeddings()
        if is_frozen_layer(head):
            targets = _next_tokens(batch)
            learned = targets != -100
            hidden = hidden_states(model, batch)[learned]
            return logprobs(hidden, head, targets[learned]), _row_of_tokens(batch)[learned]
    logits, wanted, row = token_logits(model, batch)
    chosen = logits.gather(1, wanted[:, None])[:, 0]
    return chosen - logits.logsumexp(1), row


def row_logprobs(model: nn.Module, batch: Batch) -> Tensor:
    """Log-probability (nats) of what each row learns, given what it does not: float32[R]."""
    return sum_by_row(*token_logprobs(model, batch), batch)


def sum_by_row(values: Tensor, row: Tensor, batch: Batch) -> Tensor:
    """Sums float[R] of token values float[L]."""
    return values.new_zeros(row_count(batch)).index_add(0, row, values)


def summed_cross_entropy(model: nn.Module, batch: Batch) -> Tensor:
    """Cross-entropy (nats) summed over the learned tokens."""
    found, _ = token_logprobs(model, batch)
    return -found.sum()


_MODEL_INPUTS = ("input_ids", "attention_mask", "position_ids", "row_lengths")


def _next_tokens(batch: Batch) -> Tensor:
    """int64[B, T]: what each position is to predict; -100 for nothing."""
    return nn.functional.pad(batch["labels"][:, 1:], (0, 1), value=-100)


def _row_of_tokens(batch: Batch) -> Tensor:
    """int64[B, T]: the row that each token stands in."""
    labels = batch["labels"]
    rows = torch.arange(row_count(batch), device=labels.device)
    if "row_lengths" in batch:
        return rows.repeat_interleave(batch["row_lengths"])[None]
    return rows[:, None].expand_as(labels)


def last_hidden(model: nn.Module, batch: Batch) -> Tensor:
    """Hidden states float[R, D] of the last token of every row, below any output layer."""
    hidden = hidden_states(model, batch)
    if "row_lengths" in batch:
        return hidden[0, batch["row_lengths"].cumsum(0) - 1]
    return hidden[:, -1]  # rows are padded on the left


def hidden_states(model: nn.Module, batch: Batch) -> Tensor:
    """Hidden states float[B, T, D] of the last layer, adapters included.

    Raises `TrainingError` for virtual tokens, which a head on hidden states would not see.
    """
    if has_virtual_tokens(model):
        raise TrainingError(
            "a head on hidden states cannot be trained together with virtual tokens",
            hint="use an adapter that changes weights, such as lora",
        )
    inputs: dict[str, Any] = {k: v for k, v in batch.items() if k in _MODEL_INPUTS}
    inputs["use_cache"] = False
    with _rows_apart(model, batch):
        if hasattr(model, "module"):  # DistributedDataParallel must see the call of forward
            out = model(**inputs, output_hidden_states=True, logits_to_keep=1)
            hidden: Tensor = out.hidden_states[-1]
        else:
            hidden = _inside(model).get_decoder()(**inputs).last_hidden_state
    return hidden


def _inside(model: Any) -> Any:
    """The causal model below the adapters of PEFT, which are part of its layers."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _rows_apart(model: nn.Module, batch: Batch) -> AbstractContextManager[None]:
    """Rows laid end to end do not see each other."""
    return attention_by_row(model) if "row_lengths" in batch else nullcontext()


def _ends_in_a_layer(model: Any) -> bool:
    """Whether logits are one layer's of the hidden states, and both can be called apart."""
    # DistributedDataParallel must see the call of forward, and so must PEFT for soft prompts.
    if hasattr(model, "module") or has_virtual_tokens(model):
        return False
    config = _inside(model).config
    return not any(getattr(config, name, None) for name in _CHANGED_LOGITS)


_CHANGED_LOGITS = (
    "final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier",
    "output_multiplier",
)  # fmt: skip
"""Configuration of models that do more to their logits than one linear layer."""


def _logits_of_learned(model: Any, batch: Batch, learned: Tensor) -> Tensor:
    """Logits of any model, float[L, V]: of all columns in which some row of the batch learns."""
    inputs: dict[str, Any] = {k: v for k, v in batch.items() if k in _MODEL_INPUTS}
    columns = learned.any(dim=0).nonzero()[:, 0]
    with _rows_apart(model, batch):
        kept = columns + virtual_tokens(model)
        logits: Tensor = model(**inputs, logits_to_keep=kept, use_cache=False).logits
    return logits[learned[:, columns]]
