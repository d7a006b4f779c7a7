"""The pre-training mix, family by family."""

import argparse
from collections import defaultdict
from itertools import islice

import torch
from torch.nn.functional import cross_entropy

from base_model.subject import SEED, Subject
from base_model.table import Cell, Table
from tailorbird.models.fledgling.corpus import token_rows
from tailorbird.models.fledgling.mix import SHARES, Document, documents

NEEDS: tuple[str, ...] = ()
"""Files of the data folder."""


def measure(subject: Subject, options: argparse.Namespace) -> Table:
    """Documents drawn anew from the pre-training mix, family by family.

    Loss is nats per learned token, accuracy the share of learned tokens predicted first, whole the
    share of conversations whose every assistant token is. The values of invented documents are
    drawn afresh; real text (real_questions, cloze, plain, dialogue) comes from the files that
    training reads from too, at another place. Without a data folder it is left out.
    """
    by_family: dict[str, list[Document]] = defaultdict(list)
    for document in islice(documents(SEED, options.data_folder), 100 * options.documents):
        if len(by_family[document.family]) < options.documents:
            by_family[document.family].append(document)
    rows = [(name, *family_marks(subject, by_family[name])) for name in SHARES if by_family[name]]
    return Table(("family", "loss", "token accuracy", "whole answers right", "documents"), rows)


@torch.inference_mode()
def family_marks(subject: Subject, held: list[Document]) -> tuple[Cell, ...]:
    """Loss, token accuracy, share of whole documents right and documents, of one family."""
    model, tokenizer = subject.parts
    loss = right = count = whole = 0.0
    rows = list(token_rows(iter(held), tokenizer))
    for row in rows:
        ids = torch.tensor([row.tokens], device=model.device)
        learned = torch.tensor(row.learned[1:], device=model.device) > 0
        logits = model(input_ids=ids).logits[0, :-1][learned].float()
        wanted = ids[0, 1:][learned]
        loss += cross_entropy(logits, wanted, reduction="sum").item()
        hits = logits.argmax(-1) == wanted
        right, count = right + hits.sum().item(), count + len(wanted)
        whole += hits.all().item()
    if not rows:  # all too long
        return None, None, None, 0
    return loss / count, right / count, whole / len(rows), len(rows)
