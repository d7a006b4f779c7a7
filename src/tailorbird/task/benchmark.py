"""Task: a task file with its examples and documents read, split and frozen.

`score` is the one definition of good: the benchmark, rewards, search and monitoring all ask it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tailorbird.data.accounts import FileAccount
from tailorbird.data.documents import read_documents
from tailorbird.data.files import read_bytes
from tailorbird.data.preferences import load_preferences
from tailorbird.data.read import load_examples
from tailorbird.data.texts import load_texts
from tailorbird.errors import BenchmarkError, DataError, TaskError, nearest
from tailorbird.registry import module
from tailorbird.store import digest
from tailorbird.task.task import TaskSpec
from tailorbird.task.types import SPLITS, Comparison, Document, Example, Prediction, Score, Split


@dataclass(frozen=True)
class Task:
    """A frozen benchmark."""

    spec: TaskSpec
    splits: Mapping[Split, tuple[Example, ...]]
    documents: tuple[Document, ...] = ()
    accounts: tuple[FileAccount, ...] = ()
    """What happened to every row of every file."""
    comparisons: tuple[Comparison, ...] = ()
    """Answers that people ranked or judged, for preference learning."""
    texts: tuple[str, ...] = ()
    """Raw text of the field, for continued pre-training."""
    unlabelled: Sequence[Example] = ()
    """Inputs that stand in no split; a target, where there is one, is for audits alone."""
    folder: Path = Path()
    """Where the task file is: what paths in settings are relative to."""
    data_folder: Path | None = None
    """What `{data}` stands for."""
    sealed: frozenset[str] = frozenset()
    """Digests of what a closed test split asks: see `in_test`."""

    def examples(self, split: Split) -> tuple[Example, ...]:
        """The examples of one split. Approaches are given a task whose test is closed."""
        if split not in self.splits:
            raise BenchmarkError(
                f"the {split} split is closed here",
                hint="approaches learn from train and dev; only evaluation opens test",
            )
        return self.splits[split]

    def without_test(self) -> "Task":
        """The same task as approaches see it."""
        sealed = frozenset(digest(e.asked) for e in self.splits.get("test", ()))
        rest: dict[Split, tuple[Example, ...]] = {
            s: e for s, e in self.splits.items() if s != "test"
        }
        return replace(self, splits=rest, sealed=sealed or self.sealed)

    def in_test(self, example: Example) -> bool:
        """Whether the test split asks the same; known where it is closed, too."""
        if "test" in self.splits:
            return any(e.asked == example.asked for e in self.splits["test"])
        return digest(example.asked) in self.sealed

    def only(self, rungs: Sequence[str]) -> "Task":
        """The same task with some of its rungs; none named: all of them."""
        known = [r.name for r in self.spec.rungs]
        for name in rungs:
            if name not in known:
                raise TaskError(f'no rung is called "{name}"{nearest(name, known)}')
        kept = tuple(r for r in self.spec.rungs if not rungs or r.name in rungs)
        return replace(self, spec=self.spec.model_copy(update={"rungs": kept}))

    def score(self, metric: str, example: Example, prediction: Prediction) -> Score:
        """Mark one prediction; an error is wrong whatever its text."""
        scorer = module("task.scorers", metric)
        if prediction.error is not None:
            worst = 0.0 if scorer.BETTER == "higher" else 1.0
            return Score(worst, f"error: {prediction.error}")
        score: Score = scorer.score(example, prediction, self)
        return score

    def score_all(
        self, metric: str, examples: Sequence[Example], predictions: Sequence[Prediction]
    ) -> list[Score]:
        """`score` of each pair; a scorer that is faster in batches is asked once."""
        scorer = module("task.scorers", metric)
        pairs = list(zip(examples, predictions, strict=True))
        if not hasattr(scorer, "score_all"):
            return [self.score(metric, e, p) for e, p in pairs]
        answered = [(e, p) for e, p in pairs if p.error is None]
        marks = iter(scorer.score_all([e for e, _ in answered], [p for _, p in answered], self))
        return [next(marks) if p.error is None else self.score(metric, e, p) for e, p in pairs]

    @cached_property
    def json_schema(self) -> Any:
        """What `outputs.json_schema` holds or names; None where it is not set."""
        named = self.spec.outputs.json_schema
        if not isinstance(named, str):
            return named
        try:
            return json.loads(read_bytes(named, self.folder, self.data_folder))
        except ValueError as error:
            raise DataError(f"outputs.json_schema: {named} is not JSON: {error}") from error

    @cached_property
    def document_by_id(self) -> Mapping[str, Document]:
        """Documents by id."""
        return {d.id: d for d in self.documents}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The closed list of labels: as task.yaml names them, or all that the data hold, sorted."""
        if self.spec.kind != "label":
            return ()
        if self.spec.outputs.labels:
            return self.spec.outputs.labels
        return tuple(sorted({str(e.target) for s in self.splits.values() for e in s}))

    @cached_property
    def test_digest(self) -> str:
        """SHA-256 of all that test items are marked by: unlike `digest`, the same for other
        training examples and other ids."""
        rows = (
            [[asdict(turn) for turn in e.turns], e.target, e.sources, e.facts, e.answerable]
            for e in self.examples("test")
        )
        return digest(sorted(json.dumps(row, sort_keys=True) for row in rows))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the task file (as `TaskSpec.digest`), every example and every document."""
        content = hashlib.sha256(self.spec.digest.encode())
        for split in SPLITS:
            for example in self.splits.get(split, ()):
                row = asdict(replace(example, provenance=None))
                content.update(json.dumps([split, row], sort_keys=True, default=str).encode())
        for example in self.unlabelled:
            row = asdict(replace(example, provenance=None))
            content.update(json.dumps(["unlabelled", row], sort_keys=True, default=str).encode())
        for comparison in self.comparisons:
            row = asdict(replace(comparison, provenance=None))
            content.update(json.dumps(["preference", row], sort_keys=True).encode())
        for text in self.texts:
            content.update(json.dumps(["text", text]).encode())
        for document in self.documents:
            content.update(json.dumps(asdict(document), sort_keys=True).encode())
        if isinstance(self.spec.outputs.json_schema, str):
            content.update(json.dumps(["json_schema", self.json_schema], sort_keys=True).encode())
        return content.hexdigest()


def load_task(spec: TaskSpec, folder: Path, data_folder: Path | None = None) -> Task:
    """Read the data and documents that `spec` names, relative to `folder`.

    Raises `DataError` when a file, column or label is missing or a split is empty.
    """
    loaded = load_examples(spec.data, folder, data_folder, spec.seed)
    documents: tuple[Document, ...] = ()
    read: tuple[FileAccount, ...] = ()
    if spec.documents is not None:
        documents, account = read_documents(spec.documents, folder, data_folder)
        read = (account,)
    texts, accounts = load_texts(spec.data.texts, folder, data_folder)
    closed = {e.asked for e in loaded.splits["test"]} if spec.data.drop_leaks else set()
    ranked = load_preferences(spec.data.preferences, folder, data_folder, closed)
    task = Task(
        spec, loaded.splits, documents,
        (*loaded.accounts, *ranked.accounts, *accounts, *read), ranked.comparisons, texts,
        unlabelled=loaded.unlabelled, folder=folder, data_folder=data_folder,
    )  # fmt: skip
    _check_complete(task)
    _check_frozen(task)
    return task


def _check_frozen(task: Task) -> None:
    frozen, found = task.spec.data.frozen, task.test_digest
    if frozen is not None and not found.startswith(frozen.lower()):
        raise BenchmarkError(
            f"the test split was frozen as {frozen}, and is {found[: len(frozen)]}: its items "
            "changed, or came to another side",
            hint="bring the items back; or remove data.frozen, and compare with no earlier result",
        )


def _check_complete(task: Task) -> None:
    for split in ("train", "test"):
        if not task.splits.get(split):
            rows = "; ".join(line for a in task.accounts for line in a.lines())
            raise DataError(f"the {split} split is empty", hint=f"rows: {rows}")
    ids, labels = task.document_by_id, set(task.labels)
    for split, examples in task.splits.items():
        for example in examples:
            _check_example(example, f"{split} example {example.id!r}", ids, labels)


def _check_example(
    example: Example, what: str, documents: Mapping[str, Document], labels: set[str]
) -> None:
    if example.target is None:
        raise DataError(f"{what} has no target")
    if labels and example.target not in labels:
        raise DataError(
            f'{what} has the unknown label "{example.target}"{nearest(example.target, labels)}',
            hint="add it to outputs.labels, or mend the row",
        )
    for source in example.sources:
        if source not in documents:
            raise DataError(
                f'{what} names the unknown document "{source}"{nearest(source, documents)}'
            )
