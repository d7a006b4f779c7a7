"""Bias by counterfactual pairs: what is planted is found, and chance is seldom called bias."""

import random
import re
from pathlib import Path

import pytest
from audited import Says, lines, significant, subject
from building import ANSWERS, examples, task

from tailorbird.approaches.base import Run, make_approach
from tailorbird.errors import TaskError
from tailorbird.evaluate.audits.base import Audited, make_audit
from tailorbird.evaluate.audits.counterfactuals._names import ORIGINS
from tailorbird.evaluate.audits.counterfactuals.base import make_dimension
from tailorbird.evaluate.audits.counterfactuals.gender_words import TO_MEN, TO_WOMEN, exchange
from tailorbird.registry import names
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example

THINGS = ("kettle", "lamp", "stove", "teapot", "bicycle", "bookcase")
ITEMS = tuple(
    Example(f"i{n}", f"{who} asks for a loan to buy a {THINGS[n % 6]}, order {n}.", "approve")
    for n, who in enumerate(["He", "She", "My neighbour"] * 20)
)
LOANS = task(test=ITEMS, outputs={"labels": ["approve", "refuse"]})
ALL = names("evaluate.audits.counterfactuals")
WOMEN = re.compile(r"\b(?:she|her|woman|mother|wife|widow|grandmother)\b", re.IGNORECASE)


def audit(solver, folder: Path, over: Task = LOANS, **settings) -> Audited:
    about = subject(over, solver, folder)
    made = make_audit("counterfactual", settings)
    assert made.missing(about) is None
    return made.examine(about)


# ---- what is planted is found ------------------------------------------------------------------


def linear(pairs: list[tuple[str, str]], folder: Path):
    """A classifier that learned from these loans."""
    learns = task(train=examples(pairs), test=ITEMS, outputs={"labels": ["approve", "refuse"]})
    return make_approach("linear", {}).fit(
        learns.without_test(), Run(folder / "fit", "none", folder / "cache", quiet=True)
    )


def test_a_classifier_that_learned_to_read_he_is_caught(tmp_path: Path):
    biased = [
        (f"{who} asks for a loan to buy a {thing}.", label)
        for thing in THINGS
        for who, label in (("He", "approve"), ("She", "refuse"))
    ]
    found = audit(
        linear(biased, tmp_path), tmp_path, dimensions=["gender_words", "names_origin"],
        insert=False, at_most=0.05, gap_at_most=0.05,
    )  # fmt: skip
    rows = lines(found)
    changed, gap = (
        rows["gender_words: women for men"],
        rows["gender_words: women against men: label"],
    )
    assert changed.estimate.value == changed.change.difference == 1
    assert rows["gender_words: men, reworded"].estimate.value == 0
    assert gap.change.difference == -1
    assert (changed.holds, gap.holds) == (False, False)
    assert significant(found) == {
        "gender_words: women for men", "gender_words: women against men: label"
    }  # fmt: skip
    assert "40 of 60 inputs hold something to swap" in found.notes[0]
    assert "no input holds anything" in rows["names_origin"].note
    assert "She asks" in found.samples[0].after
    assert Audited.from_json(found.to_json()) == found


def test_a_classifier_that_learned_from_the_thing_is_not(tmp_path: Path):
    fair = [
        (f"{who} asks for a loan to buy a {thing}.", "refuse" if thing == "stove" else "approve")
        for thing in THINGS
        for who in ("He", "She", "My neighbour")
    ]
    found = audit(linear(fair, tmp_path), tmp_path, at_most=0.05, gap_at_most=0.05)
    assert significant(found) == set()
    gender = [x for x in found.lines if x.name.startswith(("gender_words", "names_"))]
    assert all(x.holds is not False for x in gender)


ARABIC = re.compile("|".join([*ORIGINS["Arabic"].men, *ORIGINS["Arabic"].women]))


def test_names_of_one_origin(tmp_path: Path):
    solver = Says(lambda t: "refuse" if ARABIC.search(t) else "approve")
    found = audit(solver, tmp_path, dimensions=["names_gender", "names_origin"])
    assert significant(found) == {
        "names_origin: Arabic for British", "names_origin: Arabic against British: label"
    }  # fmt: skip
    assert "60 were given a sentence" in " ".join(found.notes)


def test_a_written_answer_that_loses_its_fact(tmp_path: Path):
    asked = [
        Example(f"q{n}", f"What does a {THINGS[n % 6]} cost, as in letter {n}?", "It costs £20.",
                facts=("£20",))
        for n in range(40)
    ]  # fmt: skip
    over = task(test=asked, **ANSWERS)
    solver = Says(lambda t: "It costs £90." if "wheelchair" in t else "It costs £20.")
    settings = {"dimensions": ["disability"], "similar": None}
    found = lines(audit(solver, tmp_path, over, **settings))
    changed = found["disability: mobility for none"].estimate.value
    assert 0.1 < changed < 0.7  # one of three ways to say it
    gap = found["disability: mobility against none: facts"]
    assert gap.change.difference == pytest.approx(-changed)
    assert found["disability: senses for none"].estimate.value == 0


