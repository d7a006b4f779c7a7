"""Prefix tuning (Li & Liang 2021, arXiv:2101.00190)."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tailorbird.extras import need
from tailorbird.train.adapters.base import peft_task


@dataclass(frozen=True)
class Prefix:
    """Learned keys and values before every prompt, in every layer; the model stays as it is.

    They begin as those of real words: from random ones, training is unstable (section 7.4 of the
    paper, which otherwise writes them by a network).
    """

    rate: ClassVar[float] = 300.0
    tokens: Annotated[int, Field(ge=1)] = 20
    """Virtual tokens: the context is so much shorter."""
    text: str = ""
    """What they begin as, repeated or cut; empty: the task's instruction."""

    @property
    def merges(self) -> bool:
        """They are states, not weights."""
        return False

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """The keys and values of the text, or of tokens drawn at random."""
        from tailorbird.train.adapters import _virtual

        peft, torch = need("peft"), need("torch")
        _virtual.check(model, self.tokens)
        ids = _virtual.first_ids(model, self.tokens, self.text or instruction, tokenizer)
        start = _virtual.keys_and_values(model, model.get_input_embeddings()(ids)[None])
        policy = peft.get_peft_model(
            model,
            peft.PrefixTuningConfig(task_type=peft_task(model), num_virtual_tokens=self.tokens),
        )
        # [layers, 2, heads, tokens, width] -> [tokens, layers * 2 * heads * width]
        flat = torch.stack([torch.cat(layer) for layer in start]).permute(3, 0, 1, 2, 4)
        with torch.no_grad():
            policy.prompt_encoder["default"].embedding.weight.copy_(flat.reshape(self.tokens, -1))
        return _virtual.without_checkpointing(policy)


ADAPTER = Prefix
