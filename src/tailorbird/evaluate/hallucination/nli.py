"""Entailment by a model of natural language inference, for users who have one.

Each sentence is held against every piece of the sources; its support is the highest probability of
entailment (Laban et al. 2022, SummaC, TACL 10:163, the zero-shot variant). The question is no
premise: what is asked is not said.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from tailorbird.errors import ModelError
from tailorbird.evaluate.hallucination._sentences import claims_of, sentences
from tailorbird.evaluate.hallucination.base import Case, Claim, case_by_case
from tailorbird.extras import need
from tailorbird.models.base import Progress


@dataclass(frozen=True)
class NLI:
    """Probability of entailment."""

    model: str
    """A hub id or a folder of a sequence classification model with a label of entailment."""
    premise_words: Annotated[int, Field(ge=1)] = 60
    """Sources are cut into whole sentences of about as many words together."""
    batch: Annotated[int, Field(ge=1)] = 32
    """Pairs in one pass."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5

    def examine(
        self, cases: Sequence[Case], cache: Path | None = None, progress: Progress | None = None
    ) -> list[tuple[Claim, ...]]:
        """One claim per sentence."""
        judge = _load(self.model)

        def claims(case: Case) -> list[Claim]:
            premises = [p for s in case.sources for p in pieces(s, self.premise_words)]
            return [self._claim(s, premises, judge) for s in claims_of(case.answer)]

        return case_by_case(cases, claims, progress)

    def _claim(self, sentence: str, premises: Sequence[str], judge: "_Judge") -> Claim:
        if not premises:
            return Claim(sentence, 0.0, "no source")
        held = judge.entailment([(p, sentence) for p in premises], self.batch)
        best = max(range(len(held)), key=held.__getitem__)
        return Claim(sentence, held[best], f"nearest: {premises[best]}")


def pieces(source: str, words: int) -> Iterator[str]:
    """Whole sentences, joined while they have at most `words` words together."""
    held: list[str] = []
    for sentence in sentences(source):
        if held and sum(len(s.split()) for s in (*held, sentence)) > words:
            yield " ".join(held)
            held = []
        held.append(sentence)
    if held:
        yield " ".join(held)


@dataclass(frozen=True)
class _Judge:
    model: Any
    tokenizer: Any
    entails: int
    """Which class is entailment."""

    def entailment(self, pairs: Sequence[tuple[str, str]], batch: int) -> list[float]:
        """Probability that the first of each pair entails the second."""
        import torch

        context = min(self.tokenizer.model_max_length, _context(self.model))
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        found = [0.0] * len(pairs)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            encoded = self.tokenizer(
                [pairs[i][0] for i in rows], [pairs[i][1] for i in rows],
                padding=True, truncation="longest_first", max_length=context, return_tensors="pt",
            )  # fmt: skip
            with torch.inference_mode():
                logits = self.model(**encoded.to(self.model.device)).logits.float()
            for i, p in zip(rows, logits.softmax(-1)[:, self.entails].tolist(), strict=True):
                found[i] = p
        return found


def _context(model: Any) -> int:
    return int(getattr(model.config, "max_position_embeddings", None) or 512)


@lru_cache(maxsize=1)
def _load(name: str) -> _Judge:
    need("torch")
    transformers = need("transformers")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no NLI model can be loaded from {name}: {error}",
            hint="name a folder, or a hub id that is reachable, of a sequence classification model",
        ) from error
    return _Judge(model.eval(), tokenizer, entailment_class(model.config.id2label, name))


def entailment_class(labels: dict[int, str], name: str) -> int:
    """The class that means entailment. Raises `ModelError` where none does."""
    for index, label in labels.items():
        if re.fullmatch(r"entail\w*", label.strip(), re.IGNORECASE):
            return int(index)
    raise ModelError(
        f"{name} has the labels {', '.join(labels.values())}, and none of them is entailment",
        hint="an NLI model names a label `entailment` in id2label of its config.json",
    )


DETECTOR = NLI
