"""The recipe, on a few rows: it resumes, gives what it promises, and says how fast it was."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from tailorbird.errors import TrainingError
from tailorbird.models.fledgling import pretrain as recipe
from tailorbird.models.fledgling.corpus import ROW_TOKENS, SHARD_ROWS, Corpus
from tailorbird.models.fledgling.meaning import meanings
from tailorbird.models.fledgling.shape import EMBEDDING_STD

TOKENS = 5 * ROW_TOKENS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fledgling")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "TOKENIZER_DOCUMENTS", 300)
        patch.setattr(recipe, "SIZES", {"small": recipe.Size(recipe.Shape(128, 2, 64), 1.0, 4096)})
        first, second = recipe.pretrain(folder, None, TOKENS, "small", quiet=True)
    assert (first.steps, second.steps) == (3, 1)
    assert first.tokens == 3 * ROW_TOKENS
    assert first.tokens_per_second > 0
    assert 0 < first.utilisation < 1.5
    return folder


def test_what_is_written_loads(made: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(made)
    tokenizer = AutoTokenizer.from_pretrained(made)
    assert model.dtype == torch.float16
    assert model.config.vocab_size == len(tokenizer)


def test_a_finished_run_is_not_repeated(made: Path) -> None:
    before = (made / "model.safetensors").read_bytes()
    assert recipe.pretrain(made, None, TOKENS, "small", quiet=True) == []
    assert (made / "model.safetensors").read_bytes() == before


def test_rows_are_the_same_however_often_writing_was_interrupted(
    made: Path, tmp_path: Path
) -> None:
    count = SHARD_ROWS + 2
    whole = Corpus(tmp_path / "whole", made / "work" / "tokenizer", None, count, 3)
    for shard in (1, 0):  # in any order
        whole.allocate()
        whole.write(shard)
    again = Corpus(tmp_path / "again", made / "work" / "tokenizer", None, count, 3)
    again.allocate()
    again.write(0)
    again.write(0)  # as after a kill
    rows = again.rows(quiet=True)
    assert len(rows) == count
    np.testing.assert_array_equal(rows.tokens, whole.rows(quiet=True).tokens)
    assert rows.tokens[-1].any()


def test_meanings_are_near_for_words_of_near_meaning() -> None:
    words = [
        "telly",
        "television",
        "car",
        "vehicle",
        "0",
        "1",
        *["the", "of", "and", "dog", "cat", "red"],
    ]
    table = meanings(words, 8, seed=0)
    assert table.shape == (len(words), 8)
    torch.testing.assert_close(table.norm(dim=1), torch.full((len(words),), EMBEDDING_STD * 8**0.5))
    telly, television, car, vehicle = table[:4]
    assert telly @ television > telly @ car
    assert car @ vehicle > car @ television


def test_meanings_are_a_rotation_apart() -> None:
    words = ["one", "two", "three", "red", "green", "blue", "dog", "cat"]
    a, b = meanings(words, 4, seed=0), meanings(words, 4, seed=1)
    assert not torch.allclose(a, b)
    torch.testing.assert_close(a @ a.T, b @ b.T, rtol=1e-4, atol=1e-4)


def test_training_starts_with_wires_and_meanings(made: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(made)
    shape = recipe.Shape(128, 2, 64)
    table = recipe._start(shape, tokenizer, 0).get_parameter("model.embed_tokens.weight")
    width = shape.content.stop // 2
    lengths = table[:, :width].norm(dim=1)
    torch.testing.assert_close(lengths, torch.full_like(lengths, EMBEDDING_STD * width**0.5))
    assert (table[:, shape.always] == table[0, shape.always]).all()


def test_another_run_is_not_continued(made: Path) -> None:
    with pytest.raises(TrainingError, match="other settings"):
        recipe.pretrain(made, None, 2 * TOKENS, "small", quiet=True)


def test_too_few_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="do not make a step"):
        recipe.pretrain(tmp_path, None, 100, "small", quiet=True)
