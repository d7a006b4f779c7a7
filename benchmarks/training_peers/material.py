"""Models with random weights and chats to train them on, made here: nothing is downloaded.

The text is the documentation of Python's standard library, cut at random. Lengths are log-normal
(median 88 tokens, at most 512), as those of real instruction data are.
"""

import ast
import json
import math
import random
import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .measured import LONGEST


@dataclass(frozen=True)
class Size:
    """A Llama and how many examples of it are trained on."""

    vocabulary: int
    width: int
    inner: int
    layers: int
    heads: int
    examples: int


SIZES = {
    "S": Size(8192, 384, 1024, 8, 6, 96),  # 14.2 M, and 3.1 M in the tied embeddings
    "M": Size(32000, 768, 2048, 9, 12, 32),  # 63.7 M + 24.6 M
    "L": Size(32000, 2048, 5632, 22, 32, 640),  # 1.1 G + 66 M, for a GPU
}
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}"
    "{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] + '<|im_end|>' }}"
    "{% endgeneration %}{{ '\n' }}{% else %}{{ m['content'] + '<|im_end|>\n' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|pad|>"]


def make(size: str, method: str, folder: Path, device: str) -> tuple[Path, Path, int]:
    """Model folder, file of rows, and how many tokens these have; made where they are missing."""
    model, rows = folder / f"model-{size}-{device}", folder / f"{method}-{size}.jsonl"
    words = words_of_the_library()
    if not (model / "config.json").is_file():
        _make_model(SIZES[size], words, model, device)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    if not rows.is_file():
        drawn = _draw(tokenizer, words, SIZES[size].examples, method)
        rows.write_text("".join(json.dumps(row) + "\n" for row in drawn), encoding="utf-8")
    lines = rows.read_text(encoding="utf-8").splitlines()
    chats = [chat for line in lines for chat in chats_of(json.loads(line))]
    return model, rows, sum(_count(tokenizer, chat) for chat in chats)


def chats_of(row: dict[str, Any]) -> list[list[dict[str, str]]]:
    """The conversations of a row: one, or the better and the worse of a preference."""
    if "messages" in row:
        return [row["messages"]]
    return [row["prompt"] + row["chosen"], row["prompt"] + row["rejected"]]


def words_of_the_library() -> list[str]:
    found = []
    library = Path(sysconfig.get_paths()["stdlib"])
    for file in sorted(library.rglob("*.py")):
        if {"test", "site-packages", "lib2to3"} & set(file.parts):
            continue
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        kinds = (ast.FunctionDef, ast.ClassDef, ast.Module, ast.AsyncFunctionDef)
        texts = [ast.get_docstring(n) or "" for n in ast.walk(tree) if isinstance(n, kinds)]
        found += [re.sub(r"\s+", " ", text) for text in texts if len(text) > 80]
    return " ".join(found).split(" ")


def _make_model(size: Size, words: list[str], folder: Path, device: str) -> None:
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    encoder = Tokenizer(models.BPE())
    encoder.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    encoder.decoder = decoders.ByteLevel()
    encoder.train_from_iterator([" ".join(words)], trainers.BpeTrainer(
        vocab_size=size.vocabulary, special_tokens=CONTROL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    ))  # fmt: skip
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=encoder, bos_token=CONTROL[0], eos_token=CONTROL[2], pad_token=CONTROL[3],
        model_max_length=2048,
    )  # fmt: skip
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size.vocabulary, hidden_size=size.width, intermediate_size=size.inner,
        num_hidden_layers=size.layers, num_attention_heads=size.heads,
        num_key_value_heads=size.heads, max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=0, eos_token_id=2, pad_token_id=3,
    )  # fmt: skip
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    LlamaForCausalLM(config).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _draw(tokenizer: Any, words: list[str], count: int, method: str) -> list[dict[str, Any]]:
    draw = random.Random(1)

    def text(tokens: int) -> str:
        at = draw.randrange(len(words) - 2000)
        ids = tokenizer(" ".join(words[at : at + 2 * tokens + 20]), add_special_tokens=False)
        return str(tokenizer.decode(ids.input_ids[:tokens])).replace("\ufffd", "").strip()

    rows: list[dict[str, Any]] = []
    while len(rows) < count:
        length = min(LONGEST, max(24, round(math.exp(draw.gauss(math.log(90), 0.75)))))
        answer = max(4, int((length - 12) * draw.uniform(0.2, 0.7)))
        asked = [{"role": "user", "content": text(max(4, length - 12 - answer))}]
        said = [[{"role": "assistant", "content": text(answer)}] for _ in range(2)]
        row = {"prompt": asked, "chosen": said[0], "rejected": said[1]}
        if method == "sft":
            row = {"messages": asked + said[0]}
        if all(_count(tokenizer, chat) <= LONGEST for chat in chats_of(row)):
            rows.append(row)
    return rows


def _count(tokenizer: Any, chat: list[dict[str, str]]) -> int:
    return len(tokenizer.apply_chat_template(chat, return_dict=True)["input_ids"])
