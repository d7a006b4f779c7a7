"""How fast a language model is evaluated: ours against plain transformers, on the same items.

    python benchmarks/evaluation.py [--model FOLDER] [--items 64] [--prefix 600] [--save]

The items are token ids: a prefix that all share (instructions, demonstrations), a question of
about 44 tokens each, then either 32 new tokens or four options to score. The two sides take turns,
so that a busy machine slows both; answers must be equal.
"""

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import transformers

from tailorbird.models.base import Sampling
from tailorbird.models.decoding import Decoder
from tailorbird.models.files import locate
from tailorbird.store import append_jsonl

RESULTS = Path(__file__).parent / "results.jsonl"
QUESTION, NEW, OPTION, OPTIONS = (24, 64), 32, (3, 8), 4
"""Tokens of a question, of an answer and of an option; options per item."""
PLAIN_BATCH = 16


@dataclass(frozen=True)
class Work:
    """What both sides are given."""

    prompts: list[list[int]]
    options: list[list[int]]


def random_model() -> Any:
    """A Llama of 14.2 M parameters, and 3.1 M in each embedding, whose answers are not dull."""
    config = transformers.LlamaConfig(
        vocab_size=8192, hidden_size=384, intermediate_size=1024, num_hidden_layers=8,
        num_attention_heads=6, max_position_embeddings=2048, initializer_range=0.1,
        tie_word_embeddings=False, pad_token_id=0, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config).eval()


def load(folder: str) -> Any:
    model = transformers.AutoModelForCausalLM.from_pretrained(locate(folder), dtype=torch.float32)
    model.generation_config.eos_token_id = None  # every answer is NEW tokens long
    return model.eval()


def workload(vocabulary: int, items: int, prefix: int) -> Work:
    draw = random.Random(0)

    def ids(count: int) -> list[int]:
        return [draw.randrange(10, vocabulary) for _ in range(count)]

    shared = ids(prefix)
    prompts = [shared + ids(draw.randint(*QUESTION)) for _ in range(items)]
    return Work(prompts, [ids(draw.randint(*OPTION)) for _ in range(OPTIONS)])


# ---- the two sides -----------------------------------------------------------------------------


def our_answers(model: Any, work: Work) -> Any:
    decoder = Decoder(model, frozenset(), 0)
    return decoder.generate(work.prompts, Sampling(max_tokens=NEW))


def our_scores(model: Any, work: Work) -> Any:
    return [
        [sum(s) for s in row]
        for row in Decoder(model, frozenset(), 0).score(work.prompts, work.options)
    ]


@torch.inference_mode()
def plain_answers(model: Any, work: Work) -> Any:
    answers = []
    for start in range(0, len(work.prompts), PLAIN_BATCH):
        ids, mask = padded(work.prompts[start : start + PLAIN_BATCH])
        out = model.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, pad_token_id=0
        )
        answers += out[:, ids.shape[1] :].tolist()
    return answers


@torch.inference_mode()
def plain_scores(model: Any, work: Work) -> Any:
    rows = [(prompt, option) for prompt in work.prompts for option in work.options]
    scores = []
    for start in range(0, len(rows), PLAIN_BATCH):
        batch = rows[start : start + PLAIN_BATCH]
        ids, mask = padded([prompt + option for prompt, option in batch])
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        keep = OPTION[1] + 1
        out = model(ids, attention_mask=mask, position_ids=positions, logits_to_keep=keep)
        logprobs = out.logits.log_softmax(-1)
        for row, (_, option) in zip(logprobs, batch):
            places = torch.arange(keep - 1 - len(option), keep - 1)
            scores.append(float(row[places, torch.tensor(option)].sum()))
    return [scores[i : i + OPTIONS] for i in range(0, len(scores), OPTIONS)]


def padded(rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(r)) + r for r in rows])
    mask = torch.tensor([[0] * (longest - len(r)) + [1] * len(r) for r in rows])
    return ids, mask


# ---- measuring ---------------------------------------------------------------------------------

SIDES: dict[str, tuple[Callable[[Any, Work], Any], Callable[[Any, Work], Any]]] = {
    "generate": (our_answers, plain_answers),
    "score": (our_scores, plain_scores),
}


def measure(kind: str, model: Any, work: Work, repeats: int) -> dict[str, Any]:
    """Items per second of both sides, medians of `repeats` turns each."""
    seconds: tuple[list[float], list[float]] = ([], [])
    results: list[Any] = [None, None]
    for _ in range(repeats):
        for side, run in enumerate(SIDES[kind]):
            begun = time.perf_counter()
            results[side] = run(model, work)
            seconds[side].append(time.perf_counter() - begun)
    ours, plain = (len(work.prompts) / statistics.median(s) for s in seconds)
    row = {"kind": kind, "ours": round(ours, 2), "plain": round(plain, 2)}
    return row | {"ratio": round(ours / plain, 1), "differ": differing(kind, *results)}


def differing(kind: str, ours: list[Any], plain: list[Any]) -> int:
    """How many items do not have the same answer on both sides."""
    if kind == "generate":
        return sum(a != b for a, b in zip(ours, plain))
    return sum(
        max(abs(a - b) for a, b in zip(row, expected)) > 1e-3 for row, expected in zip(ours, plain)
    )


def setting(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "benchmark": "evaluation",
        "model": Path(options.model).name if options.model else "random Llama, 14.2 M",
        "items": options.items,
        "prefix": options.prefix,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "load": round(os.getloadavg()[0], 1),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="a model folder or fledgling; without, random weights")
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--prefix", type=int, default=600, help="tokens that all prompts share")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--save", action="store_true", help=f"append to {RESULTS.name}")
    options = parser.parse_args()
    model = load(options.model) if options.model else random_model()
    work = workload(model.config.vocab_size, options.items, options.prefix)
    for kind in SIDES:
        row = measure(kind, model, work, options.repeats)
        print(
            f"{kind:9} ours {row['ours']:7.2f} items/s   plain {row['plain']:7.2f} items/s   "
            f"{row['ratio']:5.1f}x   {row['differ']} of {options.items} differ",
            flush=True,
        )
        if options.save:
            append_jsonl(RESULTS, [setting(options) | row])


if __name__ == "__main__":
    main()
