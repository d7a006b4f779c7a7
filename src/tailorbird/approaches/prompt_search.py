"""Instructions and demonstrations, searched on development data by successive halving.

Candidates are judged on a small slice; the better ones are kept and judged on twice as much, until
one is left (Jamieson & Talwalkar 2016). That instructions can be searched like any other setting,
and that a model can write some, is from Zhou et al. 2022 (APE, arXiv:2211.01910); searching them
together with demonstrations from Khattab et al. 2023 (DSPy, arXiv:2310.03714) and Opsahl-Ong et al.
2024 (MIPRO, arXiv:2406.11695).

The best of many on the same items is partly the luckiest, so the winner is compared with the plain
prompt on items that the search did not see, and taken only where it is better by more than noise.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random
from typing import Annotated

from pydantic import Field

from tailorbird.approaches import _demonstrations as demonstrations
from tailorbird.approaches._evaluations import Evaluations
from tailorbird.approaches._halving import evaluations, halve, plan, rounds
from tailorbird.approaches._prompted import Prompted, instructions, passage_index, prompted
from tailorbird.approaches._trace import Candidate, Decision, write_trace
from tailorbird.approaches._wordings import PLAIN, Failure, proposals, wordings
from tailorbird.approaches.base import Run
from tailorbird.data.split import place, unit
from tailorbird.evaluate.statistics import compare, estimate_mean
from tailorbird.models.base import Progress
from tailorbird.models.load import load_model
from tailorbird.progress import progress
from tailorbird.retrieve import base as retrieval
from tailorbird.store import read_json, write_json
from tailorbird.task.bar import higher_is_better
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example

ENOUGH = 200
"""Dev items from which dev is halved, one half to search on and one to decide on."""
HELD_OUT = 200
"""Most training rows that are searched on where dev is smaller."""
PROBE = 24
"""Training rows on which the plain prompt's failures are looked for."""
FAILURES = 4
"""Failures that a model that writes instructions is shown."""


@dataclass(frozen=True)
class PromptSearch:
    """Many prompts tried on development data, and the best one taken if it is truly better."""

    instructions: tuple[str, ...] = ()
    """Instructions of your own to try, each instead of the goal and the list of labels."""
    shots: Annotated[int, Field(ge=0)] = 4
    """Most demonstrations in a prompt; 0 searches instructions alone."""
    by: str = "sparse"
    """How demonstrations like the input are found: sparse, dense or hybrid."""
    longest: Annotated[int, Field(ge=1)] = 120
    """Training examples with more words than this are not shown."""
    writer: bool | str = False
    """Let a model propose instructions: true for the task's own model, or a model by name."""
    proposals: Annotated[int, Field(ge=1)] = 4
    """How many the writer is asked for."""
    retrieve: str | None = None
    """sparse, dense, hybrid, cases or trained: answer from passages of the documents."""
    passages: Annotated[int, Field(ge=1)] = 3
    candidates: Annotated[int, Field(ge=2)] = 24
    """Prompts to try; of all combinations, these are drawn by rule and seed."""
    eta: Annotated[int, Field(ge=2)] = 2
    """One in so many candidates goes on to the next, larger slice."""
    budget: Annotated[int, Field(ge=50)] = 2000
    """Answers that the search may ask for, one candidate on one item each."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """Begin no further candidate after this long; what was found until then is judged."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Greatest probability that a winner no better than the plain prompt is taken for better."""

    def fit(self, task: Task, run: Run) -> Prompted:
        """Search, decide, and write down what was tried; goes on where a killed search was."""
        return _Search(self, task, run, _material(task, run.seed, self)).prompt()


# ---- what is searched on ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Material:
    pool: tuple[Example, ...]
    """Training examples that may be shown."""
    search: tuple[Example, ...]
    """Items that candidates are judged on, in a seeded order."""
    decide: tuple[Example, ...]
    """Items that the winner and the plain prompt are compared on."""
    said: str
    """Where the two come from."""


