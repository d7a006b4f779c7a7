"""The answer is JSON that holds the task's schema (`outputs.json_schema`), through jsonschema.

The dialect is the one that `$schema` names, else 2020-12. References to other files or addresses
are not followed, and `format` is a remark, as the standard has it. A `pattern` inside a schema is
matched by Python's `re`, which careless patterns can keep busy for long; `outputs.pattern` has no
such patterns.
"""

import json
from functools import lru_cache
from typing import Any

from tailorbird.errors import TaskError
from tailorbird.extras import need
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction, Score

BETTER = "higher"
SUMMARY = "JSON that holds the schema"


def score(example: Example, prediction: Prediction, task: Task) -> Score:
    """1 when the whole answer is JSON and holds; `reason` says what it breaks."""
    if task.json_schema is None:
        return Score(None, "the task names no outputs.json_schema")
    validator = _validator(json.dumps(task.json_schema))
    try:
        answer = json.loads(prediction.text, parse_constant=_no_json)
    except ValueError as error:
        return Score(0.0, f"is not JSON: {error}")
    except RecursionError:
        return Score(0.0, "is nested too deeply")
    broken = _broken(validator, answer)
    return Score(0.0, broken) if broken else Score(1.0)


def _broken(validator: Any, answer: Any) -> str:
    """What of the schema the answer breaks; empty where it holds."""
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        error = best_match(validator.iter_errors(answer))
    except Unresolvable as unknown:
        raise TaskError(
            f"outputs.json_schema refers to {unknown.ref}, which is not in it",
            hint="put it under $defs; nothing is fetched",
        ) from unknown
    except RecursionError:
        return "is nested too deeply"
    return f"{error.json_path}: {error.message[:200]}" if error else ""


def _no_json(constant: str) -> None:
    """Python reads NaN and Infinity, which JSON does not have."""
    raise ValueError(f"{constant} is no number of JSON")


@lru_cache(maxsize=8)
def _validator(schema: str) -> Any:
    need("jsonschema")
    from jsonschema import SchemaError
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing import Registry

    content = json.loads(schema)
    dialect = validator_for(content, default=Draft202012Validator)
    try:
        dialect.check_schema(content)
    except SchemaError as error:
        raise TaskError(
            f"outputs.json_schema is no JSON schema: {error.json_path}: {error.message}"
        ) from error
    return dialect(content, registry=Registry())
