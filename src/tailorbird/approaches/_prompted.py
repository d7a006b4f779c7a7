"""A language model behind a prompt: the solver of every prompting and fine-tuned rung.

What differs between those rungs is data: instructions, demonstrations, passages, an adapter.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import exp, inf
from pathlib import Path
from typing import Any, Self

from tailorbird.approaches._abstention import (
    Abstention,
    beginning_of,
    calibrate,
    complete,
    phrase,
    probabilities,
)
from tailorbird.approaches.base import Run
from tailorbird.errors import TaskError
from tailorbird.models.base import (
    LM,
    Completion,
    Progress,
    Sampling,
    TokenLogprobs,
    score_fitting,
)
from tailorbird.models.files import is_endpoint
from tailorbird.models.load import load_model
from tailorbird.retrieve import base as retrieval
from tailorbird.retrieve.passages import Passage, PassageIndex
from tailorbird.store import read_json, write_json
from tailorbird.task.benchmark import Task
from tailorbird.task.task import EndpointLimits
from tailorbird.task.types import Example, Message, Prediction, Prompt, Usage


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A training example as it is shown in a prompt."""

    input: str
    target: str


def instructions(task: Task, with_labels: bool = True, with_passages: bool = False) -> str:
    """The system message: the task's goal, what may be answered, and what to do when unsure."""
    lines = [task.spec.goal.strip()]
    if task.labels and with_labels:
        lines.append("Answer with one of these labels: " + ", ".join(task.labels))
        if task.spec.outputs.out_of_scope:
            lines.append(f"If none of them fits: {task.spec.outputs.out_of_scope}")
    if with_passages:
        lines.append("Answer from the numbered passages only.")
        if task.spec.outputs.abstain:
            lines.append(f"If they do not tell, say: {task.spec.outputs.abstain}")
    return "\n".join(lines)


def build_prompt(
    system: str,
    example: Example,
    demonstrations: Sequence[Demonstration] = (),
    passages: Sequence[Passage] = (),
) -> Prompt:
    """System message, demonstrations as turns, then passages and the example's own turns."""
    messages = [Message("system", system)]
    for shown in demonstrations:
        messages += [Message("user", shown.input), Message("assistant", shown.target)]
    *earlier, last = example.turns
    if earlier and earlier[0].role == "system":
        messages[0] = Message("system", f"{system}\n{earlier.pop(0).content}")
    block = "\n".join(f"[{i}] {p.shown}" for i, p in enumerate(passages, 1))
    content = f"{block}\n\n{last.content}" if block else last.content
    return (*messages, *earlier, Message(last.role, content))


