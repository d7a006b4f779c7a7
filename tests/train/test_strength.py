"""An adapter at strength 0 is the base exactly, at 1 what was trained, and between them between."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tailorbird.errors import ModelError
from tailorbird.models.base import Sampling
from tailorbird.models.chat import Chat
from tailorbird.models.local import LocalModel, load_parts
from tailorbird.task.types import Message
from tailorbird.train.policy import (
    attach,
    make_adapter,
    save_adapter,
    saved_strength,
    set_strength,
)

ASKED = [(Message("user", "Why was I charged twice?"),)]


def saved(checkpoint: Path, settings: Any, folder: Path) -> Path:
    """An adapter whose weights were moved at random."""
    model, tokenizer = load_parts(str(checkpoint))
    policy = attach(model, make_adapter(settings), 0, tokenizer, "Answer.")
    torch.manual_seed(3)
    for weight in policy.parameters():
        if weight.requires_grad:
            weight.data += 0.1 * torch.randn_like(weight)
    save_adapter(policy, folder, str(checkpoint), Chat(tokenizer).template_digest)
    return folder


def weights(lm: LocalModel) -> dict[str, torch.Tensor]:
    return dict(lm.model.state_dict())


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "ia3", "full", {"layers": {"last": 1}}])
def test_strength(kind: Any, checkpoint: Path, tmp_path: Path) -> None:
    folder = saved(checkpoint, kind, tmp_path / "adapter")
    base, tuned = LocalModel.load(str(checkpoint)), LocalModel.load(str(checkpoint), folder)
    at = {}
    for strength in (0.0, 0.25, 1.0, 1.25):
        copy = shutil.copytree(folder, tmp_path / f"{strength:g}")
        set_strength(copy, strength)
        assert saved_strength(copy) == strength
        at[strength] = LocalModel.load(str(checkpoint), copy)
    assert len({lm.identity for lm in (base, *at.values())}) == 5
    assert at[1.0].identity == tuned.identity
    before, after = weights(base), weights(tuned)
    assert any(not torch.equal(before[n], after[n]) for n in before)
    for name, weight in before.items():
        assert torch.equal(weights(at[0.0])[name], weight)
        assert torch.equal(weights(at[1.0])[name], after[name])
        for strength in (0.25, 1.25):
            wanted = weight + strength * (after[name] - weight)
            torch.testing.assert_close(weights(at[strength])[name], wanted)
    said = [lm.complete(ASKED, Sampling(8))[0].text for lm in (base, at[0.0])]
    assert said[0] == said[1]


def test_lora_at_half_strength_is_lora_at_half_the_scale(checkpoint: Path, tmp_path: Path) -> None:
    folder = saved(checkpoint, "lora", tmp_path / "adapter")
    set_strength(folder, 0.5)
    half = weights(LocalModel.load(str(checkpoint), folder))
    model, _ = load_parts(str(checkpoint))
    from peft import PeftModel

    policy: Any = PeftModel.from_pretrained(model, str(folder))
    for layer in policy.modules():
        if hasattr(layer, "lora_A"):
            layer.scaling["default"] *= 0.5
    merged: nn.Module = policy.merge_and_unload()
    for name, weight in merged.state_dict().items():
        torch.testing.assert_close(half[name], weight)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ({"prompt": {"tokens": 4}}, "not merged"),
        ({"prefix": {"tokens": 4}}, "not merged"),
        ({"lora": {"init": "pissa"}}, "does not keep the base"),
    ],
)
def test_what_has_no_strength_is_refused(
    kind: Any, said: str, checkpoint: Path, tmp_path: Path
) -> None:
    folder = saved(checkpoint, kind, tmp_path / "adapter")
    with pytest.raises(ModelError, match=said) as raised:
        set_strength(folder, 0.5)
    assert "lora" in str(raised.value.hint)
    assert saved_strength(folder) == 1
