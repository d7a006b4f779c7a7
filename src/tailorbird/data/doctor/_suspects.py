"""Which labels are probably wrong: confident learning on out-of-fold predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tailorbird.extras import need
from tailorbird.progress import progress

Features = Literal["tfidf", "encoder"]
STRENGTH = 10.0
"""Inverse regularisation of the logistic regression (scikit-learn's C)."""
_TEMPERATURES = np.geomspace(0.4, 3.0, 9)
_ROUNDS = 100
"""Of expectation and maximisation: the share of wrong labels changes no more by then."""


@dataclass(frozen=True)
class Suspects:
    """Rows whose label is probably wrong, the most suspicious first."""

    rows: Any
    """int64[S]: their positions."""
    suggested: Any
    """int64[S]: the label that each should have."""
    probability: Any
    """float64[S]: of that label."""
    quality: Any
    """float64[S]: cleanlab's label quality score, in [0, 1]; low is bad."""
    wrong: Any
    """float64[N]: the chance that a row's label is wrong, of every row."""


def out_of_fold(
    features: Any, labels: Any, folds: Any, classes: int, learned: Any, quiet: bool = False
) -> Any:
    """float64[N, classes]: for each row, what a model says that has not seen the row's fold.

    features: float[N, D], dense or sparse; labels, folds: int[N]; learned: bool[N], the rows that
    models are fitted to.
    """
    linear = need("sklearn.linear_model")
    found = np.zeros((len(labels), classes))
    numbers = np.unique(folds)
    with progress("looking for wrong labels", len(numbers), quiet) as done:
        for fold in numbers:
            seen, left = np.flatnonzero(learned & (folds != fold)), np.flatnonzero(folds == fold)
            model = linear.LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
            model.fit(features[seen], labels[seen])
            found[np.ix_(left, model.classes_)] = model.predict_proba(features[left])
            done(1)
    return found


def features_of(texts: Sequence[str], kind: Features, model: str, cache: Path) -> Any:
    """float32[N, D]: weighted words, or embeddings of the sentence encoder `model`."""
    if kind == "encoder":
        from tailorbird.models.encoder import embed

        return embed(texts, cache, model)
    text = need("sklearn.feature_extraction.text")
    # A word that occurs once says nothing of another row. One-letter words and signs count: some
    # inputs have no others. Word pairs would take four times as long for half a point.
    words = text.TfidfVectorizer(
        sublinear_tf=True, min_df=2, dtype=np.float32, token_pattern=r"(?u)\b\w+\b|[^\w\s]"
    )
    return words.fit_transform(texts)


def suspects(predicted: Any, labels: Any) -> Suspects:
    """Confident learning (Northcutt, Jiang & Chuang 2021, JAIR 70:1373) as cleanlab does it.

    predicted: float64[N, C], out of fold; labels: int[N], each of the C at least once.
    """
    filtering, ranking = need("cleanlab.filter"), need("cleanlab.rank")
    rows = filtering.find_label_issues(
        labels, predicted, return_indices_ranked_by="self_confidence", n_jobs=1
    )
    calibrated, wrong = chance_of_error(predicted, labels)
    quality = ranking.get_label_quality_scores(labels, predicted, method="self_confidence")
    others = calibrated[rows]
    others[np.arange(len(rows)), labels[rows]] = -1.0
    best = others.argmax(axis=1)
    return Suspects(rows, best, calibrated[rows, best], quality[rows], wrong)


def chance_of_error(predicted: Any, labels: Any) -> tuple[Any, Any]:
    """Calibrated predictions, float64[N, C], and the chance that each label is wrong, float64[N].

    Two numbers are fitted to the given labels by maximum likelihood: a temperature t, and a share e
    of labels that were drawn at random from the others. A label y then has the probability
    (1-e) p_t(y) + e (1-p_t(y)) / (C-1), and is wrong with what the second term has of that sum.
    Real errors are no random labels: they go to labels that are alike, which the model finds
    probable, too. Then the chance is too low, and the number that is expected too small.
    """
    best = max((_fitted(predicted, labels, t) for t in _TEMPERATURES), key=lambda found: found[0])
    return best[1], best[2]


def _fitted(predicted: Any, labels: Any, temperature: float) -> tuple[float, Any, Any]:
    """The log-likelihood at one temperature, the predictions, and the chance of error."""
    scaled = np.maximum(predicted, 1e-12) ** (1 / temperature)
    scaled /= scaled.sum(axis=1, keepdims=True)
    own = scaled[np.arange(len(labels)), labels]
    stray = (1 - own) / max(1, predicted.shape[1] - 1)
    share = 0.05
    for _ in range(_ROUNDS):
        wrong = share * stray / np.maximum((1 - share) * own + share * stray, 1e-300)
        share = float(np.clip(wrong.mean(), 1e-6, 0.5))
    likelihood = np.log(np.maximum((1 - share) * own + share * stray, 1e-300)).sum()
    return float(likelihood), scaled, wrong
