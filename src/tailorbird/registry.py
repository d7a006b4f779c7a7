"""The file name is the registry: `approaches/few_shot.py` is the rung `few_shot`.

Names are listed without importing anything; a module is imported when it is asked for.
"""

import importlib
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

from tailorbird.errors import TaskError, nearest

_NOT_VARIANTS = {"base", "examine", "passages"}


@cache
def names(folder: str) -> tuple[str, ...]:
    """Variants in a folder of the package (`"approaches"`, `"task.scorers"`), sorted."""
    path = Path(__file__).parent.joinpath(*folder.split("."))
    found = (m.name for m in pkgutil.iter_modules([str(path)]) if not m.ispkg)
    return tuple(sorted(n for n in found if n not in _NOT_VARIANTS and not n.startswith("_")))


def module(folder: str, name: str) -> ModuleType:
    """The module of one variant, or `TaskError` with the nearest name."""
    if name not in names(folder):
        raise TaskError(f'no {folder} is called "{name}"{nearest(name, names(folder))}')
    return importlib.import_module(f"tailorbird.{folder}.{name}")
