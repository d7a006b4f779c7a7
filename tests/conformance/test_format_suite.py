"""Every format through its suite; and formats broken on purpose, which the suite must notice."""

from types import ModuleType
from typing import Any

import pytest

from tailorbird.data.formats import alpaca, columns, genqa, messages, text
from tailorbird.data.formats.base import Record, others
from tailorbird.registry import names
from tailorbird.testing import check_format


@pytest.mark.parametrize("name", names("data.formats"))
def test_format_conforms(name: str):
    check_format(name)


def loses(key: str, write: Any) -> Any:
    return lambda record, dialect: {k: v for k, v in write(record, dialect).items() if k != key}


def crashes(row: Any) -> Any:
    return Record(text=row["text"], further=others(row, "text"))


BROKEN: list[tuple[ModuleType, str, Any, str]] = [
    (messages, "write", loses("tools", messages.write), "gives back"),
    (alpaca, "write", loses("history", alpaca.write), "gives back"),
    (genqa, "write", loses("system", genqa.write), "gives back"),
    (genqa, "HOLDS", {"": genqa.HOLDS[""] | {"weights"}}, "gives back"),
    (columns, "HOLDS", {"": columns.HOLDS[""] | {"ranking"}}, "ValueError|claims to hold|gives"),
    (text, "HOLDS", {"": text.HOLDS[""] | {"everything"}}, "not in CAPABILITIES"),
    (text, "HOLDS", {}, "no dialect"),
    (text, "read", crashes, "KeyError, not Unusable|TypeError, not Unusable"),
    (text, "EXAMPLES", True, "no row gives an example"),
    (columns, "recognise", lambda row: "input" in row, "recognise should take"),
]


@pytest.mark.parametrize(("module", "name", "value", "says"), BROKEN)
def test_a_broken_format_is_noticed(
    module: ModuleType, name: str, value: Any, says: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, name, value)
    with pytest.raises(AssertionError, match=says):
        check_format(module.__name__.rsplit(".", 1)[-1])
