"""What a teacher says: its distribution at every learned token, or answers of its own."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from tailorbird.errors import ModelError, TrainingError
from tailorbird.evaluate.run import charge
from tailorbird.models.chat import Chat, Row
from tailorbird.models.files import is_endpoint
from tailorbird.progress import progress
from tailorbird.store import append_jsonl, digest, read_jsonl, write_atomic, write_json
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Usage
from tailorbird.train.objectives.base import Layout, token_logits

if TYPE_CHECKING:
    from tailorbird.train.material import Material

_BATCH = 16
"""Rows that the teacher reads at once."""


# ---- distributions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Taught:
    """A row, with the teacher's likeliest tokens before each learned one."""

    tokens: tuple[int, ...]
    learned: tuple[int, ...]
    ids: Any
    """int32[L, K]"""
    logprobs: Any
    """float32[L, K], nats, at the temperature of the objective."""


@lru_cache(maxsize=1)
def _loaded(spec: str) -> tuple[Any, Chat]:
    from tailorbird.models.local import load_parts

    model, tokenizer = load_parts(spec)
    return model.requires_grad_(False), Chat(tokenizer)


def load_teacher(spec: str, student: Chat | None = None) -> nn.Module:
    """The model of `spec`, frozen. Raises `ModelError` where it reads other tokens than `student`.

    Equal ids must mean equal tokens, and prompts must look alike.
    """
    teacher, chat = _loaded(spec)
    if student is not None:
        same = chat.tokenizer.get_vocab() == student.tokenizer.get_vocab()
        if not same or chat.template_digest != student.template_digest:
            what = "chat template" if same else "tokenizer"
            raise ModelError(
                f"the teacher {spec} has another {what} than the model that learns from it",
                hint="set level: sequences, which needs neither to be the same",
            )
    return teacher  # type: ignore[no-any-return]


def remembered(
    teacher: nn.Module,
    spec: str,
    rows: Sequence[Row],
    top_k: int,
    temperature: float,
    folder: Path,
    quiet: bool = False,
) -> list[Taught]:
    """`rows` with the `top_k` likeliest tokens of the teacher, kept under `folder`."""
    distinct = list(dict.fromkeys(rows))
    key = digest([spec, top_k, temperature, [[r.tokens, r.learned] for r in distinct]])[:16]
    file = folder / f"teacher-{key}.npz"
    if not file.is_file():
        ids, logprobs = _likeliest(teacher, distinct, top_k, temperature, quiet)
        write_atomic(file, lambda path: _save(path, ids=ids, logprobs=logprobs))
    with np.load(file, allow_pickle=False) as kept:
        ids, logprobs = kept["ids"], kept["logprobs"]
    ends = np.cumsum([sum(r.learned[1:]) for r in distinct])
    parts = zip(np.split(ids, ends[:-1]), np.split(logprobs, ends[:-1]))
    said = dict(zip(distinct, parts, strict=True))
    return [Taught(row.tokens, row.learned, *said[row]) for row in rows]


def _save(path: Path, **arrays: Any) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)


@torch.no_grad()
def _likeliest(
    teacher: nn.Module, rows: Sequence[Row], top_k: int, temperature: float, quiet: bool
) -> tuple[Any, Any]:
    """int32[N, K] and float32[N, K] over the learned tokens of all rows, in order."""
    device, layout = next(teacher.parameters()).device, Layout()
    found = []
    with progress("asking the teacher", len(rows), quiet) as tick:
        for start in range(0, len(rows), _BATCH):
            batch = layout(rows[start : start + _BATCH])
            logits = token_logits(teacher, {k: v.to(device) for k, v in batch.items()}).logits
            logprobs = (logits / temperature).log_softmax(dim=1)
            values, ids = logprobs.topk(min(top_k, logprobs.shape[1]), dim=1)
            found.append((ids.int().cpu().numpy(), values.cpu().numpy()))
            tick(len(rows[start : start + _BATCH]))
    ids, values = zip(*found)
    return np.concatenate(ids), np.concatenate(values)


