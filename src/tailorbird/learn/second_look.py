"""Training rows whose label a model doubts, for people to look at again.

Which labels are doubted is what the doctor's check `labels` says: confident learning on predictions
of models that have not seen the row.
"""

from pathlib import Path

from tailorbird.data.doctor.examine import examine_task
from tailorbird.learn.records import Entry
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Split

_PARTS: tuple[Split, ...] = ("train", "dev")


def doubtful(task: Task, n: int, cache: Path, quiet: bool = False) -> list[Entry]:
    """At most `n` rows of train and dev, the most suspicious first.

    The person is shown neither the label that the row has nor the one that is suggested: who is
    asked to agree, agrees.
    """
    found = examine_task(task, cache, only=["labels"], quiet=quiet)
    suspects = [s for f in found.findings for s in f.details.get("suspects", ())]
    rows = {e.id: e for split in _PARTS for e in task.splits.get(split, ())}
    suspects = sorted((s for s in suspects if s["row"] in rows), key=lambda s: s["quality"])
    return [
        Entry(
            rows[s["row"]],
            "its label is looked at again",
            "labels",
            1 - s["quality"],
            purpose="second_look",
            gold=s["given"],
        )
        for s in suspects[:n]
    ]
