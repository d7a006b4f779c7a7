"""Scorers and metrics against the libraries of their fields, on random answers and weights."""

import numpy as np
import pytest
from building import ANSWERS, task

from tailorbird.evaluate.metrics._confidence import BINS, confidences
from tailorbird.registry import module
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prediction

CASES = 60
WORDS = (
    "the",
    "fee",
    "is",
    "£35",
    "within",
    "14",
    "days.",
    "No,",
    "déjà",
    "pay",
    "(now)",
    "a-b",
    "e",
)


def texts(seed: int) -> tuple[list[Example], list[Prediction], Task]:
    """Targets, and answers that share some of their words in their order."""
    rng = np.random.default_rng(seed)
    examples, predictions = [], []
    for i in range(CASES):
        target = [str(w) for w in rng.choice(WORDS, rng.integers(2, 14))]
        kept = [w if rng.random() < 0.7 else str(rng.choice(WORDS)) for w in target]
        examples.append(Example(str(i), "q", " ".join(target)))
        predictions.append(Prediction(" ".join(kept[: rng.integers(0, 15)])))
    return examples, predictions, task(**ANSWERS)


def labels(seed: int, count: int) -> tuple[list[Example], list[Prediction], Task]:
    """Gold labels and probabilities with ties; skewed, and one label is never gold."""
    rng = np.random.default_rng(seed)
    known = [f"l{i}" for i in range(count + 1)]
    gold = rng.choice(count, CASES, p=np.arange(1, count + 1) / sum(range(1, count + 1)))
    logits = rng.normal(size=(CASES, count + 1)).round(1) + np.eye(count + 1)[gold]
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    examples = [Example(str(i), "q", f"l{g}") for i, g in enumerate(gold)]
    predictions = [
        Prediction(known[row.argmax()], dict(zip(known, map(float, row))), float(row.max()))
        for row in odds
    ]
    return examples, predictions, task([("q", "l0")], outputs={"labels": known})


def marks(metric: str, examples: list[Example], predictions: list[Prediction], of: Task):
    return [s.value for s in of.score_all(metric, examples, predictions)]


@pytest.mark.parametrize("seed", range(3))
def test_sentence_bleu_and_chrf_are_those_of_sacrebleu(seed: int):
    import sacrebleu

    examples, predictions, of = texts(seed)
    pairs = [(p.text, [str(e.target)]) for e, p in zip(examples, predictions)]
    bleu = [sacrebleu.sentence_bleu(*pair).score / 100 for pair in pairs]
    chrf = [sacrebleu.sentence_chrf(*pair).score / 100 for pair in pairs]
    assert marks("bleu", examples, predictions, of) == pytest.approx(bleu, abs=1e-9)
    assert marks("chrf", examples, predictions, of) == pytest.approx(chrf, abs=1e-9)
    assert 0.1 < np.mean(bleu) < 0.9


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rougeL"])
def test_rouge_is_that_of_rouge_score(kind: str):
    from rouge_score.rouge_scorer import RougeScorer

    examples, predictions, of = texts(0)
    theirs = RougeScorer([kind])
    found = marks(kind, examples, predictions, of)
    for example, prediction, mark in zip(examples, predictions, found):
        if mark is not None:
            wanted = theirs.score(str(example.target), prediction.text)[kind].fmeasure
            assert mark == pytest.approx(wanted, abs=1e-12)
    assert sum(m is not None for m in found) > CASES / 2


@pytest.mark.parametrize("seed", range(3))
def test_corpus_scores_are_those_of_sacrebleu(seed: int):
    import sacrebleu

    examples, predictions, of = texts(seed)
    said, targets = [p.text for p in predictions], [[str(e.target) for e in examples]]
    for metric, score in (
        ("corpus_bleu", sacrebleu.corpus_bleu(said, targets, force=True)),
        ("corpus_chrf", sacrebleu.corpus_chrf(said, targets)),
    ):
        value = module("evaluate.metrics", metric).value(examples, predictions, of)
        assert value == pytest.approx(score.score / 100, abs=1e-9)


@pytest.mark.parametrize(("seed", "count"), [(0, 2), (1, 3), (2, 7)])
def test_label_metrics_are_those_of_scikit_learn(seed: int, count: int):
    from sklearn import metrics

    examples, predictions, of = labels(seed, count)
    gold, said = [e.target for e in examples], [p.text for p in predictions]
    given = np.array([list(p.label_scores.values()) for p in predictions])
    truth = np.array(gold)[:, None] == np.array(of.labels)
    seen = truth.any(axis=0)
    wanted = {
        "macro_f1": metrics.f1_score(gold, said, average="macro", zero_division=0),
        "weighted_f1": metrics.f1_score(gold, said, average="weighted", zero_division=0),
        "micro_f1": metrics.accuracy_score(gold, said),
        "roc_auc": np.mean([metrics.roc_auc_score(t, s) for t, s in _columns(truth, given, seen)]),
        "pr_auc": np.mean(
            [metrics.average_precision_score(t, s) for t, s in _columns(truth, given, seen)]
        ),
        "brier": metrics.brier_score_loss(
            gold, given, labels=list(of.labels), scale_by_half=True
        ),
    }  # fmt: skip
    for metric, value in wanted.items():
        found = module("evaluate.metrics", metric).value(examples, predictions, of)
        assert found == pytest.approx(value, abs=1e-9), metric


def _columns(truth, given, seen):
    return [(truth[:, c], given[:, c]) for c in np.nonzero(seen)[0]]


def test_the_bins_are_those_of_scikit_learn():
    from sklearn.calibration import calibration_curve

    examples, predictions, of = labels(5, 3)
    found = confidences(examples, predictions, of)
    right, sure = calibration_curve(found.right, found.sure, n_bins=BINS)
    sizes = np.bincount(found.bins, minlength=BINS)
    expected = (np.abs(right - sure) * sizes[sizes > 0]).sum() / sizes.sum()
    value = module("evaluate.metrics", "ece").value(examples, predictions, of)
    assert value == pytest.approx(expected, abs=1e-9)


LABEL = ("macro_f1", "weighted_f1", "micro_f1", "roc_auc", "pr_auc", "brier", "ece")


@pytest.mark.parametrize("metric", [*LABEL, "corpus_bleu", "corpus_chrf"])
def test_an_item_that_weighs_three_is_there_three_times(metric: str):
    """Intervals rest on this: a draw is the metric under weights."""
    made = module("evaluate.metrics", metric)
    examples, predictions, of = labels(3, 4) if metric in LABEL else texts(3)
    weighted = made.weighted(examples, predictions, of)
    assert weighted.value == pytest.approx(made.value(examples, predictions, of), abs=1e-9)
    weights = np.random.default_rng(0).integers(0, 4, (CASES, 3))
    found = weighted.of(weights.astype(float))
    for draw, value in zip(weights.T, found):
        again = np.repeat(np.arange(CASES), draw)
        items, said = [examples[i] for i in again], [predictions[i] for i in again]
        assert value == pytest.approx(made.value(items, said, of), abs=1e-9)
