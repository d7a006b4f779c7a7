"""Real data, where a checkout has it beside it."""

from pathlib import Path

import pytest

from tailorbird.data.read import Loaded, load_examples
from tailorbird.task.task import Data

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
FILE = "{data}/clinc150/data_full.json"

pytestmark = pytest.mark.skipif(
    not (SHARED / "clinc150" / "data_full.json").is_file(),
    reason="the CLINC150 data are not beside this checkout",
)


def load(**more: object) -> Loaded:
    train = [{"path": FILE, "key": "train"}, {"path": FILE, "key": "oos_train"}]
    data = {
        "train": train,
        "dev": {"path": FILE, "key": "val"},
        "test": {"path": FILE, "key": "test"},
        "columns": {"input": 0, "target": 1},
        **more,
    }
    return load_examples(Data.model_validate(data), Path(__file__).parent, SHARED, seed=0)


def test_every_row_is_read() -> None:
    loaded = load()
    assert {s: len(e) for s, e in loaded.splits.items()} == {
        "train": 15_100, "dev": 3_000, "test": 4_500,
    }  # fmt: skip
    assert len({e.target for e in loaded.splits["train"]}) == 151
    assert all(a.kept == a.read and not a.changed for a in loaded.accounts)


def test_train_limit_counts_what_it_leaves_out() -> None:
    loaded = load(train_limit=1_000)
    assert len(loaded.splits["train"]) == 1_000
    left_out = sum(a.dropped["beyond train_limit"] for a in loaded.accounts)
    assert left_out == 14_100
