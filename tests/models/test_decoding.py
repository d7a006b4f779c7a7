"""Answers and scores are those of the plain model, one sequence at a time."""

import math
from typing import Any

import pytest
import torch
import transformers

from tailorbird.errors import ModelError
from tailorbird.models.base import Sampling
from tailorbird.models.decoding import Decoder

VOCABULARY = 97
SHAPE = {
    "vocab_size": VOCABULARY, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
    "initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": None, "eos_token_id": None,
}  # fmt: skip
CONFIGS: dict[str, Any] = {
    "llama": lambda: transformers.LlamaConfig(**SHAPE),
    "qwen3": lambda: transformers.Qwen3Config(**SHAPE, head_dim=8),
    "window": lambda: transformers.MistralConfig(**SHAPE, sliding_window=16),
    "gemma2": lambda: transformers.Gemma2Config(**SHAPE, head_dim=8, sliding_window=16),
    "gpt2": lambda: transformers.GPT2Config(
        vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=2, n_positions=512,
        initializer_range=0.3, bos_token_id=None, eos_token_id=None,
    ),
    "bloom": lambda: transformers.BloomConfig(
        vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=2, initializer_range=0.3,
        bos_token_id=None, eos_token_id=None, pad_token_id=0,
    ),
    "lfm2": lambda: transformers.Lfm2Config(
        **SHAPE, layer_types=["conv", "full_attention"], conv_L_cache=3
    ),
}  # fmt: skip
KEEPS_APART = {"llama", "qwen3", "gpt2"}
TAKES_PREFIX = {"llama", "qwen3", "gpt2"}
SHARED = list(range(10, 50))


def make(name: str) -> Any:
    torch.manual_seed(1)
    return transformers.AutoModelForCausalLM.from_config(CONFIGS[name]()).eval()


