"""TRL: padded or packed, in float32 without checkpointing on a CPU; `default` is as it comes."""

from typing import Any

import torch
from datasets import Dataset
from measured import ALPHA, BATCH, LONGEST, PACKED_BATCH, RANK, RATE, Clock, Job, timing_callback
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer


def main() -> None:
    job = Job.given()
    cuda = job.device == "cuda"
    settings: dict[str, Any] = {
        "output_dir": job.scratch, "max_length": LONGEST, "num_train_epochs": 1,
        "learning_rate": RATE, "report_to": [], "save_strategy": "no", "logging_steps": 1,
        "use_cpu": not cuda, "seed": 0, "per_device_train_batch_size": BATCH,
        "disable_tqdm": True,
    }  # fmt: skip
    if job.variant != "default":
        settings |= {"bf16": cuda, "gradient_checkpointing": False}
    if job.variant == "packed":
        settings |= {"packing": True, "per_device_train_batch_size": PACKED_BATCH}
    dtype = torch.bfloat16 if cuda else torch.float32
    arguments: dict[str, Any] = {
        "model": AutoModelForCausalLM.from_pretrained(job.model, dtype=dtype),
        "processing_class": AutoTokenizer.from_pretrained(job.model),
        "train_dataset": Dataset.from_list(job.read()),
        "peft_config": LoraConfig(
            r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    }
    if job.method == "sft":
        config = SFTConfig(**settings, assistant_only_loss=True)
        trainer: Any = SFTTrainer(args=config, **arguments)
    else:
        trainer = DPOTrainer(args=DPOConfig(**settings), **arguments)
    clock = Clock()
    trainer.add_callback(timing_callback(clock))
    trainer.train()
    clock.report(job, [e["loss"] for e in trainer.state.log_history if "loss" in e])


if __name__ == "__main__":
    main()
