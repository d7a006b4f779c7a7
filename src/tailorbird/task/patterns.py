"""Regular expressions that cannot run away.

Python's `re` can take time exponential in the text, and the text is a model's. These are matched
by Rust's engine, which is inside pydantic: time is linear in the text, and in exchange there are
no look-arounds and no back-references.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError


@lru_cache(maxsize=64)
def whole(pattern: str) -> Callable[[str], bool]:
    """Whether a text matches `pattern` from end to end.

    Raises `ValueError` when it is no regular expression of Rust's syntax.
    """
    shape = Annotated[str, StringConstraints(pattern=rf"\A(?:{pattern})\z")]
    try:
        adapter: TypeAdapter[str] = TypeAdapter(shape)
    except SchemaError as error:
        said = str(error).strip().splitlines()[-1].removeprefix("error: ")
        raise ValueError(f"{pattern!r} is no regular expression: {said}") from error
    return lambda text: _holds(adapter, text)


def _holds(adapter: TypeAdapter[str], text: str) -> bool:
    try:
        adapter.validate_python(text, strict=True)
    except ValidationError:
        return False
    return True
