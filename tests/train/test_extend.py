"""What an extension leaves, and what it refuses to write over."""

from pathlib import Path

import pytest

from tailorbird.errors import ModelError, StoreError
from tailorbird.models.base import Sampling
from tailorbird.models.load import load_model
from tailorbird.models.local import load_tokenizer
from tailorbird.store import read_json
from tailorbird.task.types import Message
from tailorbird.train.extend import Plan, extend

DOMAIN = ["The endocarditis ward treats myocarditis, pericarditis and endocarditis."] * 20


def test_an_extended_model_talks_and_says_what_it_is(checkpoint: Path, tmp_path: Path):
    texts = [f"{text} Number {i}." for i, text in enumerate(DOMAIN * 2)]
    plan = Plan(str(checkpoint), add=15, epochs=2.0, learning_rate=3e-3)
    done = extend(plan, {"texts": texts}, tmp_path / "out", quiet=True)
    assert done.tokens == 15
    assert done.tokens_after < done.tokens_before
    assert done.before is not None
    assert done.trained is not None
    assert done.trained < done.before
    lm = load_model(str(tmp_path / "out"))
    (answer,) = lm.complete([(Message("user", "the ward"),)], Sampling(max_tokens=4))
    assert answer.error is None
    kept = read_json(tmp_path / "out" / "extension.json")
    assert len(kept["tokens"]) == 15
    assert not list((tmp_path / "out" / "work").glob("checkpoint-*"))


def test_adding_nothing_and_training_nothing_changes_nothing(checkpoint: Path, tmp_path: Path):
    plan = Plan(str(checkpoint), add=0, epochs=0)
    done = extend(plan, {"texts": DOMAIN}, tmp_path / "out", quiet=True)
    assert (done.tokens, done.grown, done.trained) == (0, done.before, None)
    was, now = load_tokenizer(str(checkpoint)), load_tokenizer(str(tmp_path / "out"))
    assert now.get_vocab() == was.get_vocab()


def test_a_folder_of_something_else_is_not_written_over(checkpoint: Path, tmp_path: Path):
    out = tmp_path / "out"
    extend(Plan(str(checkpoint), add=3, epochs=0), {"texts": DOMAIN}, out, quiet=True)
    with pytest.raises(StoreError, match="something else"):
        extend(Plan(str(checkpoint), add=4, epochs=0), {"texts": DOMAIN}, out, quiet=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("x", encoding="utf-8")
    with pytest.raises(StoreError, match="something else"):
        extend(Plan(str(checkpoint)), {"texts": DOMAIN}, tmp_path / "mine", quiet=True)


def test_an_endpoint_cannot_be_extended(tmp_path: Path):
    with pytest.raises(ModelError, match="endpoint"):
        extend(Plan("http://host/v1#m"), {"texts": DOMAIN}, tmp_path / "out")
