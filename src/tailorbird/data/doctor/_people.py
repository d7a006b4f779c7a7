"""Names of people in a text: by how they are introduced, and by lists of names (Faker's).

A name is found where it is said to be one ("my name is", "Dear", "Mr", "Regards,"), or where a
known first name stands before a capitalised word. A first name alone, a rare name in the middle of
a sentence and names in other scripts are not found; some companies are called like people.
"""

import importlib
import re
from collections.abc import Iterator
from functools import cache

from tailorbird.extras import need

_LOCALES = (
    "cs_CZ", "da_DK", "de_AT", "de_DE", "en_GB", "en_IE", "en_IN", "en_KE", "en_NG", "en_NZ",
    "en_PK", "en_US", "es_CO", "es_ES", "es_MX", "fi_FI", "fr_CA", "fr_FR", "ha_NG", "hr_HR",
    "hu_HU", "id_ID", "ig_NG", "it_IT", "nl_BE", "nl_NL", "no_NO", "pl_PL", "pt_BR", "pt_PT",
    "ro_RO", "sl_SI", "sv_SE", "tr_TR", "tw_GH", "vi_VN", "yo_NG", "zu_ZA",
)  # fmt: skip
_WORDS_TOO = frozenset(
    """
    account ace amazon amber an angel apple april art august austin autumn avon baker barb best
    bill brook brooklyn buck carol carolina carter case cash chad chance charlotte chase china
    christian chrystal cliff constance cooper crystal curt customer daisy dale dallas date dawn
    day days de dean destiny diamond do dolly don dot drew duke earl edit ernest faith florence
    forest frank free gay gaylord gene general genesis georgia ginger glen golden good google
    grace grant guy ha happy harmony haven heath heather heaven help high holiday holly home honor
    hope houston hunter india info iris israel item ivy jack jade jay jean jordan joy june justice
    kent kim king kit la lance lane le legacy light lily live london long love lucky madison mail
    main major make male man march mark martin mason max may melody mercedes mercy merit microsoft
    miles miss mister more my new news next noble normal note olive open order page paris parker
    pat patience pay pearl peg penny person phoenix plan please polly porsche precious prince
    princess pro prudence queen ray real red reed rich river rob robin rose royal royce ruby rusty
    sage sale sandy savannah save sea second see self service set ship show sierra sign sir sky so
    star start state sterling stone stop store stormy sue summer sun sunny support sydney tad
    taylor team tell thank thanks time title top trent trinity trip true unit val valid van
    victoria violet virginia visa von wait wall way week will wise wood young
    """.split()  # noqa: SIM905
)
"""First names that are also common words or places: only with a known family name."""
_NO_NAME = frozenset(
    """
    a about account accounts after agent airport all also am an and april are as assistant at
    august avenue bank because been before but by calling can claim claims colleagues college
    company complaints corp could currently customer customers dear december department desk did
    director do does done dr email enquiries everybody everyone executive february finance for
    frau friday friends from gmbh going group had happy has have having he hello here herr hi
    hiring hospital hotel how i if in inc insurance interested is it january july june just llc
    looking ltd madam manager march marketing may mobile monday mr mrs ms my need new next no
    not november now october of office ok old on operations or order our plc please policy
    representative road saturday school sent september service services she should since sir
    sirs so sorry staff still street sunday support sure team thank thanks that the there these
    they this those thursday to today tomorrow tonight trying tuesday unable underwriting
    university very was we wednesday what when where which who why will with would writing yes
    yesterday you your
    """.split()  # noqa: SIM905
)
"""What ends a name, or is none."""
LINKS = frozenset(
    "van der den de la del da di le al bin dos ter von du des".split()  # noqa: SIM905
)
"""Words of a name that tell nobody."""
_LETTER = "A-ZÀ-ÖØ-Þ"
_NAME = rf"[{_LETTER}][\w'’-]*"
_LINKS = r"(?:(?:van der|van den|van|von|de la|de|del|der|den|da|di|la|le|al|bin|dos|ter) )?"
_SHORT = r"(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|Mme|Sr|Sra|Sig|St)\."
_RUN = re.compile(rf"\b(?:{_SHORT}|{_NAME})(?: {_LINKS}(?:{_SHORT}|{_NAME})){{0,5}}")
_POSSESSIVE = re.compile(r"(?:['’]s?|-)$")
_INITIAL = re.compile(r"[A-Z]\.?")
_TITLES = frozenset(
    """
    mr mrs ms miss mx dr prof professor herr herrn frau madame monsieur mme sr sra señor señora sig
    signor signora sir lady lord
    """.split()  # noqa: SIM905
)
_GREETINGS = frozenset(
    "dear hi hello hey hallo liebe lieber bonjour hola ciao love".split()  # noqa: SIM905
)
_SAID = (
    " name is", " name's", " name was", " name:", " namens", " name ist", " ich heiße",
    " je m'appelle", " me llamo", " mi chiamo", " signed", " signed:", " signed by", " cardholder:",
    " cardholder", " customer:", " patient:", " contact:",
)  # fmt: skip
"""A name follows."""
_SIGNED = (
    "regards", "sincerely", "thanks", "cheers", "wishes", "yours", "faithfully", "grüße", "grüßen",
    "cordialement", "saludos", "saluti",
)  # fmt: skip
"""A name follows on the next line."""
_MET = (
    " dear", " hi", " hello", " hey", " hallo", " liebe", " lieber", " bonjour", " hola", " ciao",
    " i am", " i'm", " this is", " from", " ask for", " spoke to", " spoke with", " speak to",
    " speak with", " by", " with", " told", " named", " called", " yours", " love", " regards",
    " thanks",
)  # fmt: skip
"""A name may follow: one that is known."""
_LOWER = re.compile(
    r"\b(?:my (?:full )?name(?:'s| is)|name:|i'm called|ich heiße|mein name ist|je m'appelle|"
    r"me llamo) (?P<value>[^\W\d_]+(?: [^\W\d_]+){0,4})",
    re.IGNORECASE,
)


