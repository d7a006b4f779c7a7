"""How much personal data the doctor finds in rows that are made up, and how much that is none.

    python benchmarks/personal_data.py [DATA] [--each 150] [--seed 0]

Values are Faker's, as seven countries write them; names are not, as the doctor knows Faker's. Each
is put into a few sentences. Numbers that only look personal (orders, versions, amounts, dates,
codes) are mixed in. With DATA, the rows of `clinc150` are read as well: 15,000 questions to an
assistant, in which little can be personal. Brackets: 95 % intervals.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from faker import Faker

from tailorbird.data.doctor._personal import KINDS, Kind, find
from tailorbird.evaluate.audits.counterfactuals._names import ORIGINS
from tailorbird.evaluate.statistics import estimate_mean

LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL")
SENTENCES: dict[Kind, tuple[str, ...]] = {
    "email": ("Please write to {}.", "{} is my address, not the old one", "mail me ({})"),
    "phone": ("You can reach me on {}.", "my number is {}, evenings only", "Call {} please"),
    "iban": ("Pay it into {}, please.", "the account is {}", "Refund to {} as agreed"),
    "card": ("I paid with {} last week.", "card number {}", "charge {} instead of the old one"),
    "national_id": ("My number is {}.", "id {} as on the letter", "It says {} on my card"),
    "ip": ("The login came from {}.", "blocked: {}", "my address {} was locked out"),
    "birth_date": ("I was born on {}.", "Date of birth: {}", "dob {} as you asked"),
    "address": ("I moved to {} last month.", "Send it to {}", "my new address: {}"),
    "person": ("My name is {} and I am moving.", "Dear {},\nthank you.", "Best regards,\n{}",
               "I spoke to {} about it.", "The policy of {} has lapsed."),
    "secret": ("The key is {} and it fails.", "token {}", "we use {} for the upload"),
    "url_token": ("open https://shop.example.com/reset?token={} now", "https://x.example/a?sig={}&v=1"),
}  # fmt: skip
NOTHING = (
    "My order {number} has not come.", "Invoice {number} is wrong.", "We run version {version}.",
    "It costs {amount}.", "The policy starts on {date}.", "Form {code} is missing.",
    "Model {code} in black", "reference {number}, placed on {date}", "The meeting is at {time}.",
    "Case {number}-{small} is open", "I bought {small} boxes of {code} for {amount}.",
    "The Great Western Railway was late.", "Sent from the Blue Mountain office on Monday",
    "Thanks, that is all for today", "Dear Customer Service, please help", "Is New Year a holiday?",
)  # fmt: skip


class Row(NamedTuple):
    """One text, and what it holds."""

    text: str
    kind: Kind | None
    value: str


def values(kind: Kind, rng: random.Random, fakers: list[Faker]) -> str:
    """One value of a kind, as its country writes it."""
    fake = rng.choice(fakers)
    made: dict[Kind, Callable[[], Any]] = {
        "email": fake.email,
        "phone": fake.phone_number,
        "iban": fake.iban,
        "card": fake.credit_card_number,
        "national_id": fake.ssn,
        "ip": lambda: rng.choice((fake.ipv4_public, fake.ipv6))(),
        "birth_date": lambda: fake.date_of_birth().strftime(
            rng.choice(("%d/%m/%Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d.%m.%Y"))
        ),
        "address": fake.street_address,
        "person": lambda: _person(rng),
        "secret": lambda: rng.choice(_KEYS)(rng),
        "url_token": lambda: _letters(rng, 24),
    }
    return str(made[kind]()).replace("\n", ", ")


def _person(rng: random.Random) -> str:
    origin = ORIGINS[rng.choice(sorted(ORIGINS))]
    return f"{rng.choice(origin.men + origin.women)} {rng.choice(origin.family)}"


def _letters(
    rng: random.Random, n: int, of: str = "abcdefghijkmnpqrstuvwxyzABCDEFGH0123456789"
) -> str:
    return "".join(rng.choice(of) for _ in range(n))


_KEYS: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: "AKIA" + _letters(rng, 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    lambda rng: "ghp_" + _letters(rng, 36),
    lambda rng: "sk-proj-" + _letters(rng, 40),
    lambda rng: f"xoxb-{rng.randrange(10**11)}-{rng.randrange(10**11)}-{_letters(rng, 24).lower()}",
    lambda rng: "glpat-" + _letters(rng, 20),
)


def rows(each: int, seed: int) -> Iterator[Row]:
    rng, fakers = random.Random(seed), [Faker(locale) for locale in LOCALES]
    for place, fake in enumerate(fakers):
        fake.seed_instance(seed * 100 + place)
    for kind in KINDS:
        for _ in range(each):
            value = values(kind, rng, fakers)
            yield Row(rng.choice(SENTENCES[kind]).format(value), kind, value)
    for _ in range(each * len(KINDS)):
        filled = rng.choice(NOTHING).format(
            number=rng.randrange(10**7, 10**12), small=rng.randrange(2, 99),
            version=".".join(str(rng.randrange(20)) for _ in range(rng.choice((3, 4)))),
            amount=f"£{rng.randrange(1, 9999):,}.{rng.randrange(100):02}",
            date=f"{rng.randrange(1, 29)}/{rng.randrange(1, 13)}/2026", time="14:30",
            code=f"{_letters(rng, 2, 'ABCDEFGHJ')}-{rng.randrange(1000, 99999)}",
        )  # fmt: skip
        yield Row(filled, None, "")


def percent(marks: list[bool]) -> str:
    found = estimate_mean([float(m) for m in marks], [None] * len(marks), 0)
    if found is None:
        return "-"
    return f"{100 * found.value:.0f} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--each", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--missed", action="store_true", help="show what was missed or wrong")
    options = parser.parse_args()
    find("My name is Anna Smith, 12 Elm Street, call 020 7946 0958")  # load the lists
    covered: dict[Kind, list[bool]] = {kind: [] for kind in KINDS}
    right: dict[Kind, list[bool]] = {kind: [] for kind in KINDS}
    for row in rows(options.each, options.seed):
        spans = find(row.text)
        start = row.text.find(row.value) if row.kind else -1
        inside = [
            s for s in spans if row.kind and s.start < start + len(row.value) and s.end > start
        ]
        for span in spans:
            right[span.kind].append(span in inside)
        if row.kind is None:
            missed = bool(spans)
        else:
            letters = sum(s.end - s.start for s in inside)
            covered[row.kind].append(letters >= 0.8 * len(row.value))
            missed = not covered[row.kind][-1]
        if missed and options.missed:
            print(row.kind, repr(row.text), [(s.kind, row.text[s.start : s.end]) for s in spans])
    print("kind         found, %       right, %")
    for kind in KINDS:
        print(f"{kind:12} {percent(covered[kind]):14} {percent(right[kind])}")
    if options.data:
        text = (options.data / "clinc150" / "data_full.json").read_text("utf-8")
        asked = [t for t, _ in json.loads(text)["train"]]
        begun = time.process_time()
        found = [spans for t in asked if (spans := find(t))]
        took = time.process_time() - begun
        print(f"clinc150: {len(found)} of {len(asked):,} rows: ",
              dict(Counter(s.kind for spans in found for s in spans)))  # fmt: skip
        print(f"{len(asked) / took:,.0f} rows per second")


if __name__ == "__main__":
    main()
