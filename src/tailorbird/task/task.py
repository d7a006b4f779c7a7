"""task.yaml -> TaskSpec: what goes in, what should come out, and how good is good enough.

The file is data: it names files, columns and rungs, and runs no code.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, field_validator, model_validator

from tailorbird.errors import TaskError, nearest
from tailorbird.registry import module, names
from tailorbird.task.bar import MEASURES, Bar
from tailorbird.task.patterns import whole
from tailorbird.task.strict import Strict, parse

Column = str | int
"""A column name; a dotted path into nested JSON; or a position, for rows that are arrays."""


class Columns(Strict):
    """Which column holds what (format: columns)."""

    id: Column | None = None
    input: Column = "input"
    target: Column | None = "target"
    sources: Column | None = None
    """Ids of the supporting documents: a list, or strings separated by `;`."""
    facts: Column | None = None
    """Strings that a right answer must state: a list, or separated by `;`."""
    answerable: Column | None = None
    group: Column | None = None
    time: Column | None = None
    """ISO 8601."""
    fields: tuple[Column, ...] = ()
    """Further columns to keep, for slices, strata and routing."""


class File(Strict):
    """One data file, or one hub dataset (`hub://owner/name`)."""

    path: str
    """Relative to task.yaml; `{data}` stands for --data-folder."""
    key: str | None = None
    """For JSON objects: the (dotted) key that holds the rows. For hub datasets: the split."""


class Texts(Strict):
    """Raw text: one file, or all the texts of a folder."""

    path: str
    """A document (.txt, .md, .html, .pdf, .docx), a table (.jsonl, .csv, .parquet, ...), or a
    folder of documents and .jsonl tables; each may end in .gz. `{data}` as in data."""
    text: Column = "text"
    """The column that holds the text, for tables."""


class Splits(Strict):
    """How to cut `data.all` when the data come in one piece."""

    by: Literal["random", "stratum", "group", "time"] = "random"
    stratum: str | None = None
    """The field to balance (by: stratum); default: the target."""
    dev: float = Field(default=0.1, gt=0, lt=0.5)
    test: float = Field(default=0.2, gt=0, lt=0.8)


class Data(Strict):
    """Where the examples are."""

    train: tuple[File, ...] = ()
    dev: tuple[File, ...] = ()
    test: tuple[File, ...] = ()
    all: tuple[File, ...] = ()
    """One pool, cut by `splits`; instead of train, dev and test."""
    splits: Splits | None = None
    preferences: tuple[File, ...] = ()
    """Answers that people ranked or judged, for preference learning."""
    unlabelled: tuple[File, ...] = ()
    """Inputs without answers, for self-training and distillation."""
    texts: tuple[Texts, ...] = ()
    """Raw text of the field, for continued pre-training."""
    format: str = "auto"
    """auto, columns, or another file of `data/formats` (messages, sharegpt, alpaca ...)."""
    columns: Columns | None = None
    max_input_chars: int | None = Field(default=None, gt=0)
    """Longer inputs are cut at this length, and counted as truncated."""
    drop_leaks: bool = False
    """Leave out of train and dev what also stands in test; else such a benchmark is refused."""
    train_limit: int | None = Field(default=None, gt=0)
    """Use this many training rows: a nested, seeded subset."""
    frozen: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{8,64}$", exclude=True)
    """The digest of the test split, or how it begins, as `tailorbird check` says it; where the
    test items are others, nothing is read. No part of the task's own digest."""

    @field_validator(
        "train", "dev", "test", "all", "preferences", "unlabelled", mode="before",
        json_schema_input_type=str | File | tuple[str | File, ...],
    )  # fmt: skip
    @classmethod
    def _files(cls, value: Any) -> Any:
        entries = value if isinstance(value, (list, tuple)) else [value]
        return tuple({"path": e} if isinstance(e, str) else e for e in entries)

    @field_validator(
        "texts", mode="before", json_schema_input_type=str | Texts | tuple[str | Texts, ...]
    )
    @classmethod
    def _texts(cls, value: Any) -> Any:
        entries = value if isinstance(value, (list, tuple)) else [value]
        return tuple({"path": e} if isinstance(e, str) else e for e in entries)

    @model_validator(mode="after")
    def _one_way(self) -> "Data":
        if bool(self.all) == bool(self.test):
            raise ValueError("give either all (one pool, cut by splits) or train, dev and test")
        if self.all and (self.train or self.dev):
            raise ValueError("all is one pool that is cut; give no train or dev beside it")
        if self.splits and not self.all:
            raise ValueError("splits cut data.all, and there is no data.all")
        if self.columns is not None and self.format not in ("auto", "columns"):
            raise ValueError(f"columns are named, but format is {self.format}")
        return self


