"""How well fledgling predicts documents that it was not trained on, family by family.

    python benchmarks/fledgling.py [--model fledgling] [--data-folder DATA] [--documents 60]

Loss is nats per learned token, accuracy the share of learned tokens predicted first, whole the
share of conversations whose every assistant token is. Without DATA the families of real text are
left out.
"""

import argparse
from collections import defaultdict
from itertools import islice
from pathlib import Path

import torch

from tailorbird.models.fledgling.mix import SHARES, Document, documents
from tailorbird.models.fledgling.pretrain import token_rows
from tailorbird.models.local import load_parts

HELD_OUT_SEED = 777
"""Training used the seeds 1 and 2, the tokenizer 1000."""


@torch.inference_mode()
def measure(model: torch.nn.Module, tokenizer: object, held: list[Document]) -> list[float]:
    """Loss, token accuracy and share of whole documents right, of one family."""
    loss = right = count = whole = 0.0
    for row in token_rows(iter(held), tokenizer, 1024):
        ids = torch.tensor([row.tokens])
        learned = torch.tensor(row.learned[1:]) > 0
        logits = model(input_ids=ids).logits[0, :-1][learned]
        wanted = ids[0, 1:][learned]
        loss += torch.nn.functional.cross_entropy(logits, wanted, reduction="sum").item()
        hits = logits.argmax(-1) == wanted
        right, count, whole = (
            right + hits.sum().item(),
            count + len(wanted),
            whole + hits.all().item(),
        )
    return [loss / count, right / count, whole / len(held)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--data-folder", type=Path)
    parser.add_argument("--documents", type=int, default=60)
    arguments = parser.parse_args()
    model, tokenizer = load_parts(arguments.model)
    by_family: dict[str, list[Document]] = defaultdict(list)
    stream = documents(HELD_OUT_SEED, arguments.data_folder)
    for document in islice(stream, 100 * arguments.documents):
        if len(by_family[document.family]) < arguments.documents:
            by_family[document.family].append(document)
    print("| family | loss | token accuracy | whole answers right |\n| --- | --- | --- | --- |")
    for family in SHARES:
        if by_family[family]:
            loss, accuracy, whole = measure(model, tokenizer, by_family[family])
            print(f"| {family} | {loss:.2f} | {accuracy:.2f} | {whole:.2f} |")


if __name__ == "__main__":
    main()
