"""Facts in text: amounts, deadlines, dates, codes, contacts and names, normalised to compare.

Rules, not a model: a fact is something that can be looked up in a source and found or not found.
Bare numbers count too, or a model that loops on digits would pass as stating nothing.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

_SMALL = (  # noqa: SIM905
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
_WORDS = (
    {word: str(number) for number, word in enumerate(_SMALL)}
    | {ten: str(10 * number) for number, ten in enumerate(_TENS, 2)}
    | {
        f"{ten}-{one}": str(10 * number + n)
        for number, ten in enumerate(_TENS, 2)
        for n, one in enumerate(_SMALL[1:10], 1)
    }
)
_NUMBER_WORD = re.compile(
    # The longest first: "twenty-one days" is not one day.
    r"\b(" + "|".join(w.replace("-", "[ -]") for w in sorted(_WORDS, key=len, reverse=True)) + r")"
    r"\b(?=[ -](?:working |calendar |business |full )?"
    r"(?:minute|hour|day|night|week|month|year|per ?cent|time|mile|item|person|people|%|"
    r"seconds\b|lit(?:er|re)|millilit|gram|tonne|centimet|millimet|inch|feet\b|degree|"
    r"(?:kilo|mega|giga|tera)byte))"
)
_UNITS = (
    r"(?:(?:working|calendar|business|full|consecutive)[ -])?"
    r"(?:minutes?|hours?|days?|nights?|weeks?|months?|quarters?|years?|miles?|kilomet(?:er|re)s?|km|"
    r"met(?:er|re)s?|kg|times?|percent|%)"
)
_SAME_UNITS = tuple(  # the words of a line mean the same
    tuple(line.split())
    for line in """
    second seconds sec secs
    ms millisecond milliseconds
    km kilometre kilometres kilometer kilometers
    m metre metres meter meters
    cm centimetre centimetres centimeter centimeters
    mm millimetre millimetres millimeter millimeters
    inch inches
    foot feet ft
    mile miles
    yard yards
    acre acres
    hectare hectares ha
    g gram grams
    mg milligram milligrams
    kg kilogram kilograms
    tonne tonnes
    l litre litres liter liters
    ml millilitre millilitres milliliter milliliters
    gallon gallons
    kb kilobyte kilobytes
    mb megabyte megabytes
    gb gigabyte gigabytes
    tb terabyte terabytes
    watt watts
    kw kilowatt kilowatts
    mw megawatt megawatts
    kwh
    volt volts
    mph
    km/h kph
    °c
    °f
    degree degrees
    """.strip().splitlines()
)
_MEASURES = "|".join(
    # A letter alone may be anything: "5 m" is a length or five million.
    sorted((u for row in _SAME_UNITS for u in row if len(u) > 1), key=len, reverse=True)
)
_MONTH_NAMES = (  # noqa: SIM905
    "january february march april may june july august september october november december"
).split()
_MONTHS = rf"(?:{'|'.join(_MONTH_NAMES)})"
_NUMBER = r"\d+(?:\.\d+)?"
_KINDS = (
    # e-mail address; looking behind keeps a long run of letters from being tried at every letter
    r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    r"(?:https?://|www\.)[^\s,;)]*[^\s,;).]",  # link
    rf"\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTHS}(?: \d{{4}})?",  # 1 March 2026
    rf"{_MONTHS} \d{{1,2}}(?:st|nd|rd|th)?(?!\d)(?:,? \d{{4}})?",  # March 1, 2026
    rf"{_MONTHS} \d{{4}}",
    rf"[£$€]\s?{_NUMBER}(?: (?:million|billion))?",  # money
    rf"{_NUMBER} (?:pounds|euros|dollars)",
    r"\b[a-z]{1,6}-?\d\w*(?:-\w+)+",  # form codes with a second part: sglv-8600-a
    r"\b[a-z]{1,5}-\d+[a-z]*",  # TM-204
    r"\d+-\d+[a-z]*(?:-\w+)*",  # 21-526EZ, 877-222-8387
    rf"{_NUMBER}[ -]{_UNITS}(?!\w)",  # 14 days, 3 working days, 10 %
    rf"{_NUMBER}[ -]?(?:{_MEASURES})(?![\w-])",  # 2 litres, 500mb
    rf"{_NUMBER}%",
    r"\d{1,2}(?::\d{2})? ?[ap]\.?m\b",  # 9 am
    r"\d{1,2}:\d{2}",
    r"\d{4,5} \d{3,6}(?: \d{3,4})?",  # 01632 960 100
    _NUMBER,
)
_CLOCK = re.compile(r"(?<=\d) ?(?:([ap])m\b|([ap])\.m\.)")  # 9am, 9 a.m.
_DAY = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?={_MONTHS}\b)")  # 1st of March
_ITEM = re.compile(r"^\s*\d{1,2}[.)](?=\s)", re.MULTILINE)
_FACT = re.compile("|".join(f"(?:{k})" for k in _KINDS))
# Two or more capitalised words in a row: a person, a team, a product.
_WORD = r"[A-Z][a-zé]+(?:['’-][A-Za-zé]+)*"
_NAME = re.compile(rf"\b{_WORD}(?: (?:of |the |and )?{_WORD})+")
# One capitalised word that does not begin its sentence, line or quotation; or capitals alone.
_PROPER = re.compile(
    r"(?<=[\w,;)] )[A-Z][^\W\d_]+(?:-[^\W\d_]+)*(?![\w-])|(?<![\w-])[A-Z]{2,}(?![\w-])"
)


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Lower case, digits for number words before a unit, one spelling of money, dates and hours."""
    text = text.lower().replace("–", "-").replace("—", "-").replace("’", "'")
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r"\bgbp ?(?=\d)|(?<=£) (?=\d)", "£", text).replace("££", "£")
    text = _NUMBER_WORD.sub(lambda m: _WORDS[m[1].replace(" ", "-")], text)
    text = re.sub(r"(?<=\d) ?(?:per ?cent|%)", "%", text)
    text = re.sub(r"(?<=\d)-(?=(?:minute|hour|day|night|week|month|year))", " ", text)
    text = re.sub(r"(?<=\d)\.00\b", "", text)
    text = _CLOCK.sub(lambda m: f" {m[1] or m[2]}m", text)
    text = _DAY.sub(r"\1 ", text)
    return re.sub(r"\s+", " ", text).strip()


