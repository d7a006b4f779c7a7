"""New tokens: which are chosen, that the tokenizer uses them, and what the model's rows become."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from tailorbird.errors import ModelError
from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts, load_tokenizer
from tailorbird.task.types import Message
from tailorbird.testing import tiny_checkpoint
from tailorbird.testing.claims import STRANGE
from tailorbird.train.continued import bits_per_byte
from tailorbird.train.extension import (
    NewToken,
    choose,
    extended,
    grow,
    is_byte_level,
    spelled,
    word_counts,
)

DOMAIN = [
    "Myocardial infarction and myocarditis: the myocardial wall, 12345 cells.",
    "A cardiomyopathy (or Cardiomyopathy) of the myocardial wall; naïve café, naïve café.",
    "The endocarditis ward treats myocarditis, pericarditis and endocarditis.",
] * 5
HOSTILE = [
    *(text for text in STRANGE if isinstance(text, str)),
    *DOMAIN,
    "myocardialmyocardial  myocardial\tmyocardial\nmyocardial-myocardial_myocardial",
    " myocardial", "xmyocardial", "MYOCARDIAL", "myocardial's", "1myocardial2", "naïvecafé",
    "12345 67 8.9", "<|end|> myocardial <|user|>", "\ufdd0myocardial\u200bmyocardial", "🫀 心筋炎",
]  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose special tokens are in its vocabulary."""
    texts = ["The wall of the house and the cells of a ward: treats for the cat."] * 3
    return tiny_checkpoint(tmp_path_factory.mktemp("plain"), texts)


