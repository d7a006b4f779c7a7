"""Perplexity: how likely are the gold answers to the model that is asked?

Each gold answer is scored after the very prompt that the rung shows for its item: instructions,
demonstrations, passages. It says how far a model is from the answers where it does not say them
yet; it is no mark of what it does say.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from tailorbird.evaluate.audits._answering import drawn, in_chunks, reader_of
from tailorbird.evaluate.audits.base import Audited, Line, Subject
from tailorbird.evaluate.metrics.base import drawn_weights, percentiles, unit_of
from tailorbird.evaluate.statistics import Estimate, compare, estimate_mean
from tailorbird.models.base import LM
from tailorbird.models.load import load_model
from tailorbird.task.types import Example


@dataclass(frozen=True)
class Perplexity:
    """Of the gold answers to test items; for a tuned rung beside its base with the same prompts."""

    limit: Annotated[int, Field(ge=10)] | None = 500
    """Test items, drawn; null: all."""

    def missing(self, subject: Subject) -> str | None:
        """Without a language model that gives likelihoods."""
        reader = reader_of(subject.solver)
        if reader is None:
            return "the rung asks no language model"
        if not callable(getattr(reader, "likelihoods", None)):
            return "the rung does not answer from a prompt"
        if not reader.lm().can_score:
            return "the model gives no likelihoods (endpoints of chat completions usually cannot)"
        return None

    def examine(self, subject: Subject) -> Audited:
        """Score every gold answer, with the model and with its base."""
        reader: Any = reader_of(subject.solver)
        examples = subject.task.examples("test")
        examples = tuple(examples[i] for i in drawn(len(examples), self.limit, subject.seed))
        models = {"model": reader.lm()}
        if reader.adapter is not None:
            models["base"] = load_model(reader.model, None, reader.limits)
        scored = {name: _scored(subject, name, lm, reader, examples) for name, lm in models.items()}
        groups = [e.group for e in examples]
        lines = [
            Line(_NAMES[name], _per_token(rows, groups, subject.seed), measure="per token")
            for name, rows in scored.items()
        ]
        now = [_bits_per_byte(*pair) for pair in zip(scored["model"], examples, strict=True)]
        was = [_bits_per_byte(*pair) for pair in zip(scored.get("base", ()), examples)]
        change = compare(was, now, groups, subject.seed) if was else None
        found = estimate_mean(now, groups, subject.seed, bounded=False)
        lines.append(Line("bits per byte", found, change, measure="bits per byte"))
        return Audited(
            audit="perplexity", title="Perplexity of the gold answers", measure="perplexity",
            share=False, higher_is_better=False, lines=tuple(lines),
            notes=(
                "Perplexities compare models with the same tokenizer; bits per byte compare any.",
            ),
        )  # fmt: skip


AUDIT = Perplexity

_NAMES = {"model": "perplexity", "base": "perplexity of the base"}
Row = tuple[float, int] | None
"""Nats and tokens of one gold answer; None: its prompt did not fit."""


def _scored(
    subject: Subject, name: str, lm: LM, reader: Any, examples: Sequence[Example]
) -> list[Row]:
    def work(chunk: Sequence[Example]) -> list[Row]:
        found = reader.likelihoods(lm, chunk, [str(e.target) for e in chunk])
        return [f and (-f.total, len(f.logprobs)) for f in found]

    return in_chunks(subject, f"gold answers, {name}", examples, work)


def _bits_per_byte(row: Row, example: Example) -> float | None:
    return row and row[0] / math.log(2) / len(str(example.target).encode())


def _per_token(rows: Sequence[Row], groups: Sequence[str | None], seed: int) -> Estimate | None:
    """exp(all nats / all tokens); the interval is the percentile bootstrap over whole units."""
    marked = np.array([row is not None for row in rows])
    if not marked.any():
        return None
    nats, tokens = np.array([row for row in rows if row is not None], dtype=float).T
    units = unit_of(groups, marked)
    n, count = len(units), int(units.max()) + 1
    value, low, high = math.exp(nats.sum() / tokens.sum()), 0.0, math.inf
    if count > 1:
        ratios = [(nats @ w) / (tokens @ w) for w in drawn_weights(units, seed)]
        low, high = map(math.exp, percentiles(np.concatenate(ratios), count))
    return Estimate(value, low, high, n, count, "bootstrap over units", len(rows) - n)
