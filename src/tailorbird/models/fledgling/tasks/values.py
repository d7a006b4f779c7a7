"""Invented values: amounts, durations, dates, codes, names. ``VALUES[kind](rng)`` draws one.

Every value is drawn afresh for every document, so the only way to state it is to read it.
"""

from collections.abc import Callable
from random import Random

from tailorbird.models.fledgling.tasks.grammar import say, words

FIRST_NAMES = words(
    "Ada Aisha Alan Alice Amir Ana Anders Anita Arjun Astrid Ben Bianca Boris Carla Carlos Chen "
    "Chloe Clara Conor Dalia Daniel Daria David Diego Dora Edith Edwin Elena Eli Emil Emma Erik "
    "Esther Eva Farah Felix Fiona Frank Freya George Gita Grace Greta Hana Hannah Hassan Helen "
    "Henry Hugo Ida Igor Imran Ines Ingrid Irene Isaac Ivan Jack Jane Jonas Jorge Joy Julia Kamal "
    "Karen Karl Kate Kenji Lara Laura Leila Leo Lena Liam Lina Lola Lucas Lucy Luis Maria Mark "
    "Marta Martin Maya Mia Milan Mina Mohammed Nadia Nils Nina Noah Nora Olaf Olga Omar Oscar "
    "Pablo Paul Paula Peter Petra Priya Quentin Rachel Rafael Ravi Rita Robert Rosa Ruth Sam Sara "
    "Simon Sofia Stefan Sven Tara Teresa Thomas Tina Tom Uma Ursula Vera Victor Wanda Wei Will "
    "Xenia Yara Yusuf Zara Zoe"
)
SURNAMES = words(
    "Adler Ahmed Allen Baker Banks Barnes Becker Bell Berg Bishop Black Boyd Brandt Brook Brown "
    "Burke Carter Chan Clark Cole Cook Cooper Costa Cox Cruz Dale Dean Diaz Dunn Ellis Evans Falk "
    "Farmer Fischer Fox Frost Garcia Gold Grant Gray Green Gupta Hall Hansen Hart Hayes Hill Holm "
    "Hughes Hunt Jensen Jones Jung Kaur Kelly Khan King Klein Knight Kowalski Kumar Lane Larsen "
    "Lee Lewis Lim Lopez Lowe Marsh Mason Meyer Mills Moore Moreau Morgan Moss Murphy Nash Nguyen "
    "North Novak Nowak Olsen Ortiz Owen Park Patel Perez Peters Pike Pope Price Quinn Ramos Reed "
    "Rice Rossi Rowe Ruiz Russo Sato Shah Shaw Silva Singh Snow Sousa Stone Tan Todd Tran Turner "
    "Vega Vogel Wade Walker Ward Weber West White Wolf Wood Wright Yang York Young Zimmer"
)
STREETS = words(
    "Mill Church Station Park High Bridge River Castle School Market Garden Hill Queen King Abbey "
    "Harbour Forest Orchard Chapel Tower Meadow Canal Victoria Cedar Elm Oak Ash Willow"
)
MONTHS = words(
    "January February March April May June July August September October November December"
)
WEEKDAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
NUMBER_WORDS = words(
    "two three four five six seven eight nine ten eleven twelve fourteen fifteen twenty thirty"
)
NOUNS = words(
    "anchor apple arrow badge barrel basket beacon bell blanket bottle bridge broom bucket button "
    "cabin candle canoe carpet castle chain chair clock cloud compass copper cradle crown curtain "
    "desk door drum eagle engine fence ferry flag flute forest fountain glass glove hammer harp "
    "hat honey island jacket jar kettle key ladder lamp lantern lemon letter lion magnet maple "
    "marble mirror mountain needle ocean orange otter paddle paper parrot pearl pencil piano "
    "pillow planet pocket pump rabbit ribbon river rocket rope saddle salt scarf shell shovel "
    "silver spoon stamp star stone sugar table tent thread tiger tower tractor trumpet tunnel "
    "umbrella valley velvet violin wagon wheel whistle window winter zebra"
)
ADJECTIVES = words(
    "amber blue bright broad brown calm clear cold cool crisp dark deep dry early fair fast fine "
    "fresh gentle golden grand green grey happy heavy kind large late light little long loud low "
    "narrow new northern old open pale plain quick quiet rapid red round royal sharp short silent "
    "small smooth soft southern steady still strong sunny sweet swift tall tiny upper warm white "
    "wide wild wise wooden yellow young"
)

_ONSETS = words("b c d f g h j k l m n p r s t v w z br ch dr fl gr kr pl sh st tr")
_VOWELS = words("a e i o u a e i o ai ea ou")
_CODAS = ["", "", "", "l", "n", "r", "s", "t", "m", "nd", "rk"]


def coined(rng: Random) -> str:
    """A word nobody has seen, of two or three syllables: copying it needs spelling it."""
    return "".join(
        rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
        for _ in range(rng.choice((2, 2, 3)))
    )


def person(rng: Random) -> str:
    """A full name, now and then with a title or a coined surname."""
    surname = coined(rng).capitalize() if rng.random() < 0.3 else rng.choice(SURNAMES)
    title = say(rng, "[||||Dr |Ms |Mr |Mrs ]")
    return f"{title}{rng.choice(FIRST_NAMES)} {surname}"