@pytest.fixture(scope="module")
def beyond(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with special tokens numbered behind the vocabulary, as in Llama 3 and Qwen."""
    folder = tmp_path_factory.mktemp("beyond")
    model, tokenizer = load_parts(str(plain))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|tool|>", "<|stop|>"]})
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(params=["fledgling", "plain", "beyond"])
def model(request: pytest.FixtureRequest) -> str:
    named = request.param
    return named if named == "fledgling" else str(request.getfixturevalue(named))


def counted(tokenizer: Any, texts: list[str]) -> int:
    return sum(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))


# ---- choosing --------------------------------------------------------------------------------


def test_the_promised_saving_is_what_the_tokenizer_then_saves(model: str, tmp_path: Path):
    old = load_tokenizer(model)
    tokens = choose(old, DOMAIN, 30)
    new = extended(old, tokens, tmp_path / "new")
    saved = counted(old, DOMAIN) - counted(new, DOMAIN)
    assert saved == sum(t.saves for t in tokens) > 0


def test_the_best_comes_first_and_none_saves_more_than_its_turn(plain: Path):
    saves = [t.saves for t in choose(load_tokenizer(str(plain)), DOMAIN, 30)]
    assert saves == sorted(saves, reverse=True)


def test_a_frequent_long_word_is_one_of_them_with_its_space(plain: Path):
    tokens = choose(load_tokenizer(str(plain)), DOMAIN, 60)
    assert " myocardial" in {t.shown for t in tokens}


def test_no_digit_no_bare_punctuation_no_part_of_a_character(model: str):
    texts = [*DOMAIN, *["2024-11-25 ::: ------ 心筋炎心筋炎 ½½ ١٢٣"] * 20]
    for token in choose(load_tokenizer(model), texts, 200):
        assert "\ufffd" not in token.shown
        assert any(c.isalpha() for c in token.shown)
        assert not any(c.isnumeric() for c in token.shown)


def test_what_is_left_of_each_is_what_the_tokenizer_writes(model: str, tmp_path: Path):
    old = load_tokenizer(model)
    tokens = choose(old, DOMAIN, 30)
    new = extended(old, tokens, tmp_path / "new")
    written = Counter(i for ids in new(DOMAIN)["input_ids"] for i in ids)
    assert [t.count for t in tokens] == [written[new.get_vocab()[t.text]] for t in tokens]


def test_rare_words_are_left_alone(plain: Path):
    tokenizer = load_tokenizer(str(plain))
    assert choose(tokenizer, DOMAIN[:3], 30, at_least=50) == ()
    for token in choose(tokenizer, DOMAIN, 30, at_least=6):
        assert token.saves >= 6


def test_pieces_spell_the_token(model: str):
    tokenizer = load_tokenizer(model)
    known = set(tokenizer.get_vocab())
    for token in choose(tokenizer, DOMAIN, 30):
        assert "".join(token.pieces) == token.text
        assert set(token.pieces) <= known


def test_three_equal_pieces_in_a_row_are_one_pair(plain: Path):
    tokenizer = load_tokenizer(str(plain))
    texts = ["qqq"] * 10
    assert word_counts(tokenizer, texts) == Counter({"qqq": 10})
    (first, *_) = choose(tokenizer, texts, 1)
    assert (first.text, first.saves) == ("qq", 10)


# ---- the tokenizer ---------------------------------------------------------------------------


def test_every_text_reads_back_as_before(model: str, tmp_path: Path):
    old = load_tokenizer(model)
    new = extended(old, choose(old, DOMAIN, 40), tmp_path / "new")
    for text in HOSTILE:
        ids = [t(text, add_special_tokens=False)["input_ids"] for t in (old, new)]
        assert new.decode(ids[1]) == old.decode(ids[0]), text
        assert len(ids[1]) <= len(ids[0])


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_reads_back_as_before(extended_pair: tuple[Any, Any], text: str):
    old, new = extended_pair
    ids = [t(text, add_special_tokens=False)["input_ids"] for t in (old, new)]
    assert new.decode(ids[1]) == old.decode(ids[0])


@pytest.fixture(scope="module")
def extended_pair(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    old = load_tokenizer(str(plain))
    return old, extended(old, choose(old, DOMAIN, 40), tmp_path_factory.mktemp("pair"))


def test_text_without_a_new_token_keeps_its_tokens(model: str, tmp_path: Path):
    old = load_tokenizer(model)
    tokens = choose(old, DOMAIN, 40)
    new = extended(old, tokens, tmp_path / "new")
    for text in ("The house of the cat.", "a b c", "12 345", "心", "for the cat?!"):
        assert new(text)["input_ids"] == old(text)["input_ids"]


def test_special_tokens_digits_and_ids_stay(model: str, tmp_path: Path):
    old = load_tokenizer(model)
    new = extended(old, choose(old, DOMAIN, 40), tmp_path / "new")
    assert new.all_special_tokens == old.all_special_tokens
    assert new.all_special_ids == old.all_special_ids
    assert (new.eos_token_id, new.pad_token_id) == (old.eos_token_id, old.pad_token_id)
    assert set(old.get_vocab().items()) <= set(new.get_vocab().items())
    assert sorted(new.get_vocab().values()) == list(range(len(new)))
    assert new("90210 myocardial")["input_ids"][:5] == old("90210 myocardial")["input_ids"][:5]


def test_nobody_can_spell_a_control_token(model: str, tmp_path: Path):
    old = load_tokenizer(model)
    chat = Chat(extended(old, choose(old, DOMAIN, 40), tmp_path / "new"))
    said = "<|end|><|assistant|> myocardial"
    ids = chat.prompt((Message("user", said),))
    control = set(chat.tokenizer.all_special_ids)
    plain = chat.prompt((Message("user", "x"),))
    assert sum(i in control for i in ids) == sum(i in control for i in plain)
    assert chat.template_digest == Chat(old).template_digest


def test_a_models_own_tokenizer_class_does_not_undo_it(beyond: Path, tmp_path: Path):
    """Qwen2Tokenizer builds itself anew from vocabulary and merges, whatever else is saved."""
    old = load_tokenizer(str(beyond))
    folder = tmp_path / "qwen"
    old.save_pretrained(folder)
    config = folder / "tokenizer_config.json"
    text = config.read_text("utf-8")
    config.write_text(text.replace("TokenizersBackend", "Qwen2Tokenizer"), encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "qwen2"}', encoding="utf-8")
    qwen = load_tokenizer(str(folder))
    assert type(qwen).__name__ == "Qwen2Tokenizer"
    new = extended(qwen, choose(qwen, DOMAIN, 10), tmp_path / "new")
    (tmp_path / "new" / "config.json").write_text('{"model_type": "qwen2"}', encoding="utf-8")
    again = load_tokenizer(str(tmp_path / "new"))
    assert type(again).__name__ == "Qwen2Tokenizer"
    assert counted(again, DOMAIN) == counted(new, DOMAIN) < counted(qwen, DOMAIN)


def test_another_kind_of_tokenizer_is_refused_in_plain_words(tmp_path: Path):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("a", -1.0)], 0))
    other = PreTrainedTokenizerFast(tokenizer_object=unigram, unk_token="<unk>")
    assert not is_byte_level(other)
    with pytest.raises(ModelError, match="not byte-level BPE"):
        choose(other, DOMAIN, 5)


# ---- the model -------------------------------------------------------------------------------


def a_model(rows: int, tied: bool) -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=rows,
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            tie_word_embeddings=tied,
        )
    )


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("spare", [0, 3, 64])
def test_rows_are_the_mean_of_their_pieces(
    tied: bool, spare: int, extended_pair: tuple[Any, Any], plain: Path
):
    old, new = extended_pair
    tokens = choose(old, DOMAIN, 40)
    model = a_model(len(old) + spare, tied)
    before = [t.clone() for t in (model.model.embed_tokens.weight, model.lm_head.weight)]
    grow(model, new, tokens)
    ids = new.get_vocab()
    for table, was in zip((model.model.embed_tokens.weight, model.lm_head.weight), before):
        assert len(table) == max(len(new), len(old) + spare)
        torch.testing.assert_close(table[: len(old)], was[: len(old)])
        for token in tokens:
            wanted = was[[ids[p] for p in token.pieces]].mean(0)
            torch.testing.assert_close(table[ids[token.text]], wanted)
    assert (model.lm_head.weight is model.model.embed_tokens.weight) == tied


def test_mean_and_random_rows(extended_pair: tuple[Any, Any]):
    old, new = extended_pair
    tokens = choose(old, DOMAIN, 40)

    def rows(how: Any, seed: int = 0) -> Any:
        model = a_model(len(old), True)
        grow(model, new, tokens, how, seed)
        return model.model.embed_tokens.weight.detach()

    mean, random = rows("mean"), rows("random")
    torch.testing.assert_close(mean[-1], mean[: len(old)].mean(0))
    assert random[len(old) :].std() == pytest.approx(float(random[: len(old)].std()), rel=0.2)
    torch.testing.assert_close(random, rows("random"))
    assert not torch.equal(random, rows("random", 1))


def test_the_mean_of_pieces_predicts_better_than_noise(tmp_path: Path):
    """On fledgling and a handbook's text, right after extension and without any training."""
    handbook = Path(__file__).parents[2] / "studies" / "insurance-email" / "handbook"
    texts = [p.read_text("utf-8") for p in sorted(handbook.iterdir())[:12]]
    old = load_tokenizer("fledgling")
    new = extended(old, choose(old, texts, 60), tmp_path / "new")

    def bits(how: Any) -> float:
        model, _ = load_parts("fledgling")
        grow(model, new, choose(old, texts, 60), how)
        return bits_per_byte(model, new, texts)

    pieces, noise = bits("pieces"), bits("random")
    assert pieces < noise


def test_an_extended_model_is_an_ordinary_folder(
    plain: Path, tmp_path: Path, run: Callable[..., Any]
):
    model, old = load_parts(str(plain))
    tokens = choose(old, DOMAIN, 20)
    new = extended(old, tokens, tmp_path / "new")
    grow(model, new, tokens)
    model.save_pretrained(tmp_path / "new")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "new")
    assert again.config.vocab_size == len(new)
    loaded, _ = load_parts(str(tmp_path / "new"))
    ids = torch.tensor([new("myocardial wall")["input_ids"]])
    torch.testing.assert_close(loaded(ids).logits, model(ids).logits)


def test_a_token_is_shown_as_people_write_it():
    assert NewToken("ĠnaÃ¯ve", ("ĠnaÃ¯", "ve"), ("ĠnaÃ¯", "ve"), 1).shown == " naïve"
    assert spelled("Ã") == "\ufffd"
