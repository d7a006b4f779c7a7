"""The head of a reward model, which makes one number of an answer.

It reads the hidden state of the last token, the one that ends the answer and has seen all of it.
It is a trained module of the model, so that the optimiser and checkpoints hold it.
"""

from typing import Any

from torch import Tensor, nn

from tailorbird.errors import ModelError, TrainingError
from tailorbird.train.objectives.base import last_hidden
from tailorbird.train.policy import has_virtual_tokens
from tailorbird.train.rows import Batch

HEAD = "reward_head"


def add_head(policy: Any) -> Any:
    """`policy` with a reward head, float32[1, D]. It begins at 0: every answer is worth the same.

    An output layer of its own, which rewards do not pass, is frozen. Raises `ModelError` where
    virtual tokens stand before the prompt, which the head cannot see.
    """
    if has_virtual_tokens(policy):
        raise ModelError(
            "a reward head cannot stand on virtual tokens",
            hint="use an adapter inside the layers, such as lora",
        )
    width = policy.config.get_text_config().hidden_size
    head = nn.Linear(width, 1, bias=False, device=next(policy.parameters()).device)
    nn.init.zeros_(head.weight)
    policy.add_module(HEAD, head)
    output = policy.get_output_embeddings()
    if output.weight is not policy.get_input_embeddings().weight:
        output.requires_grad_(False)
    return policy


def rewards_of(model: nn.Module, batch: Batch) -> Tensor:
    """The reward of every row, float32[R]. Raises `TrainingError` where there is no head."""
    head = getattr(getattr(model, "module", model), HEAD, None)  # below DistributedDataParallel
    if head is None:
        raise TrainingError(
            "rewards need a head on the model, and this one has none",
            hint="train a reward model by best_of, or by reward: {model: preferences}",
        )
    # A sum of products: as a layer it would be rounded to bfloat16 in mixed precision.
    rewards: Tensor = (last_hidden(model, batch).float() * head.weight[0].float()).sum(-1)
    return rewards
