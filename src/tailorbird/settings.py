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
