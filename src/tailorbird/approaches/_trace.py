"""What a prompt search tried, for a person to read: prompts.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tailorbird.approaches._halving import Round
from tailorbird.approaches._prompted import Prompted
from tailorbird.decide.words import p_value, points
from tailorbird.evaluate.statistics import Comparison, Estimate
from tailorbird.store import write_text


@dataclass(frozen=True)
class Candidate:
    """One prompt to try."""

    wording: str
    """The name of its instruction."""
    shown: str
    """The name of its demonstrations."""
    solver: Prompted

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.wording}, {self.shown}"


@dataclass(frozen=True)
class Decision:
    """Whether the winner is taken instead of the plain prompt."""

    plain: Estimate | None
    winner: Estimate | None
    comparison: Comparison | None
    """Winner minus plain; None where the plain prompt won, or nothing could be compared."""
    taken: bool
    alpha: float


def write_trace(
    folder: Path,
    head: Sequence[str],
    field: Sequence[Candidate],
    done: Sequence[Round],
    decision: Decision,
) -> None:
    """Write prompts.md: every round with scores and tokens, the decision, every prompt."""
    lines = ["# Prompt search", "", *head]
    for number, one in enumerate(done, 1):
        lines += _round(number, one, field)
    winner = field[done[-1].standings[0].candidate] if done else field[0]
    lines += ["", "## Decision", "", *_decision(winner, field[0], decision)]
    lines += ["", "## The prompts"]
    for candidate in field:
        lines += _prompt(candidate)
    write_text(folder / "prompts.md", "\n".join(lines) + "\n")


def _round(number: int, one: Round, field: Sequence[Candidate]) -> Iterator[str]:
    yield from ("", f"## Round {number}: {len(one.standings)} prompts on {one.size} items", "")
    if not one.whole:
        yield from ("The time was up before all were judged.", "")
    yield from ("| prompt | score | tokens | goes on |", "| --- | --- | --- | --- |")
    for place, standing in enumerate(one.standings):
        name, goes_on = field[standing.candidate].name, "yes" if place < one.kept else ""
        # A metric where less is better was turned round for the ranking.
        yield f"| {name} | {abs(standing.score):.3f} | {standing.tokens:.0f} | {goes_on} |"


def _decision(winner: Candidate, plain: Candidate, decision: Decision) -> Iterator[str]:
    if winner is plain:
        yield f"The plain prompt won the search. {_mark('It scores', decision.plain)}"
        return
    yield f"Winner of the search: {winner.name}."
    yield _mark("On items that the search did not see it scores", decision.winner)
    yield _mark("The plain prompt scores there", decision.plain)
    compared = decision.comparison
    if compared is None:
        yield "There was nothing to compare the two on, so the plain prompt is used."
        return
    change = points(compared.difference, compared.low, compared.high)
    what = "so it is used" if decision.taken else "so the plain prompt is used"
    yield (
        f"That is {change}, {p_value(compared.p_value)} (two-sided, {compared.method}). The winner "
        f"is used where it is better with p / 2 of at most {decision.alpha:g}: {what}."
    )


def _mark(what: str, mark: Estimate | None) -> str:
    if mark is None:
        return f"{what}: unknown, as no item could be marked."
    return f"{what} {mark.value:.3f} [{mark.low:.3f}, {mark.high:.3f}] on {mark.n} items."


def _prompt(candidate: Candidate) -> Iterator[str]:
    solver = candidate.solver
    yield from ("", f"### {candidate.name}", "", *(f"    {li}" for li in solver.system.split("\n")))
    if solver.selector is not None:
        yield from ("", f"The {solver.shots} most like the input of {len(solver.demonstrations)}.")
        return
    for shown in solver.demonstrations:
        yield from ("", *(f"    > {li}" for li in shown.input.split("\n")))
        yield from (f"    < {li}" for li in shown.target.split("\n"))
