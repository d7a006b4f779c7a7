"""Every adapter trains what it says and nothing else, and comes back from the disk as it was."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from tailorbird.errors import ModelError, TailorbirdError, TaskError, TrainingError
from tailorbird.models.base import Sampling
from tailorbird.models.chat import Row
from tailorbird.models.decoding import Decoder
from tailorbird.models.local import LocalModel, load_parts
from tailorbird.registry import names
from tailorbird.task.types import Message, Prompt
from tailorbird.train.attention import attends_by_row
from tailorbird.train.objectives.base import summed_cross_entropy
from tailorbird.train.policy import (
    LoRA,
    attach,
    context,
    has_virtual_tokens,
    make_adapter,
    save_adapter,
    saved_adapter,
    split,
    trainable_share,
    virtual_tokens,
)
from tailorbird.train.rows import pad_left

VIRTUAL = ("p_tuning", "prefix", "prompt")
SETTINGS: dict[str, Any] = {"layers": {"last": 1}, **{name: {"tokens": 5} for name in VIRTUAL}}
INSTRUCTION = "Which team should answer this message?"
LABELS = ["billing", "other than billing"]
PROMPTS: list[Prompt] = [
    (Message("system", INSTRUCTION), Message("user", text))
    for text in ("I want my money back", "hello", "the parcel was broken when it came")
]


def adapter(name: str) -> Any:
    return make_adapter({name: SETTINGS.get(name)})


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="qlora needs a CUDA GPU")
KINDS = [
    pytest.param(name, marks=needs_cuda if name == "qlora" else ())
    for name in names("train.adapters")
]


def test_the_kinds() -> None:
    assert set(names("train.adapters")) == {
        "dora", "full", "ia3", "layers", "lora", "p_tuning", "prefix", "prompt", "qlora", "rslora",
    }  # fmt: skip


def live(checkpoint: Path, name: str, seed: int = 0) -> tuple[Any, Any]:
    model, tokenizer = load_parts(str(checkpoint), adapter(name))
    return attach(model, adapter(name), seed, tokenizer, INSTRUCTION), tokenizer


def step(policy: Any, rows: list[Row], steps: int = 5) -> list[float]:
    """A plain loop; the loss before every step."""
    trained = [p for p in policy.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=3e-3)
    losses = []
    policy.train()
    for _ in range(steps):
        loss = summed_cross_entropy(policy, pad_left(rows, 0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    policy.eval()
    return losses


def rows(lm: LocalModel) -> list[Row]:
    return [lm.chat.row(p, "billing") for p in PROMPTS]


@pytest.mark.parametrize("name", KINDS)
def test_conformance(name: str, checkpoint: Path, tmp_path: Path) -> None:
    policy, tokenizer = live(checkpoint, name)
    before = {n: p.detach().clone() for n, p in policy.named_parameters()}
    losses = step(policy, rows(LocalModel.of(policy, tokenizer, "live", "live")))
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]
    for n, p in policy.named_parameters():
        assert torch.equal(p, before[n]) != p.requires_grad, n
    assert 0 < trainable_share(policy) <= 1
    assert (trainable_share(policy) == 1) == (name == "full")

    lm = LocalModel.of(policy, tokenizer, "live", "live")
    save_adapter(policy, tmp_path, str(checkpoint), lm.chat.template_digest)
    assert saved_adapter(tmp_path) == adapter(name)
    assert {f.suffix for f in tmp_path.iterdir()} <= {".json", ".safetensors", ".md"}
    back = LocalModel.load(str(checkpoint), tmp_path)
    assert back.identity != LocalModel.load(str(checkpoint)).identity
    assert [c.text for c in lm.complete(PROMPTS, Sampling(6))] == [
        c.text for c in back.complete(PROMPTS, Sampling(6))
    ]
    for loaded, here in zip(scores(back), scores(lm), strict=True):
        assert loaded == pytest.approx(here, abs=1e-4)
    for here, plain in zip(scores(lm), plain_scores(policy, lm), strict=True):
        assert here == pytest.approx(plain, abs=1e-4)
    if name not in VIRTUAL and name != "qlora":  # then nothing of PEFT is left
        assert type(back.model) is transformers.LlamaForCausalLM
        assert not any("lora" in n or "ia3" in n for n, _ in back.model.named_modules())


def scores(lm: LocalModel) -> list[float]:
    return [s.total for row in lm.score(PROMPTS, LABELS) for s in row]


@torch.no_grad()
def plain_scores(policy: Any, lm: LocalModel) -> list[float]:
    """Of every continuation by itself, through the whole model, without any cache."""
    return [
        sum(_logprobs(policy, lm.chat.prompt(prompt), lm.chat.continuation(label)))
        for prompt in PROMPTS
        for label in LABELS
    ]


def _logprobs(policy: Any, prompt: list[int], continuation: list[int]) -> list[float]:
    logits = _logits(policy, [*prompt, *continuation]).log_softmax(-1)
    return [float(logits[len(prompt) - 1 + i, t]) for i, t in enumerate(continuation)]


def _logits(policy: Any, ids: list[int]) -> Tensor:
    """float[T, V], of the given tokens."""
    tokens = torch.tensor([ids])
    out = policy(input_ids=tokens, attention_mask=torch.ones_like(tokens), use_cache=False)
    logits: Tensor = out.logits[0, virtual_tokens(policy) :].detach()
    assert len(logits) == len(ids)
    return logits


@pytest.mark.parametrize("name", KINDS)
def test_equal_seeds_give_equal_adapters(name: str, checkpoint: Path) -> None:
    one, again, other = (live(checkpoint, name, seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[n], again[n]) for n in one)
    # Those that begin as the base, or as a text, begin alike whatever the seed.
    random = name in ("dora", "lora", "p_tuning", "qlora", "rslora")
    assert all(torch.equal(one[n], other[n]) for n in one) != random


@pytest.mark.parametrize("name", KINDS)
def test_layers_may_be_checkpointed(name: str, checkpoint: Path) -> None:
    gradients = []
    for checkpointed in (False, True):
        policy, tokenizer = live(checkpoint, name)
        batch = pad_left(rows(LocalModel.of(policy, tokenizer, "live", "live")), 0)
        policy.train()
        if checkpointed:
            policy.activation_checkpointing_enable()
        if checkpointed and name == "prefix":
            with pytest.raises(TrainingError, match="drop a prefix"):
                summed_cross_entropy(policy, batch)
            return
        summed_cross_entropy(policy, batch).backward()
        gradients.append([p.grad for p in policy.parameters() if p.requires_grad])
    for plain, again in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, again)


# ---- virtual tokens ----------------------------------------------------------------------------

SHAPE = {
    "vocab_size": 97, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
    "initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
CONFIGS: dict[str, Any] = {
    "llama": lambda: transformers.LlamaConfig(**SHAPE),
    "window": lambda: transformers.MistralConfig(**SHAPE, sliding_window=16),
    "gemma2": lambda: transformers.Gemma2Config(**SHAPE, head_dim=8, sliding_window=16),
    "gpt2": lambda: transformers.GPT2Config(
        vocab_size=97, n_embd=32, n_layer=2, n_head=2, n_positions=512, initializer_range=0.3,
        bos_token_id=None, eos_token_id=None,
    ),
    "bloom": lambda: transformers.BloomConfig(
        vocab_size=97, hidden_size=32, n_layer=2, n_head=2, initializer_range=0.3,
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    ),
    "lfm2": lambda: transformers.Lfm2Config(
        **SHAPE, layer_types=["conv", "full_attention"], conv_L_cache=3
    ),
}  # fmt: skip


def with_virtual_tokens(config: str, name: str, tokens: int = 5) -> Any:
    """A random model with random virtual tokens that matter."""
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS[config]()).eval()
    policy = attach(model, make_adapter({name: {"tokens": tokens}}), seed=0).eval()
    for parameter in policy.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.5)
    return policy


@pytest.mark.parametrize("shared", [0, 40])
@pytest.mark.parametrize("config", ["llama", "window", "gemma2", "gpt2", "bloom"])
@pytest.mark.parametrize("name", VIRTUAL)
def test_the_decoder_says_what_peft_says(name: str, config: str, shared: int) -> None:
    policy = with_virtual_tokens(config, name)
    causal, opening = split(policy)
    decoder = Decoder(causal, frozenset(), 0, batch_size=3, opening=opening)
    draw = torch.Generator().manual_seed(0)
    same = torch.randint(1, 97, (shared,), generator=draw).tolist()
    asked = [same + torch.randint(1, 97, (n,), generator=draw).tolist() for n in (7, 1, 12, 7)]
    options = [[1, 2, 3], [1, 2, 4], [5], [7, 8, 9, 10]]
    for prompt, row in zip(asked, decoder.score(asked, options), strict=True):
        for option, values in zip(options, row, strict=True):
            assert values == pytest.approx(_logprobs(policy, prompt, option), abs=1e-4)
    for prompt, answer in zip(asked, decoder.generate(asked, Sampling(5)), strict=True):
        for i, token in enumerate(answer):
            logits = _logits(policy, [*prompt, *answer[:i]])[-1]
            assert logits[token] >= logits.max() - 1e-4
    # And they do matter, at least to a prompt of one token.
    bare = Decoder(causal, frozenset(), 0).score([[3]], [[1]])[0][0]
    assert decoder.score([[3]], [[1]])[0][0] != pytest.approx(bare, abs=1e-2)


@pytest.mark.parametrize("config", ["llama", "gemma2", "gpt2"])
@pytest.mark.parametrize("name", VIRTUAL)
def test_padding_does_not_come_between_virtual_and_real_tokens(name: str, config: str) -> None:
    policy = with_virtual_tokens(config, name)
    ragged = [Row(tuple(range(5, 5 + n)), (0,) * 3 + (1,) * (n - 3)) for n in (5, 8, 11)]
    together = summed_cross_entropy(policy, pad_left(ragged, 0))
    alone = sum(summed_cross_entropy(policy, pad_left([row], 0)) for row in ragged)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-4)
    plain = [_logprobs(policy, list(r.tokens[:3]), list(r.tokens[3:])) for r in ragged]
    assert -sum(map(sum, plain)) == pytest.approx(together.item(), abs=1e-3)


@pytest.mark.parametrize("name", ["prompt", "prefix"])
def test_they_begin_as_the_instruction(name: str, checkpoint: Path) -> None:
    model, tokenizer = load_parts(str(checkpoint))
    words = tokenizer(INSTRUCTION, add_special_tokens=False).input_ids
    row = tokenizer("I want my money back", add_special_tokens=False).input_ids
    with torch.no_grad():
        expected = model(torch.tensor([words + row])).logits[0, len(words) :]
    kind = make_adapter({name: {"tokens": len(words)}})
    policy = attach(model, kind, 0, tokenizer, INSTRUCTION).eval()
    torch.testing.assert_close(_logits(policy, row), expected, rtol=1e-5, atol=1e-5)


def test_a_text_is_repeated_or_cut(checkpoint: Path) -> None:
    model, tokenizer = load_parts(str(checkpoint))
    words = tokenizer("money back", add_special_tokens=False).input_ids
    tokens = 2 * len(words) + 1
    kind = make_adapter({"prompt": {"tokens": tokens, "text": "money back"}})
    table = model.get_input_embeddings().weight.detach().clone()
    policy = attach(model, kind, 0, tokenizer, INSTRUCTION)
    expected = table[(words * 3)[:tokens]]
    assert torch.equal(policy.prompt_encoder["default"].embedding.weight, expected)
    with pytest.raises(ModelError, match="need the tokenizer"):
        attach(load_parts(str(checkpoint))[0], kind, 0)


def test_they_take_their_share_of_the_context(checkpoint: Path) -> None:
    policy, tokenizer = live(checkpoint, "prompt")
    lm, bare = (LocalModel.of(m, tokenizer, "", "") for m in (policy, policy.get_base_model()))
    assert lm.context == context(policy) == bare.context - 5
    assert context(policy.get_base_model()) == bare.context
    assert lm.room(PROMPTS[0], 4) == bare.room(PROMPTS[0], 4) - 5


@pytest.mark.parametrize("name", VIRTUAL)
def test_models_that_cannot_have_them(name: str) -> None:
    with pytest.raises(ModelError, match="attention in every layer") as raised:
        with_virtual_tokens("lfm2", name)
    assert raised.value.hint
    with pytest.raises(ModelError, match="the model sees 16 tokens at once"):
        with_virtual_tokens("window", name, tokens=16)


def test_what_callers_must_know() -> None:
    class Wrapped(nn.Module):
        """What DistributedDataParallel looks like from outside."""

        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

    for name, columns in (("prompt", 5), ("p_tuning", 5), ("prefix", 0)):
        policy = with_virtual_tokens("llama", name)
        assert has_virtual_tokens(policy)
        assert virtual_tokens(policy) == virtual_tokens(Wrapped(policy)) == columns
        assert not attends_by_row(policy)
        assert not has_virtual_tokens(policy.get_base_model())
    tuned = attach(transformers.AutoModelForCausalLM.from_config(CONFIGS["llama"]()), LoRA(), 0)
    assert not has_virtual_tokens(Wrapped(tuned))
    assert virtual_tokens(tuned) == 0


# ---- one by one --------------------------------------------------------------------------------


@pytest.mark.parametrize("init", ["gaussian", "orthogonal", "olora", "pissa"])
def test_ways_to_begin_change_nothing_and_come_back(
    init: str, checkpoint: Path, tmp_path: Path
) -> None:
    bare = LocalModel.load(str(checkpoint))
    model, _ = load_parts(str(checkpoint))
    policy = attach(model, make_adapter({"lora": {"init": init, "rank": 4}}), 0).eval()
    assert plain_scores(policy, bare) == pytest.approx(scores(bare), abs=1e-4)
    step(policy, rows(bare))
    save_adapter(policy, tmp_path, str(checkpoint), bare.chat.template_digest)
    back = LocalModel.load(str(checkpoint), tmp_path)
    assert scores(back) == pytest.approx(plain_scores(policy, bare), abs=1e-4)
    assert scores(back) != pytest.approx(scores(bare), abs=1e-2)


def trained_parts(checkpoint: Path, **settings: Any) -> set[str]:
    model, _ = load_parts(str(checkpoint))
    policy = attach(model, make_adapter({"layers": settings}), 0)
    return {n for n, p in policy.named_parameters() if p.requires_grad}


def test_layers(checkpoint: Path) -> None:
    every = {n for n, _ in load_parts(str(checkpoint))[0].named_parameters()}
    last = {n for n in every if ".layers.1." in n}
    norms = {n for n in every if "norm" in n}
    assert trained_parts(checkpoint, last=1) == last
    assert trained_parts(checkpoint, last=1, norms=True) == last | norms
    assert trained_parts(checkpoint, last=0, norms=True) == norms
    assert trained_parts(checkpoint, last=2, norms=True, embeddings=True) == every
    with pytest.raises(ModelError, match="the last 3 blocks shall be trained, and the model has 2"):
        trained_parts(checkpoint, last=3)
    with pytest.raises(ModelError, match="nothing is left to train"):
        trained_parts(checkpoint, last=0)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine can do it")
def test_qlora_is_refused_without_a_gpu(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="needs a CUDA GPU") as raised:
        load_parts(str(checkpoint), make_adapter("qlora"))
    assert "adapter lora" in str(raised.value.hint)
    record = {"adapter": {"qlora": {}}, "base": "x", "chat_template_sha256": "x"}
    (tmp_path / "tailorbird.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="needs a CUDA GPU"):
        LocalModel.load(str(checkpoint), tmp_path)
    with pytest.raises(ModelError, match="loaded with four bits"):
        attach(load_parts(str(checkpoint))[0], make_adapter("qlora"), 0)


def test_ia3_must_know_the_layers() -> None:
    def model(config: str) -> Any:
        return transformers.AutoModelForCausalLM.from_config(CONFIGS[config]())

    with pytest.raises(ModelError, match="is not known") as raised:
        attach(model("lfm2"), make_adapter("ia3"), 0)
    assert "targets" in str(raised.value.hint)
    with pytest.raises(ModelError, match="must be among the targets"):
        attach(model("gpt2"), make_adapter({"ia3": {"feedforward": ["c_proj"]}}), 0)
    kind = make_adapter({"ia3": {"targets": ["c_attn", "c_proj"], "feedforward": ["c_proj"]}})
    named = attach(model("gpt2"), kind, 0)
    trained = {n.split(".ia3")[0].rpartition(".")[2] for n, p in named.named_parameters()
               if p.requires_grad}  # fmt: skip
    assert trained == {"c_attn", "c_proj"}


# ---- settings, and what is on the disk ---------------------------------------------------------


def test_settings_become_an_adapter() -> None:
    assert make_adapter("lora") == make_adapter({"lora": None}) == LoRA()
    assert make_adapter({"lora": {"rank": 4, "targets": ["q_proj"]}}) == LoRA(
        4, targets=("q_proj",)
    )
    assert hash(make_adapter({"layers": {"last": 3}}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("dorra", 'is called "dorra"; did you mean "dora"'),
        ({"lora": {"rnk": 8}}, 'lora has no setting "rnk"; did you mean "rank"'),
        ({"lora": {"rank": 0}}, 'lora: "rank"'),
        ({"prompt": {"tokens": 0}}, 'prompt: "tokens"'),
        ({"lora": {}, "dora": {}}, "2 are given"),
        ({"lora": 8}, "must be keys with values"),
    ],
)
def test_wrong_settings(settings: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        make_adapter(settings)


def test_targets_that_the_model_does_not_have(checkpoint: Path) -> None:
    model, _ = load_parts(str(checkpoint))
    with pytest.raises(ModelError, match="the adapter lora does not fit this model"):
        attach(model, LoRA(targets=("no_such_layer",)), 0)


def test_an_adapter_of_version_0_1_is_lora(tmp_path: Path) -> None:
    assert saved_adapter(tmp_path) == LoRA()
    (tmp_path / "tailorbird.json").write_text('{"base": "x", "chat_template_sha256": "y"}')
    assert saved_adapter(tmp_path) == LoRA()


def test_weights_of_another_model_or_torn_ones_are_refused(
    checkpoint: Path, tmp_path: Path
) -> None:
    policy, tokenizer = live(checkpoint, "layers")
    digest = LocalModel.of(policy, tokenizer, "", "").chat.template_digest
    save_adapter(policy, tmp_path, str(checkpoint), digest)
    weights = tmp_path / "weights.safetensors"
    good = weights.read_bytes()
    weights.write_bytes(good[:200])
    with pytest.raises(TailorbirdError, match="does not fit this model"):
        LocalModel.load(str(checkpoint), tmp_path)
    from safetensors.torch import save_file

    for other in ({"model.layers.7.weight": torch.zeros(1)}, {"model.norm.weight": torch.zeros(1)}):
        save_file(other, weights)
        with pytest.raises(ModelError, match="does not fit this model"):
            LocalModel.load(str(checkpoint), tmp_path)
    weights.write_bytes(good)
    record = json.loads((tmp_path / "tailorbird.json").read_text())
    (tmp_path / "tailorbird.json").write_text(json.dumps(record | {"chat_template_sha256": "x"}))
    with pytest.raises(ModelError, match="another chat template"):
        LocalModel.load(str(checkpoint), tmp_path)
