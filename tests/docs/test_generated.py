"""Generated pages are what the code says."""

import importlib.util
from types import ModuleType

import pytest
from pages import ROOT


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "task-schema.json"])
def test_generated_page_is_current(page: str):
    written = (ROOT / "docs" / page).read_text("utf-8")
    assert written == generator().pages()[page], "run make docs"