def amount(rng: Random) -> str:
    """Money, in the formats of several countries."""
    number = rng.choice(
        (rng.randint(1, 20), 5 * rng.randint(1, 40), 50 * rng.randint(1, 60), rng.randint(21, 999))
    )
    if rng.random() < 0.08:
        number = 1000 * rng.randint(1, 90)
    whole = f"{number:,}" if rng.random() < 0.7 else str(number)
    cents = f".{rng.choice((50, 99, 20, 75, rng.randint(10, 99)))}" if rng.random() < 0.2 else ""
    form = "[£|£|£|$|€|€]{n}|[EUR|GBP|USD|CHF] {n}|{n} [pounds|euros|dollars|euro|francs]"
    return say(rng, f"[{form}]", n=whole + cents)


def duration(rng: Random) -> str:
    """A length of time of at least two units, in digits or words."""
    unit = rng.choice(("days", "days", "days", "weeks", "months", "hours", "working days", "years"))
    if rng.random() < 0.3:
        return f"{rng.choice(NUMBER_WORDS)} {unit}"
    tops = {"years": 10, "weeks": 12, "months": 36, "hours": 72}
    return f"{rng.randint(2, tops.get(unit, 90))} {unit}"


def percent(rng: Random) -> str:
    """A share in per cent."""
    number = rng.choice((str(rng.randint(1, 60)), str(5 * rng.randint(1, 19))))
    tail = f".{rng.randint(1, 9)}" if rng.random() < 0.2 else ""
    return say(rng, "{n}[%|%|%| %| per cent| percent]", n=number + tail)


def date(rng: Random) -> str:
    """A day of a month, sometimes with its year."""
    year = f" {rng.randint(2015, 2032)}" if rng.random() < 0.3 else ""
    form = "{d} {m}{y}|{d} {m}{y}|{m} {d}{c}"
    day = str(rng.randint(1, 28))
    comma = f",{year}" if year else ""
    return say(rng, f"[{form}]", d=day, m=rng.choice(MONTHS), y=year, c=comma)


def time(rng: Random) -> str:
    """A time of day, on the 12 or 24 hour clock."""
    minute = rng.choice(("00", "15", "30", "45"))
    if rng.random() < 0.3:
        return say(rng, "{h} [am|pm|a.m.|p.m.|o'clock]", h=str(rng.randint(1, 12)))
    return f"{rng.randint(5, 23)}:{minute}"


def hours(rng: Random) -> str:
    """From one time of day to a later one."""
    early, late = rng.randint(5, 12), rng.randint(13, 23)
    if rng.random() < 0.3:
        return f"{early} am to {late - 12} pm"
    return f"{early}:{rng.choice(('00', '30'))} to {late}:{rng.choice(('00', '30'))}"


def code(rng: Random) -> str:
    """A form number, error code or reference of letters and digits."""
    letters = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=rng.randint(1, 3)))
    digits = "".join(rng.choices("0123456789", k=rng.randint(2, 5)))
    return letters + rng.choice(("", "-", "-", " ", "/")) + digits


def phone(rng: Random) -> str:
    """A telephone number in groups of digits."""
    groups = rng.choice(((3, 4, 4), (5, 6), (4, 3, 3), (3, 3, 4)))
    numbers = ["".join(rng.choices("0123456789", k=k)) for k in groups]
    return rng.choice((" ", "-")).join(["0" + numbers[0][1:], *numbers[1:]])


def place(rng: Random) -> str:
    """A room, a street address or a named building."""
    form = (
        "[Room|Desk|Hall|Gate|Shop] {n}|{n} {s} [Street|Road|Lane]"
        "|the {s} [House|Building|Centre]"
        "|[Room|Hall] [A|B|C|D]{n}|the [first|second|third|ground] floor of {s} House"
    )
    return say(rng, f"[{form}]", n=str(rng.randint(1, 120)), s=rng.choice(STREETS))


def weekday(rng: Random) -> str:
    """A day of the week, or two."""
    day = rng.choice(WEEKDAYS)
    form = "{d}s|{d}|{d} [mornings|afternoons|evenings]|the [first|second|last] {d} of the month"
    return say(rng, f"[{form}]", d=day)


def _count(unit: str, low: int, high: int) -> Callable[[Random], str]:
    def draw(rng: Random) -> str:
        number = rng.choice(NUMBER_WORDS) if rng.random() < 0.2 else str(rng.randint(low, high))
        return say(rng, "{n} " + unit, n=number)

    return draw


VALUES: dict[str, Callable[[Random], str]] = {
    "amount": amount,
    "duration": duration,
    "percent": percent,
    "date": date,
    "time": time,
    "hours": hours,
    "code": code,
    "phone": phone,
    "place": place,
    "weekday": weekday,
    "person": person,
    "count_items": _count("[items|pieces|books]", 2, 60),
    "count_people": _count("[people|persons|places]", 2, 90),
    "age": _count("years[| old| of age]", 3, 30),
    "age_weeks": _count("weeks", 3, 30),
    "weight": _count("[kg|kg|kilos|pounds]", 2, 60),
    "storage": _count("[GB|GB|TB|MB]", 2, 900),
    "distance": _count("[km|miles|kilometres]", 2, 900),
    "temperature": _count("[degrees|°C|degrees Celsius]", 15, 35),
}
