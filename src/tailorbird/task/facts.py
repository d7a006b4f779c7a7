"""Facts in text: amounts, deadlines, dates, codes, contacts and names, normalised to compare.

Rules, not a model: a fact is something that can be looked up in a source and found or not found.
Bare numbers count too, or a model that loops on digits would pass as stating nothing.
"""

import re
from collections.abc import Iterable
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
    r"(?:minute|hour|day|night|week|month|year|per ?cent|time|mile|item|person|people|%))"
)
_UNITS = (
    r"(?:(?:working|calendar|business|full|consecutive)[ -])?"
    r"(?:minutes?|hours?|days?|nights?|weeks?|months?|quarters?|years?|miles?|kilomet(?:er|re)s?|km|"
    r"met(?:er|re)s?|kg|times?|percent|%)"
)
_MONTHS = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
)
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
    rf"{_NUMBER}%",
    r"\d{1,2}(?::\d{2})? ?[ap]\.?m\b",  # 9 am
    r"\d{1,2}:\d{2}",
    r"\d{4,5} \d{3,6}(?: \d{3,4})?",  # 01632 960 100
    _NUMBER,
)
_CLOCK = re.compile(r"(?<=\d) ?(?:([ap])m\b|([ap])\.m\.)")  # 9am, 9 a.m.
_DAY = re.compile(rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?={_MONTHS}\b)")  # 1st of March
_FACT = re.compile("|".join(f"(?:{k})" for k in _KINDS))
# Two or more capitalised words in a row: a person, a team, a product.
_WORD = r"[A-Z][a-zé]+(?:['’-][A-Za-zé]+)*"
_NAME = re.compile(rf"\b{_WORD}(?: (?:of |the |and )?{_WORD})+")


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
    """Every fact that `text` states, normalised, each once, in order."""
    found = [m[0].strip() for m in _FACT.finditer(normalise(text))]
    found += [normalise(m[0]) for m in _NAME.finditer(text)]
    return tuple(dict.fromkeys(found))


def unsupported(answer: str, supports: Iterable[str]) -> tuple[str, ...]:
    """Facts of `answer` that none of the `supports` (sources, the question itself) states."""
    texts = list(supports)
    return tuple(f for f in facts_in(answer) if not any(_states_fact(t, f) for t in texts))


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
