"""The handbook agrees with itself, and every question with the handbook."""

import importlib.util
import json
import re
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.check import check_benchmark
from tailorbird.task.facts import states, unsupported
from tailorbird.task.task import load_spec

STUDY = Path(__file__).parents[2] / "studies" / "procedure-qa"
PAGES = {p.stem: p.read_text(encoding="utf-8") for p in sorted((STUDY / "handbook").glob("*.md"))}
REFERENCE = re.compile(r" \(see ([^)]*)\)")
FORM = re.compile(r"\b[A-Z]{2}-\d{2}\b")


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (STUDY / name).read_text("utf-8").splitlines()]


def asked() -> list[dict[str, Any]]:
    return [*rows("test.jsonl"), *rows("dev.jsonl")]


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("procedure_qa", STUDY / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def study() -> Task:
    return load_task(load_spec(STUDY), STUDY)


# ---- the handbook ----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_a_procedure(page: str):
    text = PAGES[page]
    assert 150 <= len(text.split()) <= 350
    numbers = re.findall(r"(?m)^(\d+)\. ", text)
    assert len(numbers) >= 5
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]


def test_references_name_pages():
    titles = {text.splitlines()[0].removeprefix("# ") for text in PAGES.values()}
    named = [t for text in PAGES.values() for r in REFERENCE.findall(text) for t in r.split("; ")]
    assert len(named) >= 10
    assert set(named) <= titles


def test_a_form_serves_one_procedure():
    homes = {
        f: {p for p, text in PAGES.items() if f in text}
        for f in FORM.findall("".join(PAGES.values()))
    }
    assert len(homes) >= 30
    assert {form: pages for form, pages in homes.items() if len(pages) > 1} == {}


# ---- the questions ---------------------------------------------------------------------------


def test_the_benchmark_is_clean(study: Task):
    found = check_benchmark(study)
    assert [f.text for f in found if f.level != "ok"] == []


def test_enough_is_asked():
    test, dev = rows("test.jsonl"), rows("dev.jsonl")
    assert len(test) >= 120
    assert len(dev) >= 40
    kinds = Counter(r["kind"] for r in test)
    wanted = {"order", "who", "limit", "form", "condition", "several", "unanswerable"}
    assert set(kinds) == wanted
    assert min(kinds.values()) >= 10
    assert kinds["unanswerable"] / len(test) == pytest.approx(0.15, abs=0.01)
    assert {r["sources"][0] for r in test if r["sources"]} == set(PAGES)
    assert {r["group"] for r in test}.isdisjoint(r["group"] for r in dev)


def test_facts_stand_where_they_should():
    for row in [*asked(), *rows("train.jsonl")]:
        text = "\n".join(PAGES[s] for s in row["sources"])
        for fact in row["facts"]:
            assert states(text, fact), (row["id"], fact)
            assert states(row["answer"], fact), (row["id"], fact)
            assert not states(row["question"], fact), (row["id"], fact)
        if row["answerable"]:
            assert row["facts"]
            assert unsupported(row["answer"], [text, row["question"]]) == (), row["id"]


def test_rows_of_a_group_ask_for_the_same():
    said: dict[str, tuple[list[str], str]] = {}
    for row in asked():
        same = (row["facts"], row["answer"])
        assert said.setdefault(row["group"], same) == same, row["group"]


def test_what_was_told_in_training():
    trained = rows("train.jsonl")
    for row in asked():
        answers = [r["answer"] for r in trained if r["sources"] == row["sources"]]
        told = [any(e in a for a in answers) for e in row["evidence"]]
        wanted = ("yes" if all(told) else "no") if row["answerable"] else "nothing"
        assert row["told"] == wanted, row["id"]
        for evidence in row["evidence"]:
            assert evidence in REFERENCE.sub("", PAGES[row["sources"][0]]), row["id"]


def test_no_question_of_the_test_is_in_training(generate: ModuleType):
    trained = {_words(q) for f in generate.read_families() for q in f.questions}
    again = [r["question"] for r in asked() if _words(r["question"]) in trained]
    assert again == []


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))


# ---- the generator ---------------------------------------------------------------------------


def test_training_rows_are_the_beginning_of_the_stream(generate: ModuleType):
    families = generate.read_families(), generate.step_families(STUDY / "handbook")
    kept = rows("train.jsonl")
    assert list(islice(generate.rows(*families, 0), len(kept))) == kept


def test_answers_of_families_are_sentences_of_the_page(generate: ModuleType):
    families = [f for f in generate.read_families() if f.source]
    assert sum(len(f.questions) for f in families) >= 400
    for family in families:
        text = REFERENCE.sub("", PAGES[family.source]).replace("\n", " ")
        assert all(part in text for part in re.split(r"(?<=[.!?]) ", family.answer)), family.family


def test_the_step_after_and_the_step_before(generate: ModuleType):
    families = {f.family: f for f in generate.step_families(STUDY / "handbook")}
    after, before = families["raw-milk-tests-after-5"], families["raw-milk-tests-before-6"]
    assert after.answer == "Measure the acidity."
    assert all("run the antibiotic strip" in q.lower() for q in after.questions)
    assert before.answer == "Measure the acidity."
    assert all("measure the freezing point" in q.lower() for q in before.questions)