# ---- answers -------------------------------------------------------------------------------------


def answers_of(spec: str, material: "Material", keep: float) -> list[Example]:
    """The training and unlabelled inputs, with the teacher's answers as targets.

    Answers are kept under the material's folder, so that they are paid for once, with what became
    of each (`teacher.jsonl`) and what they took (`teacher.json`). One to a training input is kept
    from the mark `keep` on; for the others nobody knows. Raises `TrainingError` where none is left.
    """
    task = material.task
    examples = [*material.examples, *task.unlabelled]
    folder = material.folder / "teacher"
    answers = _answers(spec, task, examples, folder, material.quiet)
    known = {e.id for e in material.examples}
    verdicts = [
        _verdict(task, e if e.id in known else replace(e, target=None), a, keep)
        for e, a in zip(examples, answers)
    ]
    rows = [
        {"id": e.id, "answer": a.text, "verdict": v} for e, a, v in zip(examples, answers, verdicts)
    ]
    (folder / "teacher.jsonl").unlink(missing_ok=True)
    append_jsonl(folder / "teacher.jsonl", rows)
    write_json(folder / "teacher.json", _bill(spec, task, answers, verdicts))
    for reason, number in Counter(v for v in verdicts if v != _KEPT).items():
        material.leave_out(reason, number)
    kept = [replace(e, target=a.text) for e, a, v in zip(examples, answers, verdicts) if v == _KEPT]
    if not kept:
        raise TrainingError(
            f"no answer of the teacher {spec} can be learned from: {rows[0]['verdict']}",
            hint="lower keep, or use a better teacher",
        )
    return kept


_KEPT = "kept"


def _verdict(task: Task, example: Example, answer: Prediction, keep: float) -> str:
    if answer.error is not None:
        return f"the teacher failed: {answer.error}"
    if not answer.text.strip():
        return "the teacher said nothing"
    if example.target is None:
        known = not task.labels or answer.text in task.labels
        return _KEPT if known else "the teacher named no label"
    metric = task.spec.bar.primary.metric
    mark = task.score(metric, example, answer).value
    if mark is None:
        return "the answer could not be marked"
    good = mark if higher_is_better(metric) else 1 - mark
    return _KEPT if good >= keep else "the answer was marked wrong"


def _answers(
    spec: str, task: Task, examples: Sequence[Example], folder: Path, quiet: bool
) -> list[Prediction]:
    """By the rung zero_shot on the teacher: with the task's goal, and its labels where it has."""
    from tailorbird.approaches.base import Run, make_approach

    folder.mkdir(parents=True, exist_ok=True)
    key = digest([spec, [[e.id, e.text] for e in examples]])[:16]
    file = folder / f"answers-{key}.jsonl"
    done = read_jsonl(file)
    if len(done) == len(examples):
        return [Prediction(r["text"], usage=Usage(**r["usage"]), error=r["error"]) for r in done]
    solver = make_approach("zero_shot", {}).fit(task, Run(folder, spec, folder, quiet=quiet))
    with progress("asking the teacher", len(examples), quiet) as tick:
        answers = solver.predict(examples, tick)
    file.unlink(missing_ok=True)
    kept = ({"text": a.text, "usage": asdict(a.usage), "error": a.error} for a in answers)
    append_jsonl(file, kept)
    return answers


def _bill(
    spec: str, task: Task, answers: Sequence[Prediction], verdicts: Sequence[str]
) -> dict[str, Any]:
    """What was asked and kept, and the tokens and money that it took; unknown money is None."""
    prices = task.spec.budget.prices
    costs = [charge(a.usage, prices) if is_endpoint(spec) else 0.0 for a in answers]
    return {
        "teacher": spec,
        "asked": len(answers),
        "verdicts": dict(Counter(verdicts)),
        "prompt_tokens": sum(a.usage.prompt_tokens for a in answers),
        "completion_tokens": sum(a.usage.completion_tokens for a in answers),
        "cost": None if None in costs else sum(c for c in costs if c is not None),
        "currency": prices.currency,
    }
