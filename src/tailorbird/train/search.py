"""Which settings of a rung do best on dev: Optuna's study, pruned, with a budget, resumable.

A trial fits the approach on train and answers dev; what is searched for is the best mean of the
task's primary metric there. Test stays closed. Trials that are behind the median of the finished
ones are stopped early: while they train, by the loss of what they train on; while they answer dev,
by the marks so far (median stopping: Golovin et al. 2017, Google Vizier, section 3.2).

    runs/NAME/search/RUNG/
      study.sqlite   every trial, as Optuna keeps it
      search.json    the same for people, with the best settings
      trials/        what an unfinished trial goes on from
"""

import random
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import ceil, isfinite
from pathlib import Path
from typing import Any

import tailorbird
from tailorbird.approaches.base import Run, Solver, make_approach
from tailorbird.errors import BenchmarkError, StoreError, TrainingError
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.extras import need
from tailorbird.models.files import identify
from tailorbird.registry import module
from tailorbird.store import digest, read_json, said, write_json
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.task import Rung
from tailorbird.train.space import (
    Space,
    as_used,
    combinations,
    present_values,
    usual_space,
    with_changes,
)

_PARTS = 20
"""Of a stage of training (`train.engine.PARTS`)."""
_QUARTERS = 4
"""Dev is answered in so many parts, with a look at the marks after each."""
_LOOK_FROM = 3
"""The first tenth of training says little: rates are still warming up."""
_COMPARED = 4
"""Trials that must be finished before others are measured by them."""


@dataclass(frozen=True)
class Trial:
    """One set of settings that was tried."""

    number: int
    settings: Mapping[str, Any]
    """Those that were searched."""
    outcome: str
    """done, pruned or failed."""
    value: float | None
    """Mean of the primary metric on dev; None unless done."""
    seconds: float
    """Wall time, of a trial that was interrupted the last part only."""
    note: str = ""


@dataclass(frozen=True)
class Found:
    """What a search found."""

    rung: Rung
    """The rung as the task file has it."""
    metric: str
    trials: tuple[Trial, ...]
    best: Trial
    estimate: Estimate | None
    """The best one's dev score with its interval. The best of many looks better than it is."""
    importance: Mapping[str, float]
    """Setting -> share of the differences that it explains (PED-ANOVA); empty for few trials."""
    reason: str
    """Why the search ended."""

    @property
    def settings(self) -> dict[str, Any]:
        """All settings of the rung, the best ones in place."""
        return with_changes(self.rung.settings, self.best.settings)

    @property
    def pruned(self) -> int:
        """Trials that were stopped early."""
        return sum(t.outcome == "pruned" for t in self.trials)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "version": 1,
            "rung": self.rung.model_dump(mode="json"),
            "metric": self.metric,
            "trials": [asdict(t) for t in self.trials],
            "best": self.best.number,
            "settings": self.settings,
            "estimate": self.estimate.to_json() if self.estimate else None,
            "importance": dict(self.importance),
            "pruned": self.pruned,
            "reason": self.reason,
        }


class Listener:
    """What a search tells whoever watches; this one says nothing."""

    def started(self, number: int, settings: Mapping[str, Any]) -> None:
        """A trial begins."""

    def ended(self, trial: Trial) -> None:
        """A trial is over."""


class _OutOfTime(Exception):
    """The budget ended in the middle of a trial."""


