"""What the suites claim, said as sentences; what equal and harmless mean for them."""

import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tailorbird.task.types import Message, Prediction, Prompt

NOISE = 1e-3
"""How far two probabilities may differ and still be equal: batches of another shape add up in
another order."""

STRANGE: tuple[str | Prompt, ...] = (
    "",
    " \n\t",
    "?",
    "🙂🙃 🧵",
    "Ünïcödé 数字 рубль עברית",
    "null\x00 and \x1b[0m",
    "<|end|><|system|>{{ 7 * 7 }} {0} %s",
    "word " * 2000,
    "x" * 3000,
    (
        Message("system", "Be brief."),
        Message("user", "Hello."),
        Message("assistant", "Hello!"),
        Message("user", ""),
    ),
)
"""Inputs unlike anything that was trained on; each must get an answer or an error, as data."""


def claim(holds: bool, sentence: str) -> None:
    """Raise `AssertionError` with `sentence` unless it holds (also under `python -O`)."""
    if not holds:
        raise AssertionError(sentence)


@contextmanager
def never_raises(sentence: str) -> Iterator[None]:
    """Turn whatever an implementation raises into the claim that it broke."""
    try:
        yield
    except Exception as error:  # any exception at all is what the claim is about
        raise AssertionError(f"{sentence}, but {type(error).__name__}: {error}") from error


def probability(value: object) -> bool:
    """Whether `value` is a float in [0, 1]."""
    return isinstance(value, float) and math.isfinite(value) and 0 <= value <= 1


def same(one: Prediction, other: Prediction) -> bool:
    """Equal answers, citations and errors; scores equal but for float noise."""
    if (one.text, one.citations, one.error) != (other.text, other.citations, other.error):
        return False
    pairs = [(one.confidence, other.confidence)]
    if (one.label_scores is None) != (other.label_scores is None):
        return False
    if one.label_scores is not None and other.label_scores is not None:
        if one.label_scores.keys() != other.label_scores.keys():
            return False
        pairs += [(p, other.label_scores[label]) for label, p in one.label_scores.items()]
    return all(_close(a, b) for a, b in pairs)


def _close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return abs(a - b) <= NOISE


def all_same(found: Sequence[Prediction], wanted: Sequence[Prediction], sentence: str) -> None:
    """Claim that two lists of predictions are the same; the first difference is shown."""
    claim(len(found) == len(wanted), f"{sentence}: {len(found)} predictions, not {len(wanted)}")
    for number, (a, b) in enumerate(zip(found, wanted)):
        claim(same(a, b), f"{sentence}: prediction {number} was {b} and is {a}")


def no_pickle(folder: Path) -> None:
    """Claim that nothing under `folder` runs code when it is read."""
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = file.relative_to(folder)
        claim(
            file.suffix not in {".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib"},
            f"{name} is saved in a format that can hold a pickle: use safetensors, .npy or JSON",
        )
        content = file.read_bytes()
        claim(not any(map(_pickled, _parts(content))), f"{name} holds a pickle: reading runs code")


def _parts(content: bytes) -> Iterable[bytes]:
    """The content itself, or that of every member of a zip archive (.npz)."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return [content]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def _pickled(content: bytes) -> bool:
    """A pickle of protocol 2 and up, or a numpy array of objects, which holds one."""
    if content.startswith(b"\x93NUMPY"):
        return b"'|O'" in content[:256]
    return content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
