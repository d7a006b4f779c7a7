"""A judge on labelled rows: what is read, what is measured, what may gate."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_endpoint import FakeEndpoint
from typer.testing import CliRunner

from tailorbird.cli.main import app
from tailorbird.errors import DataError, ModelError, StoreError
from tailorbird.evaluate.judges.labelled import read_labelled
from tailorbird.evaluate.judges.measuring import measure
from tailorbird.evaluate.judges.pairwise import Pairwise
from tailorbird.evaluate.judges.record import JudgeRecord
from tailorbird.evaluate.judges.rubric import Rubric
from tailorbird.models.scripted import Scripted
from tailorbird.store import write_json

GRADES = ("bad", "good")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def graded(n: int = 60) -> list[dict[str, Any]]:
    """People call an answer good when it says right; every second one is long, a third own."""
    return [
        {
            "input": f"Question {i}?",
            "answer": ("right" if i % 3 else "wrong") + f" {i}" + " and so on" * 20 * (i % 2),
            "grade": "good" if i % 3 else "bad",
            "author": "me" if i % 5 == 0 else "other",
        }
        for i in range(n)
    ]


def judge_of(rule: Callable[[str], str]) -> Scripted:
    """Answers with the rule's verdict on what stands between the marks of the answer."""

    def say(prompt: Any) -> str:
        text = prompt[-1].content
        return "Because.\nVerdict: " + rule(text.partition("<Answer>\n")[2].partition("\n</")[0])

    return Scripted(say, name="me")


def record_of(path: Path, lm: Scripted, rows: list[dict[str, Any]]) -> JudgeRecord:
    found = read_labelled(write(path, rows), GRADES)
    return measure(lm, "me", Rubric("Right?", GRADES), found, {"rows": len(rows)})


def test_a_judge_like_people(tmp_path: Path):
    lm = judge_of(lambda a: "good" if "right" in a else "bad")
    made = record_of(tmp_path / "a.jsonl", lm, graded())
    assert made.agreement is not None
    assert made.agreement.kappa is not None
    assert made.agreement.kappa.value == 1
    assert made.cannot_gate() is None
    length, own = made.probes["length"], made.probes["self-preference"]
    assert length is not None
    assert (length.value, own and own.value) == (0, 0)
    made.save(tmp_path / "judge.json")
    assert JudgeRecord.load(tmp_path / "judge.json") == made


def test_a_judge_who_likes_length(tmp_path: Path):
    made = record_of(
        tmp_path / "a.jsonl", judge_of(lambda a: "good" if len(a) > 50 else "bad"), graded()
    )
    length = made.probes["length"]
    assert length is not None
    assert length.low > 0.5
    assert "may be chance" in (made.cannot_gate() or "")


def test_a_judge_who_likes_itself(tmp_path: Path):
    rows = graded()
    mine = {f"{r['answer']}" for r in rows if r["author"] == "me"}
    made = record_of(
        tmp_path / "a.jsonl",
        judge_of(lambda a: "good" if a in mine or "right" in a else "bad"), rows,
    )  # fmt: skip
    own = made.probes["self-preference"]
    assert own is not None
    assert own.low > 0
    no_authors = [{k: v for k, v in r.items() if k != "author"} for r in rows]
    made = record_of(tmp_path / "b.jsonl", judge_of(lambda a: "good"), no_authors)
    assert made.probes["self-preference"] is None
    assert "one grade alone" in (made.cannot_gate() or "") or made.agreement is not None


def test_a_judge_who_says_nothing(tmp_path: Path):
    made = record_of(tmp_path / "a.jsonl", judge_of(lambda a: "hm"), graded(12))
    assert made.agreement is not None
    assert made.agreement.not_read == 12
    assert made.agreement.kappa is None
    assert "has no value" in (made.cannot_gate() or "")


def pairs(n: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "input": f"Question {i}?",
            "answers": [f"right {i}", f"wrong {i}" + " and so on" * 9][:: 1 if i % 2 else -1],
            "better": "first" if i % 2 else "second",
            "authors": ["me", "other"],
        }
        for i in range(n)
    ]


def compare(rule: Callable[[str, str], str], path: Path) -> JudgeRecord:
    def say(prompt: Any) -> str:
        text = prompt[-1].content
        a = text.partition("<Answer A>\n")[2].partition("\n</")[0]
        b = text.partition("<Answer B>\n")[2].partition("\n</")[0]
        return f"Verdict: {rule(a, b)}"

    rows = read_labelled(write(path, pairs()), GRADES)
    return measure(Scripted(say, name="me"), "me", Pairwise("Better?"), rows, {})