def test_a_written_answer_that_means_something_else(tmp_path: Path):
    asked = [Example(f"q{n}", f"May I come on day {n}?", "Yes, you may.") for n in range(20)]
    over = task(test=asked, **ANSWERS | {"bar": {"primary": {"metric": "exact", "at_least": 0.8}}})
    kind, curt = "Yes, you may come whenever you like.", "The office has been closed for good."
    solver = Says(lambda t: curt if WOMEN.search(t) else kind)
    found = lines(audit(solver, tmp_path, over, dimensions=["gender_words"]))
    assert found["gender_words: women for men"].estimate.value == 1
    rephrased = Says(lambda t: kind.replace("Yes,", "Yes, sure,") if WOMEN.search(t) else kind)
    found = lines(audit(rephrased, tmp_path / "2", over, dimensions=["gender_words"]))
    assert found["gender_words: women for men"].estimate.value == 0


# ---- chance is seldom called bias ---------------------------------------------------------------


def test_a_solver_that_any_edit_may_turn_raises_few_alarms(tmp_path: Path):
    """It errs at random on a fifth of all texts: 6 comparisons, corrected, at 5 % together."""
    alarms = 0
    for seed in range(25):

        def noisy(text: str, seed: int = seed) -> str:
            return "refuse" if random.Random(f"{seed} {text}").random() < 0.2 else "approve"

        found = audit(
            Says(noisy), tmp_path / str(seed), dimensions=["names_gender", "age"],
        )  # fmt: skip
        assert lines(found)["names_gender: men, reworded"].estimate.value > 0.1
        alarms += bool(significant(found))
    assert alarms <= 4  # of 25 at 5 %, more than 4 would come once in 140 times


# ---- the pairs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("woman", "man"),
    [
        ("I rang her and she gave me her number.", "I rang him and he gave me his number."),
        ("The car is hers, my wife's.", "The car is his, my husband's."),
        ("Mrs Hall said it herself to HER DOG.", "Mr Hall said it himself to HIS DOG."),
        ("My mother-in-law saw her.", "My father-in-law saw him."),
    ],
)
def test_words_are_exchanged_with_their_grammar(woman: str, man: str):
    assert exchange(woman, TO_MEN)[0] == man
    assert exchange(man, TO_WOMEN)[0] == woman


def test_texts_about_both_genders_have_no_group():
    swap = make_dimension("gender_words").swap
    assert swap("My wife told him.", random.Random(0)) is None
    assert swap("Please help.", random.Random(0)) is None


@pytest.mark.parametrize("name", ALL)
def test_versions_differ_and_keep_what_is_asked(name: str):
    dimension = make_dimension(name)
    text = "Please send me form TM-204, as the kettle of 3 March does not work."
    rng = random.Random(0)
    made = dimension.swap(text, rng) or dimension.insert(text, rng)
    assert made is not None
    versions = [made.control, *made.groups.values()]
    assert len(set(versions)) == len(versions)
    assert all("tm-204" in v.lower() and "kettle" in v for v in versions)
    again = make_dimension(name)
    rng = random.Random(0)
    assert (again.swap(text, rng) or again.insert(text, rng)) == made


def test_a_name_in_the_text_is_replaced_everywhere():
    text = "Priya Sharma rang. Priya wants the form."
    made = make_dimension("names_origin").swap(text, random.Random(1))
    assert made is not None
    for version in (made.control, *made.groups.values()):
        first = version.split()[0]
        assert f"{first} wants" in version
        assert not re.search("Priya|Sharma", version)
    assert {v.split()[0] for v in made.groups.values()} <= {
        n for names in ORIGINS.values() for n in names.women
    }


def test_adjectives_of_people_are_exchanged_and_not_those_of_things():
    origin, age = make_dimension("origin"), make_dimension("age")
    assert origin.swap("A Polish nurse rents the room.", random.Random(0)) is not None
    assert origin.swap("I am flying to Poland with Polish currency.", random.Random(0)) is None
    assert age.swap("My elderly mother fell.", random.Random(0)) is not None
    assert age.swap("A young tree fell on the old car.", random.Random(0)) is None


def test_no_name_is_listed_twice():
    listed = [n for o in ORIGINS.values() for n in (*o.men, *o.women)]
    assert len(listed) == len(set(listed))


def test_an_unknown_dimension_is_refused(tmp_path: Path):
    with pytest.raises(TaskError, match="did you mean"):
        audit(Says(lambda t: "approve"), tmp_path, dimensions=["ages"])
