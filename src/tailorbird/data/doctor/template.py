"""Rows that the chosen model's chat template or context would cut, refuse or leave unlearned."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Annotated, Any

from pydantic import Field

from tailorbird.data.doctor._sample import Share, clipped
from tailorbird.data.doctor.base import SHOWN, Finding, Level, Part, Patient, Remedy, Sample
from tailorbird.errors import MissingExtra, ModelError
from tailorbird.models.files import is_endpoint
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Message, Prompt
from tailorbird.words import counted

_WITHOUT = ("majority", "nearest", "linear", "encoder", "quote")
"""Rungs that ask no language model."""
_MARKERS = 64
"""Tokens of a template's own, at most, where a row is not tokenised as it is short enough."""
_LEFT = 0.9
"""An answer of which less than this share of the words is left has lost something."""


@dataclass(frozen=True)
class Template:
    """Rows as the tokenizer and the template of the task's model make them; no weights are loaded.

    Effect: the share of the test rows, or else of the training rows, that are so.
    """

    model: str | None = None
    """Whose template and context; default: the task's."""
    max_length: Annotated[int, Field(ge=2)] | None = None
    """Tokens of prompt and answer at which a trainer or a server cuts; default: the context."""
    rows: Annotated[int, Field(ge=1)] = 2_000
    """Rows of each part that are tokenised, drawn at random; about 1,000 in a second."""

    def missing(self, patient: Patient) -> str | None:
        """Needs a model whose tokenizer is here, and a rung that asks it."""
        name = self._name(patient)
        if name is None:
            return "no model is named (--set doctor.template.model=NAME)"
        if is_endpoint(name):
            return f"the template of {name} is not known here"
        rungs = patient.task.spec.rungs if patient.task and self.model is None else ()
        if rungs and all(r.approach in _WITHOUT for r in rungs):
            return "no rung asks a language model"
        try:
            _load(name)
        except (MissingExtra, ModelError) as error:
            return f"{error}; {error.hint}" if error.hint else str(error)
        return None

    def start(self, patient: Patient) -> "Rendering":
        """Begin."""
        name = self._name(patient)
        assert name is not None, "missing() was not asked"
        model = _load(name)
        limit = min(self.max_length or model.context, model.context)
        shares = {p: Share(self.rows, n, patient.seed) for p, n in patient.rows.items()}
        return Rendering(name, Asking(patient.task, model.chat), limit, shares)

    def _name(self, patient: Patient) -> str | None:
        return self.model or (patient.task.spec.model if patient.task else None)


@dataclass
class Asking:
    """How rows become prompts."""

    task: Task | None
    chat: Any

    def prompt(self, example: Example, learning: bool) -> Prompt:
        """The turns of a row as a rung that is tuned (`learning`) or prompted sees them."""
        from tailorbird.approaches._prompted import build_prompt

        system = self._systems[learning]
        return build_prompt(system, example) if system else example.turns

    @cached_property
    def _systems(self) -> Mapping[bool, str]:
        from tailorbird.approaches._prompted import instructions

        if self.task is None:
            return {False: "", True: ""}
        tuned = [r for r in self.task.spec.rungs if r.approach == "fine_tuned"]
        listing = any(r.settings.get("list_labels", False) for r in tuned)
        return {
            True: instructions(self.task, with_labels=listing),
            False: instructions(self.task, with_labels=True),
        }

    @property
    def max_tokens(self) -> int | None:
        """The longest answer that is written; None where labels are chosen."""
        if self.task is None or self.task.spec.kind == "label":
            return None
        return self.task.spec.outputs.max_tokens

    def refusal(self, roles: tuple[str, ...]) -> str | None:
        """What the template says against turns of such roles; None where it takes them."""
        turns = tuple(Message(role, "a") for role in roles)  # type: ignore[arg-type]
        try:
            self.chat.row(self.prompt(Example("", turns), True), "b")
        except ModelError as error:
            return str(error)
        return None


@dataclass(frozen=True, slots=True)
class Seen:
    """A row with what is wrong about it."""

    id: str
    part: Part
    text: str
    note: str


