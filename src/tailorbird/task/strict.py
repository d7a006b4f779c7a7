"""Strict configuration: an unknown key is refused with the nearest valid one named."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from tailorbird.errors import TaskError, nearest


class Strict(BaseModel):
    """A frozen pydantic model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], data: Mapping[str, Any], where: str) -> M:
    """`data` as a `model`, or a `TaskError` that names every wrong key in plain words."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        lines = list(dict.fromkeys(_explain(model, error)))
        raise TaskError(f"{where}: " + "; ".join(lines)) from error


def _explain(model: type[BaseModel], error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        path = [p for p in item["loc"] if isinstance(p, int) or not p.startswith("function-")]
        dotted = ".".join(str(p) for p in path)
        if item["type"] == "extra_forbidden":
            key = str(path[-1])
            known = _fields(model, [p for p in path[:-1] if isinstance(p, str)])
            yield f'unknown key "{dotted}"{nearest(key, known)}'
        elif item["type"] == "missing":
            yield f'missing key "{dotted}"'
        else:
            said = item["msg"].removeprefix("Value error, ")
            yield f'"{dotted}": {said}' if dotted else said


def _fields(model: type[BaseModel], path: list[str]) -> list[str]:
    """Field names of the model found by walking `path`; union tags in the path are skipped."""
    for part in path:
        info = model.model_fields.get(part)
        inner = next(_models(info.annotation), None) if info else None
        model = inner or model
    return list(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for arg in get_args(annotation):
        yield from _models(arg)
