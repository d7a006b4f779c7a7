"""Every error that Tailorbird raises on purpose.

Each says what was found, what was expected and what to do next; each also is the standard error
that it refines, so callers may catch either.

    TailorbirdError
    ├── TaskError         (ValueError)       task.yaml is wrong
    ├── DataError         (ValueError)       a file, row or column is not what the task says
    ├── BenchmarkError    (ValueError)       the benchmark cannot judge anyone
    ├── MissingExtra      (ImportError)      an optional dependency is not installed
    ├── ModelError        (RuntimeError)     a model cannot be loaded or used
    │   └── EndpointError (ConnectionError)  an endpoint refuses, times out or answers rubbish
    │       └── QuotaExceeded                the account behind the endpoint is out of money
    ├── TrainingError     (RuntimeError)     training diverged or cannot start
    └── StoreError        (OSError)          a run folder cannot be written or read

What goes wrong with *one example* is not an exception: it is a `Prediction` with `error` set,
counted as wrong and shown.
"""

import difflib
import unicodedata
from collections.abc import Iterable
from typing import Any


class TailorbirdError(Exception):
    """The root. `hint` is the next step, printed on a line of its own."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(plain(message))
        self.hint = plain(hint) if hint else None


class TaskError(TailorbirdError, ValueError):
    """task.yaml is wrong."""


class DataError(TailorbirdError, ValueError):
    """A file, row or column is not what the task says."""


class BenchmarkError(TailorbirdError, ValueError):
    """The benchmark cannot judge anyone."""


class MissingExtra(TailorbirdError, ImportError):
    """An optional dependency is not installed."""


class ModelError(TailorbirdError, RuntimeError):
    """A model cannot be loaded or used."""


class EndpointError(ModelError, ConnectionError):
    """An endpoint refuses, times out or answers rubbish.

    `finished` holds what was answered before, by the prompt's position: it is paid for.
    """

    def __init__(
        self, message: str, hint: str | None = None, finished: dict[int, Any] | None = None
    ) -> None:
        super().__init__(message, hint)
        self.finished: dict[int, Any] = finished or {}


class QuotaExceeded(EndpointError):
    """The account behind the endpoint is out of money: further requests cannot succeed."""


class TrainingError(TailorbirdError, RuntimeError):
    """Training diverged or cannot start."""


class StoreError(TailorbirdError, OSError):
    """A run folder cannot be written or read."""


def plain(text: str) -> str:
    """`text` on one line, with what could steer a terminal spelled out: it may quote strangers."""
    return "".join(_spelled(c) for c in text)


def _spelled(character: str) -> str:
    if character in "\r\n\t":
        return " "
    category = unicodedata.category(character)  # Cs: lone surrogates, which nothing can print
    steers = category in ("Cc", "Cs") or character in _DIRECTIONS
    return ascii(character)[1:-1] if steers else character


_DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""They turn the direction of what follows, so that a line reads otherwise than it is."""


def nearest(word: str, known: Iterable[str]) -> str:
    """`'; did you mean "x"?'` for the nearest known word, or the list of known words."""
    names = sorted(set(known))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; known: {', '.join(names)}" if names else ""