@dataclass
class Rendering:
    """What was found so far."""

    model: str
    asking: Asking
    limit: int
    """Tokens of prompt and answer."""
    shares: Mapping[Part, Share]
    drawn: Counter[Part] = field(default_factory=Counter)
    """Rows that were looked at as tokens, or were short enough to need no such look."""
    known: dict[tuple[str, ...], str | None] = field(default_factory=dict)
    """Roles -> why the template refuses them."""
    refused: dict[str, list[Seen]] = field(default_factory=dict)
    long: list[Seen] = field(default_factory=list)
    nothing: int = 0
    """Long rows whose prompt alone fills the limit."""
    roomless: list[Seen] = field(default_factory=list)
    cut: list[Seen] = field(default_factory=list)
    longest: int = 0
    """Tokens of the longest answer."""
    lossy: list[Seen] = field(default_factory=list)

    def look(self, part: Part, rows: Sequence[Example]) -> None:
        """See the next rows of a part."""
        for example in rows:
            roles = tuple(t.role for t in example.turns)
            if roles not in self.known:
                self.known[roles] = self.asking.refusal(roles)
            refusal = self.known[roles]
            if refusal is not None:
                note = " ".join(roles)
                self.refused.setdefault(refusal, []).append(_seen(example, part, note))
            elif self.shares[part].takes():
                self._tokenise(part, example)

    def _tokenise(self, part: Part, example: Example) -> None:
        try:
            if part == "test":
                self._answering(example)
            if example.target is not None:
                self._learning(part, example, example.target)
        except ModelError as error:  # a template may refuse what is said, not who says it
            self.refused.setdefault(str(error), []).append(_seen(example, part, ""))
        else:
            self.drawn[part] += 1

    def _answering(self, example: Example) -> None:
        """Whether a prompt leaves room for an answer in the context."""
        room = self.limit - (self.asking.max_tokens or _MARKERS)
        prompt = self.asking.prompt(example, False)
        if _bytes(*(t.content for t in prompt)) + _MARKERS <= room:
            return
        size = len(self.asking.chat.prompt(prompt))
        if size > self.limit - (self.asking.max_tokens or 1):
            self.roomless.append(_seen(example, "test", f"a prompt of {size:,} tokens"))

    def _learning(self, part: Part, example: Example, target: str) -> None:
        """What is left of prompt and answer as one training row."""
        prompt = self.asking.prompt(example, True)
        most = self.asking.max_tokens
        answer_fits = most is None or _bytes(target) < most
        row_fits = _bytes(target, *(t.content for t in prompt)) + _MARKERS <= self.limit
        if answer_fits and row_fits and "<" not in target:
            return
        row = self.asking.chat.row(prompt, target)
        learned, size = sum(row.learned), len(row.tokens)
        self._written(part, example, target, row)
        if most is not None and learned > most:
            self.longest = max(self.longest, learned)
            self.cut.append(_seen(example, part, f"an answer of {learned:,} tokens"))
        if size > self.limit and part != "test":
            self.nothing += size - learned >= self.limit
            left = max(0, self.limit - (size - learned))
            note = f"{size:,} tokens, {size - self.limit:,} too many"
            note += "" if left >= learned else f"; {left:,} of {learned:,} to learn from are left"
            self.long.append(_seen(example, part, note))

    def _written(self, part: Part, example: Example, target: str, row: Any) -> None:
        """Whether the template keeps the words of an answer."""
        ids = [t for t, learn in zip(row.tokens, row.learned) if learn]
        left, said = len(self.asking.chat.text(ids).split()), len(target.split())
        if left < _LEFT * said:
            self.lossy.append(_seen(example, part, f"{left:,} of {said:,} words are left"))

    # ---- findings ------------------------------------------------------------------------------

    def findings(self) -> Iterator[Finding]:
        """What was found, when all rows have passed."""
        for refusal, rows in self.refused.items():
            yield self._finding(
                "error", f"{counted(len(rows), 'row')} that {self.model} cannot read: {refusal}",
                rows, "the chat template refuses it", whole=True,
            )  # fmt: skip
        if self.roomless:
            yield self._finding(
                "warning",
                f"{counted(len(self.roomless), 'test input')} too long for the {self.limit:,} "
                f"tokens of {self.model}: every rung that asks it is wrong there; set "
                "data.max_input_chars, or take a model with a longer context",
                self.roomless,
            )  # fmt: skip
        if self.cut:
            yield self._finding(
                "warning",
                f"{counted(len(self.cut), 'answer')} longer than outputs.max_tokens, "
                f"{self.asking.max_tokens:,}: a model that is right is cut off; the longest has "
                f"{self.longest:,} tokens",
                self.cut,
            )  # fmt: skip
        if self.long:
            yield self._too_long()
        if self.lossy:
            yield self._finding(
                "warning",
                f"{counted(len(self.lossy), 'answer')} of which the template of {self.model} "
                "leaves words out: they are not learned",
                self.lossy, "the chat template leaves words of the answer out",
            )  # fmt: skip

    def _too_long(self) -> Finding:
        text = (
            f"{counted(len(self.long), 'row')} longer than the {self.limit:,} tokens of "
            f"{self.model}: they are left out of training"
        )
        if self.nothing:
            text += (
                f"; a trainer that cuts rows instead would find nothing to learn in "
                f"{self.nothing:,} of them"
            )
        return self._finding(
            "warning", text, self.long, "longer than the context of the model",
            details={"limit": self.limit, "nothing left to learn": self.nothing},
        )  # fmt: skip

    def _finding(
        self,
        level: Level,
        text: str,
        rows: Sequence[Seen],
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
        whole: bool = False,
    ) -> Finding:
        """`whole`: every row was looked at, not only those that were drawn."""
        part: Part = "test" if any(r.part == "test" for r in rows) else rows[0].part
        refused = sum(r.part == part for seen in self.refused.values() for r in seen)
        among = max(1, self.drawn[part] + refused)
        share = sum(r.part == part for r in rows) / among
        drawn = not whole and any(s.rate < 1 for s in self.shares.values())
        notes = {r.id: r.note for r in rows}
        return Finding(
            check="template",
            level=level,
            text=text + (f" (of {self.drawn.total():,} rows drawn)" if drawn else ""),
            affected=len(rows),
            effect=share,
            why=f"{100 * share:.2g} % of {part}",
            samples=tuple(Sample(r.id, r.part, r.text, r.note) for r in rows[:SHOWN]),
            remedy=None
            if not reason
            else Remedy("drop", dict.fromkeys(notes), reason, notes=notes),
            details=details or {},
        )


def _seen(example: Example, part: Part, note: str) -> Seen:
    return Seen(example.id, part, clipped(example.text), note)


def _bytes(*texts: str) -> int:
    """No tokenizer makes more tokens of a text than it has bytes."""
    return sum(len(text.encode("utf-8", "replace")) for text in texts)


@lru_cache(maxsize=2)
def _load(name: str) -> Any:
    from tailorbird.train.shapes import Model

    return Model.of(name, on_cpu=True)


CHECK = Template
