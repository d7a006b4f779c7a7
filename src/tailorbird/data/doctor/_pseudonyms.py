"""Made-up values in place of personal data: the same value is always replaced by the same one.

What stands for a value is drawn by HMAC-SHA-256 of it under a secret. Without the secret nobody can
try values until one fits; with it, and the same lists of names, the same data give the same
made-up data on every machine.
"""

import hashlib
import hmac
import re
import string
from collections.abc import Iterator

from tailorbird.data.doctor._people import LINKS, family_names, first_names, names_of
from tailorbird.data.doctor._personal import Kind
from tailorbird.extras import need


def redacted(kind: Kind, value: str) -> str:
    """`[EMAIL]` and the like: what was there, and nothing of it."""
    return f"[{kind.upper()}]"


class Pseudonyms:
    """Values -> made-up values, by one secret."""

    def __init__(self, secret: str) -> None:
        self._key = secret.encode()

    def __call__(self, kind: Kind, value: str) -> str:
        """A value of the same kind and shape. A secret has none: it is only taken out."""
        if kind in ("secret", "url_token"):
            return redacted(kind, value)
        draw = _Draw(self._key, kind, canonical(kind, value))
        match kind:
            case "person":
                return " ".join(self._name(word) for word in value.split(" "))
            case "email":
                return _email(draw)
            case "ip":
                return _ip(draw, value)
            case "iban":
                return _iban(draw, value)
            case "card":
                return _card(draw, value)
            case "birth_date":
                return _birth_date(draw, value)
            case "address":
                return self._address(draw, value)
            case _:  # a phone keeps what comes first: country or trunk
                kept = (3 if value.startswith("+") else 1) if kind == "phone" else 0
                return _alike(draw, value, kept)

    def _name(self, word: str) -> str:
        """Word by word, so that Ms Okoye and Amber Okoye share a name afterwards, too."""
        plain = re.sub(r"\W+$", "", word).casefold()
        if plain in LINKS:
            return word
        draw = _Draw(self._key, "person", plain)
        if len(plain) == 1:
            return draw.one_of(string.ascii_uppercase) + word[1:]
        if plain in first_names() and plain not in family_names():
            women = plain in names_of("first_names_female")
            made = draw.one_of(_MADE_WOMEN if women else _MADE_MEN)
        else:
            made = draw.one_of(_MADE_FAMILIES)
        made += word[len(plain) :]
        return made.lower() if word.islower() else made.upper() if word.isupper() else made

    def _address(self, draw: "_Draw", value: str) -> str:
        """Other names and numbers; words for kinds of street stay."""

        def other(match: re.Match[str]) -> str:
            word = match[0]
            if any(c.isdigit() for c in word) or (len(word) < 4 and word.isupper()):
                return _alike(draw, word, 0)
            street = _STREETS.search(word)
            if street is not None:
                return draw.one_of(_MADE_FAMILIES) + street[0] if street.start() else word
            return word if word.casefold() in LINKS else draw.one_of(_MADE_FAMILIES)

        return re.sub(r"\w+", other, value)


def canonical(kind: Kind, value: str) -> str:
    """What spellings of one value have in common."""
    if kind in ("person", "email"):
        return " ".join(value.casefold().split())
    return re.sub(r"\W", "", value).casefold()


class _Draw:
    """Random numbers that depend on the secret, the kind and the value alone."""

    def __init__(self, key: bytes, kind: str, value: str) -> None:
        self._bytes = self._stream(key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"))

    @staticmethod
    def _stream(key: bytes, message: bytes) -> Iterator[int]:
        block = 0
        while True:
            yield from hmac.digest(key, message + block.to_bytes(4), hashlib.sha256)
            block += 1

    def below(self, n: int) -> int:
        """A number below `n`, which is at most a million: 32 bits leave no bias to speak of."""
        return int.from_bytes(bytes(next(self._bytes) for _ in range(4))) % n

    def one_of(self, choices: "str | tuple[str, ...]") -> str:
        """One of some letters or words."""
        return choices[self.below(len(choices))]


def _alike(draw: _Draw, value: str, kept: int) -> str:
    """Other digits and letters in the same places, after the first `kept`."""
    out, seen = [], 0
    for c in value:
        seen += c.isalnum()
        if seen <= kept or not c.isalnum():
            out.append(c)
        elif c.isdigit():
            out.append(draw.one_of(string.digits[seen == 1 :]))
        else:
            made = draw.one_of(string.ascii_lowercase)
            out.append(made if c.islower() else made.upper())
    return "".join(out)


def _email(draw: _Draw) -> str:
    first, family = draw.one_of(_MADE_WOMEN + _MADE_MEN), draw.one_of(_MADE_FAMILIES)
    return f"{first}.{family}{draw.below(1000):03}@example.org".lower()


def _ip(draw: _Draw, value: str) -> str:
    """A private address."""
    if ":" in value:
        return "fd00::" + ":".join(f"{draw.below(65536):x}" for _ in range(4))
    return "10." + ".".join(str(draw.below(256)) for _ in range(3))


def _iban(draw: _Draw, value: str) -> str:
    """The same country and shape, with check digits that fit."""
    made = _alike(draw, value, 4)
    plain = re.sub(r"\W", "", made).upper()
    check = str(need("stdnum.iban").calc_check_digits(plain))
    return made[:2] + check + made[4:]


def _card(draw: _Draw, value: str) -> str:
    """The same kind of card and shape, with a check digit that fits."""
    made = _alike(draw, value, 1)
    plain = re.sub(r"\D", "", made)
    return made[:-1] + str(need("stdnum.luhn").calc_check_digit(plain[:-1]))


def _birth_date(draw: _Draw, value: str) -> str:
    """Another day of the same year: up to 12, which is a day or a month in any order."""
    day = next(m for m in re.finditer(r"(\d+)(st|nd|rd|th)?", value) if len(m[1]) <= 2)
    number = (int(day[1]) + draw.below(11)) % 12 + 1
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number, "th") if day[2] else ""
    return f"{value[: day.start()]}{number:0{len(day[1])}}{ending}{value[day.end() :]}"