def _material(task: Task, seed: int, settings: PromptSearch) -> _Material:
    train, dev = task.examples("train"), task.examples("dev")

    def at(example: Example) -> tuple[float, str]:
        return place(seed, "prompt_search", unit(example)), example.id

    if len(dev) >= ENOUGH:
        search = [e for e in dev if at(e)[0] < 0.5]
        decide = [e for e in dev if at(e)[0] >= 0.5]
        said = "searched on one half of dev and decided on the other"
    else:
        ranked = sorted(train, key=at)
        search = ranked[: min(HELD_OUT, len(train) // 3)]
        last = {unit(e) for e in search}  # what belongs together is held out together
        search = [e for e in ranked if unit(e) in last]
        decide = list(dev)
        said = "searched on training rows that are not shown, as dev is small; decided on dev"
        if not dev:
            search, decide = search[::2], search[1::2]
            said = "searched and decided on training rows that are not shown, as there is no dev"
    held = {e.folded for e in (*search, *decide)}
    pool = demonstrations.brief(
        [e for e in train if e.folded not in held], settings.longest, settings.shots
    )
    order = Random(seed)
    return _Material(
        tuple(pool), tuple(order.sample(search, len(search))),
        tuple(order.sample(decide, len(decide))[: settings.budget // 8]), said,
    )  # fmt: skip


# ---- candidates ------------------------------------------------------------------------------


Shown = dict[str, object]
"""What a set of demonstrations adds to a `Prompted`."""


@dataclass
class _Search:
    settings: PromptSearch
    task: Task
    run: Run
    material: _Material
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        metric = self.task.spec.bar.primary.metric
        self.sign = 1.0 if higher_is_better(metric) else -1.0
        kind = self.settings.retrieve
        index = passage_index(self.task, kind, self.run.cache) if kind else None
        self.reading: Shown = {"index": index, "passages": self.settings.passages} if index else {}
        self.kept = Evaluations(
            self.run.folder / "evaluations.jsonl", self.task, metric, self.run.model
        )

    def prompt(self) -> Prompted:
        """The prompt to use; what was tried is written down beside the evaluations."""
        field = self._candidates()
        items, decide = self.material.search, self.material.decide
        left = self.settings.budget - 2 * len(decide) - PROBE
        count, first = plan(len(field), len(items), self.settings.eta, left) if items else (1, 0)
        field = field[:count]
        total = 2 * len(decide) + evaluations(rounds(count, first, len(items), self.settings.eta))
        with progress("trying prompts", total, self.run.quiet) as tick:
            done = halve(
                count, first, len(items), self.settings.eta,
                lambda candidate, size: self._score(field[candidate], size, tick),
            )  # fmt: skip
            winner = done[-1].standings[0].candidate if done else 0
            decision = self._decide(field[0], field[winner], tick)
        write_trace(self.run.folder, self._head(len(field)), field, done, decision)
        return field[winner if decision.taken else 0].solver

    def _head(self, count: int) -> list[str]:
        """What a reader of the trace should know first."""
        material = self.material
        return [
            f"Model {self.run.model}; metric {self.kept.metric}; seed {self.run.seed}.",
            f"{count} prompts, {material.said}: up to {len(material.search)} items to search on, "
            f"{len(material.decide)} to decide on.",
        ]

    def _candidates(self) -> list[Candidate]:
        """The plain prompt first, then one change at a time, then seeded combinations."""
        failing = self._failures()
        told = self._wordings(failing)
        shown = self._demonstrations([e for e, _ in failing])
        single = [(PLAIN, "nothing shown")]
        single += [(name, "nothing shown") for name in told if name != PLAIN]
        own = 1 + sum(name.startswith(("own", "proposed")) for name in told)
        # After those that somebody wrote, demonstrations: they matter more than wordings.
        single[own:own] = [(PLAIN, name) for name in shown if name != "nothing shown"]
        rest = [pair for pair in product(told, shown) if pair not in single]
        pairs = single + Random(self.run.seed).sample(rest, len(rest))
        return [
            Candidate(wording, name, self._solver(told[wording], shown[name]))
            for wording, name in pairs[: self.settings.candidates]
        ]

    def _solver(self, system: str, shown: Shown) -> Prompted:
        return prompted(self.task, self.run, system, **self.reading, **shown)

    def _failures(self) -> list[tuple[Example, Failure]]:
        """Training examples that the plain prompt gets wrong, of a few that it is tried on."""
        if not (self.settings.shots or self.settings.writer):
            return []
        plain = self._solver(instructions(self.task, with_passages=bool(self.reading)), {})
        probe = demonstrations.scattered(self.material.pool, PROBE, self.run.seed)
        with progress("what goes wrong", len(probe), self.run.quiet) as tick:
            marks = self.kept.judge(plain, probe, tick)
        return [
            (e, (e.text, m.text, str(e.target)))
            for e, m in zip(probe, marks)
            if m.value is not None and self.sign * m.value < (1.0 if self.sign > 0 else 0.0)
        ]

    def _wordings(self, failing: Sequence[tuple[Example, Failure]]) -> dict[str, str]:
        by_rule = wordings(self.task, bool(self.reading), self.material.pool)
        told = {PLAIN: by_rule[PLAIN]}
        told |= {f"own {i}": text for i, text in enumerate(self.settings.instructions, 1)}
        shown = [failure for _, failure in failing[:FAILURES]]
        proposed = self._proposals(by_rule[PLAIN], shown)
        told |= {f"proposed {i}": text for i, text in enumerate(proposed, 1)}
        return told | by_rule

    def _proposals(self, plain: str, failures: Sequence[Failure]) -> list[str]:
        """What the writer proposes; asked once, then kept."""
        writer = self.settings.writer
        if not writer:
            return []
        file = self.run.folder / "proposals.json"
        if not file.is_file():
            model = self.run.model if writer is True else writer
            lm = load_model(model, None, self.task.spec.endpoint)
            count, seed = self.settings.proposals, self.run.seed
            write_json(file, proposals(lm, self.task, plain, failures, count, seed))
        return [str(text) for text in read_json(file)]

    def _demonstrations(self, failing: Sequence[Example]) -> dict[str, Shown]:
        """Name -> demonstrations: none, drawn, varied, spread out, hard, or like the input."""
        pool, shots, seed = self.material.pool, self.settings.shots, self.run.seed
        found: dict[str, Shown] = {"nothing shown": {}}
        if not (shots and pool):
            return found
        selector = retrieval.build(self.settings.by, [e.text for e in pool], self.run.cache)
        found[f"{shots} like the input"] = {
            "demonstrations": demonstrations.shown(pool), "selector": selector, "shots": shots,
        }  # fmt: skip
        fixed = {
            f"{shots} varied": demonstrations.varied(pool, shots, seed),
            f"{shots} far apart": demonstrations.spread(pool, shots),
            f"{shots} it failed on": list(failing[:shots]),
            f"{shots} drawn": demonstrations.scattered(pool, shots, seed + 1),
            f"{shots} drawn again": demonstrations.scattered(pool, shots, seed + 2),
            f"{(shots + 1) // 2} varied": demonstrations.varied(pool, (shots + 1) // 2, seed),
        }
        sets = {name: demonstrations.shown(chosen) for name, chosen in fixed.items() if chosen}
        return found | {name: {"demonstrations": chosen} for name, chosen in sets.items()}

    # ---- judging -----------------------------------------------------------------------------

    def _score(self, candidate: Candidate, size: int, tick: Progress) -> tuple[float, float] | None:
        """Mean mark, higher is better, and mean prompt tokens; None when the time is up."""
        limit = self.settings.minutes
        if limit is not None and time.monotonic() - self.begun > 60 * limit:
            return None
        marks = self.kept.judge(candidate.solver, self.material.search[:size], tick)
        values = [self.sign * m.value for m in marks if m.value is not None]
        score = sum(values) / len(values) if values else -1.0
        return score, sum(m.tokens for m in marks) / len(marks)

    def _decide(self, plain: Candidate, winner: Candidate, tick: Progress) -> Decision:
        """Better on items that the search did not see, at `alpha`, one-sided."""
        items, seed = self.material.decide, self.run.seed
        groups = [e.group for e in items]
        a, b = ([m.value for m in self.kept.judge(c.solver, items, tick)] for c in (plain, winner))
        estimates = (estimate_mean(a, groups, seed), estimate_mean(b, groups, seed))
        compared = compare(a, b, groups, seed) if winner is not plain and items else None
        taken = (
            compared is not None
            and self.sign * compared.difference > 0
            and compared.p_value / 2 <= self.settings.alpha
        )
        return Decision(*estimates, compared, taken, self.settings.alpha)


APPROACH = PromptSearch
SOLVER = Prompted
