"""Bits per byte mean the same for every tokenizer, and training on text lowers them."""

import math
from pathlib import Path

import pytest
import torch

from tailorbird.errors import TrainingError
from tailorbird.models.local import load_parts
from tailorbird.models.text import LONGEST, stretches
from tailorbird.train.continued import bits_per_byte, pretrain_on
from tailorbird.train.recipe import Recipe

TEXTS = ["The courier brought the kettle to the shop on Sunday morning. " * 4] * 6


@pytest.mark.parametrize(
    "text", ["a b\nc", "word " * 900, "x" * 4000, " lead", "é" * 1600 + " end"]
)
def test_stretches_are_the_text_itself(text: str):
    parts = list(stretches([text]))
    assert "".join(parts) == text.rstrip() or "".join(parts) == text
    assert all(0 < len(p) <= LONGEST for p in parts)


def test_words_are_not_cut():
    parts = list(stretches(["word " * 900]))
    assert len(parts) > 1
    assert {w for p in parts for w in p.split()} == {"word"}


def test_a_model_that_knows_nothing_needs_log_v_bits_a_token(checkpoint: Path):
    model, tokenizer = load_parts(str(checkpoint))
    with torch.no_grad():
        model.get_input_embeddings().weight.zero_()  # tied: every logit is 0
    tokens = len(tokenizer(TEXTS[0], add_special_tokens=False)["input_ids"])
    expected = tokens * math.log2(model.config.vocab_size) / len(TEXTS[0].encode().rstrip())
    assert bits_per_byte(model, tokenizer, TEXTS[:1]) == pytest.approx(expected, rel=0.02)


def test_no_text_is_an_error(checkpoint: Path):
    with pytest.raises(TrainingError, match="no text"):
        bits_per_byte(*load_parts(str(checkpoint)), ["  "])


def test_training_on_a_text_makes_it_likelier(checkpoint: Path, tmp_path: Path):
    model, tokenizer = load_parts(str(checkpoint))
    before = bits_per_byte(model, tokenizer, TEXTS)
    recipe = Recipe(epochs=30, batch_size=1, group_by_length=False)
    pretrain_on(model, tokenizer, TEXTS, recipe, tmp_path, quiet=True)
    assert bits_per_byte(model, tokenizer, TEXTS) < 0.9 * before
    assert not model.training
