"""torchtune's recipe lora_finetune_single_device, with packing.

torchtune 0.6.1 has no chat tokenizer over a Hugging Face tokenizer.json: the one below writes what
the template of the material writes.
"""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import torchtune
from measured import ALPHA, LONGEST, PACKED_BATCH, RANK, RATE, Clock, Job
from omegaconf import OmegaConf
from torchtune.modules.transforms.tokenizers import HuggingFaceBaseTokenizer


class ChatTokenizer:
    """Conversations as tokens, and which of them are not learned."""

    def __init__(self, path: str) -> None:
        self.inner = HuggingFaceBaseTokenizer(
            f"{path}/tokenizer.json", tokenizer_config_json_path=f"{path}/tokenizer_config.json",
            generation_config_path=f"{path}/generation_config.json",
        ).tokenizer  # fmt: skip
        self.max_seq_len = LONGEST
        self.pad_id = self.inner.token_to_id("<|pad|>")
        self.eos_id = self.inner.token_to_id("<|im_end|>")
        self.stop_tokens = [self.eos_id]

    def _ids(self, text: str) -> list[int]:
        return list(self.inner.encode(text, add_special_tokens=False).ids)

    def __call__(self, sample: dict[str, Any], inference: bool = False) -> dict[str, Any]:
        """A sample with tokens in place of its messages."""
        tokens: list[int] = []
        masked: list[bool] = []
        for message in sample.pop("messages"):
            for text, hidden in (
                (f"<|im_start|>{message.role}\n", True),
                (message.text_content + "<|im_end|>", message.masked),
                ("\n", True),
            ):
                ids = self._ids(text)
                tokens += ids
                masked += [hidden] * len(ids)
        return sample | {"tokens": tokens[:LONGEST], "mask": masked[:LONGEST]}


def settings(job: Job) -> dict[str, Any]:
    """The recipe's configuration."""
    shape = json.loads((Path(job.model) / "config.json").read_text())
    return {
        "output_dir": job.scratch,
        "model": {
            "_component_": "torchtune.models.llama3_2.lora_llama3_2",
            "lora_attn_modules": ["q_proj", "k_proj", "v_proj", "output_proj"],
            "apply_lora_to_mlp": True, "vocab_size": shape["vocab_size"],
            "num_layers": shape["num_hidden_layers"], "num_heads": shape["num_attention_heads"],
            "num_kv_heads": shape["num_key_value_heads"], "embed_dim": shape["hidden_size"],
            "max_seq_len": 2048, "intermediate_dim": shape["intermediate_size"],
            "rope_base": 10000, "scale_factor": 1, "lora_rank": RANK, "lora_alpha": ALPHA,
            "lora_dropout": 0.0,
        },
        "tokenizer": {"_component_": "run_torchtune.ChatTokenizer", "path": job.model},
        "checkpointer": {
            "_component_": "torchtune.training.FullModelHFCheckpointer",
            "checkpoint_dir": job.model, "checkpoint_files": ["model.safetensors"],
            "recipe_checkpoint": None, "output_dir": job.scratch, "model_type": "LLAMA3_2",
        },
        "resume_from_checkpoint": False, "save_adapter_weights_only": True,
        "dataset": {
            "_component_": "torchtune.datasets.chat_dataset", "source": "json",
            "data_files": job.rows, "split": "train", "conversation_column": "messages",
            "conversation_style": "openai", "train_on_input": False, "packed": True,
        },
        "seed": 0, "shuffle": True, "batch_size": PACKED_BATCH,
        "optimizer": {
            "_component_": "torch.optim.AdamW", "fused": True, "weight_decay": 0.0, "lr": RATE
        },
        "lr_scheduler": {
            "_component_": "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup",
            "num_warmup_steps": 1,
        },
        "loss": {"_component_": "torchtune.modules.loss.CEWithChunkedOutputLoss"},
        "epochs": 1, "max_steps_per_epoch": None, "gradient_accumulation_steps": 1,
        "clip_grad_norm": None, "compile": False, "log_every_n_steps": 1,
        "metric_logger": {
            "_component_": "torchtune.training.metric_logging.DiskLogger",
            "log_dir": f"{job.scratch}/logs",
        },
        "log_peak_memory_stats": False, "device": job.device,
        "dtype": "bf16" if job.device == "cuda" else "fp32",
        "enable_activation_checkpointing": False, "enable_activation_offloading": False,
        "profiler": {"_component_": "torchtune.training.setup_torch_profiler", "enabled": False},
    }  # fmt: skip


def recipe() -> Any:
    """The recipe's class: a script beside the package."""
    file = Path(torchtune.__file__).parents[1] / "recipes" / "lora_finetune_single_device.py"
    spec = importlib.util.spec_from_file_location("lora_finetune_single_device", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.LoRAFinetuneRecipeSingleDevice


def main() -> None:
    job = Job.given()
    sys.path.insert(0, str(Path(__file__).parent))
    config = OmegaConf.create(settings(job))
    trainer = recipe()(cfg=config)
    trainer.setup(cfg=config)
    trainer.save_checkpoint = lambda *_, **__: None  # the others write none either
    losses: list[float] = []
    logger = trainer._metric_logger
    write = logger.log_dict

    def log(payload: dict[str, Any], step: int) -> None:
        clock.step()
        losses.append(float(payload["loss"]))
        write(payload, step)

    logger.log_dict = log
    clock = Clock()
    trainer.train()
    clock.report(job, losses)


if __name__ == "__main__":
    main()
