"""A small task with a pool to choose from, and queues of it with a clock that tests move."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Entry
from tailorbird.task.benchmark import Task, load_task
from tailorbird.task.task import load_spec
from tailorbird.task.types import Example
from tailorbird.testing import small_task

POOL = (
    "May I bring the {} back?",
    "My card was debited two times for the {}.",
    "Has the {} left your warehouse?",
    "Are you open on Monday? I want the {}.",
)


@dataclass
class Clock:
    """Stands still until it is told."""

    now: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


def study_with_pool(folder: Path, **keys: Any) -> Task:
    """The small label task with 24 unlabelled inputs, of which one stands in train."""
    task = small_task("label", folder)
    items = ("kettle", "hat", "sofa", "pen", "mug", "clock")
    texts = [text.format(item) for item in items for text in POOL]
    texts[0] = task.examples("train")[0].text
    rows = "".join(json.dumps({"input": text}) + "\n" for text in texts)
    (folder / "pool.jsonl").write_text(rows)
    return changed(folder, **keys)


def changed(folder: Path, **keys: Any) -> Task:
    """The task with other keys under `data`, read again."""
    file = folder / "task.yaml"
    spec = json.loads(file.read_text())
    spec["data"] |= {"unlabelled": "pool.jsonl"} | keys
    file.write_text(json.dumps(spec))
    return load_task(load_spec(folder), folder)


def entries(n: int, **keys: Any) -> list[Entry]:
    """`n` entries, the last of the largest priority."""
    return [
        Entry(Example(f"pool-{i}", f"unheard of {i}"), f"why {i}", "random", float(i), **keys)
        for i in range(n)
    ]


def queue_of(task: Task, where: Path, clock: Clock | None = None) -> Queue:
    return Queue.open(where, task, clock or Clock())
