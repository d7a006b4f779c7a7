"""The benchmark of mixtures reads the real data sets, and a mixture of both is trained."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tailorbird.approaches.base import Run, make_approach
from tailorbird.store import read_json

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
sys.path.append(str(ROOT / "benchmarks"))

pytestmark = pytest.mark.skipif(
    not (DATA / "bitext_support").is_dir(), reason=f"the data sets are not in {DATA}"
)


def test_a_mixture_of_clinc150_and_customer_support(
    checkpoint: Path, run: Callable[..., Run], tmp_path: Path
) -> None:
    from multi_task import bitext, clinc150, write_task

    tasks = {}
    for name, read, count in (("clinc150", clinc150, 150), ("bitext", bitext, 27)):
        found = read(DATA)
        assert len(found) == count
        rows = {label: found[label] for label in sorted(found)[:5]}
        tasks[name] = write_task(tmp_path / name, name, rows, train=6)
    settings = {"tasks": ["../bitext"], "epochs": 1, "rank": 2}
    make_approach("multi_task", settings).fit(tasks["clinc150"].without_test(), run(checkpoint))
    marks = read_json(run().folder / "tasks.json")
    assert {m["task"]: m["n"] for m in marks.values()} == {"clinc150": 25, "bitext": 25}
    assert read_json(run().folder / "rows.json")["."] == {"rows": 30, "share": 0.5}
