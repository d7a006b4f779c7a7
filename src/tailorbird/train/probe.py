"""A few real steps in a process of their own, to see what they take on this machine.

    python -m tailorbird.train.probe JOB.json RESULT.json

The process is one of its own because memory that was once used cannot be measured again in the
same one, and because what does not fit may be killed.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tailorbird.store import read_json, write_json

STEPS = 4
"""Steps of ordinary batches, after one of the longest rows; all but the first are timed."""


@dataclass(frozen=True)
class Trained:
    """What the steps of a probe took. Sizes in bytes."""

    base: float
    """In use when the libraries were loaded; 0 on a GPU."""
    weights: float
    """In use more when the model was loaded."""
    peak: float
    """Most in use in a step."""
    seconds: float
    """Of the ordinary steps, at the rate of those after the first."""
    flops: float
    """Useful ones, of those steps."""
    tokens: int
    """Of those steps."""


@dataclass(frozen=True)
class Answered:
    """What answering a few prompts took."""

    base: float
    peak: float
    reading: float
    """Seconds to read all prompts and write one token each."""
    writing: float
    """Seconds to write the rest."""
    read: int
    """Tokens read, what prompts share once."""
    written: int
    """Tokens written after the first of each."""


def probe_training(
    model: str, adapter: Mapping[str, Any], largest: Sequence[Any], usual: Sequence[Any],
    recipe: Mapping[str, Any], timeout: float,
) -> "Trained | str":  # fmt: skip
    """Train on a batch of the `largest` rows, then on batches of `usual` ones; or why not."""
    job = {
        "kind": "train", "model": model, "adapter": adapter, "recipe": recipe,
        "largest": [_plain(r) for r in largest], "usual": [_plain(r) for r in usual],
    }  # fmt: skip
    found = _run(job, timeout)
    return found if isinstance(found, str) else Trained(**found)


def probe_answering(
    model: str, prompts: Sequence[Sequence[int]], max_tokens: int, timeout: float
) -> "Answered | str":
    """Answer `prompts` (token ids); or why not."""
    job = {"kind": "answer", "model": model, "prompts": prompts, "max_tokens": max_tokens}
    found = _run(job, timeout)
    return found if isinstance(found, str) else Answered(**found)


def _plain(row: Any) -> list[list[int]]:
    return [[int(t) for t in row.tokens], [int(t) for t in row.learned]]


def _run(job: Mapping[str, Any], timeout: float) -> Any:
    """The process's result, or in words what became of it."""
    with tempfile.TemporaryDirectory(prefix="tailorbird-probe-") as folder:
        job_file, result = Path(folder) / "job.json", Path(folder) / "result.json"
        write_json(job_file, job)
        command = [sys.executable, "-m", "tailorbird.train.probe", str(job_file), str(result)]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            return f"not ended after {timeout:.0f} s"
        if ended.returncode < 0:
            return f"killed by signal {-ended.returncode}, which is what happens without memory"
        if ended.returncode:
            return (ended.stderr.strip().splitlines() or ["ended without a word"])[-1]
        return read_json(result)


# ---- in the process ----------------------------------------------------------------------------


def _train(job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    from tailorbird.models.chat import Row
    from tailorbird.models.local import load_parts
    from tailorbird.train.adapters.base import make_adapter
    from tailorbird.train.attention import attends_by_row
    from tailorbird.train.engine import train
    from tailorbird.train.objectives.base import Layout
    from tailorbird.train.objectives.sft import SFT
    from tailorbird.train.policy import attach
    from tailorbird.train.recipe import Recipe
    from tailorbird.train.throughput import Meter

    base = _used()
    adapter = make_adapter(job["adapter"])
    model, tokenizer = load_parts(job["model"], adapter)
    policy = attach(model, adapter, 0, tokenizer, "Answer.")
    weights = _used() - base
    pad = tokenizer.pad_token_id or 0
    objective = SFT(Layout(pad, attends_by_row(policy)))
    _forget_peak()
    largest, usual = ([Row(*map(tuple, r)) for r in job[k]] for k in ("largest", "usual"))
    settings = {"epochs": 1, "schedule": "constant", "warmup_steps": 0, **job["recipe"]}
    train(policy, objective, largest, Recipe(**settings, max_steps=1), folder / "first", True)
    peak = _most_used()
    times: list[float] = []
    report = train(
        policy, objective, usual, Recipe(**settings), folder / "usual", True,
        lambda part, loss: times.append(time.perf_counter()),
    )  # fmt: skip
    counted = len(times) - 1
    seconds = (times[-1] - times[0]) * len(times) / counted if counted else report.seconds
    batch = objective.collate([{"row": r} for r in usual])
    flops = Meter(policy).count(batch)[1]
    result = Trained(base, weights, max(peak, _most_used()), seconds, flops, report.tokens)
    return asdict(result)


def _answer(job: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    from tailorbird.models.base import Sampling
    from tailorbird.models.local import LocalModel

    base = _used()
    decoder = LocalModel.load(job["model"]).decoder
    prompts, longest = job["prompts"], job["max_tokens"]
    decoder.generate(prompts[:1], Sampling(max_tokens=2))
    _forget_peak()
    begun = time.perf_counter()
    decoder.generate(prompts, Sampling(max_tokens=1))
    between = time.perf_counter()
    decoder.ends = frozenset()  # an answer that ends early would say nothing of a long one
    answers = decoder.generate(prompts, Sampling(max_tokens=longest))
    reading, whole = between - begun, time.perf_counter() - between
    shared = len(decoder._prefix)
    read = sum(len(p) - shared for p in prompts) + shared
    written = sum(len(a) - 1 for a in answers)
    result = Answered(base, _most_used(), reading, max(0.0, whole - reading), read, written)
    return asdict(result)


def _used() -> float:
    """Bytes in use now: of the GPU where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.memory_reserved())
    return _status("VmRSS")


def _most_used() -> float:
    """Bytes in use at the peak since `_forget_peak`."""
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_reserved())
    return _status("VmHWM")


def _forget_peak() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return 1024.0 * int(values[field].split()[0])


def main() -> None:
    """Do the job of one file and write what it took to another."""
    job = read_json(Path(sys.argv[1]))
    result = Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="tailorbird-steps-") as folder:
        work = _train if job["kind"] == "train" else _answer
        write_json(result, work(job, Path(folder)))


if __name__ == "__main__":
    main()
