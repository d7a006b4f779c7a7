"""The harness on our models: its numbers are those of our own probabilities."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tailorbird.errors import TaskError
from tailorbird.evaluate.capabilities.base import Ground, make_capability
from tailorbird.models.local import LocalModel
from tailorbird.models.text import start_of_text

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed")

CHOICES = ["billing", "delivery", "returns"]


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Three offline tasks: a choice, a text to predict, an answer to write."""
    rows = [{"text": f"Message {i}: the kettle came late.", "answer": i % 3} for i in range(6)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    shared = {
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(tmp_path / "rows.jsonl")}},
        "test_split": "test", "doc_to_text": "{{text}}\nTeam:", "num_fewshot": 0,
    }  # fmt: skip
    made: dict[str, dict[str, Any]] = {
        "own_choice": {
            "output_type": "multiple_choice", "doc_to_choice": CHOICES, "doc_to_target": "answer",
            "metric_list": [{"metric": "acc"}],
        },
        "own_text": {
            "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}",
            "metric_list": [{"metric": "bits_per_byte"}],
        },
        "own_answer": {
            "output_type": "generate_until", "doc_to_target": "kettle",
            "generation_kwargs": {"until": ["\n"], "max_gen_toks": 6},
            "metric_list": [{"metric": "exact_match"}],
        },
    }  # fmt: skip
    for name, settings in made.items():
        # JSON is YAML, too.
        (tmp_path / f"{name}.yaml").write_text(json.dumps({"task": name} | shared | settings))
    return tmp_path


def test_choices_are_those_of_our_own_probabilities(checkpoint: Path, tasks: Path) -> None:
    lm = LocalModel.load(str(checkpoint))
    capability = make_capability(
        {"harness": {"tasks": ["own_choice"], "include_path": str(tasks), "metric": "acc"}}
    )
    assert capability.missing(Ground()) is None
    items = capability.measure(lm, Ground())
    assert len(items) == 6
    for number, item in enumerate(items):
        context = f"Message {number}: the kettle came late.\nTeam:"
        totals = [by_hand(lm, context, f" {choice}") for choice in CHOICES]
        assert item.mark == float(totals.index(max(totals)) == number % 3)
        assert json.loads(item.said)[0][0] == pytest.approx(totals[0], abs=1e-3)


def by_hand(lm: LocalModel, context: str, continuation: str) -> float:
    tokenizer = lm.chat.tokenizer
    start = start_of_text(tokenizer)
    before = [start, *tokenizer(context, add_special_tokens=False).input_ids]
    whole = [start, *tokenizer(context + continuation, add_special_tokens=False).input_ids]
    with torch.no_grad():
        said = lm.model(input_ids=torch.tensor([whole])).logits[0].log_softmax(-1)
    return sum(float(said[i - 1, whole[i]]) for i in range(len(before), len(whole)))


def test_text_and_answers(checkpoint: Path, tasks: Path) -> None:
    from tailorbird.evaluate.harness import HarnessLM, evaluate

    lm = LocalModel.load(str(checkpoint))
    found = evaluate(lm, ["own_text", "own_answer"], tasks, limit=2)
    first = found["samples"]["own_text"][0]
    expected = by_hand(lm, "", "Message 0: the kettle came late.")
    assert first["resps"][0][0] == pytest.approx(expected, abs=1e-3)
    said = [sample["resps"][0][0] for sample in found["samples"]["own_answer"]]
    assert len(said) == 2
    assert not any("\n" in text for text in said)

    class Request:
        def __init__(self, *args: Any) -> None:
            self.args = args

    wrapped = HarnessLM(lm)
    long = "The kettle came late. " * 200
    [total] = wrapped.loglikelihood_rolling([Request(long)])
    assert total < 0
    greedy = wrapped.generate_until([Request("The", {"until": [], "max_gen_toks": 1})])[0]
    if lm.chat.tokenizer("The" + greedy).input_ids[1:] == lm.chat.tokenizer(greedy).input_ids:
        assert wrapped.loglikelihood([Request("The", greedy)])[0][1] is True


def test_the_chat_template_is_the_models_own(checkpoint: Path, tasks: Path) -> None:
    lm = LocalModel.load(str(checkpoint))
    settings = {"tasks": ["own_choice"], "include_path": str(tasks), "limit": 3}
    plain, chat = (
        make_capability({"harness": settings | {"chat": chat}}).measure(lm, Ground())
        for chat in (False, True)
    )
    assert [i.said for i in plain] != [i.said for i in chat]


def test_what_cannot_be_measured_is_refused(checkpoint: Path, tasks: Path) -> None:
    lm = LocalModel.load(str(checkpoint))

    def measure(**settings: Any) -> Any:
        given = {"include_path": str(tasks), "limit": 1} | settings
        return make_capability({"harness": given}).measure(lm, Ground())

    with pytest.raises(TaskError, match="marks no single items"):
        measure(tasks=["own_text"])
    with pytest.raises(TaskError, match=r'acc_nom.*"acc"'):
        measure(tasks=["own_choice"], metric="acc_nom")
    with pytest.raises(TaskError, match="the harness says"):
        measure(tasks=["no_such_task"])
    missing = make_capability({"harness": {"tasks": ["own_choice"], "include_path": "nowhere"}})
    assert "is no folder" in str(missing.missing(Ground()))
