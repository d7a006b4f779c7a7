"""Scaled activations, (IA)^3 (Liu et al. 2022, arXiv:2205.05638)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.train.adapters.base import peft_task

_USUAL = ("k_proj", "v_proj", "down_proj")
"""What most models of today call keys, values and the end of the feed-forward block."""


@dataclass(frozen=True)
class IA3:
    """Keys, values and feed-forward activations are multiplied by one learned number each.

    Some ten thousand numbers in a model of a billion: for tens of examples.
    """

    rate: ClassVar[float] = 100.0
    targets: tuple[str, ...] = ()
    """How the names of the layers end whose outputs are scaled; none: keys, values and the
    feed-forward block of the model, as far as they are known."""
    feedforward: tuple[str, ...] = ()
    """Those of the targets whose inputs are scaled instead."""

    @property
    def merges(self) -> bool:
        """A row or column of a matrix takes the factor."""
        return True

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """Factors of one."""
        peft = need("peft")
        targets, feedforward = self.targets, self.feedforward
        if not targets and _has_all(model, _USUAL):
            targets, feedforward = _USUAL, _USUAL[-1:]
        elif not set(feedforward) <= set(targets):
            raise ModelError("ia3: what is named under feedforward must be among the targets")
        known = peft.utils.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING
        if not targets and model.config.model_type not in known:
            raise ModelError(
                f"ia3: which layers of a {model.config.model_type} model hold keys, values and the "
                "feed-forward block is not known",
                hint="name them: ia3: {targets: [...], feedforward: [...]}",
            )
        config = peft.IA3Config(
            task_type=peft_task(model),
            target_modules=list(targets) or None,
            feedforward_modules=list(feedforward) if targets else None,
        )
        return peft.get_peft_model(model, config)


def _has_all(model: Any, endings: tuple[str, ...]) -> bool:
    last = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    return last.issuperset(endings)


ADAPTER = IA3
