"""Ways to write an input otherwise: they change it, and never what it states."""

import re

import pytest

from tailorbird.data.perturbations import paraphrase
from tailorbird.data.perturbations.base import (
    keeps_facts,
    make_perturbation,
    plain_words,
)
from tailorbird.errors import TaskError
from tailorbird.models.scripted import Scripted
from tailorbird.registry import names

TEXTS = (
    "Can you help me? I paid £1,250.00 on 3 March 2026, and Priya Nair wrote that it is wrong.",
    "my broken kettle, code LW-20, was bought fourteen days ago. Where do I send it?",
    "Call 01632 960 200 or write to help@shop.example within 5 working days, please!",
    "The trip costs two thousand pounds and takes twenty-one days; is a large bag allowed?",
)
ALL = names("data.perturbations")


@pytest.mark.parametrize("name", ALL)
def test_facts_survive_and_something_changes(name: str):
    changed = make_perturbation(name).perturb(TEXTS * 5, seed=1)
    made = [(a, b) for a, b in zip(TEXTS * 5, changed, strict=True) if b is not None]
    assert len(made) >= 10
    for before, after in made:
        assert after != before
        assert keeps_facts(before, after), after


@pytest.mark.parametrize("name", ALL)
def test_equal_seeds_give_equal_changes_whatever_stands_beside(name: str):
    change = make_perturbation(name)
    whole = change.perturb(TEXTS, seed=3)
    assert whole == [change.perturb([text], seed=3)[0] for text in TEXTS]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("text", ["", " \n", "?", "£5", "🙂", "x" * 3000])
def test_strange_texts_are_left_or_changed(name: str, text: str):
    [changed] = make_perturbation(name).perturb([text], seed=0)
    assert changed is None or isinstance(changed, str)


def test_typos_hit_the_share_that_is_asked():
    text = " ".join(["kettle", "letter", "window", "garden"] * 25)
    [changed] = make_perturbation({"typos": {"rate": 0.2}}).perturb([text], seed=0)
    assert changed is not None
    hit = sum(a != b for a, b in zip(text.split(), changed.split(), strict=True))
    assert hit == 20


def test_words_that_state_a_fact_are_no_plain_words():
    text = "we pay £20, within fourteen working days, to Ann, code tm-204, on the third floor"
    words = {text[a:b] for a, b in plain_words(text)}
    assert words == {"we", "pay", "within", "to", "code", "on", "the"}


def test_lost_facts_are_seen():
    assert keeps_facts("It takes 14 days.", "it takes  14 DAYS!")
    assert not keeps_facts("It takes 14 days.", "It takes 41 days.")
    assert not keeps_facts("It takes 14 days.", "It takes 14 dyas.")
    assert not keeps_facts("On the 3rd.", "On the day.")


def test_chatter_stands_where_it_is_asked():
    before, after = (
        make_perturbation({"chatter": {"where": w}}).perturb(["Where is it?"], 0)[0] or ""
        for w in ("before", "after")
    )
    assert before.endswith("Where is it?")
    assert after.startswith("Where is it?")


def test_a_model_that_is_named_rewrites(monkeypatch: pytest.MonkeyPatch):
    lm = Scripted({"kettle": "My kettle does not work."})
    monkeypatch.setattr(paraphrase, "load_model", lambda spec: lm)
    change = make_perturbation({"paraphrase": {"model": "some/model"}})
    assert change.perturb(["the kettle is broken"], 0) == ["My kettle does not work."]


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(TaskError, match=re.escape('did you mean "typos"?')):
        make_perturbation("typo")
    with pytest.raises(TaskError, match="rate"):
        make_perturbation({"typos": {"rate": 0}})
