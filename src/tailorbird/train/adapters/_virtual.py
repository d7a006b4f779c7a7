"""Virtual tokens: what stands before every prompt and is learned instead of written."""

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tailorbird.errors import ModelError, TrainingError

Layers = list[tuple[Tensor, Tensor]]
"""Keys and values float[1, H, N, D] of every layer."""


def check(model: Any, tokens: int) -> None:
    """Raise `ModelError` for a model that cannot have `tokens` virtual tokens before a prompt."""
    config = model.config.get_text_config()
    if any(
        type(layer).__name__.startswith("Linear") for layer in DynamicCache(config=config).layers
    ):
        raise ModelError(
            f"virtual tokens need attention in every layer, and {config.model_type} models have "
            "recurrent ones",
            hint="use the adapter lora",
        )
    window = getattr(config, "sliding_window", None)
    context = getattr(config, "max_position_embeddings", None)
    limit = min(filter(None, (window, context)), default=tokens + 1)
    if tokens >= limit:
        raise ModelError(
            f"{tokens} virtual tokens leave no room: the model sees {limit} tokens at once",
            hint="lower tokens",
        )


def first_ids(model: Any, tokens: int, text: str, tokenizer: Any) -> Tensor:
    """int64[tokens]: the ids of `text`, repeated or cut; without text, drawn at random."""
    if text and tokenizer is None:
        raise ModelError("virtual tokens that begin as a text need the tokenizer of the model")
    ids = tokenizer(text, add_special_tokens=False).input_ids if text else []
    if not ids:
        ids = torch.randint(model.config.get_text_config().vocab_size, (tokens,)).tolist()
    return torch.tensor([ids[i % len(ids)] for i in range(tokens)], device=model.device)


@torch.no_grad()
def keys_and_values(model: Any, embeddings: Tensor) -> Layers:
    """What `embeddings` float[1, N, D] leave behind in every layer of `model`."""
    cache: Any = DynamicCache()
    training = model.training
    model.eval()
    model(
        inputs_embeds=embeddings.to(model.dtype), past_key_values=cache, use_cache=True,
        logits_to_keep=1,
    )  # fmt: skip
    model.train(training)
    return [(layer.keys, layer.values) for layer in cache.layers]


@torch.no_grad()
def opening(policy: Any) -> Layers:
    """Keys and values of the virtual tokens of a model that has them."""
    prompt: Any = policy.get_prompt(1)
    if isinstance(prompt, Tensor):
        return keys_and_values(policy.get_base_model(), prompt)
    return [(layer.keys, layer.values) for layer in prompt.layers]


def with_places(policy: Any) -> Any:
    """`policy`, whose soft prompt stands right before the first token of a padded row.

    PEFT drops position ids, so that padding would come between the two.
    """
    policy.register_forward_pre_hook(_without_positions, with_kwargs=True)
    policy.get_base_model().register_forward_pre_hook(_count_positions, with_kwargs=True)
    return policy


def _without_positions(_: Any, args: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    # PEFT would drop them as well, with a warning.
    return args, {name: value for name, value in inputs.items() if name != "position_ids"}


def _count_positions(
    _: Any, args: Any, inputs: dict[str, Any]
) -> tuple[Any, dict[str, Any]] | None:
    mask, embeddings = inputs.get("attention_mask"), inputs.get("inputs_embeds")
    given = inputs.get("position_ids") is not None
    if given or embeddings is None or mask is None or mask.ndim != 2:
        return None
    places = (mask.long().cumsum(1) - 1).clamp(min=0)
    return args, inputs | {"position_ids": places[:, -embeddings.shape[1] :]}


def without_checkpointing(policy: Any) -> Any:
    """`policy`, which says so where checkpointed layers would drop its prefix."""
    policy.register_forward_pre_hook(_refuse_checkpointing)
    return policy


def _refuse_checkpointing(policy: Any, _: Any) -> None:
    checkpointed = (getattr(m, "gradient_checkpointing", False) for m in policy.modules())
    if policy.training and any(checkpointed):
        raise TrainingError(
            "layers that are checkpointed drop a prefix of keys and values",
            hint="train without gradient_checkpointing, or use the adapter prompt",
        )
