import time

import pytest

from tailorbird.task.facts import (
    facts_in,
    normalise,
    proper_names,
    spellings,
    states,
    supported,
    unsupported,
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("£1,250.00", "£1250"),
        ("£1,250,000", "£1250000"),
        ("GBP 75 or £ 80", "£75 or £80"),
        ("fourteen days", "14 days"),
        ("Twenty-one days", "21 days"),
        ("forty eight hours", "48 hours"),
        ("ninety-nine per cent", "99%"),
        ("three working days", "3 working days"),
        ("one of you, someone", "one of you, someone"),
        ("10 per cent, 10 percent, 10 %", "10%, 10%, 10%"),
        ("a 14-day limit", "a 14 day limit"),
        ("9am to 5 p.m.", "9 am to 5 pm"),
        ("the 1st of March, 2 April, 23rd May", "the 1 march, 2 april, 23 may"),
        ("1–2 — it’s", "1-2 - it's"),
        ("  a \n b ", "a b"),
        ("", ""),
    ],
)
def test_normalise(text: str, normal: str):
    assert normalise(text) == normal
    assert normalise(normal) == normal


@pytest.mark.parametrize(
    ("text", "fact", "stated"),
    [
        ("It costs £75.", "£75", True),
        ("It costs £750.", "£75", False),
        ("It costs £75.50.", "£75", False),
        ("It costs £1,250.00 in all", "£1250", True),
        ("It costs £1,250", "£250", False),
        ("It costs £250", "250", False),
        ("Costs are £75–£100", "£75", True),
        ("within 14 days", "4 days", False),
        ("within 4 days", "4 days", True),
        ("within 1.4 days", "4 days", False),
        ("within fourteen days", "14 days", True),
        ("within 14 days", "fourteen days", True),
        ("within twenty-one days", "1 day", False),
        ("within twenty-one days", "21 days", True),
        ("10 per cent", "10%", True),
        ("110 per cent", "10%", False),
        ("10% off", "10 per cent", True),
        ("10%", "10", False),
        ("we open at 9am", "9 am", True),
        ("we open at 9 a.m. sharp", "9am", True),
        ("we open at 19 am", "9 am", False),
        ("on 1st March 2026", "1 March 2026", True),
        ("on the 1st of March", "1 March", True),
        ("on 11 March", "1 March", False),
        ("on 1 March 2026", "1 March", True),
        ("call 01632 960 100 now", "01632 960 100", True),
        ("call 01632 960 1007", "01632 960 100", False),
        ("quote TM-204", "TM-204", True),
        ("quote TM-2045", "TM-204", False),
        ("ask NADIA HOLM", "Nadia Holm", True),
        ("ask Nadia Holmes", "Nadia Holm", False),
        ("in one month’s time", "one month's", True),
        ("anything", "", False),
        ("", "£75", False),
        ("a+b (c)", "(c)", True),
    ],
)
def test_states(text: str, fact: str, stated: bool):
    assert states(text, fact) is stated


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("It costs £75 or $ 20.", ("£75", "$ 20")),
        ("Within fourteen days, then 3 working days.", ("14 days", "3 working days")),
        ("Write to help@shop.example.", ("help@shop.example",)),
        ("See https://shop.example/a-b.", ("https://shop.example/a-b",)),
        ("On 1 March 2026 or March 1, 2026", ("1 march 2026", "march 1, 2026")),
        ("From 9am to 17:30", ("9 am", "17:30")),
        ("Call 01632 960 100.", ("01632 960 100",)),
        ("Form 21-526EZ, code TM-204, SGLV-8600-A", ("21-526ez", "tm-204", "sglv-8600-a")),
        ("10 per cent of 200", ("10%", "200")),
        ("We asked Nadia Holm, then Bo.", ("nadia holm",)),
        ("Ask Nadia Holm.", ("ask nadia holm",)),  # known: the capital of the sentence
        ("£5 and £5", ("£5",)),
        ("Do this:\n1. Sign in.\n2) Pay 3 times.\n 10. Leave.", ("3 times",)),  # a list
        ("Version 2. And 1. and 1.", ("2", "1")),
        ("Nothing here.", ()),
        ("", ()),
    ],
)
def test_facts_in(text: str, facts: tuple[str, ...]):
    assert facts_in(text) == facts


