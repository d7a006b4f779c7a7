"""How labelling stands: what is open, who labels how, and how far they agree."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tailorbird.evaluate.noise_ceiling import Ceiling, noise_ceiling
from tailorbird.evaluate.statistics import Estimate, estimate_mean, estimate_quantile
from tailorbird.learn.agreement import alpha, kappa
from tailorbird.learn.queue import Queue
from tailorbird.learn.records import Event, Item, Purpose
from tailorbird.learn.states import State

_SAID = ("answered", "cannot_tell", "skipped")


@dataclass(frozen=True)
class Annotator:
    """How one person labels."""

    name: str
    labelled: int
    """Items that they gave a label, in any round."""
    cannot_tell: int
    skipped: int
    seconds: Estimate | None
    """The median time of an answer."""
    controls: Estimate | None
    """The share of control items that they labelled right; "cannot tell" is not right."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "name": self.name,
            "labelled": self.labelled,
            "cannot_tell": self.cannot_tell,
            "skipped": self.skipped,
            "seconds": self.seconds and self.seconds.to_json(),
            "controls": self.controls and self.controls.to_json(),
        }


@dataclass(frozen=True)
class Standing:
    """How things stand. Agreement is that of first rounds: who is asked again knows why."""

    states: Mapping[Purpose, Mapping[State, int]]
    """Items by purpose and state; control items are always open."""
    annotators: tuple[Annotator, ...]
    alpha: Estimate | None
    """Krippendorff's; None where no item has two labels, or all labels are one."""
    kappas: tuple[tuple[str, str, Estimate], ...]
    """Cohen's, of each pair of annotators who labelled the same items."""
    ceiling: Ceiling | None
    """How right anything can be, by the labels of items that have several."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "states": {p: dict(s) for p, s in self.states.items()},
            "annotators": [a.to_json() for a in self.annotators],
            "alpha": self.alpha and self.alpha.to_json(),
            "kappas": [{"annotators": [a, b], **e.to_json()} for a, b, e in self.kappas],
            "ceiling": self.ceiling and self.ceiling.to_json(),
        }


def standing(queue: Queue, seed: int = 0) -> Standing:
    """Of all items of the queue."""
    items = {i.id: i for i in queue.items()}
    states: dict[Purpose, Counter[State]] = defaultdict(Counter)
    for item in items.values():
        states[item.entry.purpose][item.state] += 1
    events = queue.history()
    labels = [list(each.values()) for each in _first_labels(items, events).values()]
    people = sorted({e.who for e in events if e.what in _SAID})
    return Standing(
        states,
        tuple(_annotator(name, items, events, seed) for name in people),
        alpha(labels, seed),
        tuple(_kappas(people, _first_labels(items, events), seed)),
        noise_ceiling([each for each in labels if len(each) > 1], seed),
    )


def _first_labels(items: Mapping[int, Item], events: Sequence[Event]) -> dict[int, dict[str, str]]:
    """Item -> annotator -> label of the first round; the last one where they changed their mind.

    Neither control items, on which everybody is asked, nor who cannot tell.
    """
    found: dict[int, dict[str, str]] = defaultdict(dict)
    for event in events:
        if event.round == 1 and items[event.item].entry.purpose != "control":
            if event.what == "answered" and event.label is not None:
                found[event.item][event.who] = event.label
            elif event.what == "cannot_tell":
                found[event.item].pop(event.who, None)
    return found


def _annotator(
    name: str, items: Mapping[int, Item], events: Sequence[Event], seed: int
) -> Annotator:
    last = {(e.item, e.round): e for e in events if e.who == name and e.what in _SAID}
    said = Counter(e.what for e in last.values())
    times = [e.seconds for e in last.values() if e.what != "skipped"]
    right = [
        float(e.label == items[e.item].entry.gold)
        for e in last.values()
        if items[e.item].entry.purpose == "control" and e.what != "skipped"
    ]
    return Annotator(
        name, said["answered"], said["cannot_tell"], said["skipped"],
        estimate_quantile(times, 0.5), estimate_mean(right, [None] * len(right), seed),
    )  # fmt: skip


def _kappas(
    people: Sequence[str], labels: Mapping[int, Mapping[str, str]], seed: int
) -> list[tuple[str, str, Estimate]]:
    found = []
    for a, b in combinations(people, 2):
        both = [(each[a], each[b]) for each in labels.values() if a in each and b in each]
        estimate = kappa(both, seed)
        if estimate is not None:
            found.append((a, b, estimate))
    return found
