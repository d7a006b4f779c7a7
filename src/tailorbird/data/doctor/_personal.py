"""Personal data in a text: where it stands, and of which kind.

Patterns with the checks that numbers carry (python-stdnum, phonenumbers) and the formats of secrets
that detect-secrets knows. Names of people are found by `_people.py`. Nothing here is a model: what
is written unusually is not found.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from tailorbird.data.doctor._people import people
from tailorbird.extras import need

Kind = Literal[
    "secret", "url_token", "email", "iban", "card", "national_id", "ip", "birth_date", "phone",
    "address", "person",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Where two overlap, the one that stands first here wins."""
REGIONS = ("GB", "US", "DE", "FR", "ES", "IT", "NL", "PL", "IN", "AU")
_NEAR = 40
"""Characters before a number that may say what it is."""


@dataclass(frozen=True, order=True)
class Span:
    """A piece of a text."""

    start: int
    end: int
    kind: Kind


def find(
    text: str, kinds: Collection[Kind] = KINDS, regions: Collection[str] = REGIONS
) -> list[Span]:
    """Personal data in `text`, in order, none overlapping."""
    found: list[Span] = []
    for kind in KINDS:
        if kind in kinds:
            pieces = _phones(text, regions) if kind == "phone" else _FINDERS[kind](text)
            for start, end in pieces:
                if all(end <= f.start or start >= f.end for f in found):
                    found.append(Span(start, end, kind))
    return sorted(found)


Pieces = Iterator[tuple[int, int]]

_TOKEN = re.compile(r"(?<![\w+/=.~:-])[\w+/=.~:-]{20,2000}(?![\w+/=.~:-])")
"""What may be a key. Known formats are only looked for in these: on a long text without white space
some of them take time that grows with its square."""
_DIGIT = re.compile(r"\d")
_FORMATS = (  # those of detect-secrets that are no guess
    "aws", "azure_storage_key", "discord", "github_token", "gitlab_token", "jwt",
    "mailchimp", "npm", "openai", "pypi_token", "sendgrid", "slack", "square_oauth",
    "stripe", "telegram_token",
)  # fmt: skip
_FURTHER = re.compile(
    r"\b(?:AIza[\w-]{35}|hf_[A-Za-z]{34}|sk-(?:ant|proj)-[\w-]{20,}|(?:r|s)k_test_\w{24,})"
)
_USER = re.compile(r"://[^\s/:@]{1,64}:(?P<value>[^\s/@]{1,128})@")
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", re.DOTALL)
_PASSWORD = re.compile(
    r"\b(?:password|passwort|passcode|pass ?phrase|mot de passe|contraseña|pwd|pin(?: code)?)\b"
    r"(?: is| was| ist| est| es)?\s*[:=]?\s*[\"'“]?(?P<value>(?=[^\s\"']*\d)[^\s\"']{4,}?)"
    r"(?=[\"'”.,;!?)]*(?:\s|$))",
    re.IGNORECASE,
)


def _secrets(text: str) -> Pieces:
    """Keys of a known format, private keys, and a password or PIN that is told."""
    if "PRIVATE KEY" in text:
        yield from (m.span() for m in _KEY.finditer(text))
    if "://" in text:
        yield from (m.span("value") for m in _USER.finditer(text))
    for run in _TOKEN.finditer(text):
        if _DIGIT.search(run[0]) or run[0].isupper():
            for pattern in (*_known_formats(), _FURTHER):
                for match in pattern.finditer(run[0]):
                    yield run.start() + match.start(), run.start() + match.end()
    if _has_digits(text, 1) and _says(text, ("pass", "pwd", "pin", "contraseña")):
        yield from (m.span("value") for m in _PASSWORD.finditer(text))


@cache
def _known_formats() -> tuple[re.Pattern[str], ...]:
    modules = (need(f"detect_secrets.plugins.{name}") for name in _FORMATS)
    detectors = (
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__
    )
    return tuple(p for d in detectors for p in getattr(d, "denylist", ()))


_URL_TOKEN = re.compile(
    r"[?&#;](?:\w*token|\w*key|sig|signature|auth|code|session\w*|sid|pass(?:word)?|pwd|secret|jwt|"
    r"x-amz-(?:signature|credential|security-token))=(?P<value>[^&\s#\"'<>)]{8,})",
    re.IGNORECASE,
)


def _url_tokens(text: str) -> Pieces:
    if "=" in text:
        yield from (m.span("value") for m in _URL_TOKEN.finditer(text))