def search(
    task: Task,
    rung: str,
    out: Path,
    minutes: float,
    space: Space | None = None,
    trials: int | None = None,
    cache: Path | None = None,
    listener: Listener | None = None,
    quiet: bool = False,
) -> Found:
    """Search settings of `rung` until `minutes` have gone into it, or `trials` have been made.

    What was tried under `out` before counts; a trial that a kill interrupted is taken up again.
    At least one trial is finished, whatever the budget. `cache` is shared by all trials.

    Raises `BenchmarkError` when there is no dev split, `TaskError` for a space that does not fit,
    `StoreError` when another search works in `out`, and `TrainingError` when no trial succeeds.
    """
    closed = task.without_test()
    if not closed.splits.get("dev"):
        raise BenchmarkError(
            "settings are chosen on dev, and this task has no dev split",
            hint="name data.dev, or cut data.all by splits",
        )
    (found,) = task.only([rung]).spec.rungs
    space = space or usual_space(found.approach, found.settings, task.spec.model)
    with _alone(out):
        work = _Search(closed, found, out, space, cache or out / "cache", quiet)
        return work.run(60 * minutes, trials, listener or Listener())


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """One search at a time: a second would take the first one's trials for dead."""
    with said("write", out):
        out.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(out / "lock.sqlite", timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")  # the system lets go of it when the process is killed
    except sqlite3.Error as error:
        lock.close()
        raise StoreError(
            f"cannot search in {out}: {error}", hint="is another search at work there?"
        ) from error
    try:
        yield
    finally:
        lock.close()


class _Search:
    """A study and the trials made in it."""

    def __init__(
        self, task: Task, rung: Rung, out: Path, space: Space, cache: Path, quiet: bool
    ) -> None:
        self.optuna = need("optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.WARNING)
        self.task, self.rung, self.out, self.space = task, rung, out, space
        self.cache, self.quiet = cache, quiet
        self.combinations = combinations(space)
        self.metric = task.spec.bar.primary.metric
        self.higher = higher_is_better(self.metric)
        self.study = self._study()
        self.states = self.optuna.trial.TrialState
        # In a seeded order, so that a part of dev is like the whole.
        dev = task.examples("dev")
        self.dev = random.Random(task.spec.seed).sample(dev, len(dev))
        self.distributions = {n: d.distribution(self.optuna) for n, d in space.items()}

    def run(self, seconds: float, limit: int | None, listener: Listener) -> Found:
        """Try until time, trials or the space are used up."""
        self._take_up()
        begun, before = time.monotonic(), self._spent()
        while not (reason := self._enough(seconds - before, begun, limit)):
            trial = self._ask()
            if self._had_before(trial):
                self._tell(trial, "repeat")
                self._put_forward_new()
                continue
            settings = as_used(self.space, trial.params)
            listener.started(trial.number, settings)
            deadline = begun + seconds - before if self._done() else float("inf")
            if ended := self._try(trial, settings, deadline):
                listener.ended(ended)
        return self._found(reason)

    # ---- the study ---------------------------------------------------------------------------

    def _study(self) -> Any:
        """The study of this very search; another one's trials stay in the file beside it."""
        file = self.out / "study.sqlite"
        pruner = self.optuna.pruners.MedianPruner(_COMPARED, _LOOK_FROM)
        with said("open", file, need("sqlalchemy").exc.SQLAlchemyError):
            return self.optuna.create_study(
                storage=f"sqlite:///{file}",
                study_name=f"{self.rung.name} {self._fingerprint()[:12]}",
                direction="maximize" if self.higher else "minimize",
                pruner=pruner,
                load_if_exists=True,
            )

    def _fingerprint(self) -> str:
        """Changes when a trial's outcome, or what may be tried, could."""
        solver = module("approaches", self.rung.approach).SOLVER
        uses = "model" in getattr(solver, "__dataclass_fields__", {})
        content = {
            "benchmark": self.task.digest,
            "metric": self.metric,
            "approach": self.rung.approach,
            "settings": self.rung.settings,
            "space": {name: asdict(d) for name, d in self.space.items()},
            "model": identify(self.task.spec.model) if uses else None,
            "version": tailorbird.__version__,
        }
        return digest(content)

    def _take_up(self) -> None:
        """Put what a kill or the budget interrupted first in line; else the task's own settings."""
        for trial in self.study.get_trials(deepcopy=False):
            if trial.state == self.states.RUNNING:
                self._bury(trial)
        known = self.study.get_trials(deepcopy=False)
        settled = [t.params for t in known if _outcome(t) not in _CUT_SHORT]
        settled += [t.system_attrs["fixed_params"] for t in known if _waits(t)]
        for trial in known:
            if trial.params and trial.params not in settled:
                self.study.enqueue_trial(trial.params)
                settled.append(trial.params)
        approach = make_approach(self.rung.approach, self.rung.settings)
        present = present_values(approach, self.rung.settings, self.space)
        if not known and all(present[name] in d for name, d in self.space.items()):
            self.study.enqueue_trial(present)

    def _bury(self, trial: Any) -> None:
        """A trial that died with its process is tried once more, as the process may be at fault."""
        every = self.study.get_trials(deepcopy=False)
        died = sum(t.params == trial.params and _outcome(t) == "" for t in every)
        if died > 1:
            note = "the process died twice with these settings; is there enough memory?"
            self._tell(self.optuna.Trial(self.study, trial._trial_id), "failed", note=note)
        else:
            self.study.tell(trial.number, state=self.states.FAIL)

    def _ask(self) -> Any:
        """The next trial. What is drawn depends on the finished trials, not on interruptions."""
        told = [t for t in self.study.get_trials(deepcopy=False) if _outcome(t) not in _CUT_SHORT]
        seed = self.task.spec.seed * 1_000_003 + len(told)
        self.study.sampler = self.optuna.samplers.TPESampler(n_startup_trials=6, seed=seed)
        return self.study.ask(fixed_distributions=self.distributions)

    def _had_before(self, trial: Any) -> bool:
        wanted = as_used(self.space, trial.params)
        return any(as_used(self.space, t.params) == wanted for t in self._judged())

    def _put_forward_new(self) -> None:
        """What was not tried yet, drawn at random, where a sampler keeps to what it knows."""
        tried = [t.params for t in self._judged()]
        new = [c for c in self.combinations or () if c not in tried]
        if new:
            rng = random.Random(f"{self.task.spec.seed}-{len(tried)}")
            self.study.enqueue_trial(rng.choice(new))

    def _judged(self) -> list[Any]:
        """Trials that said something about their settings, oldest first."""
        judged = ("done", "pruned", "failed")
        return [t for t in self.study.get_trials(deepcopy=False) if _outcome(t) in judged]

    def _done(self) -> list[Any]:
        return [t for t in self._judged() if _outcome(t) == "done"]

    def _spent(self) -> float:
        """Seconds that earlier runs put into trials."""
        every = self.study.get_trials(deepcopy=False)
        return sum(float(t.user_attrs.get("seconds", 0)) for t in every)

    def _enough(self, seconds: float, begun: float, limit: int | None) -> str:
        """Why no further trial is made; empty while one is."""
        judged, done = self._judged(), self._done()
        if not done:
            if len(judged) >= _COMPARED:
                note = judged[-1].user_attrs.get("note", "")
                raise TrainingError(f"none of {len(judged)} trials could be finished: {note}")
            return ""
        if limit is not None and len(judged) >= limit:
            return f"{len(judged)} trials were made"
        if time.monotonic() - begun > seconds:
            return "the time is used up"
        if self.combinations is not None and len(judged) >= len(self.combinations):
            return "there is nothing else to try"
        return ""

    # ---- one trial ---------------------------------------------------------------------------

    def _try(self, trial: Any, settings: Mapping[str, Any], deadline: float) -> Trial | None:
        """Fit and judge; None when the budget ended first."""
        folder = self.out / "trials" / digest(settings)[:12]
        begun, outcome, note, marks = time.monotonic(), "done", "", []
        watch = _Watch(trial, self.higher, folder / "watch.json", deadline, self.optuna)
        try:
            approach = make_approach(self.rung.approach, with_changes(self.rung.settings, settings))
            spec = self.task.spec
            run = Run(folder / "fit", spec.model, self.cache, spec.seed, self.quiet, watch=watch)
            run.folder.mkdir(parents=True, exist_ok=True)
            marks = self._marks(approach.fit(self.task, run), watch)
        except self.optuna.TrialPruned:
            outcome = "pruned"
        except _OutOfTime:
            outcome = "stopped"
        except TrainingError as error:  # these settings diverge; others may not
            outcome, note = "failed", str(error)
        except BaseException:  # Ctrl-C, or what no settings can mend
            self._tell(trial, "stopped", seconds=time.monotonic() - begun)
            raise
        seconds = time.monotonic() - begun
        value = _mean(marks)
        if outcome == "done" and value is None:
            outcome, note = "failed", "no answer could be marked"
        self._tell(trial, outcome, value, seconds=seconds, note=note, marks=marks)
        if outcome == "stopped":
            return None
        shutil.rmtree(folder, ignore_errors=True)
        return Trial(trial.number, settings, outcome, value, seconds, note)

    def _marks(self, solver: Solver, watch: "_Watch") -> list[float | None]:
        """The primary metric of every dev example."""
        size = max(8, ceil(len(self.dev) / _QUARTERS))
        marks: list[float | None] = []
        for start in range(0, len(self.dev), size):
            part = self.dev[start : start + size]
            answers = solver.predict(part)
            marks += [self.task.score(self.metric, e, p).value for e, p in zip(part, answers)]
            watch.marked(start // size, _mean(marks))
        return marks

    def _tell(
        self, trial: Any, outcome: str, value: float | None = None, **attributes: Any
    ) -> None:
        for name, content in {"outcome": outcome, **attributes}.items():
            trial.set_user_attr(name, content)
        state = {
            "done": self.states.COMPLETE,
            "pruned": self.states.PRUNED,
            "failed": self.states.PRUNED,  # as bad as can be: the sampler learns to stay away
        }.get(outcome, self.states.FAIL)
        self.study.tell(trial, value if outcome == "done" else None, state=state)

    # ---- what was found ----------------------------------------------------------------------

    def _found(self, reason: str) -> Found:
        sign, done = (1 if self.higher else -1), self._done()
        best = max(done, key=lambda t: (sign * t.value, -t.number))
        groups = [e.group for e in self.dev]
        found = Found(
            self.rung, self.metric, tuple(_record(t, self.space) for t in self._judged()),
            _record(best, self.space),
            estimate_mean(best.user_attrs["marks"], groups, self.task.spec.seed),
            self._importance(len(done)), reason,
        )  # fmt: skip
        write_json(self.out / "search.json", found.to_json())
        return found

    def _importance(self, done: int) -> dict[str, float]:
        if done < 2 * _COMPARED or len(self.space) < 2:
            return {}
        evaluator = self.optuna.importance.PedAnovaImportanceEvaluator()
        shares = self.optuna.importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: round(s, 3) for name, s in shares.items() if isfinite(s)}


@dataclass
class _Watch:
    """Reports how a trial goes, and ends it when it is behind or out of time.

    Optuna measures a trial by its best report so far, so losses are turned to lie on the far side
    of every mark.
    """

    trial: Any
    higher: bool
    file: Path
    """Keeps the number of the stage: training that goes on does not begin at the first."""
    deadline: float
    optuna: Any
    last: int = 0
    """The last part of the stage that was told."""

    def __call__(self, part: int, loss: float) -> None:
        """So many of twenty parts of a stage are over, the last one with this mean loss."""
        if part <= self.last:
            write_json(self.file, {"stage": self.stage + 1})
        self.last = part
        far = -_FAR - loss if self.higher else _FAR + loss
        self._report(_PARTS * self.stage + part, far)

    @property
    def stage(self) -> int:
        """How many stages of training came before this one."""
        return int(read_json(self.file)["stage"]) if self.file.is_file() else 0

    def marked(self, part: int, mean: float | None) -> None:
        """Another part of dev is answered; `mean` is that of all marks so far."""
        if mean is not None:
            self._report(_AFTER_TRAINING + part, mean)

    def _report(self, part: int, value: float) -> None:
        self.trial.report(value, part)
        if self.trial.should_prune():
            raise self.optuna.TrialPruned
        if time.monotonic() > self.deadline:
            raise _OutOfTime


_FAR = 1000.0
"""Beyond every loss that is no sign of divergence."""
_AFTER_TRAINING = 1000
"""Beyond the number of any part of training."""
_CUT_SHORT = ("", "stopped")
"""Outcomes that say nothing about the settings: killed, or out of time."""


def _outcome(trial: Any) -> str:
    """done, pruned, failed, stopped, repeat; empty for one that waits, works or was killed."""
    said = str(trial.user_attrs.get("outcome", ""))
    # What was said of a trial holds when its state says so too: a kill may come in between.
    known = {"COMPLETE": ("done",), "PRUNED": ("pruned", "failed"), "FAIL": ("stopped", "repeat")}
    return said if said in known.get(trial.state.name, ()) else ""


def _waits(trial: Any) -> bool:
    return bool(trial.state.name == "WAITING")


def _record(trial: Any, space: Space) -> Trial:
    attributes, outcome = trial.user_attrs, _outcome(trial)
    # Of a pruned trial, Optuna calls its last report its value.
    value = trial.value if outcome == "done" else None
    return Trial(
        trial.number, as_used(space, trial.params), outcome, value,
        attributes.get("seconds", 0.0), attributes.get("note", ""),
    )  # fmt: skip


def _mean(marks: Sequence[float | None]) -> float | None:
    known = [m for m in marks if m is not None]
    return sum(known) / len(known) if known else None
