"""Numbers with their words, and words as a shell takes them."""

import shlex
from pathlib import Path


def counted(n: int, one: str, many: str | None = None) -> str:
    """`1 row`, `1,200 rows`; `many` where the plural, or a verb behind it, takes another form."""
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def command_line(*words: object) -> str:
    """A command that can be pasted: `tailorbird mend 'my task' --undo 3`."""
    return quoted("tailorbird", *words)


def quoted(*words: object) -> str:
    """Words of a command, quoted where a shell would read them otherwise.

    Give a path as a `Path`: one that begins with a dash is then no option.
    """
    return shlex.join(map(_word, words))


def _word(word: object) -> str:
    dashed = isinstance(word, Path) and str(word).startswith("-")
    return f"./{word}" if dashed else str(word)
