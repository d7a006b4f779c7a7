"""Same request, same answer, one bill.

Greedy completions are kept as JSON lines in a folder, keyed by a digest of model, prompt and
sampling. They are written batch by batch, so a kill loses at most one batch, and what was finished
when an endpoint gives up is kept too: the next run pays only for the rest.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from uuid import uuid4

from tailorbird.errors import EndpointError
from tailorbird.models.base import Completion, Progress, Sampling
from tailorbird.models.wrapped import Wrapped
from tailorbird.store import append_jsonl, digest, read_jsonl
from tailorbird.task.types import Prompt, Usage

_writing = threading.Lock()  # of the module, not the object: a model must stay copyable


@dataclass(frozen=True)
class Cached(Wrapped):
    """`lm`, remembering its greedy completions in `folder`, but no errors and no scores.

    A cached answer's usage is what it cost when it was made, latency included. Safe to delete.
    """

    folder: Path
    batch: int = 128
    """Prompts asked and saved together: what a kill can lose."""

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        """One completion per prompt, in order; only new requests reach the model, once each.

        Raises what the model raises; an `EndpointError` has been saved first, and `finished` also
        holds the answers from the cache. Raises `StoreError` when the folder cannot be used.
        """
        if sampling.temperature > 0:
            return self.lm.complete(prompts, sampling, progress)
        keys = [self._key(prompt, sampling) for prompt in prompts]
        answers = {key: self._saved[key] for key in keys if key in self._saved}
        missing = {k: p for k, p in zip(keys, prompts, strict=True) if k not in answers}
        if progress:
            progress(len(prompts) - len(missing))
        remaining = iter(missing.items())
        while batch := dict(islice(remaining, self.batch)):
            names = list(batch)
            try:
                completions = self.lm.complete(list(batch.values()), sampling, progress)
            except EndpointError as error:
                answers |= self._keep({names[i]: c for i, c in error.finished.items()})
                error.finished = {i: answers[k] for i, k in enumerate(keys) if k in answers}
                raise
            answers |= self._keep(dict(zip(names, completions, strict=True)))
        return [answers[key] for key in keys]

    def _key(self, prompt: Prompt, sampling: Sampling) -> str:
        turns = [[m.role, m.content] for m in prompt]
        return digest([self.lm.identity, turns, sampling.for_endpoint()])

    @cached_property
    def _saved(self) -> dict[str, Completion]:
        """Everything in the folder, read once."""
        files = sorted(self.folder.glob("answers-*.jsonl"))
        rows = (row for file in files for row in read_jsonl(file))
        return {
            row["key"]: Completion(row["text"], Usage(**row["usage"]), row["finish"])
            for row in rows
        }

    @cached_property
    def _file(self) -> Path:
        # One writer, one file: a line torn by a kill stays the last of its file, where reading
        # forgives it, and two processes never write into each other's lines.
        return self.folder / f"answers-{uuid4().hex}.jsonl"

    def _keep(self, answers: dict[str, Completion]) -> dict[str, Completion]:
        """Save what is not an error; gives `answers` back."""
        good = {key: c for key, c in answers.items() if c.error is None}
        if good:
            with _writing:
                append_jsonl(self._file, _rows(good.items()))
                self._saved.update(good)
        return answers


def _rows(answers: Iterable[tuple[str, Completion]]) -> Iterable[dict[str, object]]:
    for key, answer in answers:
        yield {
            "key": key,
            "text": answer.text,
            "finish": answer.finish,
            "usage": asdict(answer.usage),
        }
