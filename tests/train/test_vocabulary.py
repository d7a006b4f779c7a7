"""What the report counts, what the verdict says, and what an extension leaves."""

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tailorbird.errors import DataError
from tailorbird.models.local import load_tokenizer
from tailorbird.task.benchmark import Task
from tailorbird.train.extension import NewToken
from tailorbird.train.vocabulary import (
    Fit,
    Saving,
    corpus_of,
    hold_out,
    measure,
    read_texts,
    report,
    save,
    verdict,
)

DOMAIN = ["The endocarditis ward treats myocarditis, pericarditis and endocarditis."] * 20


@pytest.fixture(scope="module")
def letters() -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are known: one a letter, but for two whole words."""
    alphabet = "abcdefghijklmnopqrstuvwxy"
    known = ["[UNK]", "the", "ward", *alphabet, *(f"##{c}" for c in alphabet)]
    vocabulary = {token: i for i, token in enumerate(known)}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")


def test_every_figure_on_a_text_counted_by_hand(letters: PreTrainedTokenizerFast):
    fit = measure(letters, ["the ward", "the cat bed abcd zoo", "at 9"])
    # the 1, ward 1, the 1, cat 3, bed 3, abcd 4, zoo unknown 1, at 2; 9 is unknown and no word
    assert (fit.texts, fit.words, fit.tokens) == (3, 8, 17)
    assert fit.tokens_per_word == pytest.approx(16 / 8)
    assert fit.characters_per_token == pytest.approx((8 + 20 + 4) / 17)
    assert fit.in_three == pytest.approx(3 / 8)
    assert fit.in_four == pytest.approx(1 / 8)
    assert fit.unknown == pytest.approx(2 / 17)
    assert fit.bytes == 0
    assert [(c.word, c.count, c.extra) for c in fit.costly] == [
        ("abcd", 1, 3), ("bed", 1, 2), ("cat", 1, 2), ("at", 1, 1),
    ]  # fmt: skip


def test_parts_of_characters_are_counted(checkpoint: Path):
    tokenizer = load_tokenizer(str(checkpoint))
    assert measure(tokenizer, ["heart"]).bytes == 0
    assert measure(tokenizer, ["心"]).bytes == 1


def test_words_of_neighbouring_tokens_do_not_mix(checkpoint: Path):
    """A word's tokens are those that hold some of it, in any text."""
    tokenizer = load_tokenizer(str(checkpoint))
    fit = measure(tokenizer, ["kettle,kettle (kettle) 3kettle4 don't"])
    alone = {w: len(tokenizer(w)["input_ids"]) for w in ("don", "t")}
    assert {c.word: c.count for c in fit.costly}.get("kettle", 4) == 4
    assert fit.words == 6
    assert all(n >= 1 for n in alone.values())


def test_the_corpus_of_a_task_is_what_it_reads_and_writes(label_task: Task, answer_task: Task):
    assert set(corpus_of(label_task)) == {"inputs"}
    parts = corpus_of(answer_task)
    assert {k: len(v) for k, v in parts.items()} == {"inputs": 30, "answers": 30, "documents": 6}
    hidden = {e.text for e in answer_task.examples("test")}
    assert not hidden & set(parts["inputs"])


def test_texts_are_read_from_files_and_folders(tmp_path: Path):
    (tmp_path / "a.txt").write_text("word " * 900, encoding="utf-8")
    (tmp_path / "b.md").write_text("# Title\n\nBody.", encoding="utf-8")
    assert len(read_texts(tmp_path / "a.txt")) == 5
    assert sorted(read_texts(tmp_path))[0] == "Body."
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(DataError, match="holds no text"):
        read_texts(tmp_path / "empty.txt")
    with pytest.raises(DataError, match="no text at"):
        read_texts(tmp_path / "missing.txt")


def test_what_is_promised_is_counted_part_by_part(checkpoint: Path):
    tokenizer = load_tokenizer(str(checkpoint))
    saving = save(tokenizer, {"documents": DOMAIN, "inputs": ["the kettle"]}, 20)
    assert saving.before["documents"] - saving.after["documents"] == sum(
        t.saves for t in saving.tokens
    )
    assert saving.after["inputs"] == saving.before["inputs"]
    assert saving.share("documents") > saving.share() > saving.share("inputs") == 0


def test_a_saving_on_fresh_text_is_smaller_where_words_do_not_come_again(checkpoint: Path):
    """Each text has a word of its own: tokens chosen on some save little on the others."""
    names = [f"{a}{b}{c}" for a in "bdfgklmn" for b in ("ora", "iva", "ulu") for c in ("x", "z")]
    texts = [" ".join([f"{name}tromium"] * 8) for name in names]
    saving = save(load_tokenizer(str(checkpoint)), {"texts": texts}, 60)
    assert saving.fresh is not None
    assert 0 < saving.fresh < saving.share()


def test_texts_held_out_are_a_tenth_and_do_not_depend_on_their_order():
    texts = [f"text {i}" for i in range(400)]
    seen, held = hold_out(texts, 0)
    assert 25 < len(held) < 60
    assert sorted(seen + held) == sorted(texts)
    assert set(hold_out([*texts[::-1], *texts], 0)[1]) == set(held)
    assert set(hold_out(texts, 1)[1]) != set(held)


# ---- the verdict -----------------------------------------------------------------------------

FIT = Fit(1, 100, 30, 20, 1.4, 3.3, 0.1, 0.05, 0.0, 0.0, ())


def a_saving(share: float, count: int, fresh: float | None = None) -> Saving:
    token = NewToken("Ġward", ("Ġw", "ard"), ("Ġw", "ard"), 10, count)
    return Saving(1, (token,), {"texts": 1000}, {"texts": round(1000 * (1 - share))}, fresh)


@pytest.mark.parametrize(
    ("saving", "extends", "because"),
    [
        (a_saving(0.2, 500), True, "often enough to be learned"),
        (a_saving(0.2, 500, 0.19), True, "19.0% of the tokens of text they were not chosen from"),
        (a_saving(0.2, 500, 0.04), False, "save 4.0%"),
        (a_saving(0.2, 7), False, "too seldom to be learned"),
        (a_saving(0.02, 500), False, "less than the 10% that would pay"),
        (Saving(5, (), {"texts": 10}, {"texts": 10}), False, "no word is both frequent and cut"),
        (None, False, "only byte-level BPE can"),
    ],
)
def test_verdicts(saving: Saving | None, extends: bool, because: str):
    said, reason = verdict(FIT, None, saving)
    assert said == extends
    assert because in reason


def test_a_domain_as_common_as_general_text_is_named_as_such():
    general = replace(FIT, tokens_per_word=1.35)
    assert "hardly more often" in verdict(FIT, general, a_saving(0.02, 500))[1]
    general = replace(FIT, tokens_per_word=1.1)
    assert "hardly more often" not in verdict(FIT, general, a_saving(0.02, 500))[1]


def test_a_tokenizer_of_another_kind_is_measured_and_not_extended(
    letters: PreTrainedTokenizerFast,
):
    done = report("letters", letters, {"texts": ["the cat"]}, 5)
    assert (done.saving, done.extend) == (None, False)
    assert done.domain.words == 2


def test_a_corpus_without_words_is_refused(checkpoint: Path):
    with pytest.raises(DataError, match="no words"):
        report("m", load_tokenizer(str(checkpoint)), {"texts": ["1 2 3"]}, 5)
