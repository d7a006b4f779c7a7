"""Digits, round trips, the chat template and the mask of what is learned."""

from itertools import islice

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from tailorbird.models.chat import Chat
from tailorbird.models.fledgling.mix import SHARES, documents
from tailorbird.models.fledgling.tokenizer import END, SPECIAL, train_tokenizer
from tailorbird.task.types import Message


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(islice(documents(0, None), 500), vocab_size=800)


def test_special_tokens_come_first(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.convert_tokens_to_ids(list(SPECIAL)) == list(range(6))
    assert tokenizer.eos_token == END
    assert tokenizer.pad_token_id == 0
    assert len(tokenizer) == 800


def test_every_digit_is_a_token(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = tokenizer.tokenize("pay £12,345.67 by 2026")
    assert [t for t in tokens if any(c.isdigit() for c in t)] == list("12345672026")


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "  two  spaces ",
        "a\n\nb\t",
        "naïve Ångström 日本語",
        "🙂🏳️‍🌈",
        "£5–€6",
        "7",
        " ",
    ],
)
def test_round_trip(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_a_word_is_the_same_at_the_start(tokenizer: PreTrainedTokenizerFast) -> None:
    turn = tokenizer.apply_chat_template([{"role": "assistant", "content": "Monday"}])["input_ids"]
    inside = tokenizer("It is Monday")["input_ids"]
    assert turn[1:-1] == inside[-len(turn[1:-1]) :]


def test_mask_is_the_assistant_and_its_end(tokenizer: PreTrainedTokenizerFast) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How much?"},
        {"role": "assistant", "content": "£45 🙂."},
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": "On Monday."},
    ]
    rendered = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    learned = [t for t, m in zip(rendered["input_ids"], rendered["assistant_masks"]) if m]
    wanted = [
        token
        for message in messages
        if message["role"] == "assistant"
        for token in [*tokenizer(message["content"])["input_ids"], tokenizer.eos_token_id]
    ]
    assert learned == wanted


def test_mask_agrees_with_the_prefix_difference(tokenizer: PreTrainedTokenizerFast) -> None:
    messages = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So, 12."}]
    rendered = tokenizer.apply_chat_template(
        messages, return_dict=True, return_assistant_tokens_mask=True
    )
    row = Chat(tokenizer).row((Message("user", "How?"),), "So, 12.")
    assert list(row.tokens) == rendered["input_ids"]
    assert list(row.learned) == rendered["assistant_masks"]


def test_every_family_renders(tokenizer: PreTrainedTokenizerFast) -> None:
    seen = set()
    for document in islice(documents(1, None), 300):
        assert document.messages is not None
        rendered = tokenizer.apply_chat_template(
            list(document.messages), return_dict=True, return_assistant_tokens_mask=True
        )
        assert sum(rendered["assistant_masks"]) > 1
        assert rendered["input_ids"][-1] == tokenizer.eos_token_id
        seen.add(document.family)
    assert seen == set(SHARES) - {"real_questions", "cloze", "plain", "dialogue"}


def test_system_is_optional_and_the_prompt_is_a_prefix(tokenizer: PreTrainedTokenizerFast) -> None:
    asked = [{"role": "user", "content": "x"}]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert prompt == "<|user|>x<|end|><|assistant|>"
    answered = [*asked, {"role": "assistant", "content": "y"}]
    assert tokenizer.apply_chat_template(answered, tokenize=False) == prompt + "y<|end|>"


def test_saved_and_loaded(tokenizer: PreTrainedTokenizerFast, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save_pretrained(folder)
    loaded = AutoTokenizer.from_pretrained(folder)
    text = "Dear Ada, £12 is due on 3 May."
    assert loaded(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert loaded.chat_template == tokenizer.chat_template