@dataclass(frozen=True)
class Prompted:
    """A language model with everything that goes into its prompt."""

    model: str
    system: str
    max_tokens: int
    labels: tuple[str, ...] = ()
    demonstrations: tuple[Demonstration, ...] = ()
    """Shown in this order; with a `selector`, the pool to choose from."""
    selector: retrieval.Retriever | None = None
    """Finds the `shots` demonstrations most like the input."""
    shots: int = 0
    index: PassageIndex | None = None
    passages: int = 0
    """Passages shown per input."""
    adapter: Path | None = None
    """A LoRA adapter, merged into the model."""
    abstention: Abstention | None = None
    """When to abstain; without it, when that is what the model writes."""
    limits: EndpointLimits | None = None
    """How hard an endpoint may be asked; not part of what is saved."""
    cache: Path | None = None
    """Where answers of an endpoint are kept; not part of what is saved."""

    # ---- predicting --------------------------------------------------------------------------

    def lm(self) -> LM:
        """The model; an endpoint's answers are paid for once."""
        lm = load_model(self.model, self.adapter, self.limits)
        if self.cache is not None and is_endpoint(self.model):
            from tailorbird.models.cached import Cached

            return Cached(lm, self.cache / "answers")
        return lm

    def predict(
        self, examples: Sequence[Example], progress: Progress | None = None
    ) -> list[Prediction]:
        """Choose a label, or write an answer, per example."""
        if not examples:
            return []
        lm = self.lm()
        shown, nearness = self._found(examples)
        prompts = self._prompts(lm, examples, shown)
        if self.labels and lm.can_score:
            predictions = _choose(lm, prompts, self.labels, self.max_tokens, progress)
        else:
            sampling = Sampling(max_tokens=self.max_tokens)
            predictions = self._written(lm, prompts, nearness, sampling, progress)
        return self._cited(predictions, shown)

    def drawn(self, examples: Sequence[Example], sampling: Sampling) -> list[Prediction]:
        """An answer per example, drawn as `sampling` says."""
        lm, (shown, nearness) = self.lm(), self._found(examples)
        prompts = self._prompts(lm, examples, shown)
        return self._cited(self._written(lm, prompts, nearness, sampling), shown)

    def prompts(self, lm: LM, examples: Sequence[Example]) -> list[Prompt]:
        """What `lm` reads, per example."""
        return self._prompts(lm, examples, self._found(examples)[0])

    def likelihoods(
        self, lm: LM, examples: Sequence[Example], answers: Sequence[str]
    ) -> list[TokenLogprobs | None]:
        """How likely `lm` is to give each answer to the prompt that `predict` shows it; None where
        the prompt does not fit in the context."""
        found: list[TokenLogprobs | None] = []
        for prompt, answer in zip(self.prompts(lm, examples), answers, strict=True):
            (row,) = score_fitting(lm, [prompt], [answer], self.max_tokens)
            found.append(None if row is None else row[0])
        return found

    def _written(
        self,
        lm: LM,
        prompts: Sequence[Prompt],
        nearness: Sequence[float],
        sampling: Sampling,
        progress: Progress | None = None,
    ) -> list[Prediction]:
        if self.abstention is None:
            completions = lm.complete(prompts, sampling, progress)
        else:
            completions = complete(lm, prompts, sampling, self.abstention, nearness, progress)
        return [self._prediction(c) for c in completions]

    def _prediction(self, completion: Completion) -> Prediction:
        text = completion.text
        if self.labels and completion.error is None:
            text = recognise_label(text, self.labels) or text
        return Prediction(text, usage=completion.usage, error=completion.error)

    @staticmethod
    def _cited(
        predictions: Sequence[Prediction], shown: Sequence[Sequence[Passage]]
    ) -> list[Prediction]:
        return [
            replace(p, citations=tuple(dict.fromkeys(s.document for s in passages)))
            for p, passages in zip(predictions, shown, strict=True)
        ]

    def _found(self, examples: Sequence[Example]) -> tuple[list[list[Passage]], list[float]]:
        """Passages per example, and how near the best one is; without a search nothing is far.

        Of what is too far to be read, nothing is shown.
        """
        if self.index is None:
            return [[] for _ in examples], [inf] * len(examples)
        rows = self.index.scored([e.text for e in examples], self.passages)
        nearness = [row[0][1] if row else -inf for row in rows]
        silent = self.abstention
        unread = [silent is not None and silent.unfounded(near) for near in nearness]
        return [[] if far else [p for p, _ in row] for far, row in zip(unread, rows)], nearness

    def _prompts(
        self, lm: LM, examples: Sequence[Example], shown: list[list[Passage]]
    ) -> list[Prompt]:
        chosen = self._demonstrations(examples)
        return [self._fitting(lm, e, d, p) for e, d, p in zip(examples, chosen, shown)]

    def _demonstrations(self, examples: Sequence[Example]) -> list[tuple[Demonstration, ...]]:
        if self.selector is None:
            return [self.demonstrations] * len(examples)
        rows = self.selector.search([e.text for e in examples], self.shots)
        # The most similar one stands last, next to the question.
        return [tuple(self.demonstrations[h.index] for h in reversed(row)) for row in rows]

    def _fitting(
        self,
        lm: LM,
        example: Example,
        demonstrations: Sequence[Demonstration],
        shown: list[Passage],
    ) -> Prompt:
        """The prompt, without as many demonstrations, then last passages, as do not fit."""
        kept = list(demonstrations)
        while True:
            prompt = build_prompt(self.system, example, kept, shown)
            room = lm.room(prompt, self.max_tokens)
            if room is None or room >= 0 or not (kept or shown):
                return prompt
            # What is dropped from `shown` is not cited either: the list is the caller's.
            (kept if kept else shown).pop(0 if kept else -1)

    def calibrated(self, task: Task, setting: str, by_search_alone: bool = False) -> Self:
        """The same, abstaining as the task does where that pays on dev.

        With `by_search_alone`, how probable the model finds it to abstain is not asked. Raises
        `TaskError` as `phrase` does.
        """
        text, dev, lm = phrase(task, setting), task.examples("dev"), self.lm()
        answered = [str(e.target) for e in task.examples("train") if e.answerable]
        abstention = Abstention(text, beginning_of(text, answered))
        shown, nearness = self._found(dev)
        prompts, likely = self._prompts(lm, dev, shown), None
        if lm.can_score and not by_search_alone:
            likely = probabilities(lm, prompts, text, self.max_tokens)
        never = replace(self, abstention=abstention)
        written = never._written(lm, prompts, nearness, Sampling(max_tokens=self.max_tokens))
        above, below = calibrate(task, text, self._cited(written, shown), nearness, likely)
        return replace(self, abstention=replace(abstention, above=above, below=below))

    # ---- saving ------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Settings as JSON, indexes and adapter as folders."""
        settings: dict[str, Any] = {
            "model": self.model,
            "system": self.system,
            "max_tokens": self.max_tokens,
            "labels": self.labels,
            "demonstrations": [[d.input, d.target] for d in self.demonstrations],
            "shots": self.shots,
            "passages": self.passages,
            "abstention": asdict(self.abstention) if self.abstention else None,
        }
        write_json(folder / "prompt.json", settings)
        if self.selector is not None:
            retrieval.save(self.selector, folder / "selector")
        if self.index is not None:
            self.index.save(folder / "passages")
        if self.adapter is not None and self.adapter != folder / "adapter":
            shutil.copytree(self.adapter, folder / "adapter", dirs_exist_ok=True)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved solver; the model itself loads when it first predicts."""
        settings = read_json(folder / "prompt.json")
        shown = tuple(Demonstration(*pair) for pair in settings.pop("demonstrations"))
        labels = tuple(settings.pop("labels"))
        abstention = settings.pop("abstention", None)
        selector, index, adapter = (folder / n for n in ("selector", "passages", "adapter"))
        return cls(
            **settings,
            labels=labels,
            demonstrations=shown,
            selector=retrieval.load(selector) if selector.is_dir() else None,
            index=PassageIndex.load(index) if index.is_dir() else None,
            adapter=adapter if adapter.is_dir() else None,
            abstention=Abstention(**abstention) if abstention else None,
        )


def prompted(task: Task, run: Run, system: str, **rest: Any) -> Prompted:
    """A `Prompted` with what the task and the run fix."""
    return Prompted(
        model=run.model, system=system, max_tokens=task.spec.outputs.max_tokens,
        labels=task.labels, limits=task.spec.endpoint, cache=run.cache, **rest,
    )  # fmt: skip


def passage_index(task: Task, kind: str, cache: Path) -> PassageIndex:
    """The index over the task's documents."""
    if task.spec.documents is None:
        raise TaskError("this rung retrieves passages, and task.yaml names no documents")
    words, train = task.spec.documents.chunk_words, task.examples("train")
    return PassageIndex.build(task.documents, words, kind, cache, train)