# Looking behind keeps a long run of letters from being tried at every letter.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SPELLED = re.compile(
    r"(?<![\w.+-])[\w.+-]+ ?[\[(]at[\])] ?[\w-]+(?: ?(?:\.|[\[(]dot[\])]) ?[\w-]+)+", re.IGNORECASE
)


def _emails(text: str) -> Pieces:
    if "@" in text:
        yield from (m.span() for m in _EMAIL.finditer(text))
    if "at)" in text or "at]" in text:
        yield from (m.span() for m in _SPELLED.finditer(text))


_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}\b", re.IGNORECASE)


def _ibans(text: str) -> Pieces:
    """Checked by country and check digits; words that follow are cut off."""
    for match in _IBAN.finditer(text) if _has_digits(text, 10) else ():
        valid = need("stdnum.iban").is_valid
        for end in range(match.end(), match.start() + 14, -1):
            if text[end - 1].isalnum() and valid(text[match.start() : end]):
                yield match.start(), end
                break


_CARD = re.compile(r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])")
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|(?:2131|1800)\d{11}|"
    r"(?:6011|65\d\d|64[4-9]\d|62\d\d|35\d\d)\d{12}"
)


def _cards(text: str) -> Pieces:
    """Of a known issuer, with Luhn's check digit."""
    for match in _CARD.finditer(text) if _has_digits(text, 13) else ():
        digits = re.sub(r"\D", "", match[0])
        if _ISSUERS.fullmatch(digits) and need("stdnum.luhn").is_valid(digits):
            yield match.span()


@dataclass(frozen=True)
class _Number:
    """One country's number."""

    pattern: re.Pattern[str]
    check: str
    """The module of python-stdnum that knows its check digits, or nothing."""
    said: re.Pattern[str] | None = None
    """What must stand before it, where the number alone could be anything."""


def _number(pattern: str, check: str = "", said: str = "") -> _Number:
    bounded = re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)
    return _Number(bounded, check, re.compile(said, re.IGNORECASE) if said else None)


