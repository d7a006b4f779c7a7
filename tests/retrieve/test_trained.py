from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tailorbird.errors import TaskError
from tailorbird.models.encoder import embed
from tailorbird.retrieve import _tuning, base
from tailorbird.retrieve._tuning import SHARPNESS, Reader, _windows, nearness, tune
from tailorbird.retrieve._wording import Wording
from tailorbird.retrieve.passages import PassageIndex
from tailorbird.retrieve.trained import _MOST, Trained, _by_query
from tailorbird.task.types import Document, Example

TEXTS = (
    "Breakages are repaired within nine days.",
    "Parcels leave our store on Mondays.",
    "The garden is closed in winter.",
    "Members pay half.",
)
CASES = (
    ("My teapot fell down. What now?", 0),
    ("It is in pieces, thanks to the cat.", 0),
    ("Has it been posted?", 1),
    ("When will it be on its way to me?", 1),
)


@pytest.fixture(scope="module")
def built() -> Trained:
    return Trained.build(TEXTS, cases=CASES)


def first(retriever: base.Retriever, query: str) -> int:
    ((hit,),) = retriever.search([query], 1)
    return hit.index


# ---- what it learns from ---------------------------------------------------------------------


def test_without_past_queries_it_says_what_to_do():
    with pytest.raises(TaskError, match="past queries") as caught:
        Trained.build(TEXTS)
    assert "sources" in str(caught.value.hint)


def test_training_examples_without_sources_are_no_past_queries():
    documents = [Document(str(n), "Rules", text) for n, text in enumerate(TEXTS)]
    examples = [Example("1", "How long?", "Nine days.", facts=("nine days",))]
    with pytest.raises(TaskError, match="past queries"):
        PassageIndex.build(documents, 20, "trained", examples=examples)


def test_a_query_that_two_texts_answer_is_learned_from_once():
    assert _by_query([("a", 1), ("b", 0), ("a", 0), ("a", 1)]) == {"a": {0, 1}, "b": {0}}


def test_of_very_many_queries_some_are_drawn_and_always_the_same():
    cases = [(str(n), 0) for n in range(_MOST + 50)]
    drawn = _by_query(cases)
    assert len(drawn) == _MOST
    assert drawn == _by_query(cases)


# ---- what it finds ---------------------------------------------------------------------------


def test_past_queries_find_their_texts(built: Trained):
    assert [first(built, query) for query, _ in CASES] == [text for _, text in CASES]


def test_a_text_that_no_past_query_asked_about_is_found_by_its_meaning(built: Trained):
    assert first(built, "Can one see the flowers in January?") == 2
    assert first(built, "Is it cheaper for members?") == 3


def test_tuning_teaches_what_the_words_do_not_say(tmp_path: Path):
    vectors, reader = embed(TEXTS), Reader.untuned()
    asked = ["Blue code.", "A blue code, again.", "It's blue.", "Green code.", "Is it green?"]
    wanted = np.eye(4, dtype=np.float32)[[1, 1, 1, 2, 2]]
    heard = ["The code is blue, I think."]
    assert reader.scores(vectors, heard)[0].argmax() == 3
    tune(reader, vectors, asked, wanted, 8, tmp_path)
    assert reader.scores(vectors, heard)[0].argmax() == 1
    assert not list(tmp_path.glob("checkpoint-*"))


# ---- kept between runs -----------------------------------------------------------------------


def test_what_was_trained_is_read_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    once = Trained.build(TEXTS, tmp_path, CASES)
    monkeypatch.setattr(_tuning, "tune", lambda *_: pytest.fail("trained again"))
    again = Trained.build(TEXTS, tmp_path, CASES)
    queries = [query for query, _ in CASES]
    assert again.search(queries, 4) == once.search(queries, 4)


