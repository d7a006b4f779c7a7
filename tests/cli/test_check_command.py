"""`tailorbird check`: a study, a file by itself, what is chosen, the page, JSON, exit codes."""

import json
import re
import shlex
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from test_strangers import HOSTILE, harmless

from tailorbird.registry import names

Command = Callable[..., Any]
QUICK = ("--only", "lengths", "--only", "duplicates")
LONG = "We have sent you another one by express, and are sorry for the trouble."
STEERING = ("--only", "lengths", "--only", "duplicates", "--only", "language", "--only", "content")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands may keep a cache in the folder where they are run."""
    monkeypatch.chdir(tmp_path)


def write(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.fixture
def mails(tmp_path: Path) -> Path:
    """A file of rows: one is there twice, and one answer is a word among long ones."""
    rows = [{"q": f"Where is the parcel of number {i} that I ordered?", "a": f"{i}: {LONG}"}
            for i in range(40)]  # fmt: skip
    return write(tmp_path / "mails.jsonl", [*rows, rows[3], {"q": "Is it late?", "a": "Yes."}])


COLUMNS = ("--set", "data.columns.input=q", "--set", "data.columns.target=a")


def soil(study: Path) -> None:
    train = study / "train.jsonl"
    rows = [json.loads(line) for line in train.read_text().splitlines()]
    write(train, [*rows, *rows[:20], {"input": "???", "target": rows[0]["target"]}])


# ---- a study -----------------------------------------------------------------------------------


def test_a_study_is_proved_and_examined(tailorbird: Command, study: Path):
    soil(study)
    ran = tailorbird("check", study, *QUICK)
    assert ran.code == 0
    proofs, data = ran.out.split("\nThe data: ")
    assert "ok label: gold answers score 1" in proofs
    assert data.startswith("69 train, 12 dev, 36 test; 2 checks in ")
    assert re.search(
        r"warning duplicates: 20 of 69 training rows .* \(up to \d+\.\d points\)", data
    )
    assert re.search(r"\n +train train-000049: .*copies train-000001", data)
    assert f"-> tailorbird mend {study} duplicates\n" in data
    assert "warning lengths: 1 input without a letter or a digit" in data
    assert "train.jsonl: 69 rows read, 69 kept, 0 dropped" in ran.err


def test_a_clean_study_is_said_to_be_clean(tailorbird: Command, study: Path):
    ran = tailorbird("check", study, "--only", "lengths")
    assert ran.code == 0
    assert "ok nothing that needs mending was found" in ran.out
    assert "tailorbird mend" not in ran.out


def test_errors_end_with_one_and_quiet_says_only_them(tailorbird: Command, study: Path):
    test = study / "test.jsonl"
    leak = json.loads(test.read_text().splitlines()[0])
    train = study / "train.jsonl"
    train.write_text(f"{train.read_text()}{json.dumps(leak)}\n")
    ran = tailorbird("check", study, "-q", *QUICK)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("the same input stands in test and in another split")
    assert tailorbird("check", study, *QUICK).code == 1


def test_quiet_says_nothing_of_what_is_well(tailorbird: Command, study: Path):
    soil(study)
    ran = tailorbird("check", study, "--quiet", *QUICK)
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_checks_are_chosen_and_left_out(tailorbird: Command, study: Path):
    others = [n for n in names("data.doctor") if n not in ("lengths", "balance")]
    ran = tailorbird("check", study, *(word for n in others for word in ("--skip", n)), "--json")
    assert json.loads(ran.out)["diagnosis"]["made"] == ["balance", "lengths"]
    ran = tailorbird("check", study, *QUICK, "--skip", "lengths", "--json")
    assert json.loads(ran.out)["diagnosis"]["made"] == ["duplicates"]
    for wrong, said in (
        (["--only", "lenghts"], 'no check is called "lenghts"; did you mean "lengths"?'),
        (["--skip", "x"], 'no check is called "x"'),
        (["--only", "lengths", "--skip", "lengths"], "no check is left to make"),
        (["--set", "doctor.lengths.fra=2"], 'no setting "fra"; did you mean "far"?'),
        (["--set", "doctor.lengths=2"], "should read doctor.CHECK.SETTING=value"),
    ):
        ran = tailorbird("check", study, *wrong)
        assert (ran.code, ran.out) == (1, "")
        assert said in ran.err


def test_settings_of_a_check(tailorbird: Command, study: Path):
    soil(study)
    ran = tailorbird("check", study, "--only", "diversity", "--set", "doctor.diversity.low=0.9")
    assert "warning diversity: 69 inputs count as" in ran.out


def test_production_is_compared(tailorbird: Command, study: Path, tmp_path: Path):
    ran = tailorbird("check", study, "--only", "representativeness")
    assert "Not made: representativeness: no sample of production (--production FILE)" in ran.out
    seen = [{"input": f"May I bring my dog number {i} along?"} for i in range(60)]
    production = write(tmp_path / "seen.jsonl", seen)
    ran = tailorbird(
        "check", study, "--only", "representativeness", "--production", production,
        "--set", "doctor.representativeness.by=words", "--json",
    )  # fmt: skip
    diagnosis = json.loads(ran.out)["diagnosis"]
    assert diagnosis["skipped"] == {}
    [of_train] = [f for f in diagnosis["findings"] if "from train" in f["text"]] or [None]
    assert of_train is None, "48 training rows are too few"
    assert diagnosis["made"] == ["representativeness"]
    ran = tailorbird("check", study, "--production", tmp_path / "none.jsonl")
    assert ran.code == 1
    assert "no file at" in ran.err


# ---- a file by itself --------------------------------------------------------------------------


def test_a_file_is_examined_by_itself(tailorbird: Command, mails: Path):
    ran = tailorbird("check", mails, *QUICK, *COLUMNS)
    assert ran.code == 0
    assert ran.out.startswith("\nThe data: 42 rows; 2 checks in ")
    assert "gold answers" not in ran.out
    assert "mails.jsonl: 42 rows read, 42 kept, 0 dropped" in ran.err
    command = re.findall(r"-> (tailorbird mend .* duplicates .*)", ran.out)[0]
    assert shlex.split(command)[-4:] == list(COLUMNS)
    mended = tailorbird(*shlex.split(command)[1:])
    assert mended.code == 0
    copy = mails.with_name("mails-mended.jsonl")
    assert len(copy.read_text().splitlines()) == 41
    again = tailorbird("check", copy, *QUICK, *COLUMNS)
    assert "duplicates:" not in again.out


def test_columns_that_are_not_named(tailorbird: Command, mails: Path):
    ran = tailorbird("check", mails, *QUICK)
    assert (ran.code, ran.out) == (1, "")
    assert 'no row has a column "input"' in ran.err
    assert "the first row has: q, a; data.columns says" in ran.err


def test_a_file_that_is_not_there_is_named_with_its_neighbours(tailorbird: Command, mails: Path):
    ran = tailorbird("check", mails.with_name("mals.jsonl"))
    assert (ran.code, ran.out) == (1, "")
    assert f"no file at {mails.with_name('mals.jsonl')}" in ran.err
    assert "the folder holds mails.jsonl" in ran.err
    assert "task" not in ran.err.replace(str(mails.parent), "")


def test_what_is_no_file_and_no_study(tailorbird: Command, tmp_path: Path):
    ran = tailorbird("check", tmp_path / "nothing.jsonl")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing.jsonl" in ran.err
    (tmp_path / "empty.jsonl").touch()
    ran = tailorbird("check", tmp_path / "empty.jsonl")
    assert ran.code == 1
    assert "empty" in ran.err
    ran = tailorbird("check", tmp_path / "empty.jsonl", "--set", "bar.margin=1")
    assert "a file has no task" in ran.err


# ---- JSON and the page -------------------------------------------------------------------------


def test_json_holds_everything(tailorbird: Command, study: Path):
    soil(study)
    ran = tailorbird("check", study, *QUICK, "--json")
    found = json.loads(ran.out)
    assert {f["level"] for f in found["findings"]} == {"ok"}
    assert found["rows"][0] == ["train.jsonl: 69 rows read, 69 kept, 0 dropped"]
    [first] = [f for f in found["diagnosis"]["findings"] if f["text"].startswith("20 of 69")]
    assert (first["check"], first["level"]) == ("duplicates", "warning")
    assert len(first["remedy"]["changes"]) == 20
    assert first["command"] == f"tailorbird mend {study} duplicates"
    assert first["samples"][0]["row"] == "train-000049"


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "srcset", "action")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_a_page_is_written_over_no_data(tailorbird: Command, study: Path):
    before = (study / "test.jsonl").read_bytes()
    ran = tailorbird("check", study, *QUICK, "--html", study / "test.jsonl")
    assert (ran.code, (study / "test.jsonl").read_bytes()) == (1, before)
    assert "names a page" in ran.err


def test_the_page_of_a_study(tailorbird: Command, study: Path, tmp_path: Path):
    soil(study)
    html = tmp_path / "new" / "check.html"
    ran = tailorbird("check", study, *QUICK, "--html", html)
    assert f"commands: {html}" in ran.out
    page = Page(html.read_text())
    assert not page.addresses, "it loads nothing"
    assert "script" not in page.tags
    for said in (
        "small-label: the data, examined", "69 train, 12 dev, 36 test", "warnings: no error.",
        f"tailorbird mend {study} duplicates", "Drops 20 rows: the same as another row",
        "5 of 20 rows", "copies train-000001", "gold answers score 1", "lengths",
        "train.jsonl: 69 rows read, 69 kept, 0 dropped", "--undo N",
    ):  # fmt: skip
        assert said in page.text, said


def test_the_page_of_a_file(tailorbird: Command, mails: Path, tmp_path: Path):
    tailorbird("check", mails, *QUICK, *COLUMNS, "--html", tmp_path / "check.html")
    page = Page((tmp_path / "check.html").read_text()).text
    assert "A command writes a mended copy" in page
    assert "--undo" not in page
    assert "What the benchmark proved" not in page
    assert "--out" in page


def test_the_page_of_clean_data(tailorbird: Command, study: Path, tmp_path: Path):
    tailorbird("check", study, "--only", "lengths", "--html", tmp_path / "check.html")
    page = (tmp_path / "check.html").read_text()
    assert "Nothing that needs mending was found." in page
    assert 'class="banner ok"' in page


# ---- strangers ---------------------------------------------------------------------------------


def test_hostile_rows_steer_no_terminal_and_no_page(tailorbird: Command, tmp_path: Path):
    rows = [{"input": f"{text} {text}", "target": f"so {text}"} for text in HOSTILE]
    rows += [{"input": text, "target": "!?"} for text in HOSTILE]
    file = write(tmp_path / "[red]rows[b].jsonl", [*rows, *rows])
    html = tmp_path / "check.html"
    ran = tailorbird("check", file, *STEERING, "--html", html)
    assert ran.code == 0
    assert "duplicates: " in ran.out
    assert harmless(ran.out)
    assert harmless(ran.err)
    page = Page(html.read_text())
    assert not page.tags & {"script", "img", "iframe"}
    assert "49" not in Page(html.read_text()).words, "no template is filled in"
    assert "<script>alert(1)</script>" in page.text, "shown, not run"
    ran = tailorbird("check", file, *STEERING, "--json")
    assert harmless(ran.out)
    assert json.loads(ran.out)["diagnosis"]["rows"] == {"rows": 44}