def people(text: str) -> Iterator[tuple[int, int]]:
    """Where names of people stand; the title before one is not part of it."""
    for match in _RUN.finditer(text):
        words = match[0].split(" ")
        before = text[max(0, match.start() - 30) : match.start()]
        tail = f" {' '.join(before.casefold().split())}".rstrip(",")
        signed = "\n" in before[-4:] and tail.endswith(_SIGNED)
        found = _in_run(words, signed or tail.endswith(_SAID), tail.endswith(_MET))
        if found is not None:
            first, end = found
            start = match.start() + len(" ".join(words[:first])) + (first > 0)
            yield start, start + len(_POSSESSIVE.sub("", " ".join(words[first:end])))
    for match in _LOWER.finditer(text):
        words = match["value"].split(" ")
        if words[0].casefold() in first_names():
            length = len(" ".join(words[: _end_in_lower_case(words)]))
            yield match.start("value"), match.start("value") + length


def _in_run(words: list[str], said: bool, met: bool) -> tuple[int, int] | None:
    """The first and the end of the words that are a name, in a run of capitalised words.

    `said`: what stands before says that a name follows; `met`: it may.
    """
    titles = [n for n, w in enumerate(words) if _plain(w) in _TITLES]
    if titles:
        begin = titles[-1] + 1
        return (begin, end) if (end := _end(words, begin, 4)) > begin else None
    greeted = len(words) > 1 and _plain(words[0]) in _GREETINGS
    begin = int(greeted)
    if said and (end := _end(words, 0, 4)):
        return 0, end
    full = next((n for n in range(begin, len(words) - 1) if _begins(words, n)), None)
    if full is not None:
        return full, _end(words, full, 4)
    if not (met or greeted):
        return None
    end = _end(words, begin, 4)
    addressed = greeted and _plain(words[0]) == "dear"
    if end - begin > 1 and (addressed or _plain(words[end - 1]) in family_names()):
        return begin, end
    return (begin, begin + 1) if _alone(words[begin]) else None


def _begins(words: list[str], n: int) -> bool:
    """Whether a full name begins with the n-th word, which is not the last."""
    first, following = _plain(words[n]), [_plain(w) for w in words[n + 1 : _end(words, n, 4)]]
    if first not in first_names() or not following:
        return False
    return first not in _WORDS_TOO or any(w in family_names() for w in following)


def _end(words: list[str], begin: int, most: int) -> int:
    """Where a name that begins with the word `begin` ends: before a word that is none, or behind so
    many. Which of them is the family name no list knows, and that one must not be left standing.
    """
    counted = 0
    for n in range(begin, len(words)):
        word = _plain(words[n])
        initial = _INITIAL.fullmatch(words[n]) is not None
        if counted == most or (word in _NO_NAME and not initial):
            return n
        counted += word not in LINKS
    return len(words)


def _end_in_lower_case(words: list[str]) -> int:
    """The same of a name without capitals, which do not tell it from a verb: "anna waiting"."""
    end = _end(words, 0, 2)
    verb = end > 1 and words[1].endswith("ing") and words[1].casefold() not in family_names()
    return 1 if verb else end


def _alone(word: str) -> bool:
    plain = _plain(word)
    return plain in first_names() and plain not in _WORDS_TOO and plain not in _NO_NAME


def _plain(word: str) -> str:
    """A word of a name as the lists have it."""
    return word.casefold().strip(".,'’").removesuffix("'s").removesuffix("’s")


def single_words(name: str) -> tuple[str, ...]:
    """The words of a full name that stand for it alone, too: "Okoye" of "amber okoye"."""
    words = [w.strip(".,") for w in name.split()]
    found = (w.capitalize() if w.islower() else w for w in words if len(w) > 2)
    return tuple(w for w in found if not {_plain(w)} & (_NO_NAME | LINKS))


@cache
def names_of(what: str) -> frozenset[str]:
    """Names, in lower case: `first_name`, `last_name`, `first_names_female`."""
    need("faker")
    found = set()
    for locale in _LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            names = getattr(provider, attribute)
            if attribute.startswith(what) and isinstance(names, (tuple, list, dict)):
                found |= {n.casefold() for n in names if isinstance(n, str) and len(n) > 2}
    return frozenset(found)


def first_names() -> frozenset[str]:
    """Known first names."""
    return names_of("first_name")


def family_names() -> frozenset[str]:
    """Known family names."""
    return names_of("last_name")
