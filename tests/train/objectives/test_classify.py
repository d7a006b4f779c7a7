"""Classes: the loss by hand, weights for rare classes, and its suite."""

from pathlib import Path

import pytest
import torch

from tailorbird.errors import TaskError
from tailorbird.models.headed import Headed, load_body
from tailorbird.testing import check_objective
from tailorbird.train.objectives.base import make_objective
from tailorbird.train.objectives.classify import Classify, Labelled, balanced

ROWS = [Labelled((5, 6, 7), 0), Labelled((5, 9), 2), Labelled((8, 6, 7, 12, 4), 1)]


def model(checkpoint: Path) -> Headed:
    made = Headed(load_body(str(checkpoint), "full", None, 0).model, "last", 3)
    torch.manual_seed(1)
    torch.nn.init.normal_(made.head.weight)
    return made


@pytest.mark.parametrize(
    "objective",
    [Classify(), Classify(label_smoothing=0.2), Classify(weights=(0.5, 2.0, 3.0))],
    ids=["plain", "smoothed", "weighted"],
)
def test_classify_conforms(objective: Classify, checkpoint: Path) -> None:
    check_objective(objective, ROWS, model(checkpoint))


def test_the_loss_is_that_of_the_class_and_weights_multiply_it(checkpoint: Path) -> None:
    made, weights = model(checkpoint).eval(), (0.5, 2.0, 3.0)
    batch = Classify().collate([{"row": r} for r in ROWS])
    logits = made(batch["input_ids"], batch["attention_mask"]).log_softmax(dim=1)
    each = [-logits[i, r.label] for i, r in enumerate(ROWS)]
    loss, watched = Classify().loss(made, batch)
    torch.testing.assert_close(loss, sum(each))
    right = [int(logits[i].argmax()) == r.label for i, r in enumerate(ROWS)]
    assert float(watched["accuracy"].total) == sum(right)
    weighted, _ = Classify(weights=weights).loss(made, batch)
    torch.testing.assert_close(weighted, sum(weights[r.label] * e for r, e in zip(ROWS, each)))
    assert float(Classify(weights=weights).weight(batch)) == 5.5


def test_balanced_weights_make_every_class_count_the_same() -> None:
    labels = [0] * 6 + [1] * 2 + [2] * 4
    weights = balanced(labels, 3)
    assert [weights[c] * labels.count(c) for c in range(3)] == pytest.approx([4, 4, 4])


def test_a_language_model_has_no_classes() -> None:
    with pytest.raises(TaskError, match="layer of classes") as caught:
        make_objective("classify").rows(None)  # type: ignore[arg-type]
    assert "classification_head" in str(caught.value.hint)
