"""What each generator makes: by rule, and of a teacher's words."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from building import ANSWERS, task

from tailorbird.data.synth._clozes import clozes, kinds_in
from tailorbird.data.synth._slots import GAP, derive, new_values
from tailorbird.data.synth._steps import procedures
from tailorbird.data.synth._teaching import read
from tailorbird.data.synth.base import Made, Material, Order, Teacher, Unmade, make_generator
from tailorbird.errors import DataError, TaskError
from tailorbird.models.scripted import Scripted
from tailorbird.task.benchmark import Task
from tailorbird.task.facts import states
from tailorbird.task.types import Document, Example, Message, Provenance

PAGES = {
    "returns": "You may return an item within 14 days. Refunds are paid within 5 working days.",
    "lamps": "Lamps have a guarantee of 24 months. Quote the code LW-20 when you write.",
    "bulbs": "Bulbs have a guarantee of 6 months. Quote the code BW-31 when you write.",
    "contact": "Call 01632 960 200 from 9 am. Complaints are read by Nadia Holm.",
}
ASKED = (
    Example("a", "how long may I keep it", "Hello. Within 14 days.", ("returns",), ("14 days",)),
    Example("b", "how long is it", "Hello. It is 24 months.", ("lamps",), ("24 months",)),
    Example("c", "where can I park", "Hello. The pages do not say.", answerable=False),
)  # fmt: skip


def pages(rows: Sequence[Example] = ASKED, **changes: Any) -> Task:
    return task(rows, documents=PAGES, **ANSWERS, **changes)


def teacher(answers: Any, name: str = "scripted") -> Teacher:
    return Teacher(name, Scripted(answers, name=name))


def made(
    name: str, of: Task, tmp_path: Path, teachers: tuple[Teacher, ...] = (), **settings: Any
) -> list[tuple[Order, list[Made] | str]]:
    """Each order, and its rows or why there are none."""
    generator = make_generator(name, settings)
    material = Material(of.without_test(), teachers=teachers, cache=tmp_path, quiet=True)
    assert generator.missing(material) is None
    out: list[tuple[Order, list[Made] | str]] = []
    for order in generator.orders(material):
        answer = None
        if order.prompt is not None:
            (said,) = teachers[0].ask([order.prompt], order.max_tokens)
            answer = said.text
        try:
            out.append((order, generator.rows(order, answer, material)))
        except Unmade as unmade:
            out.append((order, unmade.reason))
    return out


def rows(found: Sequence[tuple[Order, list[Made] | str]], how: str | None = None) -> list[Made]:
    taken = (rows for order, rows in found if how in (None, order.how))
    return [row for each in taken if not isinstance(each, str) for row in each]


def missing(name: str, of: Task, **settings: Any) -> str | None:
    return make_generator(name, settings).missing(Material(of.without_test()))


# ---- material ------------------------------------------------------------------------------------


def test_what_was_made_up_is_no_seed():
    found, made_up = (
        Example(name, name, "x", provenance=Provenance("f", 1, maker))
        for name, maker in (("found", None), ("made", "variations"))
    )
    material = Material(task([found, made_up]))
    assert material.seeds == (found,)
    assert material.found.examples("train") == (found,)


def test_answers_begin_and_abstain_as_the_rows_do():
    material = Material(pages())
    assert material.opening == "Hello. "
    assert material.abstention == "Hello. The pages do not say."
    assert Material(pages(ASKED[:2])).abstention == "The pages do not say."
    plain = [Example("a", "x", "Yes. No."), Example("b", "y", "No. Yes."), Example("c", "z", "So.")]
    assert Material(pages(plain)).opening == ""


def test_an_order_by_lot_is_that_of_others_without_some():
    names = [f"row-{i}" for i in range(50)]
    material = Material(task([("a", "b")]), seed=3)
    whole, part = material.drawn(names, "x"), material.drawn(names[::2], "x")
    assert part == [n for n in whole if n in set(names[::2])]
    assert whole != names
    assert whole != Material(task([("a", "b")]), seed=4).drawn(names, "x")


# ---- teachers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "names", "expected"),
    [
        ("Question: Why?\nAnswer: So.", ("Question", "Answer"), ("Why?", "So.")),
        ("**Answer:** So.\n\n**Question**: Why?", ("Question", "Answer"), ("Why?", "So.")),
        ('Sure!\n\nMessage: "Two\nlines"', ("Message",), ("Two\nlines",)),
        ("question: Why?", ("Question",), ("Why?",)),
    ],
)
def test_reads_the_lines_of_a_teacher(said: str, names: tuple[str, ...], expected: Any):
    assert read(said, names) == expected


@pytest.mark.parametrize("said", ["", "Why?", "Question:", "Question: Why?", "Answer: So."])
def test_a_teacher_that_leaves_out_a_line_gave_no_row(said: str):
    with pytest.raises(Unmade, match="has no"):
        read(said, ("Question", "Answer"))


# ---- variations ----------------------------------------------------------------------------------


def test_variations_keep_facts_target_and_all_that_belongs_to_the_row(tmp_path: Path):
    seed = Example(
        "s", "can you tell me how I obtain my 3 lamps by 1 March", "delivery", group="g",
        fields={"tone": "calm"},
    )  # fmt: skip
    found = made("variations", task([seed, Example("t", "hello there", "other")]), tmp_path)
    of_seed = [
        m.example for o, some in found if o.of == "s" for m in some if not isinstance(m, str)
    ]
    assert {o.how for o, _ in found} == {"paraphrase", "persona", "tone", "typos"}
    assert len(of_seed) == 4
    for example in of_seed:
        assert states(example.text, "1 March")
        assert (example.target, example.group) == ("delivery", "g")
        assert example.fields == {"tone": "calm"}
        assert example.folded != seed.folded
    (paraphrase,) = (m.example.text for m in rows(found, "paraphrase"))
    assert paraphrase == "could you please tell me how I get my 3 lamps by 1 March"


def test_every_row_is_varied_once_before_any_is_varied_twice(tmp_path: Path):
    seeds = [(f"please tell me about thing number {i} soon", "x") for i in range(6)]
    orders = [o for o, _ in made("variations", task(seeds), tmp_path)]
    assert len({o.of for o in orders[:6]}) == 6
    assert len({(o.of, o.how) for o in orders}) == len(orders) == 24


def test_a_teacher_writes_all_but_slips_and_must_keep_the_facts(tmp_path: Path):
    said = {
        "other words": "Message: By 1 March I want my lamps, please.",
        "by somebody": "Message: My lamps by 2 March!",
        "is to be": "no such line",
    }
    found = made(
        "variations", task([("my lamps by 1 March please", "delivery")]), tmp_path,
        (teacher(said),), kinds=["paraphrase", "persona", "evolve", "typos"],
    )  # fmt: skip
    came = {order.how: some for order, some in found}
    assert isinstance(came["paraphrase"], list)
    assert came["paraphrase"][0].example.text == "By 1 March I want my lamps, please."
    assert came["evolve"] == 'the teacher\'s answer has no "Message:"'
    assert [o.prompt is None for o, _ in found if o.how == "typos"] == [True]


def test_a_voice_is_put_into_conversations_at_their_end(tmp_path: Path):
    talk = (Message("user", "hi"), Message("assistant", "yes?"), Message("user", "where is it"))
    (row,) = rows(made("variations", task([Example("s", talk, "x")]), tmp_path, kinds=["tone"]))
    assert row.example.input[:2] == talk[:2]
    assert "where is it" in row.example.turns[-1].content
    assert Made.from_json(row.to_json()) == row


def test_variations_refuse(tmp_path: Path):
    with pytest.raises(TaskError, match='did you mean "typos"'):
        missing("variations", task([("a", "b")]), kinds=["typo"])
    assert "teacher" in str(missing("variations", task([("a", "b")]), kinds=["evolve"]))
    assert "short enough" in str(missing("variations", task([("a b c", "x")]), longest=2))


# ---- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "asked", "fact"),
    [
        ("You may keep your item 14 days.", "I may keep my item how many days?", "14 days"),
        ("Express post costs £12 a day.", "Express post costs how much a day?", "£12"),
        ("All is led by Nadia Holm in Leeds.", "All is led by whom in Leeds?", "Nadia Holm"),
        ("Send it all to me@shop.uk.", "Send it all to which e-mail address?", "me@shop.uk"),
        ("Ring us on 01632 960 200.", "Ring us on which number?", "01632 960 200"),
        ("Please use claim form TM-20 here.", "Please use which form here?", "claim form TM-20"),
        ("It ends for all on 1 March 2026.", None, None),
        ("Mail ends for all on 1 March 2026.", "Mail ends for all on what date?", "1 March 2026"),
        ("Up to nine devices may be had.", "Up to how many devices may be had?", "nine devices"),
        ("The bonus is 20% of that.", "The bonus is what share of that?", "20%"),
        ("Our shop opens at 9 am sharp.", "Our shop opens at what time sharp?", "9 am"),
        ("Too short 9.", None, None),
        ("Nothing is stated here that counts as one.", None, None),
    ],
)  # fmt: skip
def test_a_fact_gives_way_to_what_asks_for_it(sentence: str, asked: str | None, fact: str | None):
    found = [(c.question, c.fact, c.answer) for c in clozes(sentence)]
    assert found == ([] if asked is None else [(asked, fact, sentence)])


def test_two_facts_of_a_sentence_are_two_questions():
    text = "Report a theft within 48 hours and a loss within 17 days."
    assert [c.fact for c in clozes(text)] == ["48 hours", "17 days"]
    assert kinds_in(text) == {"count"}


def test_questions_cite_what_answers_them(tmp_path: Path):
    found = made("questions", pages(), tmp_path)
    clozed = rows(found, "cloze")
    assert len(clozed) == 9
    for row in clozed:
        (source,) = row.example.sources
        (fact,) = row.example.facts
        assert states(PAGES[source], fact)
        assert str(row.example.target).startswith("Hello. ")
        assert str(row.example.target).removeprefix("Hello. ") in PAGES[source]
        assert not states(row.example.text, fact)


def test_what_is_unanswerable_is_said_nowhere_near(tmp_path: Path):
    found = made("questions", pages(), tmp_path, unanswerable=0.9)
    untold = rows(found, "unanswerable")
    assert untold
    for row in untold:
        assert row.example.target == "Hello. The pages do not say."
        assert not row.example.answerable
        assert not row.example.sources
    # Four pages are few: a number stands near most questions for one.
    assert "a passage near the question states such a fact" in [r for _, r in found]
    assert not rows(made("questions", pages(), tmp_path, unanswerable=0), "unanswerable")


def test_a_teacher_writes_question_and_answer(tmp_path: Path):
    said = {
        "that it does not answer": "Question: Who made the lamps?",
        "<Passage>\nReturns": "Question: Until when?\nAnswer: Within 14 days of buying.",
    }
    found = made("questions", pages(), tmp_path, (teacher(said, "wise"),), per_passage=1)
    (row,) = rows(found, "question")
    assert row.example.text == "Until when?"
    assert row.example.target == "Hello. Within 14 days of buying."
    assert (row.example.sources, row.example.facts) == (("returns",), ("14 days",))
    assert all(not r.example.answerable for r in rows(found, "unanswerable"))
    prompts = [str(o.prompt) for o, _ in found]
    assert all("Real input" in p for p in prompts)
    assert len(set(prompts)) == len(prompts)


def test_a_class_that_routes_is_that_of_the_rows_on_the_document(tmp_path: Path):
    rows_of = [Example("a", "how long", "14 days.", ("returns",), fields={"topic": "sending back"})]
    outputs = {"abstain": "No", "route": "topic"}
    routed = task(rows_of, documents=PAGES, **{**ANSWERS, "outputs": outputs})
    found = made("questions", routed, tmp_path, unanswerable=0)
    assert {m.example.sources for m in rows(found)} == {("returns",)}
    assert {m.example.fields["topic"] for m in rows(found)} == {"sending back"}
    assert 'no row that cites the document has the field "topic"' in [r for _, r in found]


@pytest.mark.parametrize("name", ["questions", "procedures"])
def test_documents_are_needed(name: str):
    assert "labels" in str(missing(name, task([("a", "b")])))
    assert "no documents" in str(missing(name, task([("a", "b")], **ANSWERS)))
    dull = task([("a", "b")], documents={"d": "Nothing to be seen here at all."}, **ANSWERS)
    assert "the documents" in str(missing(name, dull))


# ---- procedures ----------------------------------------------------------------------------------

LIST = """Some words before.

