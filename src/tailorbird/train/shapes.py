"""Models as their configurations describe them: shapes, no numbers (torch's meta device)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.models.files import locate
from tailorbird.train.memory import Footprint
from tailorbird.train.workload import Training


@dataclass(frozen=True)
class Model:
    """A model as its configuration describes it, on the meta device: shapes and no numbers."""

    name: str
    config: Any
    chat: Any
    dtype: Any

    @classmethod
    def of(cls, name: str, on_cpu: bool) -> "Model":
        """Raises `ModelError` when there is no configuration or tokenizer to be found."""
        import torch

        from tailorbird.models.chat import Chat
        from tailorbird.models.local import first_line

        transformers = need("transformers")
        where = locate(name)
        try:
            config = transformers.AutoConfig.from_pretrained(where)
            chat = Chat(transformers.AutoTokenizer.from_pretrained(where))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"nothing can be planned for {name}: {first_line(error)}",
                hint="a plan needs config.json and the tokenizer, here or on the hub; no weights",
            ) from error
        return cls(name, config, chat, torch.float32 if on_cpu else torch.bfloat16)

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may have together."""
        return int(getattr(self.config.get_text_config(), "max_position_embeddings", 0) or 1 << 20)

    def empty(self) -> Any:
        """A fresh copy, for something to be attached to."""
        import torch

        automatic = need("transformers").AutoModelForCausalLM
        with torch.device("meta"):
            return automatic.from_config(self.config, dtype=self.dtype)

    @cached_property
    def frozen(self) -> Footprint:
        """Of the model itself, with nothing trained."""
        return Footprint.of(self.empty().requires_grad_(False))

    @property
    def weights(self) -> float:
        """Bytes."""
        return self.frozen.weights

    @property
    def logits(self) -> float:
        """Bytes per place whose logits are wanted."""
        return self.frozen.logits

    @cached_property
    def kv(self) -> float:
        """Bytes of keys and values per token, over all blocks."""
        config = self.config.get_text_config()
        heads = getattr(config, "num_attention_heads", None) or 1
        groups = getattr(config, "num_key_value_heads", None) or heads
        head = getattr(config, "head_dim", None) or config.hidden_size // heads
        return float(2 * config.num_hidden_layers * groups * head * self.dtype.itemsize)

    @cached_property
    def _meter(self) -> Any:
        from tailorbird.train.throughput import Meter

        return Meter(self.empty().requires_grad_(False))

    def forward(self, tokens: float, places: float, seen: float = 0.0) -> float:
        """Operations of reading `tokens` behind `seen` others, with logits at some `places`."""
        meter = self._meter  # which counts the gradients of the inputs, too: half is forward
        pairs = (tokens**2 + 2 * tokens * seen) * (meter.per_pair or 0) / 3
        return float(tokens * meter.per_token / 2 + places * meter.per_learned / 2 + pairs)

    def policy(self, adapter: Any) -> "Policy":
        """The model with `adapter` attached. Raises `ModelError` where that cannot be."""
        import torch

        from tailorbird.train.adapters._low_rank import LowRank
        from tailorbird.train.adapters.qlora import QLoRA

        model = self.empty()
        low_rank = isinstance(adapter, LowRank)
        # What low-rank adapters look for in the weights themselves is not there to be seen.
        attach = partial(LowRank.attach, adapter) if low_rank else adapter.attach
        with torch.device("meta"):
            attached = attach(model, self.chat.tokenizer, "Answer.")
        weights = _four_bits(model, adapter) if isinstance(adapter, QLoRA) else None
        return Policy(attached, weights)


def _four_bits(model: Any, adapter: Any) -> float:
    """Bytes of the weights of QLoRA: four bits in linear layers, and the scales of blocks of 64
    (Dettmers et al. 2023, section 3: 0.5 bits, or 0.127 where they are quantised as well); what
    else there is, in float32."""
    import torch

    head = model.get_output_embeddings()
    layers = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
    quantised = sum(m.weight.numel() for m in layers)
    scales = 0.127 if getattr(adapter, "double", True) else 0.5
    rest = sum(p.numel() for p in model.parameters()) - quantised
    return float(quantised * (4 + scales) / 8 + 4.0 * rest)


@dataclass(frozen=True)
class Policy:
    """A model with what is trained attached, on the meta device."""

    model: Any
    weights: float | None = None
    """Bytes, where they are not those of the parameters."""

    def footprint(self, stage: Training) -> Footprint:
        """Of one training step."""
        found = Footprint.of(self.model, stage.optimizer, stage.checkpointing)
        return found if self.weights is None else replace(found, weights=self.weights)

    def flops(self, rows: Sequence[Any]) -> float:
        """Useful operations of one forward and backward pass of `rows`."""
        from tailorbird.train.throughput import Meter

        meter = Meter(self.model)
        lengths = [len(r.tokens) for r in rows]
        learned = sum(sum(r.learned) for r in rows)
        pairs = sum(n * n for n in lengths) * (meter.per_pair or 0)
        return float(sum(lengths) * meter.per_token + learned * meter.per_learned + pairs)
