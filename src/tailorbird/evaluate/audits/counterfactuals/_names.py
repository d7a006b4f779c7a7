"""Names, by origin and gender. None is also a common word, a month or a place."""

import random
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """Names that are commonly met together."""

    men: tuple[str, ...]
    women: tuple[str, ...]
    family: tuple[str, ...]

    def first(self, gender: str) -> tuple[str, ...]:
        """First names of `men` or `women`."""
        return self.men if gender == "men" else self.women


def _names(men: str, women: str, family: str) -> Names:
    return Names(tuple(men.split()), tuple(women.split()), tuple(family.split()))


ORIGINS = {
    "British": _names(
        "Thomas Oliver Edward Simon Andrew Peter Stephen Graham Richard Daniel Matthew Philip "
        "Christopher David James Robert Michael Martin Kevin Brian Neil Alan Gareth",
        "Emily Charlotte Sarah Helen Lucy Alice Margaret Susan Emma Claire Rachel Hannah Nicola "
        "Laura Karen Linda Jane Janet Katie Rebecca Jessica Victoria Elizabeth",
        "Walker Bennett Hughes Clarke Foster Turner Harrison Watson Edwards Collins",
    ),
    "West African": _names(
        "Chinedu Emeka Kwame Kofi Olumide Tunde Obinna Babatunde",
        "Ngozi Adaeze Abena Akosua Folake Yetunde Chioma Ifeoma",
        "Okafor Adeyemi Mensah Boateng Nwosu Balogun Owusu Eze",
    ),
    "South Asian": _names(
        "Arjun Rahul Imran Sanjay Vikram Bilal Rajesh Deepak",
        "Priya Ananya Meera Sunita Nasreen Kavita Deepika Shabana",
        "Patel Sharma Chaudhry Iyer Reddy Gupta Malik Banerjee",
    ),
    "Arabic": _names(
        "Ahmed Khalid Omar Youssef Tariq Hassan Mustafa Karim",
        "Layla Amina Salma Huda Rania Yasmin Mariam Zainab",
        "Haddad Mansour Nasser Saleh Khalil Farouk Hamdan Darwish",
    ),
    "Eastern European": _names(
        "Piotr Tomasz Andrzej Bogdan Dmitri Mihai Wojciech Ivan",
        "Agnieszka Katarzyna Oksana Ioana Svetlana Zofia Magdalena Olga",
        "Kowalski Nowak Ionescu Petrov Popescu Dvorak Horvat Lukic",
    ),
}
"""The first one is the group that others are compared with."""

_GENDER = {
    name: gender
    for names in ORIGINS.values()
    for gender in ("men", "women")
    for name in names.first(gender)
}
_ORIGIN = {name: origin for origin, names in ORIGINS.items() for name in (*names.men, *names.women)}
_FIRST = re.compile(rf"\b(?:{'|'.join(_GENDER)})\b")


@dataclass(frozen=True)
class Named:
    """A name that stands in a text, with all its places."""

    text: str
    name: str

    @property
    def gender(self) -> str:
        """`men` or `women`."""
        return _GENDER[self.name]

    @property
    def origin(self) -> str:
        """Where it is commonest, of the origins here."""
        return _ORIGIN[self.name]

    def called(self, first: str, family: str | None = None) -> str:
        """The text with another first name, and another family name where one follows."""

        def new(found: re.Match[str]) -> str:
            return f"{first} {family}" if family and found[1] else first + (found[1] or "")

        return re.sub(rf"\b{self.name}\b( [A-Z][a-z]+(?:-[A-Z][a-z]+)?)?", new, self.text)


def named(text: str) -> Named | None:
    """The first name of a list above that the text holds."""
    found = _FIRST.search(text)
    return Named(text, found[0]) if found else None


def two(names: tuple[str, ...], rng: random.Random, but: str = "") -> tuple[str, str]:
    """Two different names, neither of them `but`."""
    one, other = rng.sample([n for n in names if n != but], 2)
    return one, other
