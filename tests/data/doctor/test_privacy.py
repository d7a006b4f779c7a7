"""Personal data is found by kind, and taken out of input, answer, facts and fields alike."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import building
import pytest

from tailorbird.data.doctor._personal import KINDS, REGIONS, find
from tailorbird.data.doctor._pseudonyms import Pseudonyms, redacted
from tailorbird.data.doctor.base import Finding, Patient, make_check
from tailorbird.data.doctor.privacy import SECRET, rewritten
from tailorbird.data.remedies import changed
from tailorbird.errors import TaskError
from tailorbird.task.types import Example, Message


def pieces(text: str, **settings: Any) -> list[tuple[str, str]]:
    return [(s.kind, text[s.start : s.end]) for s in find(text, **settings)]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("email", "ann.lee+x@mail.example.co.uk", "Write to {}."),
        ("email", "ann (at) example (dot) org", "Write to {} please"),
        ("phone", "+44 20 7946 0958", "{} after six"),
        ("phone", "(202) 555-0143", "or {}"),
        ("phone", "2025550143", "call me on {}"),
        ("iban", "DE89 3704 0044 0532 0130 00", "Pay to {} AND TELL ME"),
        ("card", "4111-1111-1111-1111", "my card {} was charged"),
        ("national_id", "536-22-1234", "{}"),
        ("national_id", "AB 12 34 56 C", "NI number {}"),
        ("national_id", "111222333", "mijn BSN is {}"),
        ("national_id", "RSSMRA85T10A562S", "codice {}"),
        ("national_id", "12345678Z", "mi DNI {}"),
        ("national_id", "L8R4F39Z1", "Reisepass {}"),
        ("ip", "81.2.69.160", "from {}"),
        ("ip", "2001:4860:4860::8888", "from {}"),
        ("birth_date", "12/03/1985", "born on {}"),
        ("birth_date", "3. März 1985", "geboren am {}"),
        ("address", "Flat 3, 22 Acacia Avenue, London SW1A 2AA", "I moved to {}."),
        ("address", "Lindenstraße 12, 10115 Berlin", "jetzt {}"),
        ("address", "12 rue de la Paix", "au {} désormais"),
        ("address", "4410 3rd Ave, Springfield, IL 62704", "Send it to {}"),
        ("person", "Amber Okoye", "My name is {}."),
        ("person", "amber okoye", "my name is {} and i moved"),
        ("person", "Okafor", "Dear Mr {}, we"),
        ("person", "Priya Lindqvist", "Best regards,\n{}\nClaims"),
        ("person", "Ludwig van Beethoven", "I met {} there"),
        ("person", "Anna", "I spoke with {}."),
        ("person", "anna", "my name is {} waiting since monday"),
        ("person", "anna", "my name is {} need help"),
        ("person", "peter harding", "my name is {} and i moved"),
        ("person", "maria de la cruz", "my name is {} and i moved"),
        ("person", "Anna Smith", "I spoke with {} Yesterday"),
        ("person", "Anna Smith", "Regards,\n{} Claims Department"),
        ("person", "Maria Garcia Lopez", "My name is {} and I moved"),
        ("person", "Maria Garcia Quintanilha", "My name is {} and I moved"),
        ("person", "James Scott Achterberg", "My name is {}."),
        ("person", "Anna Lee Kowalczyk", "Dear Ms {}, we"),
        ("person", "Emma Grace Hollingworth", "Regards,\n{}\nClaims"),
        ("person", "John Taylor Brockhurst", "I spoke with {} Yesterday"),
        ("person", "Juan Lopez Obrador", "The policy of {} has lapsed"),
        ("person", "Juan Carlos de la Cruz Obrador", "My name is {} Because I moved"),
        ("url_token", "a1b2c3d4e5f6", "https://x.example/reset?token={}&v=2"),
        ("secret", "ghp_" + "a1B2" * 9, "the key is {}."),
        ("secret", "AKIA" + "ABCDEFGHIJKLMNOP", "{}"),
        ("secret", "hunter22", "password: {}"),
        ("secret", "4821", "my PIN is {}."),
        ("secret", "s3cr3t", "https://ann:{}@host.example/x"),
        ("secret", "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----", "{}"),
    ],
)
def test_found_with_its_kind_and_no_more(kind: str, value: str, text: str):
    assert pieces(text.format(value)) == [(kind, value)]


@pytest.mark.parametrize(
    "text",
    [
        "My order 884213370021155 has not come, reference 62555290902-37.",
        "We run version 8.19.18.15 on 192.168.0.1, port 8080.",
        "4111 1111 1111 1112 fails Luhn's check, DE89370400440532013001 its own.",
        "The policy starts on 12/03/2026 at 14:30 and costs £1,234.56.",
        "My password is incorrect. My name is not on the list.",
        "Dear Customer, the Great Western Railway is late this May.",
        "Will the Paris office open in June? Mark it, please.",
        "000-12-3456 was never given to anybody.",
        "see https://x.example/page?id=12&lang=en-GB",
    ],
)
def test_what_only_looks_personal(text: str):
    assert pieces(text) == []


def test_capitals_with_hyphens_cost_no_more_than_their_length():
    """Were the pattern to run to the end from each of them, this would take minutes."""
    text = "A-" * 20_000 + "1"
    assert pieces(text, kinds=["address"]) == []
    assert pieces("Albert-Schweitzer-Straße 12", kinds=["address"]) == [
        ("address", "Albert-Schweitzer-Straße 12")
    ]


def test_kinds_and_regions_are_choices():
    text = "Call 020 7946 0958 or write to ann@example.org"
    assert [k for k, _ in pieces(text)] == ["phone", "email"]
    assert [k for k, _ in pieces(text, kinds=["email"])] == ["email"]
    assert [k for k, _ in pieces("ou 01 42 68 53 00", regions=["FR"])] == ["phone"]
    assert pieces("ou 01 42 68 53 00", regions=["US"]) == []
    assert set(REGIONS) >= {"GB", "US", "DE"}
    with pytest.raises(TaskError, match="regions"):
        make_check("privacy", {"regions": ["england"]})


ROW = Example(
    "r",
    "hi, my name is amber okoye, mail a.okoye@mail.example, call 020 7946 0958",
    "Dear Amber, dear Ms Okoye: we call 020 7946 0958.",
    facts=("020 7946 0958",),
    fields={"customer": "Amber Okoye", "team": "A"},
)


def found(task: Any, *rows: Example, part: str = "train", **settings: Any) -> list[Finding]:
    patient = Patient(task, {part: len(rows)}, Path("nowhere"))  # type: ignore[dict-item]
    examination = make_check("privacy", settings).start(patient)
    examination.look(part, rows)  # type: ignore[arg-type]
    return list(examination.findings())


def mended(task: Any, *rows: Example, **settings: Any) -> list[Example]:
    [finding] = found(task, *rows, **settings)
    assert finding.remedy is not None
    return [changed(r, finding.remedy.action, finding.remedy.changes[r.id]) for r in rows]


def test_a_row_is_redacted_everywhere():
    [row] = mended(None, ROW)
    assert row.input == "hi, my name is [PERSON], mail [EMAIL], call [PHONE]"
    assert row.target == "Dear [PERSON], dear Ms [PERSON]: we call [PHONE]."
    assert row.facts == ("[PHONE]",)
    assert row.fields == {"customer": "[PERSON]", "team": "A"}


def test_what_is_found_is_counted_and_not_repeated():
    turns = (Message("user", "I am Mrs Okafor"), Message("assistant", "Hello, Mrs Okafor"))
    [finding] = found(None, ROW, replace(ROW, id="s", input=turns, target="x", facts=(), fields={}))
    assert finding.text.startswith("2 rows with what looks like personal data or secrets")
    assert finding.details["kinds"] == {"email": 1, "phone": 3, "person": 4}
    assert (finding.level, finding.effect, finding.affected) == ("warning", 0, 2)
    assert finding.samples[0].note == "e-mail addresses, names, phone numbers"
    said = json.dumps([finding.text, str(finding.samples), finding.details, finding.remedy.changes])  # type: ignore[union-attr]
    assert not [v for v in ("okoye", "Okoye", "Okafor", "7946", "a.okoye") if v in said]


def test_a_sample_shows_what_was_taken_out():
    [finding] = found(None, Example("r", f"{'So it goes on. ' * 40}I am Mr Okafor. Bye."))
    assert "I am Mr [PERSON]. Bye." in finding.samples[0].text


def test_turns_keep_their_roles():
    turns = (Message("user", "I am Mrs Okafor"), Message("assistant", "Hello, Mrs Okafor"))
    [row] = mended(None, replace(ROW, input=turns))
    assert row.input == (
        Message("user", "I am Mrs [PERSON]"),
        Message("assistant", "Hello, Mrs [PERSON]"),
    )


def test_labels_are_not_read_and_documents_are_public():
    row = Example("r", "Call 020 7946 0958 or ann@example.org", "Anna Smith")
    assert mended(building.task(), row)[0].target == "Anna Smith"
    named = Example("r", "My name is Vincent Price.", "Price")
    [kept] = mended(building.task(), named)
    assert (kept.input, kept.target) == ("My name is [PERSON].", "Price")
    documents = {"page": "Write to ann@example.org. Our line is 020 7946 0958."}
    open_task = building.task(documents=documents, **building.ANSWERS)
    assert found(open_task, replace(row, target="Call 020 7946 0958.")) == []
    [finding] = found(open_task, row)
    assert (finding.details["kinds"], finding.details["public"]) == ({"person": 1}, 2)


@pytest.mark.parametrize(
    ("text", "part", "safe"),
    [
        ("ann@example.org", "train", True),
        ("ann@example.org", "test", False),
        ("I am Mr Okafor", "train", False),
    ],
)
def test_only_what_has_a_check_is_safe_to_take_out(text: str, part: str, safe: bool):
    [finding] = found(None, Example("r", text), part=part)
    assert finding.remedy is not None
    assert finding.remedy.safe is safe


def test_a_remedy_holds_so_many_rows():
    [finding] = found(None, *(replace(ROW, id=str(n)) for n in range(5)), rows=3)
    assert finding.remedy is not None
    assert (finding.affected, len(finding.remedy.changes)) == (5, 3)
    assert finding.text.endswith("; one remedy leaves 2 rows: mend again for these")
    assert finding.details["not rewritten"] == 2
    [whole] = found(None, ROW)
    assert "mend again" not in whole.text
    assert "not rewritten" not in whole.details


# ---- pseudonyms ------------------------------------------------------------------------------

KEY = "correct horse battery staple"


@pytest.fixture
def made() -> Pseudonyms:
    return Pseudonyms(KEY)


def test_the_same_person_everywhere(made: Pseudonyms):
    first, family = made("person", "Amber Okoye").split()
    assert made("person", ["Ms", "Okoye"][1]) == family
    assert made("person", "amber okoye") == f"{first} {family}".lower()
    assert made("person", "OKOYE") == family.upper()
    assert {first, family}.isdisjoint({"Amber", "Okoye"})
    assert Pseudonyms(KEY)("person", "Amber Okoye") == f"{first} {family}"
    other = Pseudonyms("another secret of some length")
    assert other("person", "Amber Okoye") != f"{first} {family}"


def test_pseudonyms_need_a_secret(monkeypatch: pytest.MonkeyPatch):
    check = make_check("privacy", {"style": "pseudonyms"})
    patient = Patient(None, {"rows": 1}, Path("nowhere"))
    monkeypatch.setenv(SECRET, "short")
    assert SECRET in str(check.missing(patient))
    monkeypatch.setenv(SECRET, KEY)
    assert check.missing(patient) is None


def test_a_row_with_pseudonyms_holds_together(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SECRET, KEY)
    row, again = mended(None, ROW, replace(ROW, id="s", input="I am Ms Okoye"), style="pseudonyms")
    made = Pseudonyms(KEY)
    assert row.facts[0] == made("phone", "020 7946 0958")
    assert row.facts[0] in str(row.target)
    assert row.fields["customer"] == made("person", "Amber Okoye")
    assert again.input == f"I am Ms {made('person', 'Okoye')}"
    assert KEY not in str(row)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "ann.lee@mail.example"),
        ("phone", "+49 30 901820"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("card", "4111-1111-1111-1111"),
        ("birth_date", "12/03/1985"),
        ("birth_date", "born 3rd of March 1985".removeprefix("born ")),
        ("birth_date", "1985-03-12"),
        ("address", "Flat 3, 22 Acacia Avenue, London SW1A 2AA"),
        ("address", "Lindenstraße 12, 10115 Berlin"),
        ("address", "12 rue de la Paix"),
        ("person", "John A. Watson"),
    ],
)
def test_what_is_made_up_is_of_the_same_kind(kind: str, value: str, made: Pseudonyms):
    new = made(kind, value)  # type: ignore[arg-type]
    assert new != value
    context = {"birth_date": "born ", "person": "My name is ", "phone": "call "}.get(kind, "")
    assert pieces(f"{context}{new}") == [(kind, new)]


def test_what_is_kept_of_a_value(made: Pseudonyms):
    assert made("phone", "+49 30 901820").startswith("+49 3")
    assert made("iban", "DE89370400440532013000").startswith("DE")
    assert made("birth_date", "12/03/1985").endswith("/1985")
    assert made("ip", "81.2.69.160").startswith("10.")
    assert made("secret", "hunter22") == "[SECRET]"
    assert re.fullmatch(r"[A-Z]{2} \d\d \d\d \d\d [A-Z]", made("national_id", "AB 12 34 56 C"))


def test_every_kind_has_a_tag_and_overlaps_are_cut_once():
    assert {redacted(k, "x") for k in KINDS} == {f"[{k.upper()}]" for k in KINDS}
    text = "https://ann:s3cr3t@mail.example.org/reset?token=abcdef123456"
    row = rewritten(Example("r", text), {v: k for k, v in pieces(text)}, redacted)  # type: ignore[misc]
    assert "s3cr3t" not in row.text
    assert "abcdef123456" not in row.text
