"""A soft prompt written by a small network (Liu et al. 2021, arXiv:2103.10385)."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tailorbird.extras import need
from tailorbird.train.adapters.base import peft_task


@dataclass(frozen=True)
class PTuning:
    """Virtual tokens that a network computes from embeddings of its own.

    Trained together, they move more easily than the embeddings of a soft prompt by themselves.
    The network is dropped when they are saved.
    """

    rate: ClassVar[float] = 30.0
    tokens: Annotated[int, Field(ge=1)] = 20
    """Virtual tokens: the context is so much shorter."""
    encoder: Literal["mlp", "lstm"] = "mlp"
    """The network: three linear layers, or two of an LSTM in both directions with two behind."""
    hidden: Annotated[int, Field(ge=1)] | None = None
    """Its width; none: the model's."""

    @property
    def merges(self) -> bool:
        """They are inputs, not weights."""
        return False

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """A random network; a text to begin with would be lost in it."""
        from tailorbird.train.adapters import _virtual

        peft = need("peft")
        _virtual.check(model, self.tokens)
        config = peft.PromptEncoderConfig(
            task_type=peft_task(model), num_virtual_tokens=self.tokens,
            encoder_reparameterization_type=self.encoder.upper(), encoder_hidden_size=self.hidden,
        )  # fmt: skip
        return _virtual.with_places(peft.get_peft_model(model, config))


ADAPTER = PTuning
