"""The last blocks of the model are trained, and what lies below them stays."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tailorbird.errors import ModelError
from tailorbird.extras import need


@dataclass(frozen=True)
class Layers:
    """All but the last blocks are frozen; no gradient goes below the lowest that is trained."""

    rate: ClassVar[float] = 1.0
    last: Annotated[int, Field(ge=0)] = 2
    """How many blocks are trained, counted from the output."""
    embeddings: bool = False
    """Also the embeddings and the output layer."""
    norms: bool = False
    """Also the norms of all blocks, and the one before the output."""

    @property
    def merges(self) -> bool:
        """The weights are those of a model."""
        return True

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """The model itself; in float32, as in bfloat16 small steps would be rounded away."""
        blocks = _blocks(model)
        if self.last > len(blocks):
            raise ModelError(
                f"layers: the last {self.last} blocks shall be trained, and the model has "
                f"{len(blocks)}",
                hint="lower last, or use the adapter full",
            )
        model.float().requires_grad_(False)
        trained = list(blocks[len(blocks) - self.last :])
        if self.embeddings:
            trained += [model.get_input_embeddings(), model.get_output_embeddings()]
        if self.norms:
            trained += [m for m in model.modules() if "norm" in type(m).__name__.lower()]
        if not trained:
            raise ModelError("layers: nothing is left to train", hint="set last to 1 or more")
        for part in trained:
            part.requires_grad_(True)
        return model


def _blocks(model: Any) -> Any:
    """The blocks of the decoder, first to last."""
    count = model.config.get_text_config().num_hidden_layers
    lists = (m for m in model.modules() if isinstance(m, need("torch").nn.ModuleList))
    found = next((m for m in lists if len(m) == count), None)
    if found is None:
        raise ModelError(
            f"layers: no list of {count} blocks is found in a {model.config.model_type} model",
            hint="use the adapter full or lora",
        )
    return found


ADAPTER = Layers