class Documents(Strict):
    """The documents that answers must rest on."""

    path: str
    """A folder of .md, .txt, .html, .pdf and .docx files, one such file, or a table
    (JSONL/JSON/CSV/Parquet); `{data}` as in data."""
    id: Column = "id"
    title: Column = "title"
    text: Column = "text"
    chunk_words: int = Field(default=160, ge=5)
    """Passages are at most about this long."""


def _not_set(value: Any) -> bool:
    return value is None


class Outputs(Strict):
    """What should come out."""

    labels: tuple[str, ...] | None = None
    """The closed list of labels; default for `kind: label`: those that the data hold."""
    out_of_scope: str | None = None
    """The label that means: none of the others."""
    abstain: str | None = None
    """What to say when the documents do not tell; answers holding it count as abstaining."""
    route: str | None = None
    """A field (an intent, say) that a classifier can predict to pick a canned answer."""
    max_tokens: int = Field(default=96, gt=0)
    """The longest answer, in tokens of the model."""
    # Left out of dumps where not set, so that tasks from before these keys keep their digest.
    pattern: str | None = Field(default=None, exclude_if=_not_set)
    """A regular expression (of Rust's syntax) for the whole answer; the scorer `pattern`."""
    json_schema: str | dict[str, Any] | None = Field(default=None, exclude_if=_not_set)
    """A JSON schema, or the file that holds one, for the answer; the scorer `schema`."""

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            whole(value)
        return value


class Prices(Strict):
    """What things cost, in `currency`. Unknown is not zero: costs then read 'unknown'."""

    currency: str = "EUR"
    machine_hour: float | None = Field(default=None, ge=0)
    """One hour of the machine that runs local models."""
    prompt_million: float | None = Field(default=None, ge=0)
    """One million prompt tokens at the endpoint."""
    completion_million: float | None = Field(default=None, ge=0)
    """One million completion tokens at the endpoint."""


