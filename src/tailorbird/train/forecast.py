"""What a plan says: of the machine, of every rung, of the whole climb, and what to change."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tailorbird.train.memory import Range, free_memory

NOTHING = Range(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Machine:
    """Where the rungs would run."""

    device: str
    memory: float
    """Free bytes: of the GPU, or else of the machine or container."""
    rate: float
    """Floating-point operations per second of a large matrix product."""

    @classmethod
    def here(cls) -> "Machine":
        """This one, measured for a second."""
        import torch

        from tailorbird.train.throughput import matrix_product_ceiling

        cuda = torch.cuda.is_available()
        device = torch.device("cuda" if cuda else "cpu")
        dtype = torch.bfloat16 if cuda else torch.float32
        name = torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} threads"
        return cls(name, free_memory(device), matrix_product_ceiling(device, dtype))

    @property
    def on_cpu(self) -> bool:
        """Whether models run on the processor."""
        return self.device.startswith("CPU")


@dataclass(frozen=True)
class Change:
    """Something to change where a rung does not fit, with what it would take then."""

    what: str
    setting: str
    """What to write in the task file; empty where there is nothing to write."""
    memory: Range | None
    seconds: Range | None
    fits: bool


@dataclass(frozen=True)
class RungPlan:
    """What one rung takes. Memory in bytes, time in seconds, None where it cannot be known."""

    name: str
    approach: str
    memory: Range | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the expected memory of a training step is for."""
    seconds: Range | None = None
    training_seconds: Range | None = None
    """The part of it that is training."""
    trained_tokens: float = 0.0
    read_tokens: Range = NOTHING
    """Of all test prompts."""
    written_tokens: Range = NOTHING
    cost: Range | None = None
    batch: tuple[int, int] | None = None
    """Rows of a batch, and batches of a step; None where nothing is trained."""
    probed: bool = False
    notes: tuple[str, ...] = ()
    problem: str | None = None
    """Why the rung cannot run, or does not fit; None where it does."""
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a climb takes."""

    task: str
    model: str
    currency: str
    machine: Machine
    rungs: tuple[RungPlan, ...]
    minutes: float | None
    """The budget of the task file."""
    changes: tuple[Change, ...] = ()
    """What to change where the budget is too small."""

    @property
    def seconds(self) -> Range | None:
        """Of all rungs whose time is known."""
        known = [r.seconds for r in self.rungs if r.seconds is not None]
        return sum(known, Range.exactly(0)) if known else None

    @property
    def cost(self) -> Range | None:
        """Of all rungs; None where that of one is unknown."""
        costs = [r.cost for r in self.rungs]
        known = [c for c in costs if c is not None]
        return sum(known, Range.exactly(0)) if len(known) == len(costs) else None

    @property
    def fits(self) -> bool:
        """Whether every rung can run, in the time that there is."""
        late = self.minutes is not None and self.seconds is not None
        in_time = not late or (self.seconds or (0, 0))[1] <= 60 * (self.minutes or 0)
        return in_time and all(r.problem is None for r in self.rungs)

    def to_json(self) -> dict[str, Any]:
        """Plain values; a range is low, expected, high."""
        return {
            "version": 1,
            "task": self.task,
            "model": self.model,
            "currency": self.currency,
            "machine": asdict(self.machine),
            "minutes": self.minutes,
            "fits": self.fits,
            "seconds": _plain(self.seconds),
            "cost": _plain(self.cost),
            "changes": [_plain(asdict(c)) for c in self.changes],
            "rungs": [_plain(asdict(r)) for r in self.rungs],
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Range):
        return value._asdict()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
