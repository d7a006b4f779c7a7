import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from tailorbird.data.accounts import FileAccount
from tailorbird.decide.verdict import decide
from tailorbird.evaluate.report import SHOWN, write_report
from tailorbird.evaluate.results import Results, RungResult
from tailorbird.evaluate.run import Answered, measure
from tailorbird.evaluate.slices import worst_slices
from tailorbird.task.benchmark import Task
from tailorbird.task.task import TaskSpec
from tailorbird.task.types import Document, Example, Message, Prediction, Usage

N = 60
EVIL = "<script>alert('x')</script>"
ABSTAIN = "The handbook does not say"


def answer_task(*rungs, **bar):
    """Each question asks for one amount; every tenth has no answer."""
    bar = {"primary": {"metric": "facts", "at_least": 0.6}} | bar
    spec = TaskSpec.model_validate(
        {
            "name": "handbook",
            "goal": f"Answer {EVIL}",
            "kind": "answer",
            "data": {"train": "train.jsonl", "test": "test.jsonl"},
            "outputs": {"abstain": ABSTAIN},
            "documents": {"path": "handbook"},
            "bar": bar,
            "rungs": [{"approach": "rag", "name": name} for name in rungs],
        }
    )
    documents = tuple(Document(f"d{i}", "Limits", f"We pay up to £{i}00.") for i in range(1, N + 1))
    test = tuple(_question(i) for i in range(1, N + 1))
    account = FileAccount("test.jsonl", read=N, kept=N)
    return Task(spec, {"train": (), "test": test}, documents, (account,))


def _question(i):
    fields = {"topic": f"t{i % 3}"}
    if i % 10 == 0:
        return Example(f"q{i}", f"Is {i} covered?", ABSTAIN, answerable=False, fields=fields)
    asked = (Message("user", f"What for {i}? {EVIL}"), Message("assistant", "For what, please?"))
    return Example(f"q{i}", asked, f"Up to £{i}00.", (f"d{i}",), (f"£{i}00",), fields=fields)


def label_task(*rungs):
    spec = TaskSpec.model_validate(
        {
            "name": "tickets",
            "goal": "Name the queue.",
            "kind": "label",
            "data": {"train": "train.jsonl", "test": "test.jsonl"},
            "outputs": {"labels": ["billing", EVIL]},
            "bar": {"primary": {"metric": "label", "at_least": 0.6}},
            "rungs": [{"approach": "linear", "name": name} for name in rungs],
        }
    )
    labels = spec.outputs.labels
    test = tuple(Example(f"q{i}", f"ticket {i}", labels[i % 2]) for i in range(N))
    return Task(spec, {"train": (), "test": test})


def climbed(task, right, wrong="Up to £7.", openings=1):
    """Results, verdict and answers of a climb in which each rung gets its first `right` right."""
    results, predictions = [], {}
    for rung, most in zip(task.spec.rungs, right, strict=True):
        said = [
            Prediction(str(e.target) if i < most else wrong, usage=Usage(120, 0), citations=("d1",))
            for i, e in enumerate(task.examples("test"))
        ]
        measured = measure(task, Answered(tuple(said), (0.5, 0.7), 9.0), 90.0, "fledgling", 0)
        predictions[rung.name] = said
        results.append(
            RungResult(rung.name, rung.approach, {"passages": 2}, "fledgling", **measured)
        )
    found = Results(task.spec.name, task.digest, (None,) * N, tuple(results), openings)
    return found, decide(found, task.spec), predictions


def report(folder, task, results, verdict, predictions, failures=None):
    best = next(r for r in results.rungs if r.name == verdict.best)
    marks = best.scores[task.spec.bar.primary.metric]
    slices = worst_slices(task.examples("test"), marks, 0)
    path = folder / "report.html"
    checks = ["facts: gold answers score 1"]
    write_report(path, task, results, verdict, predictions, slices, failures or {}, checks)
    return path.read_text(encoding="utf-8")


class Page(HTMLParser):
    """Tags that are open at the end, attributes seen, and the text a reader sees."""

    VOID = frozenset({"meta", "link", "img", "br", "line", "circle", "wbr"})

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    @property
    def words(self):
        return " ".join(self.text.split())


@pytest.fixture
def three(tmp_path):
    """A climb that the second of three rungs wins, and its report."""
    guards = [{"metric": "unsupported", "at_most": 0.3}]
    task = answer_task("cheap", "enough", "dear", guards=guards)
    found = climbed(task, (10, 50, 58), openings=2)
    return task, found, report(tmp_path, task, *found, {"soft_prompt": f"no torch {EVIL}"})


def test_says_what_was_found(three):
    _, (results, verdict, _), source = three
    words = Page(source).words
    for sentence in (verdict.headline, verdict.fine_tune_reason, *verdict.reasons):
        assert sentence in words
    for sentence in verdict.sentences:
        assert sentence in words
    assert "Do not fine-tune." in words
    assert "facts at least 60 %; unsupported at most 30 %" in words
    assert "60 test items, each independent of the others; opened 2 times" in words
    assert results.digest[:12] in words
    assert "test.jsonl: 60 rows read, 60 kept, 0 dropped" in words
    assert "facts: gold answers score 1" in words
    assert f"soft_prompt: no torch {EVIL}" in words
    assert "Where enough is weakest" in words
    assert "Smallest difference that can be shown" in words
    assert "rag with passages 2, on fledgling" in words


