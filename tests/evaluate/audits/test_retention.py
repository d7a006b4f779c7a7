"""The audit finds a model that was wrecked, passes one that was not touched, and says what it
cannot tell."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tailorbird.approaches._prompted import Prompted
from tailorbird.evaluate.audits.base import Audited, Line, Subject, make_audit
from tailorbird.models.chat import Chat
from tailorbird.models.local import LocalModel, load_parts
from tailorbird.models.text import divergences, log_probabilities, text_rows
from tailorbird.task.benchmark import Task
from tailorbird.train.policy import attach, make_adapter, save_adapter

SMALL = {
    "capabilities": [
        {"text": {"stretches": 20}},
        {"grammar": {"pairs": 160}},
        {"instructions": {"per_kind": 2, "max_tokens": 8, "margin": 0.3}},
        {"arithmetic": {"sums": 8, "max_tokens": 4, "margin": 0.5}},
        "blimp",
    ],
    "inputs": 6,
}


def tuned(checkpoint: Path, folder: Path, noise: float, kind: Any = "lora") -> Prompted:
    """A solver whose adapter was moved at random, by so much."""
    model, tokenizer = load_parts(str(checkpoint))
    policy = attach(model, make_adapter(kind), 0, tokenizer, "Answer.")
    torch.manual_seed(5)
    for name, weight in policy.named_parameters():
        if kind == "full" or "lora_B" in name or "prompt_encoder" in name:
            weight.data += noise * torch.randn_like(weight)
    save_adapter(policy, folder, str(checkpoint), Chat(tokenizer).template_digest)
    return Prompted(str(checkpoint), "Do it.", 8, adapter=folder)


def audited(task: Task, solver: Any, folder: Path, **settings: Any) -> Audited:
    subject = Subject(task, "fine_tuned", solver, (), folder / "work", folder / "cache", True)
    audit = make_audit("retention", SMALL | settings)
    assert audit.missing(subject) is None
    return audit.examine(subject)


def line(found: Audited, name: str) -> Line:
    return next(line for line in found.lines if line.name == name)


def test_an_untouched_model_has_kept_everything(
    label_task: Task, checkpoint: Path, tmp_path: Path
) -> None:
    solver = tuned(checkpoint, tmp_path / "adapter", 0.0)
    found = audited(label_task, solver, tmp_path, drift=0.001)
    assert found.holds
    for each in found.lines:
        if each.name == "BLiMP":
            assert each.estimate is None
            assert "not measured: no data folder" in each.note
        elif "drift" in each.name:
            assert each.estimate is not None
            assert each.estimate.value == pytest.approx(0, abs=1e-5)
            assert each.holds is True
        else:
            assert each.change is not None
            assert each.change.difference == 0
            hardly = each.estimate is not None and each.estimate.value < 0.05
            assert each.holds is (None if hardly and "text" not in each.name else True)
            assert each.p_value == 1
    assert "nothing to lose" in line(found, "arithmetic").note
    assert not found.samples
    assert Audited.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_wrecked_model_is_found(label_task: Task, checkpoint: Path, tmp_path: Path) -> None:
    solver = tuned(checkpoint, tmp_path / "adapter", 0.5, "full")
    found = audited(label_task, solver, tmp_path, drift=0.05)
    assert not found.holds
    text = line(found, "general text")
    assert text.change is not None
    assert text.change.low > 0.05
    assert text.holds is False
    assert text.p_value is not None
    assert text.p_value < 0.01
    assert "at least 0.05 is lost" in text.note
    for name in ("drift on general text", "drift on the task's inputs"):
        assert line(found, name).holds is False
    # Of 160 pairs, both models guess: whatever was lost, so few cannot show that it is little.
    grammar = line(found, "grammar")
    assert grammar.holds is False
    assert "lost" in grammar.note or "items could" in grammar.note
    assert {s.line for s in found.samples} >= {"grammar"}


def test_work_that_was_done_is_not_done_again(
    label_task: Task, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solver = tuned(checkpoint, tmp_path / "adapter", 0.5)
    first = audited(label_task, solver, tmp_path)

    def refuse(*_: Any) -> Any:
        raise AssertionError("a model was asked again")

    monkeypatch.setattr(LocalModel, "complete", refuse)
    monkeypatch.setattr("tailorbird.models.text.log_probabilities", refuse)
    monkeypatch.setattr("tailorbird.models.text.divergences", refuse)
    assert audited(label_task, solver, tmp_path) == first


def test_rungs_without_a_tuned_model(label_task: Task, checkpoint: Path, tmp_path: Path) -> None:
    audit = make_audit("retention", {})
    for solver in (Prompted(str(checkpoint), "Do it.", 8), object()):
        subject = Subject(label_task, "rung", solver, (), tmp_path, tmp_path)  # type: ignore[arg-type]
        assert audit.missing(subject) == "this rung has no tuned language model"


def test_virtual_tokens_are_part_of_the_model(checkpoint: Path, tmp_path: Path) -> None:
    solver = tuned(checkpoint, tmp_path / "adapter", 1.0, {"prompt": {"tokens": 4}})
    lm, base = LocalModel.load(str(checkpoint), solver.adapter), LocalModel.load(str(checkpoint))
    rows = text_rows(lm, ["The courier brought a kettle.", "Open?"])
    policy = attach(*(load_parts(str(checkpoint))[0], make_adapter({"prompt": {"tokens": 4}})), 0,
                    load_parts(str(checkpoint))[1], "Answer.")  # fmt: skip
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    assert solver.adapter is not None
    set_peft_model_state_dict(policy, load_file(solver.adapter / "adapter_model.safetensors"))
    with torch.no_grad():
        for row, total in zip(rows, log_probabilities(lm.model, rows, lm.decoder.opening)):
            said = policy(input_ids=torch.tensor([row])).logits[0, 4:].log_softmax(-1)
            by_hand = sum(float(said[i, token]) for i, token in enumerate(row[1:]))
            assert total == pytest.approx(by_hand, abs=1e-3)
    assert min(divergences(lm, base, rows)) > 0


def test_drift_is_the_divergence_token_by_token(checkpoint: Path, tmp_path: Path) -> None:
    solver = tuned(checkpoint, tmp_path / "adapter", 1.0)
    lm, base = LocalModel.load(str(checkpoint), solver.adapter), LocalModel.load(str(checkpoint))
    rows = text_rows(lm, ["The courier brought a kettle to the shop.", "Open?", "When? " * 9])
    found = divergences(lm, base, rows)
    for row, value in zip(rows, found):
        with torch.no_grad():
            p, q = (
                m.model(input_ids=torch.tensor([row])).logits[0].double().softmax(-1)
                for m in (lm, base)
            )
        assert value == pytest.approx(float((p * (p / q).log()).sum(-1).mean()), abs=1e-4)
    assert divergences(base, base, rows) == [0.0] * 3
