"""What an adapter is: which weights of a model may change. The file name is the registry.

An adapter is a frozen dataclass whose fields are its settings. Each module beside this one exports
its class as `ADAPTER`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from tailorbird.settings import from_named


class Adapter(Protocol):
    """One way in which weights may change."""

    rate: ClassVar[float]
    """Times the learning rate that suits training all weights (see `train.recipe.usual_rate`)."""

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
    adapter: Adapter = from_named("train.adapters", settings, "adapter", "ADAPTER")
    return adapter


def peft_task(model: Any) -> str:
    """What PEFT calls the use of `model`: to write, or to be read by a head."""
    writes = hasattr(model, "prepare_inputs_for_generation")
    return "CAUSAL_LM" if writes else "FEATURE_EXTRACTION"
