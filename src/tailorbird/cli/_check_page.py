"""What was found about the data as one HTML file: it loads nothing, runs no script, escapes all.

The style is that of the report of a climb; the page is check_page.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from tailorbird.checking import Checked
from tailorbird.data.doctor.base import Finding, title
from tailorbird.store import write_text
from tailorbird.words import counted

MOST_LINES = 40
"""Lines of a table of numbers; the JSON has them all."""
_GLYPHS = {"error": "✗", "warning": "!", "note": "i", "ok": "✓"}
_TONES = {"error": "bad", "warning": "unsure", "note": "info", "ok": "good"}


@dataclass(frozen=True)
class Numbers:
    """One entry of a finding's details, as it is drawn."""

    name: str
    kind: Literal["bars", "words", "table"]
    rows: tuple[tuple[str, str, float], ...]
    """Name, value in words, and the length of its bar in per cent."""
    hidden: int = 0


@dataclass(frozen=True)
class Shown:
    """One finding as the page has it."""

    finding: Finding
    title: str
    glyph: str
    tone: str
    command: str | None
    remedy: str | None
    """What the command does, in words."""
    numbers: tuple[Numbers, ...]


def write_page(path: Path, checked: Checked) -> None:
    """Write the page. Equal findings give equal files, but for the seconds that it took."""
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("tailorbird", "cli"), PackageLoader("tailorbird", "evaluate")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda n: f"{n:,}"
    page = environment.get_template("check_page.html").render(
        checked=checked,
        diagnosis=checked.diagnosis,
        shown=[_shown(checked, f) for f in checked.diagnosis.findings],
        titles={name: title(name) for name in checked.diagnosis.made},
        glyphs=_GLYPHS,
        tones=_TONES,
        headline=_headline(checked),
        worst=next((w for w in ("error", "warning") if w in _levels(checked)), "ok"),
    )
    write_text(path, page)


def _levels(checked: Checked) -> list[str]:
    return [*(p.level for p in checked.proofs), *(f.level for f in checked.diagnosis.findings)]


def _headline(checked: Checked) -> str:
    levels = _levels(checked)
    errors, warnings = levels.count("error"), levels.count("warning")
    if not errors and not warnings:
        return "Nothing that needs mending was found."
    counts = [(errors, "error"), (warnings, "warning")]
    said = " and ".join(counted(n, word) for n, word in counts if n)
    end = "mend the errors before anything is measured." if errors else "no error."
    return f"{said}: {end}"


def _shown(checked: Checked, finding: Finding) -> Shown:
    remedy, does = finding.remedy, None
    if remedy is not None:
        verb, rows = f"{remedy.action.title()}s", counted(len(remedy.changes), "row")
        does = f"{verb} {rows}: {remedy.reason}"
    return Shown(
        finding, title(finding.check), _GLYPHS[finding.level], _TONES[finding.level],
        checked.command(finding), does,
        tuple(_numbers(name, value) for name, value in finding.details.items()),
    )  # fmt: skip


def _numbers(name: str, value: Any) -> Numbers:
    name = name.replace("_", " ")
    if isinstance(value, Mapping):
        return _table(name, list(value.items()))
    if isinstance(value, (list, tuple)):
        listed = [(str(i), v) for i, v in enumerate(value, start=1)]
        return _table(name, listed)
    return Numbers(name, "words", (("", _said(value), 0.0),))


def _table(name: str, entries: list[tuple[Any, Any]]) -> Numbers:
    plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for _, v in entries)
    most = max((abs(v) for _, v in entries), default=0) if plain else 0
    rows = tuple(
        (str(k), _said(v), round(100 * abs(v) / most, 2) if most else 0.0)
        for k, v in entries[:MOST_LINES]
    )
    return Numbers(name, "bars" if most else "table", rows, max(0, len(entries) - MOST_LINES))


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}: {_said(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_said, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