@pytest.mark.parametrize(
    ("answer", "support", "invented"),
    [
        ("It costs £75.", "The price is £75.", ()),
        ("It costs £75.", "The price is £750.", ("£75",)),
        ("Within 14 days.", "You have fourteen days.", ()),
        ("Within 4 days.", "You have 14 days.", ("4 days",)),
        ("Call Priya Lindqvist.", "Priya Lindqvist reads mail.", ()),
        ("Call Priya Lindqvist.", "Priya Holm reads mail.", ("call priya lindqvist",)),
        ("Ring The Claims Team.", "Our claims team helps.", ()),
        ("It takes 3 parcels.", "There are 3 boxes.", ()),
        ("It takes 3 parcels.", "There are 13 boxes.", ("3",)),
        ("Sorry, I do not know.", "", ()),
        ("Up to 5 %.", "", ("5%",)),
    ],
)
def test_unsupported(answer: str, support: str, invented: tuple[str, ...]):
    assert unsupported(answer, [support]) == invented


def test_any_of_the_supports_will_do():
    assert unsupported("£1 and £2 and £3", ["£1", "£2"]) == ("£3",)
    assert unsupported("£1", []) == ("£1",)


@pytest.mark.parametrize(
    "piece", ["x", "1a", "a-", "1-", "a.b@", "1 ", "Aa ", ".b", " ", "£1,000 "]
)
def test_long_rubbish_takes_no_time(piece: str):
    begun = time.perf_counter()
    facts_in(piece * (40_000 // len(piece)))
    assert time.perf_counter() - begun < 3


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("It holds 20 litres and weighs 5kg.", ("20 litres", "5kg")),
        ("A 500 MB file, 3.5GB at most", ("500 mb", "3.5gb")),
        ("Wait five seconds at 60 mph", ("5 seconds", "60 mph")),
        ("It is 20 °C", ("20 °c",)),
        ("A 5-second-hand car", ("5",)),
        ("It costs 5 m", ("5",)),  # metres or millions: the number alone is a fact
        ("14 days and 3 kilometres", ("14 days", "3 kilometres")),
    ],
)
def test_quantities_have_units(text: str, facts: tuple[str, ...]):
    assert facts_in(text) == facts


@pytest.mark.parametrize(
    ("fact", "spelled", "never"),
    [
        ("1 march 2026", "march 1, 2026", "2026-01-03"),
        ("march 1, 2026", "2026-03-01", "1 march 2025"),
        ("2026-03-01", "1 march 2026", "3 january 2026"),
        ("£5 million", "£5000000", "£5"),
        ("£5000000", "£5 million", "£5000"),
        ("75 pounds", "£75", "$75"),
        ("£75", "75 pounds", "75 dollars"),
        ("5 km", "5 kilometres", "5 miles"),
        ("5kg", "5 kilograms", "5 g"),
        ("20 litres", "20 l", "20"),
    ],
)
def test_a_fact_may_be_spelled_otherwise(fact: str, spelled: str, never: str):
    assert spellings(fact)[0] == fact
    assert spelled in spellings(fact)
    assert never not in spellings(fact)
    assert supported(fact, ["nothing", f"It is {spelled} in all."])
    assert not supported(fact, [f"It is {never} in all."])


def test_a_fact_without_another_spelling_has_one():
    for fact in ("help@shop.example", "tm-204", "14 days", "2026-13-01", "99 may", ""):
        assert spellings(fact) == (fact,)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We met in Denver, then Paris.", ("denver", "paris")),
        ("Denver is far. Paris is near.", ()),
        ("the NFL and NASA, quote LW-20", ("nfl", "nasa")),
        ("He said: I agree", ()),
        ("", ()),
    ],
)
def test_names_of_one_word(text: str, names: tuple[str, ...]):
    assert proper_names(text) == names
