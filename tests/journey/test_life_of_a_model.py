"""From an empty folder to a solver at work, by the commands and the public names alone."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import tailorbird
from tailorbird.testing import tiny_checkpoint

SAID = {
    "invoice": ("The bill for my {} is wrong.", "I was charged twice for the {}."),
    "parcel": ("When will the {} arrive?", "The courier lost my {}."),
    "return": ("I want to send the {} back.", "How do I exchange the {}?"),
}
THINGS = ("lamp", "chair", "table", "desk", "clock", "sofa", "shelf", "mirror", "carpet", "stool")
SETTINGS = {
    "budget.prices": {"currency": "CHF", "machine_hour": 1},
    "bar.primary.at_least": 0.6,
    "rungs": ["majority", "linear", "zero_shot", {"fine_tuned": {"epochs": 1}}],
}


def rows() -> Iterator[str]:
    yield "text,label"
    for (label, messages), thing in product(SAID.items(), THINGS):
        for greeting, message in product(("", "Hello. ", "Please help: "), messages):
            yield f'"{greeting}{message.format(thing)}",{label}'


def command(*arguments: str | Path) -> str:
    """What `tailorbird ARGUMENTS...` prints."""
    code = "from tailorbird.cli.main import main; main()"
    line = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path / "model", list(rows()))


def test_life_of_a_model(tmp_path: Path, model: Path):
    shop, run = tmp_path / "shop", tmp_path / "runs" / "shop"
    command("new", shop, "--kind", "label")
    (shop / "data.csv").write_text("\n".join(rows()))
    assert "error" not in command("check", shop)

    changes: list[Any] = [x for k, v in SETTINGS.items() for x in ("--set", f"{k}={json.dumps(v)}")]
    verdict = json.loads(command("climb", shop, "--out", run, "--model", model, "--json", *changes))
    assert verdict["enough"] == "linear"
    assert "linear" in command("report", run)
    assert (run / "report.html").stat().st_size > 10_000

    # What ships is the folder of the winning rung: it works wherever it is moved.
    shutil.move(run / "rungs" / verdict["enough"] / "solver", tmp_path / "shipped")
    shutil.rmtree(run.parent)
    shutil.rmtree(shop)
    question = tailorbird.Example("new", "Hello. The courier lost my wardrobe.")
    (answer,) = tailorbird.load_solver(tmp_path / "shipped").predict([question])
    assert (answer.text, answer.error) == ("parcel", None)
    assert answer.confidence is not None
    assert answer.confidence > 0.5


def test_a_tuned_model_that_reads_works_from_a_moved_folder(
    answer_task: tailorbird.Task, checkpoint: Path, tmp_path: Path
):
    settings = {"retrieve": "sparse", "epochs": 1}
    rung = answer_task.spec.rungs[0].model_copy(
        update={"approach": "fine_tuned", "name": "tuned", "settings": settings}
    )
    spec = answer_task.spec.model_copy(update={"rungs": (rung,), "model": str(checkpoint)})
    task = tailorbird.Task(spec, answer_task.splits, answer_task.documents)
    found = tailorbird.climb(task, tmp_path / "run", quiet=True)
    shutil.move(tmp_path / "run" / "rungs" / "tuned" / "solver", tmp_path / "shipped")
    shutil.rmtree(tmp_path / "run")
    solver = tailorbird.load_solver(tmp_path / "shipped")
    assert [p.text for p in solver.predict(task.examples("test"))] == [
        p.text for p in found.predictions["tuned"]
    ]
    (answer,) = solver.predict([tailorbird.Example("new", "What does a repair cost?")])
    assert answer.error is None
    assert "repairs" in answer.citations
