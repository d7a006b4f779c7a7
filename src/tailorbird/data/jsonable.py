"""Values of Parquet files and hub datasets as JSON holds them."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from tailorbird.data.formats.base import Unusable


def jsonable(value: Any, changed: set[str]) -> Any:
    """The value as JSON; what had to be changed is added to `changed`.

    Raises `Unusable` for bytes and whatever else JSON has no words for.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        changed.add("NaN or infinity replaced by null")
        return None
    if isinstance(value, Mapping):
        return {str(key): jsonable(inner, changed) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(inner, changed) for inner in value]
    if isinstance(value, (date, datetime, time)):
        changed.add("dates and times as ISO 8601")
        return value.isoformat()
    if isinstance(value, (Decimal, UUID, timedelta)):
        changed.add(f"{type(value).__name__} as text")
        return str(value)
    raise Unusable(f"a value of type {type(value).__name__}, which JSON cannot hold")


def without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row without nulls in what it holds: Arrow gives every object the keys of all.

    A column that is null stays: it is a column of the table.
    """
    return {key: _bare(value) for key, value in row.items()}


def _bare(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _bare(inner) for key, inner in value.items() if inner is not None}
    return [_bare(inner) for inner in value] if isinstance(value, list) else value
