"""Languages: which rows are in another one than the bulk, and which answers."""

from pathlib import Path
from typing import Any

import building

from tailorbird.data.doctor.base import Finding, Patient
from tailorbird.data.doctor.examine import examine, examine_task
from tailorbird.task.types import Example

ENGLISH = (
    "Could you please tell me when the parcel that I ordered last week will arrive?",
    "I would like to send the lamp back because it does not match our furniture.",
    "The invoice shows a higher amount than the one that we had agreed upon before.",
    "Is the shop open on Sunday, and where can we leave the car while we are there?",
    "My neighbour has received a letter about the guarantee, but I have not seen any.",
)
GERMAN = (
    "Können Sie mir bitte sagen, wann das Paket ankommt, das ich letzte Woche bestellt habe?",
    "Ich möchte die Lampe gerne zurückschicken, weil sie nicht zu unseren Möbeln passt.",
    "Auf der Rechnung steht ein höherer Betrag als der, den wir vorher vereinbart hatten.",
)


def rows(*texts: str) -> list[Example]:
    return [Example(f"r{i}", text, "ok") for i, text in enumerate(texts)]


def found(examples: list[Example], **settings: Any) -> list[Finding]:
    patient = Patient(None, {"rows": len(examples)}, Path("nowhere"), quiet=True)
    made = examine(patient, {"rows": examples}, ["language"], {"language": settings})
    assert made.made == ("language",)
    return list(made.findings)


def test_a_row_in_another_language_is_named():
    [finding] = found(rows(*ENGLISH * 3, GERMAN[0], "Danke!"))
    assert finding.text == "1 input in another language than most, en"
    assert finding.remedy is not None
    assert (finding.remedy.action, dict(finding.remedy.changes)) == ("drop", {"r15": None})
    assert not finding.remedy.safe
    assert finding.samples[0].note == "de"
    assert (finding.effect, finding.level) == (1 / 17, "warning")
    assert finding.details["inputs"] == {"en": 15, "de": 1}


def test_a_language_of_many_rows_is_of_the_bulk():
    assert not found(rows(*ENGLISH, *GERMAN))
    [finding] = found(rows(*ENGLISH, *GERMAN), rare=0.5)
    assert finding.affected == 3


def test_of_short_texts_and_numbers_nothing_is_told():
    assert not found(rows(*ENGLISH * 3, "Danke schön!", "0123 456 789 0123 456 789", "???"))


def test_answers_in_another_language_than_their_question():
    pairs = [Example(f"r{i}", text, text) for i, text in enumerate(ENGLISH * 4)]
    odd = Example("odd", ENGLISH[0], GERMAN[1])
    [finding] = found([*pairs, odd])
    assert finding.text == "1 answer in another language than the input"
    assert finding.remedy is not None
    assert set(finding.remedy.changes) == {"odd"}
    assert finding.samples[0].text == GERMAN[1]
    assert finding.samples[0].note == "de, asked in en"


def test_where_most_answers_are_in_another_language_it_is_meant():
    assert not found([Example(f"r{i}", t, GERMAN[i % 3]) for i, t in enumerate(ENGLISH * 4)])


def test_labels_have_no_language():
    train = [Example(f"r{i}", text, GERMAN[0]) for i, text in enumerate(ENGLISH * 4)]
    train[3] = Example("r3", ENGLISH[3], ENGLISH[0])
    task = building.task(train, [Example("t", ENGLISH[0], GERMAN[0])])
    assert not examine_task(task, Path("nowhere"), only=["language"], quiet=True).findings


def test_the_rows_that_are_drawn_are_said():
    [finding] = found(rows(*ENGLISH * 20, *GERMAN[:2] * 4), rows=60)
    assert "rows drawn" in finding.text
    drawn = sum(finding.details["inputs"].values())
    assert drawn < 108
    assert f"of {drawn:,} rows drawn" in finding.text
    assert found(rows(*ENGLISH * 20, *GERMAN[:2] * 4), rows=60) == [finding], "drawn by the seed"