def test_pairs_as_people_judge_them(tmp_path: Path):
    made = compare(lambda a, b: "A" if "right" in a else "B", tmp_path / "p.jsonl")
    assert made.agreement is not None
    assert made.agreement.kappa is not None
    assert made.agreement.kappa.value == 1
    values = {n: e and e.value for n, e in made.probes.items()}
    assert values == {
        "order changes the verdict": 0, "first shown wins": 0.5, "length": 0, "self-preference": 0,
    }  # fmt: skip


def test_pairs_by_place_and_by_length(tmp_path: Path):
    by_place = compare(lambda a, b: "A", tmp_path / "p.jsonl").probes
    assert by_place["order changes the verdict"].value == 1  # type: ignore[union-attr]
    assert by_place["first shown wins"].value == 1  # type: ignore[union-attr]
    by_length = compare(lambda a, b: "A" if len(a) > len(b) else "B", tmp_path / "p.jsonl").probes
    assert by_length["length"].value == 1  # type: ignore[union-attr]
    assert by_length["order changes the verdict"].value == 0  # type: ignore[union-attr]


# ---- rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"input": "Q", "answer": "A", "grade": "god"}, '`grade` is "god"; did you mean "good"'),
        ({"input": "Q", "answer": "A", "grad": "good"}, 'unknown key "grad"'),
        ({"input": "Q", "grade": "good"}, "expected `answer`, a text"),
        ({"input": "Q", "answers": ["A"], "better": "first"}, "a list of two texts"),
        ({"input": 3, "answer": "A", "grade": "good"}, "`input` should be a text"),
        ({"input": "Q", "answer": "A", "grade": "good", "sources": [3]}, "`sources` should be"),
        (
            {"input": "Q", "answers": ["A", "B"], "better": "first", "authors": ["me"]},
            "the author of each answer",
        ),
        (["Q"], "should hold keys and values, found list"),
    ],
)
def test_a_wrong_row_is_named(row: Any, says: str, tmp_path: Path):
    file = write(tmp_path / "a.jsonl", [graded(1)[0], row])
    with pytest.raises(DataError, match="line 2") as raised:
        read_labelled(file, GRADES)
    assert says in str(raised.value)


def test_files_that_cannot_be_used(tmp_path: Path):
    with pytest.raises(DataError, match="holds no row"):
        read_labelled(write(tmp_path / "a.jsonl", []), GRADES)
    with pytest.raises(DataError, match="single answers and pairs"):
        read_labelled(write(tmp_path / "b.jsonl", [graded(1)[0], pairs(1)[0]]), GRADES)
    with pytest.raises(StoreError, match="cannot read"):
        read_labelled(tmp_path / "none.jsonl", GRADES)
    write_json(tmp_path / "judge.json", {"kind": "rubric"})
    with pytest.raises(StoreError, match="is no judge"):
        JudgeRecord.load(tmp_path / "judge.json")


def test_another_model_is_another_judge(tmp_path: Path):
    made = record_of(tmp_path / "a.jsonl", Scripted(default="Verdict: good", name="me"), graded(9))
    made.check_model(Scripted(default="Verdict: good", name="me"))
    with pytest.raises(ModelError, match="is not the model that was measured"):
        made.check_model(Scripted(default="Verdict: bad", name="me"))


# ---- the command -----------------------------------------------------------------------------


def answer(messages: list[dict[str, str]]) -> str:
    said = messages[-1]["content"].partition("<Answer>\n")[2]
    return "Verdict: good" if said.startswith("right") else "Verdict: bad"


def test_the_command(tmp_path: Path):
    file, out = write(tmp_path / "a.jsonl", graded(30)), tmp_path / "judge.json"
    (tmp_path / "rubric.txt").write_text("Is it right?", encoding="utf-8")
    rubric = str(tmp_path / "rubric.txt")
    with FakeEndpoint(answer=answer) as server:
        words = ["judge", str(file), "--model", server.spec, "--out", str(out), "--rubric", rubric]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
        assert "30 of 30 verdicts could be read." in done.output
        assert "It can gate." in done.output
        asked = len(server.requests)
        assert CliRunner().invoke(app, [*words, "--json"]).exit_code == 0
        assert len(server.requests) == asked, "answers once paid for are kept"
    made = JudgeRecord.load(out)
    assert made.text == "Is it right?"
    assert made.labelled["rows"] == 30
    assert made.agreement is not None
    assert made.agreement.agree.value == 1
