"""The suite for the doctor's checks: what they find of rows that pass in pieces."""

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, replace
from typing import Any

from tailorbird.data.doctor.base import SHOWN, Check, Finding, Part, Patient, Remedy, title
from tailorbird.data.doctor.examine import LEVELS
from tailorbird.errors import plain
from tailorbird.task.types import Example
from tailorbird.testing.claims import claim, never_raises

LONGEST = 2_000
"""Characters of a sample: it is there to be looked at."""

Parts = Mapping[Part, Sequence[Example]]


def check_check(name: str, check: Check, patient: Patient, parts: Parts) -> list[Finding]:
    """Examine the rows of `parts`, whole and in pieces, and judge what is found.

    `name` is the file name of the check. Returns the findings; none where the check says that it
    cannot be made. Raises `AssertionError`.
    """
    claim(isinstance(check, Check), f"{name} has no `missing` and `start`")
    claim(bool(title(name)), f"{name} does not say what it looks for")
    missing = check.missing(patient)
    if missing is not None:
        claim(bool(missing), f"{name} does not say why it cannot be made")
        return []
    whole = _found(name, check, patient, parts, None)
    outside = {e.id for e in patient.production}
    for finding in whole:
        _judge(name, finding, parts, outside)
    for size in (None, 7):
        again = _found(name, check, patient, parts, size)
        claim(again == whole, f"{name} finds {_texts(whole)}, then {_texts(again)}: {size}")
    return whole


def _found(
    name: str, check: Check, patient: Patient, parts: Parts, size: int | None
) -> list[Finding]:
    """`size`: rows that pass at once; None: a part as a whole."""
    with never_raises(f"{name} should examine any rows"):
        examination = check.start(replace(patient, shared={}))
        for part, rows in parts.items():
            for begin in range(0, len(rows), size or max(1, len(rows))):
                examination.look(part, rows[begin : begin + (size or len(rows))])
        return list(examination.findings())


def _judge(name: str, finding: Finding, parts: Parts, outside: Set[str]) -> None:
    """`outside`: rows of production, which may be shown too."""
    said = f"{name} finds {finding.text[:60]!r}"
    claim(finding.check == name, f"{said} in the name of {finding.check}")
    claim(finding.level in LEVELS, f"{said} at the level {finding.level!r}")
    claim(finding.text == plain(finding.text) != "", f"{said}, which is not one line of text")
    claim(0 <= finding.effect <= 1, f"{said} with the effect {finding.effect}")  # NaN fails, too
    claim(bool(finding.why) or not finding.effect, f"{said} and does not say where the effect is")
    rows = sum(len(examples) for examples in parts.values())
    claim(0 <= finding.affected <= rows, f"{said} in {finding.affected} of {rows} rows")
    claim(len(finding.samples) <= SHOWN, f"{said} with {len(finding.samples)} samples")
    where = {e.id: part for part, examples in parts.items() for e in examples}
    for sample in finding.samples:
        known = where.get(sample.row) == sample.part or sample.row in outside
        claim(known, f"{said} and shows {sample.row!r}, no such row")
        claim(len(sample.text) <= LONGEST, f"{said} and shows {len(sample.text)} characters")
    _is_plain(said, asdict(finding))
    if finding.remedy is not None:
        _mends(said, finding.remedy, where)


def _mends(said: str, remedy: Remedy, where: Mapping[str, Part]) -> None:
    unknown = [row for row in remedy.changes if row not in where]
    claim(not unknown, f"{said} and would change {unknown[:3]}, which are no rows")
    claim(bool(remedy.reason), f"{said} and gives no reason for its remedy")
    for row, value in remedy.changes.items():
        fits = value is None if remedy.action == "drop" else isinstance(value, str)
        claim(fits, f"{said} and would {remedy.action} {row!r} to {value!r}")
    tested = [row for row in remedy.changes if where[row] == "test"]
    claim(
        not (remedy.safe and tested),
        f"{said} and would {remedy.action} test items that nobody has looked at: {tested[:3]}",
    )


def _is_plain(said: str, finding: Any) -> None:
    with never_raises(f"{said}, which should be plain JSON"):
        json.dumps(finding, allow_nan=False)
    keys = {str(k) for k in finding["details"]}
    claim(keys == set(finding["details"]), f"{said} with details whose keys are no texts")


def _texts(findings: Sequence[Finding]) -> list[str]:
    return [f.text for f in findings]