@pytest.fixture(params=["side by side", "one behind another"])
def lanes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How rows stand where they can stand both ways; on a GPU it is always the second."""
    if request.param == "one behind another":
        monkeypatch.setattr("tailorbird.models.decoding.attends_with_prefix", lambda _: False)
    return str(request.param)


@pytest.fixture(scope="module")
def llama() -> Any:
    return make("llama")


def prompts(shared: list[int], count: int = 9) -> list[list[int]]:
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 30, (count,), generator=draw).tolist()
    return [shared + torch.randint(1, VOCABULARY, (n,), generator=draw).tolist() for n in lengths]


def plain(model: Any, prompt: list[int], tokens: int, ends: frozenset[int]) -> list[int]:
    """What transformers generates for one prompt, alone and unpadded."""
    ids = torch.tensor([prompt])
    out = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens,
        do_sample=False, eos_token_id=sorted(ends) or None, pad_token_id=0,
    )  # fmt: skip
    new: list[int] = out[0, len(prompt) :].tolist()
    return new[:-1] if new[-1] in ends else new


def plain_score(model: Any, prompt: list[int], continuation: list[int]) -> list[float]:
    with torch.no_grad():
        logprobs = model(torch.tensor([prompt + continuation])).logits[0].log_softmax(-1)
    return [float(logprobs[len(prompt) + i - 1, t]) for i, t in enumerate(continuation)]


# ---- generation --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("shared", [[], SHARED], ids=["apart", "shared"])
def test_greedy_is_what_transformers_generates(name: str, shared: list[int], lanes: str) -> None:
    model = make(name)
    decoder = Decoder(model, frozenset(), 0, batch_size=4)
    assert decoder.keeps_apart == (name in KEEPS_APART)
    assert decoder.takes_prefix == (name in TAKES_PREFIX and lanes == "side by side")
    asked = prompts(shared)
    free = [plain(model, p, 12, frozenset()) for p in asked]
    assert decoder.generate(asked, Sampling(max_tokens=12)) == free
    # Now some rows end early, at different steps, and leave.
    ends = frozenset({free[0][2], free[1][5], free[2][0]})
    expected = [plain(model, p, 12, ends) for p in asked]
    assert len({len(e) for e in expected}) > 1
    decoder = Decoder(model, ends, 0, batch_size=4)
    assert decoder.generate(asked, Sampling(max_tokens=12)) == expected


def test_one_prompt_none_and_no_tokens(llama: Any) -> None:
    decoder = Decoder(llama, frozenset(), 0)
    [asked] = prompts(SHARED, 1)
    assert decoder.generate([asked], Sampling(max_tokens=5)) == [
        plain(llama, asked, 5, frozenset())
    ]
    assert decoder.generate([], Sampling()) == []
    assert decoder.generate([asked], Sampling(max_tokens=0)) == [[]]


def test_a_model_with_a_state_of_its_own_is_refused() -> None:
    config = transformers.MambaConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1)
    with pytest.raises(ModelError, match="mamba"):
        Decoder(transformers.MambaForCausalLM(config), frozenset(), 0)


def test_equal_prompts_and_a_prompt_that_begins_another(llama: Any) -> None:
    asked = [SHARED, SHARED, [*SHARED, 3, 4]]
    expected = [plain(llama, p, 6, frozenset()) for p in asked]
    assert Decoder(llama, frozenset(), 0).generate(asked, Sampling(max_tokens=6)) == expected


@pytest.mark.parametrize("at_once", [1, 40, 4096])
def test_long_answers_outgrow_the_room_of_the_cache(
    llama: Any, monkeypatch: pytest.MonkeyPatch, lanes: str, at_once: int
) -> None:
    monkeypatch.setattr("tailorbird.models.decoding.READ_TOKENS", 16)
    monkeypatch.setattr("tailorbird.models.decoding.AFTER_TOKENS", at_once)
    asked = prompts(SHARED)
    expected = [plain(llama, p, 40, frozenset()) for p in asked]
    assert Decoder(llama, frozenset(), 0).generate(asked, Sampling(max_tokens=40)) == expected


@pytest.mark.parametrize("sampling", [Sampling(8), Sampling(8, temperature=1.5, top_p=0.9, seed=3)])
def test_answers_depend_neither_on_neighbours_nor_on_the_batch(
    llama: Any, sampling: Sampling, lanes: str
) -> None:
    asked = prompts(SHARED)
    answers = Decoder(llama, frozenset(), 0).generate(asked, sampling)
    for size in (1, 2, 5):
        assert Decoder(llama, frozenset(), 0, size).generate(asked, sampling) == answers
    assert Decoder(llama, frozenset(), 0).generate(asked[::-1], sampling) == answers[::-1]
    alone = [Decoder(llama, frozenset(), 0).generate([p], sampling)[0] for p in asked]
    assert alone == answers


def test_a_decoder_serves_one_task_after_another(llama: Any) -> None:
    decoder = Decoder(llama, frozenset(), 0)
    for shared in (SHARED, SHARED[::-1], [], SHARED):
        asked = prompts(shared)
        expected = [plain(llama, p, 4, frozenset()) for p in asked]
        assert decoder.generate(asked, Sampling(max_tokens=4)) == expected


def test_sampling_is_seeded_and_equal_prompts_differ(llama: Any) -> None:
    decoder = Decoder(llama, frozenset(), 0)
    asked = [SHARED] * 6
    first = decoder.generate(asked, Sampling(8, temperature=1.0, seed=1))
    assert decoder.generate(asked, Sampling(8, temperature=1.0, seed=1)) == first
    assert decoder.generate(asked, Sampling(8, temperature=1.0, seed=2)) != first
    assert len({tuple(a) for a in first}) > 1


@pytest.mark.parametrize("shared", [[], SHARED], ids=["apart", "shared"])
def test_equal_prompts_are_read_once_and_written_apart(llama: Any, shared: list[int]) -> None:
    rows = [p for p in prompts(shared, 4) for _ in range(5)]
    ends, sampling = frozenset(range(60, 75)), Sampling(max_tokens=12, temperature=1.0)
    alone = Decoder(llama, ends, 0, batch_size=1).generate(rows, sampling)
    read: list[int] = []
    hook = llama.register_forward_pre_hook(
        lambda _, __, inputs: read.append(inputs["input_ids"].shape[1]), with_kwargs=True
    )
    together = Decoder(llama, ends, 0).generate(rows, sampling)
    hook.remove()
    assert together == alone
    assert len({tuple(answer) for answer in together}) > 10
    assert sum(read) - sum(map(len, together)) <= sum(map(len, rows)) / 5


def test_the_end_token_may_be_kept(llama: Any) -> None:
    ends, sampling = frozenset(range(60, 72)), Sampling(max_tokens=6, temperature=1.0)
    without = Decoder(llama, ends, 0).generate(prompts(SHARED), sampling)
    kept = Decoder(llama, ends, 0, keep_end=True).generate(prompts(SHARED), sampling)
    for short, long in zip(without, kept, strict=True):
        assert long[: len(short)] == short
        assert len(long) == 6 if len(long) == len(short) else long[-1] in ends
    assert {len(long) - len(short) for short, long in zip(without, kept)} == {0, 1}


def test_temperature_and_top_p_shape_the_draws(llama: Any) -> None:
    decoder = Decoder(llama, frozenset(), 0, batch_size=256)
    greedy = decoder.generate([SHARED], Sampling(1))[0][0]
    with torch.no_grad():
        probabilities = llama(torch.tensor([SHARED])).logits[0, -1].softmax(-1)

    def drawn(**options: float) -> torch.Tensor:
        answers = decoder.generate([SHARED] * 2000, Sampling(1, seed=5, **options))
        return torch.tensor([a[0] for a in answers]).bincount(minlength=VOCABULARY) / 2000

    assert drawn(temperature=1e-4)[greedy] == 1
    assert drawn(temperature=1.0, top_p=0.0)[greedy] == 1
    error = (drawn(temperature=1.0) - probabilities).abs()
    assert (error < 4.5 * (probabilities / 2000).sqrt() + 1e-3).all()
    best, index = probabilities.sort(descending=True)
    nucleus = index[: int((best.cumsum(0) < 0.6).sum()) + 1]
    assert drawn(temperature=1.0, top_p=0.6)[nucleus].sum() == pytest.approx(1)
    flat, sharp = drawn(temperature=3.0), drawn(temperature=0.3)
    assert flat.max() < probabilities.max() < sharp.max()


def test_an_answer_does_not_begin_with_what_is_to_be_avoided(llama: Any) -> None:
    asked, decoder = prompts(SHARED), Decoder(llama, frozenset(), 0)
    free = decoder.generate(asked, Sampling(max_tokens=4))
    avoid = free[0][:2]
    kept = decoder.generate(asked, Sampling(max_tokens=4), avoid=avoid)
    assert kept[0][0] == avoid[0]
    assert kept[0][1] != avoid[1]
    others = [(a, b) for a, b in zip(free, kept) if a[:2] != avoid]
    assert others
    assert all(a == b for a, b in others)


def test_progress_counts_every_prompt(llama: Any) -> None:
    steps: list[int] = []
    decoder = Decoder(llama, frozenset(), 0, batch_size=4)
    decoder.generate(prompts(SHARED), Sampling(2), steps.append)
    decoder.score(prompts(SHARED), [[1, 2], [3]], steps.append)
    assert sum(steps) == 2 * 9


# ---- scoring -----------------------------------------------------------------------------------

OPTIONS = {
    "words": [[3, 4, 5], [3, 4, 6, 7], [8, 9]],
    "one token each": [[3], [4], [5]],
    "prefixes of each other": [[3], [3, 4], [3, 4, 5], [3, 4, 5]],
    "only one": [[3, 4, 5]],
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("kind", OPTIONS)
def test_scores_are_those_of_plain_sequences(name: str, kind: str) -> None:
    model, options = make(name), OPTIONS[kind]
    for asked in (prompts(SHARED), prompts([]), prompts(SHARED, 1)):
        scores = Decoder(model, frozenset(), 0, batch_size=4).score(asked, options)
        for prompt, row in zip(asked, scores, strict=True):
            for option, values in zip(options, row, strict=True):
                assert list(values) == pytest.approx(plain_score(model, prompt, option), abs=1e-4)


def test_nothing_to_score(llama: Any) -> None:
    decoder = Decoder(llama, frozenset(), 0)
    assert decoder.score([], [[1, 2]]) == []
    assert decoder.score(prompts([], 2), []) == [[], []]
    assert decoder.score(prompts([], 1), [[], [5]])[0][0] == ()


def test_many_options_sum_to_the_whole(llama: Any) -> None:
    """All one-token continuations together have probability one."""
    options = [[t] for t in range(VOCABULARY)]
    [row] = Decoder(llama, frozenset(), 0).score([SHARED], options)
    assert sum(math.exp(values[0]) for values in row) == pytest.approx(1, abs=1e-5)
