"""A soft prompt (Lester et al. 2021, arXiv:2104.08691)."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from tailorbird.extras import need
from tailorbird.train.adapters.base import peft_task


@dataclass(frozen=True)
class Prompt:
    """Learned embeddings before every prompt; the model stays as it is."""

    rate: ClassVar[float] = 100.0
    tokens: Annotated[int, Field(ge=1)] = 20
    """Virtual tokens: the context is so much shorter."""
    text: str = ""
    """What they begin as, repeated or cut; empty: the task's instruction."""

    @property
    def merges(self) -> bool:
        """They are inputs, not weights."""
        return False

    def loading(self) -> dict[str, Any]:
        """The base as it is."""
        return {}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """The embeddings of the text, or of tokens drawn at random."""
        from tailorbird.train.adapters import _virtual

        peft, torch = need("peft"), need("torch")
        _virtual.check(model, self.tokens)
        ids = _virtual.first_ids(model, self.tokens, self.text or instruction, tokenizer)
        start = model.get_input_embeddings()(ids).detach().float()
        policy = peft.get_peft_model(
            model,
            peft.PromptTuningConfig(task_type=peft_task(model), num_virtual_tokens=self.tokens),
        )
        with torch.no_grad():
            policy.prompt_encoder["default"].embedding.weight.copy_(start)
        return _virtual.with_places(policy)


ADAPTER = Prompt