def test_an_index_keeps_the_weight_of_the_wording(built: Trained, tmp_path: Path):
    light = replace(built, weight=0.25)
    light.save(tmp_path / "new")
    assert Trained.load(tmp_path / "new").weight == 0.25
    assert light.search(["Members"], 4) != built.search(["Members"], 4)
    arrays = load_file(tmp_path / "new" / "trained.safetensors")
    del arrays["weight"]
    save_file(arrays, tmp_path / "new" / "trained.safetensors")
    assert Trained.load(tmp_path / "new").weight == 0.5, "as indexes had it that do not say"


def test_training_twice_gives_equal_scores(built: Trained):
    again = Trained.build(TEXTS, cases=CASES)
    queries = ["My cup fell on the floor", "posted?"]
    assert again.search(queries, 4) == built.search(queries, 4)


# ---- how a query is read ---------------------------------------------------------------------


def test_windows_are_the_whole_each_sentence_and_neighbours():
    text = "aa bb cc dd. Hm. ee ff gg hh?"
    starts = [0, 3, 6, 9, 11, 13, 15, 17, 20, 23, 26, 28]
    ends = [2, 5, 8, 11, 12, 15, 16, 19, 22, 25, 28, 29]
    offsets = [(0, 0), *zip(starts, ends), (0, 0)]
    whole, one, other, both = np.array(list(_windows(text, offsets)))
    assert whole.all()
    assert list(np.flatnonzero(one)) == [1, 2, 3, 4, 5]
    assert list(np.flatnonzero(other)) == [8, 9, 10, 11, 12]  # "Hm." is too short to be a window
    assert (both == one | other).all()


def test_a_text_without_sentences_is_one_window():
    assert list(_windows("", [(0, 0), (0, 0)])) == [[True, True]]


def test_nearness_is_the_log_mean_of_exponentials_over_windows():
    reader = Reader.untuned()
    text = "The parcel has not come yet. Do members of the club pay less?"
    vectors = embed(TEXTS)
    batch = reader.collate([reader.read(text), reader.read("Members?")])
    with torch.no_grad():
        found = nearness(reader.parts.model.eval(), batch, torch.from_numpy(vectors)).numpy()
        (hidden, _) = reader.parts.model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).last_hidden_state.numpy()
    marks = np.array(reader.read(text).windows)
    means = np.stack([hidden[mark].mean(axis=0) for mark in marks])
    cosines = means @ vectors.T / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(
        found[0], np.log(np.exp(SHARPNESS * cosines).mean(axis=0)), atol=1e-4
    )


def test_the_untuned_reader_embeds_as_the_encoder_does():
    reader, vectors = Reader.untuned(), embed(TEXTS)
    short = ["Members pay"]  # one window: nothing but the whole
    np.testing.assert_allclose(reader.scores(vectors, short), embed(short) @ vectors.T, atol=1e-5)


# ---- wording ---------------------------------------------------------------------------------


def test_wording_is_kernel_ridge_regression():
    from sklearn.kernel_ridge import KernelRidge

    queries = [query for query, _ in CASES]
    wanted = np.eye(4, dtype=np.float32)[[text for _, text in CASES]]
    fitted = Wording.fit(queries, wanted)
    rows = fitted.past.toarray()
    oracle = KernelRidge(alpha=0.5).fit(rows, wanted)
    np.testing.assert_allclose(fitted.scores(queries), oracle.predict(rows), atol=1e-5)


def test_wording_forgives_typing_errors():
    fitted = Wording.fit([q for q, _ in CASES], np.eye(4, dtype=np.float32)[[0, 0, 1, 1]])
    assert fitted.scores(["my taepot fell"])[0].argmax() == 0


def test_a_query_without_letters_has_no_wording():
    fitted = Wording.fit(["a query"], np.ones((1, 2), dtype=np.float32))
    assert (fitted.scores([""]) == 0).all()


def test_wording_is_saved_as_arrays():
    fitted = Wording.fit([q for q, _ in CASES], np.eye(4, dtype=np.float32))
    again = Wording.of(fitted.arrays())
    np.testing.assert_array_equal(again.scores(["teapot"]), fitted.scores(["teapot"]))