class EndpointLimits(Strict):
    """How hard an endpoint may be asked."""

    concurrency: int = Field(default=8, ge=1)
    """Requests in flight at once."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Seconds to wait for a connection, and for the next byte of an answer."""
    retries: int = Field(default=5, ge=0)
    """Further attempts per prompt after the first, with growing waits."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    tokens_per_minute: float | None = Field(default=None, gt=0)


class Budget(Strict):
    """What the climb may use."""

    minutes: float | None = Field(default=None, gt=0)
    """Stop starting new rungs after this long."""
    cost: float | None = Field(default=None, gt=0)
    """Stop starting new rungs after this much money has gone to endpoints."""
    prices: Prices = Prices()


class Rung(Strict):
    """One rung: an approach with its settings."""

    approach: str
    name: str
    settings: dict[str, Any] = Field(default_factory=dict)


def _rung(value: Any) -> dict[str, Any]:
    """`few_shot` or `{few_shot: {shots: 4, name: ...}}` as the keys of a `Rung`."""
    if isinstance(value, str):
        return {"approach": value, "settings": {}}
    if isinstance(value, dict) and len(value) == 1:
        ((approach, settings),) = value.items()
        if settings is None or isinstance(settings, dict):
            settings = dict(settings or {})
            name = {"name": settings.pop("name")} if "name" in settings else {}
            return {"approach": approach, "settings": settings, **name}
    if isinstance(value, dict) and isinstance(value.get("approach"), str):
        settings = value.get("settings", {})
        if isinstance(settings, dict):
            return dict(value)
    raise ValueError(f"a rung is a name or one `name: settings` pair, not {value!r}")


def _named(rungs: list[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """A rung without a name is called as its approach, with its settings where two would clash."""
    counts = Counter(r["approach"] for r in rungs if "name" not in r)
    for rung in rungs:
        inner = ", ".join(f"{k}={v}" for k, v in rung.get("settings", {}).items())
        clash = counts[rung["approach"]] > 1 and inner
        rung.setdefault("name", f"{rung['approach']}({inner})" if clash else rung["approach"])
    return tuple(rungs)


class TaskSpec(Strict):
    """The whole of task.yaml."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    goal: str
    """One or two sentences; they are also the instruction that prompted models read."""
    kind: Literal["label", "answer"]
    """label: choose from a closed list. answer: write text."""
    data: Data
    outputs: Outputs = Outputs()
    documents: Documents | None = None
    bar: Bar
    budget: Budget = Budget()
    model: str = "fledgling"
    """fledgling, a hub id, a folder, or an endpoint `http://host/v1#name`."""
    endpoint: EndpointLimits = EndpointLimits()
    """Used when `model` is an endpoint."""
    rungs: tuple[Rung, ...]
    """Cheap to dear: the order is the ladder."""
    audits: tuple[dict[str, dict[str, Any]], ...] = ()
    """What to look for in `tailorbird audit`: names, or names with settings; none: everything."""
    track: str | dict[str, dict[str, Any] | None] | None = None
    """Where climbs are recorded: mlflow, wandb or none, or one of them with settings; default:
    MLflow where it is installed."""
    seed: int = 0

    @field_validator(
        "rungs", mode="before",
        json_schema_input_type=tuple[str | dict[str, dict[str, Any] | None] | Rung, ...],
    )  # fmt: skip
    @classmethod
    def _rungs(cls, value: Any) -> Any:
        if not value:
            raise ValueError("name at least one rung")
        if not isinstance(value, (list, tuple)):
            given = value if isinstance(value, str) else "majority, linear"
            raise ValueError(f'rungs are a list: --set "rungs=[{given}]"')
        return _named([_rung(v) for v in value])

    @field_validator(
        "audits", mode="before",
        json_schema_input_type=tuple[str | dict[str, dict[str, Any] | None], ...],
    )  # fmt: skip
    @classmethod
    def _audits(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ValueError("audits are a list of names, or of names with settings")
        return tuple({r["approach"]: r["settings"]} for r in map(_rung, value))

    @model_validator(mode="after")
    def _names_exist(self) -> "TaskSpec":
        _check_rungs(self.rungs)
        for name in (name for each in self.audits for name in each):
            if name not in names("evaluate.audits"):
                near = nearest(name, names("evaluate.audits"))
                raise ValueError(f'audits: no audit is called "{name}"{near}')
        for name in [self.track] if isinstance(self.track, str) else self.track or ():
            known = (*names("track"), "none")
            if name not in known:
                raise ValueError(f'track: no tracker is called "{name}"{nearest(name, known)}')
        _check_bar(self)
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of what all rungs of one benchmark share.

        Not of rungs, audits, tracker, model, its limits, bar and budget: they change no answer of
        another rung, so a new bar or more money redoes nothing.
        """
        apart = {"rungs", "audits", "track", "model", "endpoint", "bar", "budget"}
        content = self.model_dump(mode="json", exclude=apart)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _check_bar(spec: TaskSpec) -> None:
    scorers, together = names("task.scorers"), names("evaluate.metrics")
    primary, known = spec.bar.primary.metric, [*scorers, *together, *MEASURES]
    if primary in (*together, *MEASURES):
        raise ValueError(
            f'bar.primary: "{primary}" is not a scorer: it is not measured of each answer; '
            "it may be a guard"
        )
    if primary not in scorers:
        raise ValueError(f'bar.primary: "{primary}" is not a scorer{nearest(primary, scorers)}')
    for metric in (c.metric for c in spec.bar.criteria):
        if metric not in known:
            raise ValueError(f'bar.guards: unknown metric "{metric}"{nearest(metric, known)}')
        if metric in together and spec.kind not in module("evaluate.metrics", metric).KINDS:
            raise ValueError(f'bar.guards: "{metric}" is not measured for kind: {spec.kind}')
        for scorer, key in (("pattern", "pattern"), ("schema", "json_schema")):
            if metric == scorer and getattr(spec.outputs, key) is None:
                raise ValueError(f'bar: "{scorer}" needs outputs.{key}')


def _check_rungs(rungs: tuple[Rung, ...]) -> None:
    approaches = names("approaches")
    seen: set[str] = set()
    for rung in rungs:
        if not (rung.name.strip() and rung.name.isprintable()):
            raise ValueError(f"rungs: {rung.name!r} is no name: it must be printable text")
        if rung.approach not in approaches:
            raise ValueError(
                f'rungs: unknown rung "{rung.approach}"{nearest(rung.approach, approaches)}'
            )
        if rung.name in seen:
            raise ValueError(f'rungs: two rungs are called "{rung.name}"; give one a name')
        seen.add(rung.name)


def folder_of(study: Path) -> Path:
    """What paths of a task file are relative to; `study`: the file, or the folder that holds it."""
    return study if study.is_dir() else study.parent


def load_spec(path: Path, overrides: dict[str, Any] | None = None) -> TaskSpec:
    """Read task.yaml (or the task.yaml of a folder). `overrides`: dotted key -> value.

    Raises `TaskError` when the file is missing, is not YAML, or holds an unknown or wrong key.
    """
    file = path / "task.yaml" if path.is_dir() else path
    if not file.is_file():
        raise TaskError(f"no task file at {file}", hint="tailorbird new DIR writes one")
    try:
        data = read_yaml(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TaskError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise TaskError(f"{file} should hold keys and values, found {type(data).__name__}")
    for key, value in (overrides or {}).items():
        _set(data, key.split("."), value)
    return parse(TaskSpec, data, str(file))


def read_yaml(text: str) -> Any:
    """The value of `text`. Raises `ValueError` that names the line and column, on one line."""
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise ValueError(f"{error.problem}{where}") from error
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _set(data: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        inner = data.setdefault(part, {})
        if not isinstance(inner, dict):
            raise TaskError(f'--set {".".join(path)}: "{part}" holds no keys')
        data = inner
    data[path[-1]] = value