def states(text: str, fact: str) -> bool:
    """Whether `text` states `fact`: as whole words, so that £75 is not found in £750."""
    wanted = normalise(fact)
    if not wanted:
        return False
    pattern = rf"(?<![\w£$€])(?<!\d[.,-]){re.escape(wanted)}(?!\w|[.,-]\d|%)"
    return re.search(pattern, normalise(text)) is not None


def facts_in(text: str) -> tuple[str, ...]:
    """Every fact that `text` states, normalised, each once, in order. Numbers that count the items
    of a list state nothing."""
    text = _ITEM.sub("", text)
    found = [m[0].strip() for m in _FACT.finditer(normalise(text))]
    found += [normalise(m[0]) for m in _NAME.finditer(text)]
    return tuple(dict.fromkeys(found))


def proper_names(text: str) -> tuple[str, ...]:
    """Names of one word, normalised, each once: they may be in `facts_in`'s longer names too."""
    return tuple(dict.fromkeys(normalise(m[0]) for m in _PROPER.finditer(text)))


def unsupported(answer: str, supports: Iterable[str]) -> tuple[str, ...]:
    """Facts of `answer` that none of the `supports` (sources, the question itself) states."""
    texts = list(supports)
    return tuple(f for f in facts_in(answer) if not supported(f, texts))


def supported(fact: str, texts: Iterable[str]) -> bool:
    """Whether one of `texts` states the normalised `fact`, in whichever spelling."""
    spelled = spellings(fact)
    return any(_states_fact(text, s) for text in texts for s in spelled)


@lru_cache(maxsize=4096)
def spellings(fact: str) -> tuple[str, ...]:
    """Other ways to write a normalised `fact`, itself first: dates, large sums, units."""
    found = [fact, *_dates(fact), *_sums(fact), *_quantities(fact)]
    return tuple(dict.fromkeys(found))


_DATES = (
    re.compile(rf"(?P<day>\d{{1,2}}) (?P<month>{_MONTHS}) (?P<year>\d{{4}})"),
    re.compile(rf"(?P<month>{_MONTHS}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})"),
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})"),
)


def _dates(fact: str) -> Iterator[str]:
    """`1 march 2026`, `march 1, 2026`, `2026-03-01`."""
    match = next((m for kind in _DATES if (m := kind.fullmatch(fact))), None)
    if match is None:
        return
    day, month, year = int(match["day"]), match["month"], match["year"]
    number = int(month) if month.isdigit() else _MONTH_NAMES.index(month) + 1
    if 1 <= number <= 12:
        name = _MONTH_NAMES[number - 1]
        yield f"{day} {name} {year}"
        yield from (f"{name} {day}{comma} {year}" for comma in (",", ""))
        yield f"{year}-{number:02}-{day:02}"


_SCALES = {"million": 10**6, "billion": 10**9}
_SUM = re.compile(rf"([£$€]) ?({_NUMBER})(?: (million|billion))?")
_CURRENCIES = {"£": "pounds", "€": "euros", "$": "dollars"}


def _sums(fact: str) -> Iterator[str]:
    """`£5 million` and `£5000000`, `£75` and `75 pounds`."""
    named = re.fullmatch(rf"({_NUMBER}) (pounds|euros|dollars)", fact)
    if named:
        yield from (f"{s}{named[1]}" for s, word in _CURRENCIES.items() if word == named[2])
    match = _SUM.fullmatch(fact)
    if match is None:
        return
    sign, number, scale = match[1], float(match[2]), match[3]
    yield f"{match[2]}{f' {scale}' if scale else ''} {_CURRENCIES[sign]}"
    if scale:
        yield f"{sign}{number * _SCALES[scale]:.0f}"
    for word, size in _SCALES.items():
        if not scale and number >= size:
            yield f"{sign}{number / size:g} {word}"


def _quantities(fact: str) -> Iterator[str]:
    """`5 km`, `5km` and `5 kilometres`."""
    match = re.fullmatch(rf"({_NUMBER})[ -]?([a-z°/]+)", fact)
    same = next((row for row in _SAME_UNITS if match and match[2] in row), ())
    if match:
        yield from (f"{match[1]}{space}{unit}" for unit in same for space in (" ", "", "-"))


def _states_fact(text: str, fact: str) -> bool:
    if states(text, fact):
        return True
    first, _, rest = fact.partition(" ")
    if first.isalpha() and rest and not any(c.isdigit() for c in rest):
        # A name may have swallowed the capital that begins its sentence: "Call Priya Lindqvist".
        return states(text, rest.removeprefix("the "))
    # A bare number may stand with another unit word than the list knows: digits must still match.
    plain = re.fullmatch(rf"[£$€]?({_NUMBER})%?", fact)
    return bool(plain) and fact == (plain and plain[1]) and fact in _numbers(text)


@lru_cache(maxsize=4096)
def _numbers(text: str) -> frozenset[str]:
    return frozenset(re.findall(_NUMBER, normalise(text)))
