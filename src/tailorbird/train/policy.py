"""Attach, save and merge adapters (PEFT)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailorbird.errors import ModelError
from tailorbird.extras import need
from tailorbird.store import read_json, said, write_json


@dataclass(frozen=True)
class LoRA:
    """Low-rank adaptation of every linear layer (Hu et al. 2021, arXiv:2106.09685)."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0


def attach(model: Any, adapter: LoRA, seed: int) -> Any:
    """`model` with a fresh trainable adapter; the base is frozen. Equal seeds, equal adapters."""
    peft = need("peft")
    import torch

    torch.manual_seed(seed)
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            r=adapter.rank,
            lora_alpha=adapter.alpha,
            lora_dropout=adapter.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
    )


def save_adapter(model: Any, folder: Path, base: str, template_digest: str) -> None:
    """Adapter weights in PEFT's own layout, with the base and the template they were made for."""
    model.peft_config["default"].base_model_name_or_path = base
    with said("write", folder, need("safetensors").SafetensorError):
        # Embeddings are never trained here; to be sure, PEFT would ask a hub about the base.
        model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    write_json(folder / "tailorbird.json", {"base": base, "chat_template_sha256": template_digest})


def merge_adapter(model: Any, folder: Path, template_digest: str) -> Any:
    """`model` with the adapter's weights added in; refuses a chat template not trained on."""
    peft = need("peft")
    record = folder / "tailorbird.json"
    if record.is_file() and read_json(record)["chat_template_sha256"] != template_digest:
        raise ModelError(
            f"the adapter in {folder} was trained on another chat template than this tokenizer's",
            hint="use the tokenizer that the adapter was trained with",
        )
    try:
        return peft.PeftModel.from_pretrained(model, str(folder)).merge_and_unload().eval()
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the adapter in {folder} does not fit this model: {error}") from error
