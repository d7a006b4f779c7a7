"""The answers that detectors are measured on: they are what they are said to be."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CONTEXT = "In 1998 the bridge (a tall one) began to carry trams. It was not closed. Few came."


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "hallucination", ROOT / "benchmarks" / "hallucination.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_the_sentence_that_holds_an_answer(benchmark: ModuleType):
    assert benchmark.sentence_at(CONTEXT, CONTEXT.index("closed")) == "It was not closed."
    assert benchmark.sentence_at(CONTEXT, 0).startswith("In 1998")
    with pytest.raises(ValueError, match="no sentence"):
        benchmark.sentence_at(CONTEXT, len(CONTEXT) + 5)


def test_rewording(benchmark: ModuleType):
    text = "In 1998, the bridge (a tall one) began to carry many people across the river."
    assert benchmark.reworded(text) == (
        "The bridge started to carry numerous persons across the river."
    )


def test_answers_of_a_small_file(benchmark: ModuleType, tmp_path: Path):
    qas = [
        {"question": "Was it closed?", "answers": [{"answer_start": CONTEXT.index("closed")}]},
        {"question": "When?", "answers": [{"answer_start": 3}]},
    ]
    articles = [
        {"title": t, "paragraphs": [{"context": c, "qas": qas}, {"context": c[::1], "qas": qas}]}
        for t, c in (("Bridge", CONTEXT), ("Tower", CONTEXT.replace("bridge", "Tyne Bridge")))
    ]
    (tmp_path / "xquad.en.json").write_text(json.dumps({"data": articles}), encoding="utf-8")
    rows = benchmark.xquad(tmp_path)
    true = [r for r in rows if r.supported]
    assert {r.group for r in rows} == {"Bridge", "Tower"}
    assert {r.kind for r in true} == {"supported"}
    assert any("closed" in r.case.answer and r.kind == "negation" for r in rows if not r.supported)
    assert {r.case.answer for r in rows if r.kind == "negation"}.isdisjoint(
        {r.case.answer for r in true}
    )


def test_the_threshold_that_parts_best(benchmark: ModuleType):
    assert benchmark.best_threshold([0.1, 0.2, 0.8, 0.9], [False, False, True, True]) == 0.25
