"""Our loss against transformers' own, which it computes from `labels`."""

from typing import Any

import pytest
import torch
import transformers

from tailorbird.models.chat import Row
from tailorbird.train.objectives.sft import SFT


def make(kind: str) -> Any:
    shape = {"vocab_size": 97, "initializer_range": 0.2}
    configs: dict[str, Any] = {
        "llama": lambda: transformers.LlamaConfig(
            **shape, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2,
        ),
        "gpt2": lambda: transformers.GPT2Config(**shape, n_embd=32, n_layer=2, n_head=2),
    }  # fmt: skip
    torch.manual_seed(1)
    return transformers.AutoModelForCausalLM.from_config(configs[kind]()).eval()


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_loss_and_gradient_are_those_of_labels(kind: str) -> None:
    draw = torch.Generator().manual_seed(0)
    lengths = (4, 9, 17, 30)
    rows = [
        Row(tuple(torch.randint(1, 97, (n,), generator=draw).tolist()), (0,) * (n - 3) + (1,) * 3)
        for n in lengths
    ]
    objective = SFT()
    batch = objective.collate([{"row": r} for r in rows])
    ours, theirs = make(kind), make(kind)
    loss = objective.loss(ours, batch)[0] / objective.weight(batch)
    expected = theirs(**batch).loss
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=1e-6)
    loss.backward()
    expected.backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-6)
