"""The perplexity of gold answers is the model's own loss on them, behind the rung's prompts."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from audited import Says, lines, subject
from building import examples, task

from tailorbird.approaches._prompted import Demonstration, Prompted
from tailorbird.evaluate.audits.base import Audited, make_audit
from tailorbird.models.chat import Chat
from tailorbird.models.local import load_parts
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Message
from tailorbird.train.policy import attach, make_adapter, save_adapter

SHOWN = (Demonstration("Is it open?", "It is."),)
TASK = task(
    test=examples([("When?", "At nine."), ("Where?", "In the old hall."), ("Who?", "A clerk.")]),
)


def audited(solver: Any, folder: Path) -> Audited:
    about = subject(TASK, solver, folder)
    audit = make_audit("perplexity", {})
    assert audit.missing(about) is None
    found = audit.examine(about)
    assert Audited.from_json(found.to_json()) == found
    return found


def by_hand(checkpoint: Path) -> list[tuple[float, int, int]]:
    """Nats, tokens and bytes of each gold answer, by one plain forward pass each."""
    model, tokenizer = load_parts(str(checkpoint))
    chat, found = Chat(tokenizer), []
    for example in TASK.examples("test"):
        shown = [Message("user", SHOWN[0].input), Message("assistant", SHOWN[0].target)]
        turns = (Message("system", "Answer."), *shown, Message("user", example.text))
        row = chat.conversation((*turns, Message("assistant", str(example.target))))
        start = len(chat.prompt(turns))
        logits = model(torch.tensor([row.tokens])).logits[0, start - 1 : -1]
        wanted = torch.tensor(row.tokens[start:])
        kept = torch.tensor(row.learned[start:]) > 0
        nats = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")[kept]
        found.append((nats.sum().item(), len(nats), len(str(example.target).encode())))
    return found


def test_it_is_the_loss_of_the_gold_answers(checkpoint: Path, tmp_path: Path):
    solver = Prompted(str(checkpoint), "Answer.", 8, demonstrations=SHOWN)
    found = lines(audited(solver, tmp_path))
    rows = by_hand(checkpoint)
    expected = math.exp(sum(r[0] for r in rows) / sum(r[1] for r in rows))
    estimate = found["perplexity"].estimate
    assert estimate is not None
    assert estimate.value == pytest.approx(expected, rel=1e-4)
    assert estimate.low < estimate.value < estimate.high
    bits = sum(r[0] / math.log(2) / r[2] for r in rows) / len(rows)
    assert found["bits per byte"].estimate.value == pytest.approx(bits, rel=1e-4)
    assert found["bits per byte"].change is None
    assert "perplexity of the base" not in found


def test_a_tuned_rung_stands_beside_its_base(checkpoint: Path, tmp_path: Path):
    model, tokenizer = load_parts(str(checkpoint))
    policy = attach(model, make_adapter("lora"), 0, tokenizer, "Answer.")
    torch.manual_seed(5)
    for name, weight in policy.named_parameters():
        if "lora_B" in name:
            weight.data += 0.3 * torch.randn_like(weight)
    adapter = tmp_path / "adapter"
    save_adapter(policy, adapter, str(checkpoint), Chat(tokenizer).template_digest)
    plain = Prompted(str(checkpoint), "Answer.", 8)
    base = lines(audited(plain, tmp_path / "plain"))
    tuned = lines(audited(Prompted(str(checkpoint), "Answer.", 8, adapter=adapter), tmp_path))
    assert tuned["perplexity of the base"].estimate == base["perplexity"].estimate
    assert tuned["perplexity"].estimate.value != base["perplexity"].estimate.value
    change, now = tuned["bits per byte"].change, tuned["bits per byte"].estimate
    assert change.difference == pytest.approx(
        now.value - base["bits per byte"].estimate.value, abs=1e-6
    )


def test_prompts_that_do_not_fit_are_not_scored(checkpoint: Path, tmp_path: Path):
    solver = Prompted(str(checkpoint), "Answer. " * 3_000, 8)
    found = lines(audited(solver, tmp_path))
    assert all(line.estimate is None for line in found.values())


def test_who_has_no_likelihoods(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    missing = make_audit("perplexity", {}).missing
    assert "no language model" in str(missing(subject(TASK, Says(lambda _: "a"), tmp_path)))
    monkeypatch.setattr(Scripted, "can_score", False)
    monkeypatch.setattr(Prompted, "lm", lambda self: Scripted({}))
    monkeypatch.setattr(Prompted, "predict", Says(lambda _: "a").predict)
    about = subject(TASK, Prompted("m", "Answer.", 8), tmp_path)
    assert "no likelihoods" in str(missing(about))