_PASSPORT = ("passport", "reisepass", "passeport", "pasaporte")
_NUMBERS = (
    _number(r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    _number(r"\d{3} ?\d{2} ?\d{4}", "us.ssn", r"\bssn\b|social security"),
    _number(r"(?![DFIQUV])(?!BG|GB|NK|KN|NT|TN)[A-Z](?![DFIQUVO])[A-Z](?: ?\d\d){3} ?[A-D]"),
    _number(r"\d{3} ?\d{3} ?\d{4}", "gb.nhs", r"\bnhs\b"),
    _number(r"\d{2} ?\d{3} ?\d{3} ?\d{3}", "de.idnr", r"steuer|identifikations|idnr|tax id"),
    _number(r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d", "fr.nir"),
    _number(r"\d{8}-?[A-Z]", "es.dni"),
    _number(r"[XYZ]-?\d{7}-?[A-Z]", "es.nie"),
    _number(r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    _number(r"\d{9}", "nl.bsn", r"\bbsn\b|burgerservice"),
    _number(r"\d{11}", "pl.pesel", r"pesel"),
    _number(r"\d{6}[-+]\d{4}|(?:19|20)\d{6}-?\d{4}", "se.personnummer"),
    _number(r"\d{6}[-+A-F]\d{3}[0-9A-Y]", "fi.hetu"),
    _number(r"\d{11}|\d{6} \d{5}", "no.fodselsnummer", r"fødsels|personnummer"),
    _number(r"\d{6}-?\d{4}", "dk.cpr", r"\bcpr\b|personnummer"),
    _number(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d", "be.nn"),
    _number(r"756\.\d{4}\.\d{4}\.\d\d", "ch.ssn"),
    _number(r"\d{4} ?\d{6}", "at.vnr", r"svnr|sozialversicherung|versicherungsnummer"),
    _number(r"\d{7}[A-W][A-IW]?", "ie.pps"),
    _number(r"\d{4} \d{4} \d{4}", "in_.aadhaar"),
    _number(r"\d{12}", "in_.aadhaar", r"aadhaar|aadhar"),
    _number(r"\d{17}[\dX]", "cn.ric"),
    _number(r"\d{3}\.\d{3}\.\d{3}-\d\d", "br.cpf"),
    _number(r"\d{3}[ -]?\d{3}[ -]?\d{3}", "ca.sin", r"\bsin\b|social insurance"),
    _number(r"\d{3} ?\d{3} ?\d{3}", "au.tfn", r"\btfn\b|tax file"),
    _number(r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d", "mx.curp"),
    _number(r"(?=[A-Z]{0,2}\d)[A-Z0-9]{6,9}", "", "|".join(_PASSPORT)),
)


_SIX_DIGITS = re.compile(r"\d(?:[ .+-]?[A-Za-z]?\d){5}")


def _national_ids(text: str) -> Pieces:
    """Numbers that a state gave to a person: check digits, or words that say so."""
    if not _has_digits(text, 1) or not (_SIX_DIGITS.search(text) or _says(text, _PASSPORT)):
        return
    for number in _NUMBERS:
        for match in number.pattern.finditer(text):
            before = text[max(0, match.start() - _NEAR) : match.start()]
            if number.said is not None and not number.said.search(before):
                continue
            if not number.check or need(f"stdnum.{number.check}").is_valid(match[0]):
                yield match.span()


_IPV4 = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)


def _addresses_of_machines(text: str) -> Pieces:
    """Of the public internet: private and reserved ones lead to nobody."""
    for match in _IPV4.finditer(text) if text.count(".") > 2 else ():
        if _public(match[0]) and "version" not in text[max(0, match.start() - 12) : match.start()]:
            yield match.span()
    for match in _IPV6.finditer(text) if text.count(":") > 1 else ():
        if _public(match[0]):
            yield match.span()


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez|ene|abr|ago|dic|janv|"
    r"févr|mars|avr|juin|juil|août|déc)[a-zéû]*\.?"
)
_DATE = (
    r"(?:\d{1,2}[./-]\d{1,2}[./-](?:\d{4}|\d\d)|\d{4}[./-]\d{1,2}[./-]\d{1,2}|"
    rf"\d{{1,2}}(?:st|nd|rd|th|\.)?(?: of| de)? {_MONTH},?(?: de)? \d{{4}}|"
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)
_BIRTH = ("born", "birth", "dob", "d.o.b", "geb", "né", "naissance", "nac", "nat")
_BORN = re.compile(
    r"\b(?:born|date of birth|birth ?date|d\.?o\.?b\.?|birthday|geboren|geb\.|geburts(?:datum|tag)|"
    r"née? le|date de naissance|nacid[oa]|fecha de nacimiento|nat[oa] il|data di nascita)"
    rf"[^\d\n]{{0,25}}?(?P<value>\b{_DATE})(?!\w)",
    re.IGNORECASE,
)


def _birth_dates(text: str) -> Pieces:
    if _has_digits(text, 4) and _says(text, _BIRTH):
        yield from (m.span("value") for m in _BORN.finditer(text))


_PHONE = re.compile(
    r"(?<![\w@.,/#$€£-])(?:\+|00)?(?:\(\d{1,5}\)|\d)(?:[ ()./-]{0,2}\d){6,14}"
    r"(?: ?(?:x|ext\.?|extension) ?\d{1,5})?(?![\w-])"
)
_DIALLED = re.compile(r"\+|00|\(|0\d+[ /-]|\d+[ ./-]+\d+[ ./-]+\d{3}")
"""How numbers begin that are written to be dialled, and not counted on."""
_VERSION = re.compile(r"\d{1,3}(?:\.\d{1,3}){2,}")
_CALL = re.compile(
    r"\b(?:call|phone|tel|telephone|mobile|cell|fax|whatsapp|sms|text|reach|ring|contact|dial|"
    r"my (?:new )?number|handy|telefon|rufnummer|téléphone|teléfono|móvil|portable)\b",
    re.IGNORECASE,
)
_NO_PHONE = re.compile(
    r"\b(?:order|purchase|invoice|reference|ref|account|policy|ticket|tracking|claim|case|booking|"
    r"serial|part|model|version|bestellung|rechnung|commande|pedido|id|isbn)\b[^\d]{0,20}$",
    re.IGNORECASE,
)


def _phones(text: str, regions: Collection[str]) -> Pieces:
    """Numbers that are valid in a region, written as such or said to be one."""
    for match in _PHONE.finditer(text) if _has_digits(text, 7) else ():
        before = text[max(0, match.start() - _NEAR) : match.start()]
        said, dialled = _CALL.search(before), _DIALLED.match(match[0])
        if not (said or dialled) or _NO_PHONE.search(before) or _VERSION.fullmatch(match[0]):
            continue
        if not re.fullmatch(_DATE, match[0]) and _dials(match[0], regions, bool(said)):
            yield match.span()


def _dials(number: str, regions: Collection[str], said: bool) -> bool:
    """Whether it is assigned; one with a plus, or said to be one, need only be long enough."""
    phones = need("phonenumbers")
    said = said or number.startswith("+")
    for region in [None] if number.startswith("+") else regions:
        try:
            parsed = phones.parse(number, region)
        except phones.NumberParseException:
            continue
        if phones.is_valid_number(parsed) or (said and phones.is_possible_number(parsed)):
            return True
    return False


_LETTER = "A-ZÀ-ÖØ-Þ"
_PROPER = rf"[{_LETTER}][\w'’-]*"
_TOWN = (  # , Springfield, IL 62704; , London SW1A 2AA; , 10115 Berlin
    rf"(?:,? ?(?:{_PROPER}(?: {_PROPER}){{0,2}},? )?"
    r"(?:[A-Z]{2} \d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|"
    rf"\d{{5}} {_PROPER})\b)?"
)
_FLAT = r"(?:[Ff]lat|[Ss]tudio|[Aa]pt\.?|[Aa]partment|[Uu]nit|[Ss]uite) ?#?\w{1,5}"
_FLOOR = r"(?:Piso|Puerta|Piano|Appartamento|Interno|Esc\.) \w{1,4}"
_ENGLISH = (  # 12 Elm Street; 12 elm street; Studio 3, Elm Street
    rf"(?:\d{{1,5}}[A-Za-z]?,?|{_FLAT},) (?:(?:[NSEW]|North|South|East|West)\.? )?(?:"
    rf"(?:{_PROPER}|\d+(?:st|nd|rd|th)) (?:{_PROPER} ){{0,3}}?(?:SUFFIXES)|"
    r"(?:[a-z'’-]+ ){1,2}(?:street|avenue|ave|road|lane|boulevard|blvd))\b"
)
_SUFFIXES = "St|Rd|Ave|ave|Ln|Dr|Ct|Close|Crescent|Cres|Pl|Blvd|Sq|Gardens|Grove|Mews|Hill|Way|Row"
_GERMANIC = (  # Lindenstraße 12
    rf"[{_LETTER}][\w.-]{{0,40}}(?i:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|damm|ufer|ring|straat|laan|"
    r"dreef|singel|steeg|hof|pad|baan|boulevard) \d{1,4}(?:-\d{1,4})?[a-z]?\b"
)
_FRENCH = (  # 12 rue de la Paix
    r"\d{1,4}(?: bis| ter)?,? (?:rue|avenue|boulevard|allée|chemin|impasse|quai) "
    rf"(?:(?:de la|de l'|du|des|de|d'|le|la) ?)?{_PROPER}(?:[ -]{_PROPER})*"
)
_ROMANCE = (  # Calle Mayor 12; Via Roma 12
    r"(?:Calle|Avenida|Plaza|Paseo|Pasaje|Camino|Ronda|Rambla|Glorieta|Cuesta|Alameda|Acceso|Vial|"
    r"Pasadizo|Via|Viale|Piazza|Corso|Vicolo|Strada|Contrada|Borgo|Canale|Rotonda|Rua|ul\.) "
    rf"(?:(?:de la|de|del|di|da) )?{_PROPER}(?: {_PROPER})*,? \d{{1,4}}\b"
)


@cache
def _street() -> re.Pattern[str]:
    """Streets; the English words for them are those of the American post, as Faker lists them."""
    words = need("faker.providers.address.en_US").Provider.street_suffixes
    english = _ENGLISH.replace("SUFFIXES", "|".join((*words, *_SUFFIXES.split("|"))))
    return re.compile(
        rf"(?<![\w.])(?<!\w-)(?:{_FLAT},? )?(?:{english}|{_GERMANIC}|{_FRENCH}|{_ROMANCE}|"
        rf"[Pp]\.?[Oo]\.? [Bb]ox \d+)(?:,? {_FLAT})?(?: {_FLOOR})?{_TOWN}"
    )


_POSTCODE = re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-BD-HJLNP-UW-Z]{2})\b")


def _streets(text: str) -> Pieces:
    """A street with a number, with what follows of town and code; British codes alone."""
    if _has_digits(text, 1):
        yield from (m.span() for m in _street().finditer(text))
        yield from (m.span() for m in _POSTCODE.finditer(text))


def _has_digits(text: str, least: int) -> bool:
    """Whether there are so many digits: most texts have none, and are let go."""
    return sum(map(text.count, "0123456789")) >= least


def _says(text: str, words: Collection[str]) -> bool:
    """Whether one of these stands in it: looking for all at once would take ten times as long."""
    lower = text.casefold()
    return any(word in lower for word in words)


_FINDERS: dict[Kind, Callable[[str], Any]] = {
    "secret": _secrets,
    "url_token": _url_tokens,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "national_id": _national_ids,
    "ip": _addresses_of_machines,
    "birth_date": _birth_dates,
    "address": _streets,
    "person": people,
}
