import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailorbird.data.read import Loaded, load_examples
from tailorbird.task.task import Data


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], str]:
    """Write bytes, text, or rows as JSON lines; returns the path as a task file would name it."""

    def write(name: str, content: Any) -> str:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            content = "".join(json.dumps(row) + "\n" for row in content)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return write


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Loaded]:
    """Load what task.yaml would hold under `data`."""

    def load(seed: int = 0, data_folder: Path | None = None, **data: Any) -> Loaded:
        return load_examples(Data.model_validate(data), tmp_path, data_folder, seed)

    return load
