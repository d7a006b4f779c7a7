"""tailorbird vocabulary: what it prints, and what it says to a wrong call."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
WORDS = "The endocarditis ward treats myocarditis, pericarditis and endocarditis.\n" * 60


@pytest.fixture
def words(tmp_path: Path) -> Path:
    file = tmp_path / "words.txt"
    file.write_text(WORDS, encoding="utf-8")
    return file


def test_a_report_on_a_task(tailorbird: Command, study: Path, words: Path):
    ran = tailorbird("vocabulary", "report", study, "--add", 20, "--general", words)
    assert ran.code == 0, ran.err
    assert "tokens per word" in ran.out
    assert "general text" in ran.out
    assert ran.out.splitlines()[-1].startswith(("Extend: ", "Do not extend: "))


def test_a_report_as_json(tailorbird: Command, words: Path, checkpoint: Path):
    ran = tailorbird("vocabulary", "report", words, "--model", checkpoint, "--add", 5, "--json")
    done = json.loads(ran.out)
    assert done["domain"]["words"] == 60 * 8
    assert len(done["saving"]["tokens"]) == 5
    assert ran.err == ""


def test_extending_writes_a_model_and_says_how_to_use_it(
    tailorbird: Command, words: Path, checkpoint: Path, tmp_path: Path
):
    out = tmp_path / "my model"
    ran = tailorbird(
        "vocabulary", "extend", words, "--model", checkpoint, "--add", 8, "--epochs", 0,
        "--out", out,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert f"--model '{out}'" in ran.out
    assert (out / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("extend", "study"), "--out"),
        (("report", "study", "--model", "http://host/v1#m"), "cannot be seen"),
        (("report", "nowhere.txt"), "no text at"),
    ],
)
def test_mistakes_are_answered_in_plain_words(
    tailorbird: Command, study: Path, words: tuple[str, ...], said: str
):
    ran = tailorbird("vocabulary", *(study if w == "study" else w for w in words))
    assert ran.code == 1
    assert said in ran.err