def _choose(
    lm: LM,
    prompts: Sequence[Prompt],
    labels: Sequence[str],
    max_tokens: int,
    progress: Progress | None,
) -> list[Prediction]:
    """The most probable label per prompt; a prompt that does not fit in the context is an error."""
    too_long = Prediction("", error="the prompt is longer than the model's context")
    rows = score_fitting(lm, prompts, labels, max_tokens, progress)
    return [too_long if row is None else _likeliest(row, labels) for row in rows]


def _likeliest(row: Sequence[TokenLogprobs], labels: Sequence[str]) -> Prediction:
    """The label with the highest probability; probabilities are normalised over the labels."""
    totals = [s.total for s in row]
    best = max(range(len(labels)), key=totals.__getitem__)
    odds = [exp(t - totals[best]) for t in totals]
    scores = {label: o / sum(odds) for label, o in zip(labels, odds)}
    usage = Usage(row[best].prompt_tokens, len(row[best].logprobs))
    return Prediction(labels[best], scores, scores[labels[best]], usage)


def recognise_label(text: str, labels: Sequence[str]) -> str | None:
    """The label that a written answer names: equal to it, else the longest one found inside it."""
    said = text.strip().strip(".\"'`*").casefold()
    for label in labels:
        if said == label.casefold():
            return label
    words = said.replace("_", " ")
    inside = [la for la in labels if _names(words, la.casefold().replace("_", " "))]
    return max(inside, key=len) if inside else None


def _names(text: str, label: str) -> bool:
    """Whether `label` stands in `text` as whole words, punctuation around it or not."""
    return re.search(rf"(?<!\w){re.escape(label)}(?!\w)", text) is not None
