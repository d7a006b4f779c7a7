"""What every contender is given, and what it reports: nothing but the standard library."""

import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RANK, ALPHA, BATCH, LONGEST, RATE = 16, 32, 16, 512, 1e-4
"""LoRA on every linear layer; examples per step; tokens of the longest; learning rate."""
PACKED_BATCH = 4
"""Packed rows of `LONGEST` tokens per step: about as many tokens as `BATCH` examples have."""


@dataclass(frozen=True)
class Job:
    """One epoch of LoRA on the rows of a file."""

    method: str
    """sft or dpo."""
    variant: str
    """Of the contender, where it has several."""
    model: str
    rows: str
    tokens: int
    """In the rows, the real ones."""
    scratch: str
    device: str
    started: float
    """When the process was begun, seconds since 1970."""

    @classmethod
    def given(cls) -> "Job":
        """The one on the command line."""
        return cls(**json.loads(sys.argv[1]))

    def written(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))

    def read(self) -> list[dict[str, Any]]:
        """The rows."""
        lines = Path(self.rows).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


class Clock:
    """Wall and processor time of training, and when the first step was done."""

    def __init__(self) -> None:
        self.begun, self.cpu = time.time(), time.process_time()
        self.first_step: float | None = None

    def step(self) -> None:
        """A step is done."""
        self.first_step = self.first_step or time.time()

    def report(self, job: Job, losses: list[float], **more: Any) -> None:
        """Training is done: print what it took."""
        seconds, cpu_seconds = time.time() - self.begun, time.process_time() - self.cpu
        row = {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "tokens_per_second": job.tokens / seconds,
            "tokens_per_cpu_second": job.tokens / cpu_seconds,
            "until_first_step": (self.first_step or time.time()) - job.started,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "first_loss": losses[0],
            "last_loss": losses[-1],
            "steps": len(losses),
        }
        if job.device == "cuda":
            import torch

            row["peak_device_mb"] = torch.cuda.max_memory_allocated() / 2**20
        print("RESULT " + json.dumps(row | more), flush=True)


def timing_callback(clock: Clock) -> Any:
    """Tells the clock of a Trainer's steps."""
    from transformers import TrainerCallback

    class Steps(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.step()

    return Steps()