1. Call us.
2. Fill in form TM-20
   and sign it.
3) Send the form.

You will need:
- a receipt
- the serial number;

# Later
1. Wait.
2. Ask again.
"""


def test_steps_and_needs_are_found_in_documents():
    found = list(procedures(Document("d", "Claims", LIST)))
    assert [(p.title, p.parts, p.needed) for p in found] == [
        ("Claims", ("Call us.", "Fill in form TM-20 and sign it.", "Send the form."), False),
        ("Claims", ("a receipt", "the serial number;"), True),
        ("Later", ("Wait.", "Ask again."), False),
    ]  # fmt: skip


def test_steps_in_words_are_found_too():
    text = "First, call us. Then fill in the form. Finally, send it. That is all. Then rest."
    (found,) = procedures(Document("d", "Claims", text))
    assert found.parts == ("Call us.", "Fill in the form.", "Send it.")


def test_steps_are_told_without_their_markdown():
    text = "# Who **may** apply?\n1. **Call** us.\n2. See [the page](http://a.example/b_c)."
    (found,) = procedures(Document("d", "Claims", text))
    assert found.title == "Who may apply"
    assert found.parts == ("Call us.", "See the page.")


@pytest.mark.parametrize(
    "text",
    [
        "1. You can:\n2. Wait.",
        "1. One alone.",
        "2. Second.\n3. Third.",
        "- a\n- b",
        "In 1. May\nwe met.",
        "",
    ],
)
def test_what_is_no_procedure(text: str):
    assert list(procedures(Document("d", "Claims", text))) == []


def test_step_questions(tmp_path: Path):
    of = task([("a", "b")], documents={"claims": LIST}, **ANSWERS)
    found = made("procedures", of, tmp_path)
    count = {how: len(rows(found, how)) for how in ("after", "before", "first", "last", "needed")}
    assert count == {"after": 3, "before": 3, "first": 2, "last": 2, "needed": 1}
    after = {m.example.target: m.example.text for m in rows(found, "after")}
    assert "Call us." in after["Fill in form TM-20 and sign it."]
    (needed,) = rows(found, "needed")
    assert needed.example.target == "a receipt; the serial number."
    with_form = next(m for m in rows(found) if "TM-20" in str(m.example.target))
    assert with_form.example.sources == ("claims",)
    assert with_form.example.facts == ("tm-20",)


def test_a_teacher_words_the_question_and_the_document_the_answer(tmp_path: Path):
    of = task([("a", "b")], documents={"claims": "1. Call us.\n2. Wait."}, **ANSWERS)
    plain = {m.example.target for m in rows(made("procedures", of, tmp_path))}
    found = rows(made("procedures", of, tmp_path, (teacher({"": "Question: And then, dear?"}),)))
    assert {m.example.text for m in found} == {"And then, dear?"}
    assert {m.example.target for m in found} == plain


# ---- templates -----------------------------------------------------------------------------------


def test_what_differs_in_one_place_is_a_slot():
    found = derive(
        [
            ("1", "how do i say hello in french", "translate"),
            ("2", "how do i say hello in spanish", "translate"),
            ("3", "tell me the spanish word", "translate"),
            ("4", "tell me the french word", "translate"),
            ("5", "tell me the danish word", "translate"),
        ]
    )
    by_words = {" ".join(t.words): t.values for t in found}
    assert by_words[f"how do i say hello in {GAP}"] == {"french", "spanish"}
    lent = dict(zip((" ".join(t.words) for t in found), new_values(found, 2), strict=True))
    assert lent[f"how do i say hello in {GAP}"] == ("danish",)
    assert lent[f"tell me the {GAP} word"] == ()


def test_a_place_that_decides_between_labels_is_no_slot():
    rows_of = [
        ("1", "what is my balance today", "balance"),
        ("2", "what is my account today", "balance"),
        ("3", "what is my address today", "address"),
    ]
    assert all(t.words != ("what", "is", "my", GAP, "today") for t in derive(rows_of))


def test_derived_rows_are_new_and_keep_the_label(tmp_path: Path):
    words = ("red", "green", "blue", "grey")
    train = [(f"show me the {w} lamps", "lamps") for w in words[:3]]
    train += [(f"do you have {w} chairs", "chairs") for w in words]
    found = rows(made("templates", task(train), tmp_path))
    (new,) = (m.example for m in found)
    assert (new.text, new.target) == ("show me the grey lamps", "lamps")
    assert "alike" in str(missing("templates", task([("a b c d", "x"), ("e f g h", "y")])))


FILE: Mapping[str, Any] = {
    "templates": [
        {"input": "When will my {thing} reach {place}?", "target": "delivery"},
        {"input": "My {thing} is broken.", "target": "returns", "fields": {"what": "{thing}"}},
    ],
    "slots": {"thing": ["lamp", "chair", "kettle"], "place": ["Leeds", "York"]},
}


def test_a_file_of_templates_is_filled_in_every_way_once(tmp_path: Path):
    file = tmp_path / "t.yaml"
    file.write_text(json.dumps(FILE))
    of = task([("a", "delivery"), ("b", "returns")])
    found = [m.example for m in rows(made("templates", of, tmp_path, file=str(file)))]
    assert len({e.text for e in found}) == len(found) == 9
    assert {e.fields["what"] for e in found if e.target == "returns"} == {"lamp", "chair", "kettle"}
    assert found[0].target != found[1].target  # templates take turns


@pytest.mark.parametrize(
    ("change", "says", "error"),
    [
        ({"slots": {"thing": ["lamp"], "plaice": ["York"]}}, 'did you mean "plaice"', DataError),
        ({"slots": {"thing": []}}, "has no value", TaskError),
        ({"template": []}, 'did you mean "templates"', TaskError),
        ({"templates": [{"input": "x"}]}, "target", TaskError),
    ],
)
def test_mistakes_in_a_file_of_templates(
    tmp_path: Path, change: Any, says: str, error: type[Exception]
):
    file = tmp_path / "t.yaml"
    file.write_text(json.dumps({**FILE, **change}))
    with pytest.raises(error, match=says):
        missing("templates", task([("a", "b")]), file=str(file))


# ---- hard negatives ------------------------------------------------------------------------------


def test_rows_on_the_border_come_first(tmp_path: Path):
    of = task(
        [
            ("please stop my card", "block"),
            ("please start my card", "activate"),
            ("where is the nearest bank", "branches"),
        ]
    )
    found = made("hard_negatives", of, tmp_path)
    assert {o.how for o, _ in found[:2]} == {"not block", "not activate"}
    assert {m.example.target for m in rows(found[:2])} == {"block", "activate"}
    taught = made("hard_negatives", of, tmp_path, (teacher({"": "Message: halt my card"}),))
    assert rows(taught)[0].example.text == "halt my card"
    assert '"activate", though it is clearly "block"' in str(
        next(o.prompt for o, _ in taught if o.how == "not activate")
    )
    assert "one label" in str(missing("hard_negatives", task([("a", "x"), ("b", "x")])))


def test_neighbours_of_a_passage_are_named_and_do_not_answer(tmp_path: Path):
    found = made("hard_negatives", pages(), tmp_path)
    guarantee = next(m for m in rows(found) if m.example.facts == ("24 months",))
    assert guarantee.example.sources == ("lamps",)
    assert guarantee.negatives[0] == "bulbs"
    assert "About Lamps" in guarantee.example.text
    for row in rows(found):
        assert not any(states(PAGES[d], f) for d in row.negatives for f in row.example.facts)


# ---- preferences ---------------------------------------------------------------------------------


def test_pairs_hold_a_right_and_a_wrong_answer(tmp_path: Path):
    found = made("preferences", pages(), tmp_path)
    by_how = {how: rows(found, how) for how in {o.how for o, _ in found}}
    assert set(by_how) == {"corrupted", "elsewhere", "abstains", "invents"}
    for pair in (p for some in by_how.values() for p in some):
        seed = next(e for e in ASKED if e.text == pair.example.text)
        assert pair.example == seed
        assert pair.rejected != seed.target
    for pair in by_how["corrupted"]:
        assert not all(states(str(pair.rejected), f) for f in pair.example.facts)
    assert {p.rejected for p in by_how["abstains"]} == {"Hello. The pages do not say."}
    (invented,) = by_how["invents"]
    assert invented.example.id == "c"
    assert str(invented.rejected).startswith("Hello. ")


def test_a_label_is_rejected_for_what_it_is_confused_with(tmp_path: Path):
    of = task([("please stop my card", "block"), ("please start my card", "activate")])
    found = made("preferences", of, tmp_path)
    confused = {(m.example.target, m.rejected) for m in rows(found)}
    assert confused == {("block", "activate"), ("activate", "block")}


def test_a_teacher_may_write_what_sounds_right(tmp_path: Path):
    said = {"": "Wrong answer: Hello. Within 41 days."}
    found = made("preferences", pages(), tmp_path, (teacher(said),), ways=["plausible"])
    assert {m.rejected for m in rows(found)} == {"Hello. Within 41 days."}
    with pytest.raises(TaskError, match='did you mean "plausible"'):
        missing("preferences", pages(), ways=["plausibel"])
    assert "worse" in str(missing("preferences", pages(ASKED[:2]), ways=["invents"]))
