"""A folder becomes a model, or one clear error; adapters merge exactly; too long is a row."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tailorbird.errors import ModelError
from tailorbird.models.base import LM, Sampling
from tailorbird.models.local import LocalModel, load_parts
from tailorbird.task.types import Message, Prompt
from tailorbird.testing import tiny_checkpoint
from tailorbird.train.policy import LoRA, attach, save_adapter

TEXTS = ["the sky is blue and the grass is green", "Name the colour of what you see."] * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("local") / "model", TEXTS)


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture(scope="module")
def lm(folder: Path) -> LocalModel:
    return LocalModel.load(str(folder))


def asked(text: str) -> Prompt:
    return (Message("system", "Name the colour."), Message("user", text))


# ---- loading -----------------------------------------------------------------------------------


def without(*names: str) -> Any:
    def damage(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return damage


def with_layers(count: int) -> Any:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": count}))

    return damage


def torn(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("tokenizer.json", "tokenizer_config.json"), "no tokenizer can be loaded"),
        (without("tokenizer.json"), "no tokenizer can be loaded"),
        (without("chat_template.jinja"), "has no chat template"),
        (without("model.safetensors"), "no causal language model can be loaded"),
        (without("config.json"), "no causal language model can be loaded"),
        (torn, "no causal language model can be loaded"),
        (with_layers(3), "the weights of .* are incomplete"),
    ],
)
def test_what_is_missing_is_said(copy: Path, damage: Any, message: str) -> None:
    damage(copy)
    with pytest.raises(ModelError, match=message) as raised:
        LocalModel.load(str(copy))
    assert raised.value.hint
    assert "\n" not in str(raised.value)


def test_no_folder_and_no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="no model folder at /no/such"):
        LocalModel.load("/no/such")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="nobody/nothing") as raised:
        LocalModel.load("nobody/nothing")
    assert "network" in str(raised.value.hint)


def test_identity_changes_with_the_weights(folder: Path, copy: Path, lm: LocalModel) -> None:
    same: LM = LocalModel.load(str(copy))
    assert same.identity.rpartition("@")[2] == lm.identity.rpartition("@")[2]
    tiny_checkpoint(copy.parent / "other", TEXTS, seed=1)
    other = LocalModel.load(str(copy.parent / "other"))
    assert other.identity.rpartition("@")[2] != lm.identity.rpartition("@")[2]


# ---- answering ---------------------------------------------------------------------------------


def test_completions_are_those_of_transformers(lm: LocalModel) -> None:
    prompts = [asked(t) for t in ("the sky", "grass", "the sky and the grass", "you")]
    for prompt, completion in zip(prompts, lm.complete(prompts, Sampling(8)), strict=True):
        ids = torch.tensor([lm.chat.prompt(prompt)])
        out = lm.model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False
        )
        new = out[0, ids.shape[1] :].tolist()
        assert completion.text == lm.chat.text(new)
        assert completion.finish == ("stop" if new[-1] in lm.chat.ends else "length")
        assert completion.usage.prompt_tokens == ids.shape[1]
        assert completion.usage.completion_tokens == len(new)
    assert lm.complete([], Sampling()) == []


def test_scores_are_the_losses_of_the_training_rows(lm: LocalModel) -> None:
    labels = ["blue", "green", "blue green"]
    for prompt, row in zip(
        [asked("sky"), asked("x")], lm.score([asked("sky"), asked("x")], labels)
    ):
        for label, score in zip(labels, row, strict=True):
            tokens = torch.tensor([lm.chat.row(prompt, label).tokens])
            learned = torch.tensor([lm.chat.row(prompt, label).learned])
            with torch.no_grad():
                loss = lm.model(tokens, labels=torch.where(learned > 0, tokens, -100)).loss
            assert -score.total / len(score.logprobs) == pytest.approx(loss.item(), abs=1e-4)
            assert score.prompt_tokens == len(lm.chat.prompt(prompt))
    assert lm.score([], labels) == []


def test_what_is_too_long_has_an_error_and_the_rest_an_answer(lm: LocalModel) -> None:
    long, steps = asked("the sky " * 600), []
    good, bad, last = lm.complete([asked("sky"), long, asked("you")], Sampling(4), steps.append)
    assert (bad.finish, bad.text) == ("error", "")
    assert "the context leaves room for 508" in str(bad.error)
    assert good.error is None
    assert last.error is None
    assert sum(steps) == 3
    room = lm.room(long, 4)
    assert room < 0 < lm.room(asked("sky"), 4)
    assert room == lm.context - 4 - bad.usage.prompt_tokens
    with pytest.raises(ModelError, match="the context"):
        lm.score([asked("sky"), long], ["blue"])


def test_a_prompt_that_just_fits(lm: LocalModel) -> None:
    tokens = lm.context - lm.room(asked("x"), 0)
    fitting = asked("x" * (1 + lm.context - 4 - tokens))
    assert lm.room(fitting, 4) == 0
    assert lm.complete([fitting], Sampling(4))[0].error is None


# ---- adapters ----------------------------------------------------------------------------------


@pytest.fixture
def adapter(folder: Path, tmp_path: Path) -> tuple[Any, Path]:
    """A PEFT model with an adapter that does something, and the adapter's folder."""
    model, tokenizer = load_parts(str(folder))
    policy = attach(model, LoRA(4, 8), seed=0)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.3)
    digest = LocalModel.of(model, tokenizer, "x", "x").chat.template_digest
    save_adapter(policy, tmp_path / "adapter", str(folder), digest)
    return policy.eval(), tmp_path / "adapter"


def test_a_merged_adapter_is_the_unmerged_one(folder: Path, adapter: tuple[Any, Path]) -> None:
    policy, where = adapter
    merged, bare = LocalModel.load(str(folder), where), LocalModel.load(str(folder))
    ids = torch.tensor([merged.chat.prompt(asked("the sky"))])
    with torch.no_grad():
        torch.testing.assert_close(
            merged.model(ids).logits, policy(input_ids=ids).logits, atol=1e-5, rtol=1e-5
        )
        assert (merged.model(ids).logits - bare.model(ids).logits).abs().max() > 0.01
    assert merged.identity.startswith(bare.identity + "+")
    assert isinstance(merged.model, transformers.LlamaForCausalLM)


def test_an_adapter_for_another_template_or_shape_is_refused(
    copy: Path, adapter: tuple[Any, Path], tmp_path: Path
) -> None:
    _, where = adapter
    template = copy / "chat_template.jinja"
    template.write_text(template.read_text() + "\n")
    with pytest.raises(ModelError, match="another chat template"):
        LocalModel.load(str(copy), where)
    wide = tiny_checkpoint(tmp_path / "wide", TEXTS, width=64)
    with pytest.raises(ModelError, match="does not fit"):
        LocalModel.load(str(wide), where)
    with pytest.raises(ModelError, match="does not fit"):
        LocalModel.load(str(wide), tmp_path / "absent")
