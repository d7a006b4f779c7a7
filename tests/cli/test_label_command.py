"""`tailorbird label`: from a pool to training rows, as a person would."""

import io
import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from building import task as made

from tailorbird.cli import label
from tailorbird.cli._labelling import KEYS
from tailorbird.learn.taking import Taken

TEXTS = ("May I bring the {} back?", "Has the {} left your warehouse?", "A wrong sum for the {}.")


@pytest.fixture
def pool(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The study with a climb and 12 unlabelled inputs."""
    monkeypatch.chdir(tmp_path)
    rows = [{"input": t.format(x)} for x in ("hat", "sofa", "pen", "mug") for t in TEXTS]
    (study / "pool.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    file = study / "task.yaml"
    spec = json.loads(file.read_text())
    spec["data"]["unlabelled"] = "pool.jsonl"
    spec["rungs"] = ["linear"]
    file.write_text(json.dumps(spec))
    return study


def typed(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def status(tailorbird: Any, study: Path) -> Any:
    return json.loads(tailorbird("label", "status", study, "--json").out)


def test_from_pool_to_training_rows(tailorbird, pool: Path, monkeypatch: pytest.MonkeyPatch):
    assert tailorbird("climb", pool, "--quiet").code == 0
    chosen = tailorbird(
        "label", "next", pool, "-n", "4", "--vectors", "tfidf", "--annotators", "2",
        "--controls", "1",
    )  # fmt: skip
    assert chosen.code == 0, chosen.err
    assert "linear, " in chosen.out
    assert "dev items wrong" in chosen.out
    assert "5 rows queued, of 12 of 12 rows of the pool" in chosen.out

    typed(monkeypatch, "returns", "bil", "nonsense", "?", "-", "=", "delivery", ".")
    answered = tailorbird("label", "answer", pool, "--as", "ann")
    assert KEYS in answered.out
    assert 'no label is called "nonsense"' in answered.out
    assert 'no label is called "="' in answered.out  # beside controls, nothing is suggested
    assert "4 answered" in answered.out

    sent = tailorbird("label", "export", pool, "sent.jsonl", "--as", "ben")
    assert "5 items for ben" in sent.out
    rows = [json.loads(line) for line in Path("sent.jsonl").read_text().splitlines()]
    filled = "".join(json.dumps(r | {"label": "returns"}) + "\n" for r in rows)
    Path("filled.jsonl").write_text(filled)
    back = tailorbird("label", "import", pool, "filled.jsonl", "--as", "ben")
    assert "5 answers recorded" in back.out

    found = status(tailorbird, pool)
    assert sum(found["states"]["train"].values()) == 4
    assert [a["name"] for a in found["annotators"]] == ["ann", "ben"]
    assert "Krippendorff's alpha" in tailorbird("label", "status", pool).out

    for one in json.loads(tailorbird("label", "adjudicate", pool, "--json").out):
        words = ("--item", str(one["item"]), "--label", "returns", "--why", "it is")
        assert "is decided: returns" in tailorbird("label", "adjudicate", pool, *words).out
    taken = tailorbird("label", "take", pool)
    assert "rows in" in taken.out
    assert "Name labelled.jsonl under data.train" in taken.out
    grown = tailorbird("check", pool, "--set", "data.train=[train.jsonl, labelled.jsonl]")
    assert "labelled.jsonl" in grown.err

    tailorbird("label", "next", pool, "-n", "1", "--vectors", "tfidf", "--quiet")
    typed(monkeypatch, "=", "-", "=", ".")  # the control item is skipped, first or last
    answered = tailorbird("label", "answer", pool, "--as", "carl")
    assert "suggestion: " in answered.out
    assert "1 answered" in answered.out


def test_the_terminal(tailorbird, pool: Path, monkeypatch: pytest.MonkeyPatch):
    tailorbird("label", "next", pool, "-n", "3", "--strategy", "random", "--quiet")
    typed(monkeypatch, "2", "<", "returns", "=", "billing", "delivery")
    ran = tailorbird("label", "answer", pool, "--as", "ann")
    assert "1 billing  2 delivery  3 opening_hours  4 returns" in ran.out
    assert 'no label is called "="' in ran.out  # nothing was suggested
    assert "Nothing is left for you." in ran.out
    history = json.loads(tailorbird("label", "status", pool, "--json").out)
    assert history["states"] == {"train": {"agreed": 3}}
    rows = json.loads(tailorbird("label", "take", pool, "--json").out)
    assert rows["rows"] == 3
    targets = [json.loads(x)["target"] for x in (pool / "labelled.jsonl").read_text().splitlines()]
    assert sorted(targets) == ["billing", "delivery", "returns"]  # the 2 was taken back


def test_a_pool_of_its_own_and_a_queue_elsewhere(tailorbird, pool: Path, tmp_path: Path):
    (tmp_path / "mails.csv").write_text("input\nWhere is my hat?\nI want my money back\n")
    where = ("--queue", tmp_path / "elsewhere.db")
    ran = tailorbird(
        "label", "next", pool, "--pool", "mails.csv", "--strategy", "typical", "--vectors",
        "tfidf", "--json", "--give", "ann", *where,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert {row["id"] for row in json.loads(ran.out)["chosen"]} == {"mails-000001", "mails-000002"}
    assert not (pool / "labels.db").exists()
    assert (
        "0 items for ben" in tailorbird("label", "export", pool, "b.csv", "--as", "ben", *where).out
    )
    assert (
        "2 items for ann" in tailorbird("label", "export", pool, "a.csv", "--as", "ann", *where).out
    )


def test_reopen_and_withdraw(tailorbird, pool: Path, monkeypatch: pytest.MonkeyPatch):
    tailorbird("label", "next", pool, "-n", "1", "--strategy", "random", "--quiet")
    typed(monkeypatch, "billing")
    tailorbird("label", "answer", pool, "--as", "ann")
    assert "Item 1 is open." in tailorbird("label", "adjudicate", pool, "--item", 1, "--reopen").out
    ran = tailorbird("label", "adjudicate", pool, "--item", 1, "--withdraw")
    assert "Item 1 is withdrawn." in ran.out
    assert "0 items wait" in tailorbird("label", "adjudicate", pool).out


def test_what_was_adjudicated_is_json_too(tailorbird, pool: Path, monkeypatch: pytest.MonkeyPatch):
    tailorbird("label", "next", pool, "-n", "1", "--strategy", "random", "--quiet")
    typed(monkeypatch, "billing")
    tailorbird("label", "answer", pool, "--as", "ann")
    one = ("label", "adjudicate", pool, "--item", 1)
    said = json.loads(tailorbird(*one, "--reopen", "--json").out)
    assert (said["item"], said["state"], said["label"]) == (1, "open", None)
    said = json.loads(tailorbird(*one, "--label", "returns", "--why", "it is", "--json").out)
    assert (said["state"], said["label"]) == ("decided", "returns")


def test_commands_that_are_named_can_be_pasted(
    tailorbird, pool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    odd = pool.rename(pool.with_name("it's my; task"))
    typed(monkeypatch, ".")
    said = tailorbird("label", "answer", odd, "--as", "ann").out
    command = said.partition("answered. ")[2].partition(" says how")[0]
    assert shlex.split(command) == ["tailorbird", "label", "status", str(odd)]
    assert tailorbird(*shlex.split(command)[1:]).code == 0

    label._show_taken(label._console(), Taken(1, 1, step=3), odd / "x.jsonl", odd, made())
    command = capsys.readouterr().out.partition("take it back: ")[2].splitlines()[0]
    assert shlex.split(command) == ["tailorbird", "mend", str(odd), "--undo", "3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("next", "--strategy", "margins"), 'no strategy is called "margins"; did you mean'),
        (("next", "--strategy", "margin"), "no rung of the climb gives probabilities"),
        (("next", "--rung", "linear"), "no finished climb"),
        (("next", "--pool", "nowhere.csv"), "no file at"),
        (("adjudicate", "--item", "1"), "say one thing of the item"),
        (("adjudicate", "--item", "1", "--reopen"), "has no item 1"),
        (("import", "nowhere.csv"), "no file at"),
        (("export", "x.docx"), ".docx"),
        (("status", "--queue", "nowhere://x"), "no queue can be kept at nowhere"),
    ],
)
def test_what_is_refused(tailorbird, pool: Path, arguments, said: str):
    command, *rest = arguments
    ran = tailorbird("label", command, pool, *rest)
    assert ran.code == 1
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_a_task_without_a_pool(tailorbird, study: Path):
    ran = tailorbird("label", "next", study)
    assert ran.code == 1
    assert "name files under data.unlabelled, or give one by --pool FILE" in ran.err
