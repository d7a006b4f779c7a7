"""transformers.Trainer with PEFT and the padding collator that comes with it."""

from measured import ALPHA, BATCH, LONGEST, RANK, RATE, Clock, Job, timing_callback
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
)


def main() -> None:
    job = Job.given()
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    lora = LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(job.model), lora)
    rows = []
    for row in job.read():
        found = tokenizer.apply_chat_template(
            row["messages"], return_dict=True, return_assistant_tokens_mask=True, truncation=True,
            max_length=LONGEST,
        )  # fmt: skip
        ids, learned = found["input_ids"], found["assistant_masks"]
        labels = [token if on else -100 for token, on in zip(ids, learned)]
        rows.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    arguments = TrainingArguments(
        output_dir=job.scratch, per_device_train_batch_size=BATCH, num_train_epochs=1,
        learning_rate=RATE, report_to=[], save_strategy="no", logging_steps=1, seed=0,
        use_cpu=job.device == "cpu", bf16=job.device == "cuda", disable_tqdm=True,
    )  # fmt: skip
    trainer = Trainer(
        model=model, args=arguments, train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer, padding=True),
    )  # fmt: skip
    clock = Clock()
    trainer.add_callback(timing_callback(clock))
    trainer.train()
    clock.report(job, [e["loss"] for e in trainer.state.log_history if "loss" in e])


if __name__ == "__main__":
    main()