_STREETS = re.compile(
    r"(?:street|st|road|rd|avenue|ave|lane|ln|drive|dr|close|court|ct|crescent|cres|way|place|pl|"
    r"terrace|gardens|boulevard|blvd|square|sq|grove|hill|row|mews|walk|parkway|circle|north|south|"
    r"east|west|flat|apt|apartment|unit|suite|box|po|rue|allée|chemin|impasse|quai|calle|avenida|"
    r"plaza|paseo|via|viale|piazza|corso|rua|ul|bis|ter|stra(?:ß|ss)e|str|weg|platz|allee|gasse|damm|"
    r"ufer|straat|laan)$",
    re.IGNORECASE,
)
_MADE_WOMEN = tuple(
    """
    Abigail Beatrice Cecilia Daphne Eleanor Felicity Gwendolyn Harriet Imogen Josephine Katherine
    Lavinia Matilda Nadine Octavia Philippa Rosalind Sabrina Tabitha Ursula Veronica Winifred
    Yvonne Adelaide Bridget Clarissa Dorothea Edith Frederica Geraldine Henrietta Isadora Jacinta
    Lucinda Marianne Nerissa Ottilie Prunella Rowena Sybil Thomasina Verity Wilhelmina Zelda
    """.split()  # noqa: SIM905
)
_MADE_MEN = tuple(
    """
    Alastair Bertram Cedric Desmond Edmund Ferdinand Gregory Humphrey Ignatius Jasper Kenneth
    Leopold Montague Nathaniel Oswald Percival Quentin Reginald Sebastian Theodore Ulric Vincent
    Wilfred Xavier Ambrose Barnaby Clement Dominic Eustace Fabian Gilbert Horatio Julius Lambert
    Magnus Neville Orlando Piers Rupert Silas Tobias Valentine Walter Zachary
    """.split()  # noqa: SIM905
)
_MADE_FAMILIES = tuple(
    """
    Abernathy Ashcombe Barrowby Beckwith Birchall Blackwood Bramley Brockhurst Calloway Carlisle
    Chadwick Cheswick Colborne Coldstream Cranford Crossley Dalrymple Danvers Denholm Dunmore
    Eastwick Eddington Elphick Fairbairn Fanshawe Farnsworth Fenwick Fothergill Gainsford Garside
    Gillingham Goodfellow Greenhalgh Hallworth Harcastle Hathersage Hazelhurst Heathcote Holbrook
    Huxtable Illingworth Ingleby Jessop Kettering Kirkbride Langtry Lansdowne Larkham Ledbury
    Lockwood Longstaff Lymington Mallinson Marchbank Merriweather Middlemass Netherby Northcliffe
    Oakeshott Oldcastle Ormsby Pemberton Penhallow Pickering Postlethwaite Quayle Radcliffe
    Ravenhill Rednall Ringwood Rothwell Rushworth Saltmarsh Scarborough Selwick Shackleton Somerby
    Stanhope Strickland Sutcliffe Tattersall Templeton Thornbury Thwaite Tremayne Trevelyan
    Underhill Upchurch Vavasour Wadsworth Wetherby Whitcombe Whitlock Willoughby Winterbourne
    Wolstenholme Wraxall Wycliffe Yardley Yelverton
    """.split()  # noqa: SIM905
)