def test_draws_every_rung_on_one_axis(three):
    *_, source = three
    charts = source.split('<figure class="chart"')[1:]
    assert [re.search(r"<strong>(\w+)", c)[1] for c in charts] == ["facts", "unsupported", "cited"]
    assert charts[0].count("<circle") == 3
    assert charts[0].count('class="bar" x1="60.0%"') == 3
    assert 'cx="83.33%"' in charts[0]
    assert "<title>enough: 83 %, 95 % interval [72, 91], n = 60: met</title>" in charts[0]
    assert charts[0].count('class="hollow"') == 1


def test_status_is_not_told_by_colour_alone(three):
    *_, source = three
    assert 'title="missed">✗' in source
    assert 'title="met">✓' in source
    assert "✗ facts, unsupported" in Page(source).words


def test_is_one_file_that_loads_and_runs_nothing(three):
    *_, source = three
    page = Page(source)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not {"src", "href", "action", "srcset", "xlink:href"} & names
    assert not any(name.startswith("on") for name in names)
    assert "url(" not in source
    assert "@import" not in source
    assert "default-src 'none'" in source
    assert "http://" not in source
    assert "https://" not in source
    assert 'lang="en"' in source


def test_is_equal_for_equal_inputs(three, tmp_path):
    task, found, source = three
    assert report(tmp_path, task, *found, {"soft_prompt": f"no torch {EVIL}"}) == source


def test_escapes_what_people_wrote(tmp_path):
    name = f'{EVIL}" onload="x'
    task = answer_task(name)
    found = climbed(task, (20,), wrong=EVIL)
    source = report(tmp_path, task, *found, {EVIL: EVIL})
    page = Page(source)
    assert "script" not in page.tags
    assert page.text.count(EVIL) > 10
    assert "onload" not in {name for name, _ in page.attributes}


def test_answers_side_by_side(three):
    *_, source = three
    items = source.split('<article class="item">')[1:]
    assert len(items) == SHOWN
    whys = [re.search(r"<small>(.*?)</small>", i)[1] for i in items]
    assert whys[:2] == ["enough is wrong"] * 2
    assert "an answer states an unsupported fact" in whys
    assert "the documents do not tell" in whys
    assert "the rungs disagree" in whys
    for said in ("lacks £", "states £7", "cites d1", "assistant:"):
        assert said in source


def test_equal_answers_stand_once(tmp_path):
    task = answer_task("one", "two")
    source = report(tmp_path, task, *climbed(task, (30, 30)))
    assert "<strong>one, two</strong>" in source
    assert "<strong>one</strong>\n      <p" not in source


def test_long_and_empty_and_failed_answers(tmp_path):
    task = answer_task("rag")
    results, verdict, predictions = climbed(task, (0,), wrong="x" * 5000)
    said = [Prediction("", error="timed out"), *predictions["rag"][1:]]
    source = report(tmp_path, task, results, verdict, {"rag": said})
    assert "(3,500 more characters)" in source
    assert "error: timed out" in source
    assert "empty answer" in source


def test_a_single_rung_and_no_winner(tmp_path):
    task = answer_task("rag")
    found = climbed(task, (20,))
    words = Page(report(tmp_path, task, *found)).words
    assert "No rung meets the bar" in words
    assert "Cannot tell whether to fine-tune." in words
    assert "What rag still lacks" in words
    assert "Comparisons" not in words
    assert "not run" not in words


def test_unknown_is_not_zero(tmp_path):
    guards = [{"metric": "cost_per_1000", "at_most": 1}]
    task = answer_task("rag", guards=guards)
    results, verdict, predictions = climbed(task, (50,))
    source = report(tmp_path, task, results, verdict, predictions)
    assert 'title="unknown">?</span> unknown' in source
    unmeasured = replace(results.rungs[0], timings={})
    results = replace(results, rungs=(unmeasured,))
    words = Page(report(tmp_path, task, results, verdict, predictions)).words
    assert words.count("unknown") >= 5


def test_nothing_could_be_marked(tmp_path):
    task = answer_task("rag", "few")
    results, _, predictions = climbed(task, (50, 50))
    blank = [
        replace(r, scores={"facts": (None,) * N}, estimates={"facts": None}) for r in results.rungs
    ]
    results = replace(results, rungs=tuple(blank))
    verdict = decide(results, task.spec)
    path = tmp_path / "report.html"
    write_report(path, task, results, verdict, predictions, None, {}, [])
    words = Page(path.read_text(encoding="utf-8")).words
    assert "facts could not be measured on any" in words
    assert "– not marked" in words


def test_answers_that_were_not_kept(three, tmp_path):
    task, (results, verdict, _), _ = three
    assert "Answers side by side" not in report(tmp_path, task, results, verdict, {})


def test_a_label_task(tmp_path):
    task = label_task("majority", "linear")
    source = report(tmp_path, task, *climbed(task, (20, 50), wrong="other"))
    page = Page(source)
    assert "linear is enough" in page.words
    assert f"expected {EVIL}" in page.words
    assert source.count('<figure class="chart"') == 1


def test_lower_is_better(tmp_path):
    task = answer_task("rag", "dear", primary={"metric": "unsupported", "at_most": 0.3})
    source = report(tmp_path, task, *climbed(task, (10, 55)))
    assert "dear is enough" in source
    assert "dear is better" in source
    assert "✓ right</span> · <strong>dear" in source
