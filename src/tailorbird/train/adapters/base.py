"""What an adapter is: which weights of a model may change. The file name is the registry.

An adapter is a frozen dataclass whose fields are its settings. Each module beside this one exports
its class as `ADAPTER`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from tailorbird.errors import TaskError
from tailorbird.settings import from_settings


class Adapter(Protocol):
    """One way in which weights may change."""

    @property
    def merges(self) -> bool:
        """Whether what it learns can be added into the weights of the base, at no cost later."""

    def loading(self) -> dict[str, Any]:
        """What `from_pretrained` must be told so that the base fits; mostly nothing.

        Raises `ModelError` where this machine cannot load it so.
        """

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """`model` with what is trained set to require gradients, and all else frozen.

        Virtual tokens may begin as the words of `instruction`; `tokenizer` is None where nobody
        has one at hand.
        """


def make_adapter(settings: str | Mapping[str, Any]) -> Adapter:
    """The adapter that a task file names: `"dora"`, or `{"dora": {"rank": 8}}`.

    Raises `TaskError` for an unknown adapter or setting, naming the nearest one.
    """
    if isinstance(settings, str):
        settings = {settings: {}}
    if len(settings) != 1:
        raise TaskError(
            f"an adapter is one name with its settings, and {len(settings)} are given",
            hint="write adapter: lora, or adapter: {lora: {rank: 8}}",
        )
    [(name, given)] = settings.items()
    if given is not None and not isinstance(given, Mapping):
        raise TaskError(
            f"the settings of the adapter {name} are {given!r}, and must be keys with values",
            hint=f"write adapter: {{{name}: {{KEY: VALUE}}}}",
        )
    adapter: Adapter = from_settings("train.adapters", name, given or {}, "adapter", "ADAPTER")
    return adapter
