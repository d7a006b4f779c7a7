"""Settings of a task file -> the frozen dataclass of one variant."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tailorbird.errors import TaskError, nearest
from tailorbird.registry import module, names


def from_settings(
    folder: str, name: str, settings: Mapping[str, Any], what: str, attribute: str
) -> Any:
    """The class that `name` in `folder` exports as `attribute`, made with `settings`.

    Raises `TaskError` for an unknown name or setting, with the nearest one, and for a wrong value.
    `what` is how a message calls it: "approach", "adapter".
    """
    if name not in names(folder):
        raise TaskError(f'no {what} is called "{name}"{nearest(name, names(folder))}')
    cls = getattr(module(folder, name), attribute)
    known = {f.name for f in dataclasses.fields(cls)}
    for key in settings:
        if key not in known:
            raise TaskError(f'{name} has no setting "{key}"{nearest(str(key), known)}')
    try:
        return TypeAdapter(cls).validate_python(dict(settings))
    except ValidationError as error:
        wrong = error.errors()[0]
        setting = ".".join(map(str, wrong["loc"]))
        raise TaskError(f'{name}: "{setting}": {wrong["msg"]}') from error


def from_named(folder: str, given: str | Mapping[str, Any], what: str, attribute: str) -> Any:
    """The same from a name, or from one name with its settings: `dora`, `{dora: {rank: 8}}`."""
    if isinstance(given, str):
        given = {given: {}}
    if len(given) != 1:
        raise TaskError(
            f"{what} is one name with its settings, and {len(given)} are given",
            hint=f"write {what}: NAME, or {what}: {{NAME: {{KEY: VALUE}}}}",
        )
    [(name, settings)] = given.items()
    if settings is not None and not isinstance(settings, Mapping):
        raise TaskError(
            f"the settings of {what} {name} are {settings!r}, and must be keys with values",
            hint=f"write {what}: {{{name}: {{KEY: VALUE}}}}",
        )
    return from_settings(folder, name, settings or {}, what, attribute)
