"""Tailorbird tailors a language model to one organisation's task, and proves it was worth it.

    task ─► data ─► approaches ─► evaluate ─► decide
                      │   ▲
                      ▼   │
                    train (weights)   models (language models)   retrieve

Folder names are the stages. The same loop as types, each arrow a function:

    Example ─solve─► Prediction ─score─► Score ─collect─► Results ─compare─► Verdict

Public names load on first use: `import tailorbird` costs nothing.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Approach": "approaches.base",
    "Example": "task.types",
    "LM": "models.base",
    "Message": "task.types",
    "Prediction": "task.types",
    "Score": "task.types",
    "Solver": "approaches.base",
    "Task": "task.benchmark",
    "TaskSpec": "task.task",
    "climb": "climbing",
    "load_model": "models.load",
    "load_solver": "approaches.base",
    "load_spec": "task.task",
    "load_task": "task.benchmark",
}

__all__ = [*sorted(_HOME), "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tailorbird' has no attribute {name!r}")
    return getattr(importlib.import_module(f"tailorbird.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
