"""The benchmark of base models, on a data folder of a few lines and a random model."""

import gzip
import json
import math
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import fledgling
from base_model.intents import likeliest
from base_model.perplexity import cut, joined
from base_model.subject import Subject
from base_model.xquad import ANSWER_TOKENS, Question, answer_marks, fitting

from tailorbird.models.base import TokenLogprobs
from tailorbird.models.text import log_probabilities


@pytest.fixture
def data_folder(tmp_path: Path) -> Path:
    """Test sets of the right shape with invented text in them."""
    pair = {"sentence_good": "The cats sleep.", "sentence_bad": "The cats sleeps."}
    pairs = [
        pair | {"UID": uid, "linguistics_term": "agreement"}
        for uid in ("one", "two")
        for _ in range(3)
    ]
    paragraph = {
        "context": "The tower was built in 1871 by a baker.",
        "qas": [{"question": "When was it built?", "answers": [{"text": "1871"}]}],
    }
    articles = [{"title": t, "paragraphs": [paragraph]} for t in ("Old_Tower", "New_Tower")]
    messages = [[f"please do {n} again {i}", f"do_{n}"] for n in range(12) for i in range(4)]
    files = {
        "blimp/blimp.jsonl.gz": "\n".join(map(json.dumps, pairs)),
        "enwiki_plain/valid.txt.gz": "Tower\nIt is tall.\n\nBridge\nIt is long.\n",
        "enwiki_plain/titles.tsv.gz": "1\ttrain\tOld Tower\turl\n2\tvalid\tTower\turl\n",
        "wikitext2_valtest/test.txt": " \n = Tower = \n \n It is tall , they say . \n",
        "xquad_en/xquad.en.json": json.dumps({"data": articles}),
        "clinc150/data_full.json": json.dumps({"train": messages, "test": messages}),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        raw = text.encode()
        (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return tmp_path


def _run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["fledgling.py", *map(str, words)])
    fledgling.main()


def test_parts_with_data_are_measured_and_kept(
    monkeypatch: pytest.MonkeyPatch, data_folder: Path, checkpoint: Path
):
    saved = data_folder / "saved.json"
    _run(
        monkeypatch, "--model", checkpoint, "--data-folder", data_folder, "--subsets", 2,
        "--per-paradigm", 2, "--only", "perplexity", "blimp", "xquad", "intents", "--save", saved,
    )  # fmt: skip
    report = json.loads(saved.read_text("utf-8"))
    assert report["not_measured"] == {}
    assert str(data_folder) not in report["command"]
    rows = {part: found["rows"] for part, found in report["parts"].items()}
    assert [row["bytes"] for row in rows["perplexity"]] == [35, 27]
    assert {row["pairs"] for row in rows["blimp"]} == {4}
    assert [row["items"] for row in rows["xquad"]] == [2, 1]
    one = [row for row in rows["intents"] if row["labels"] == 5]
    assert [row["messages"] for row in one] == [40] * 4
    assert [row["examples of each"] for row in one] == [0, 1, 2, 4]


def test_a_part_without_data_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    _run(monkeypatch, "--only", "mix", "blimp", "--documents", 1)
    said = capsys.readouterr().out
    assert "| passage_qa |" in said
    assert "## blimp\n\nnot measured: it needs --data-folder" in said


def test_batching_and_padding_leave_no_trace(checkpoint: Path):
    subject = Subject(str(checkpoint))
    rows = [[subject.start, *subject.ids("How do I claim? " * n)] for n in (1, 9, 4, 2, 0)]
    together = log_probabilities(subject.parts[0], rows)
    alone = [log_probabilities(subject.parts[0], [row])[0] for row in rows]
    assert together == pytest.approx(alone, abs=1e-3)
    assert together[-1] == 0
    # A random model spreads its belief about evenly.
    vocabulary = len(subject.parts[1])
    assert -together[1] / (len(rows[1]) - 1) == pytest.approx(math.log(vocabulary), rel=0.1)


def test_windows_hold_every_token_once():
    ids = list(range(10))
    windows = cut(ids, 4)
    assert [t for w in windows for t in w] == ids
    assert max(map(len, windows)) == 4


def test_the_text_of_wikitext_is_ordinary_again():
    text = ' = = Youth = = \n \n He \'s 2 @,@ 000 ( or 3 @.@ 5 ) years " old , " they say . \n'
    assert joined(text) == 'Youth\nHe\'s 2,000 (or 3.5) years "old," they say.'


def test_the_likeliest_label_has_the_highest_sum():
    assert likeliest([TokenLogprobs((-1.0, -1.0)), TokenLogprobs((-1.5,))]) == 1


@pytest.mark.parametrize(
    ("said", "marks"),
    [
        ("The year 1871.", (0, 2 / 3, 1, 0)),
        ("1871", (1, 1, 1, 1)),
        ("by a baker", (0, 0, 0, 1)),
        ("18", (0, 0, 0, 0)),
        ("", (0, 0, 0, 0)),
    ],
)
def test_an_answer_is_marked_as_squad_does(said: str, marks: tuple[float, ...]):
    asked = Question("Tower", "Built in 1871 by a baker.", "When?", ("1871",))
    assert answer_marks(said, asked) == pytest.approx(marks)


def test_a_passage_is_cut_only_where_it_must_be(checkpoint: Path):
    lm = Subject(str(checkpoint)).lm
    short = Question("Tower", "It is tall.", "How tall?", ("tall",))
    long = Question("Tower", "It is tall. " * 400, "How tall?", ("tall",))
    assert fitting(lm, short)[1] is False
    prompt, shortened = fitting(lm, long)
    assert shortened
    assert lm.room(prompt, ANSWER_TOKENS) >= 0
    assert prompt[1].content.endswith("\n\nHow tall?")
