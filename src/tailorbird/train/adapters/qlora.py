"""LoRA on a base of four bits (Dettmers et al. 2023, arXiv:2305.14314)."""

from dataclasses import dataclass
from typing import Any, Literal

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.train.adapters._low_rank import LowRank


@dataclass(frozen=True)
class QLoRA(LowRank):
    """A quarter of the memory for weights; each is unpacked to bfloat16 where it is used."""

    quant: Literal["nf4", "fp4"] = "nf4"
    """The sixteen values of a weight: quantiles of a normal distribution, or small floats."""
    double: bool = True
    """Whether the scales are quantised as well: 0.4 bits less per weight."""

    @property
    def merges(self) -> bool:
        """Four bits have no room for what was learned."""
        return False

    def loading(self) -> dict[str, Any]:
        """Quantised by bitsandbytes, on the first CUDA GPU."""
        torch, transformers = need("torch"), need("transformers")
        if not torch.cuda.is_available():
            raise ModelError(
                "qlora needs a CUDA GPU for its base of four bits, and this machine has none",
                hint="use the adapter lora: the same, on a base in full precision",
            )
        need("bitsandbytes")
        quantization = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type=self.quant,
            bnb_4bit_use_double_quant=self.double, bnb_4bit_compute_dtype=torch.bfloat16,
        )  # fmt: skip
        return {"quantization_config": quantization, "device_map": {"": 0}}

    def attach(self, model: Any, tokenizer: Any, instruction: str) -> Any:
        """LoRA, with norms and embeddings in float32."""
        if getattr(model, "quantization_method", None) is None:
            raise ModelError(
                "qlora needs a base that was loaded with four bits, and this one was not",
                hint="load it with load_parts(model, adapter), or use the adapter lora",
            )
        # Whether layers are checkpointed is for the recipe to say.
        model = need("peft").prepare_model_for_kbit_training(
            model, use_gradient_checkpointing=False
        )
        return super().attach(model, tokenizer, instruction)


ADAPTER = QLoRA
