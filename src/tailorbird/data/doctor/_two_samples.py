"""Two samples of texts: whether they differ, how, and in which kinds of texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tailorbird.data.doctor._shingles import words
from tailorbird.extras import need

_FOLDS = 5
_TOPICS = 50
"""Directions of the texts' words that kinds are made from."""
_COMMON = 0.05
_TERMS = 4
"""Words that describe a kind."""
_DIVISIONS = 200
_PRIOR = 0.5
"""Texts with a word that each kind is given beforehand, so that a rare word describes nothing."""


@dataclass(frozen=True)
class Told:
    """How well a classifier tells the two samples apart."""

    auc: float
    """0.5: not at all, 1: always."""
    low: float
    high: float
    """95 % interval."""
    probability: Any
    """float64[N]: out of fold, that a text is of the second sample."""


@dataclass(frozen=True)
class Kind:
    """Texts that are alike."""

    words: tuple[str, ...]
    """What they have and others have not."""
    shares: tuple[float, float]
    """Of the first and of the second sample."""
    p_value: float
    """That it is as frequent in the first sample, corrected for the number of kinds."""
    typical: tuple[int, ...]
    """Positions of texts of the second sample, the most typical first."""


def word_features(texts: Sequence[str], telling: bool = False) -> tuple[Any, list[str]]:
    """float64[N, D] of unit length, sparse, and the D words; N texts that are not blank.

    `telling`: without the words of more than 5 % of the texts. They tell how something is said, in
    any language, and not what it is about. Where that leaves no word, all words count.
    """
    text = need("sklearn.feature_extraction.text")
    fewest, most = 2 if len(texts) > 100 else 1, _COMMON if telling else 1.0
    for tokens, least, limit in ((_spoken, fewest, most), (_spoken, fewest, 1.0), (words, 1, 1.0)):
        counted = text.TfidfVectorizer(
            sublinear_tf=True, tokenizer=tokens, token_pattern=None, min_df=least, max_df=limit
        )
        try:
            return counted.fit_transform(texts), list(counted.get_feature_names_out())
        except ValueError:  # no word is left
            continue
    raise ValueError("every text is blank")


def _spoken(text: str) -> list[str]:
    """Words without numbers and single letters; a character of Han and the like is a word."""
    return [w for w in words(text) if w.isalpha() and (len(w) > 1 or not w.isascii())]


def tell_apart(features: Any, second: Any, seed: int) -> Told:
    """A classifier two-sample test (Lopez-Paz & Oquab 2017, ICLR) by logistic regression.

    features: float[N, D]; second: bool[N], which sample each row is of. Each row is judged by a
    classifier that has not seen it, and the classes weigh the same.
    """
    linear, selection = need("sklearn.linear_model"), need("sklearn.model_selection")
    probability = np.zeros(len(second))
    folds = selection.StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for seen, left in folds.split(np.zeros(len(second)), second):
        model = linear.LogisticRegression(class_weight="balanced", max_iter=300)
        model.fit(features[seen], second[seen])
        probability[left] = model.predict_proba(features[left])[:, 1]
    return Told(*auc_interval(probability, second), probability)


def auc_interval(scores: Any, second: Any) -> tuple[float, float, float]:
    """The area under the ROC curve with its 95 % interval.

    Variance by DeLong, DeLong & Clarke-Pearson (1988, Biometrics 44:837), the interval on the scale
    of the logit. scores: float[N]; second: bool[N].
    """
    from scipy.stats import norm, rankdata

    a, b = scores[~second], scores[second]
    ranks = rankdata(np.concatenate([a, b]))
    below = (ranks[len(a) :] - rankdata(b)) / len(a)
    above = 1 - (ranks[: len(a)] - rankdata(a)) / len(b)
    auc = float(below.mean())
    error = float(np.sqrt(below.var(ddof=1) / len(b) + above.var(ddof=1) / len(a)))
    if error == 0 or not 0 < auc < 1:
        return auc, auc, auc
    centre, step = np.log(auc / (1 - auc)), norm.ppf(0.975) * error / (auc * (1 - auc))
    low, high = (float(1 / (1 + np.exp(-x))) for x in (centre - step, centre + step))
    return auc, low, high


def effective_rows(probability: Any) -> float:
    """How many rows of the first sample count once each is weighted to be like the second.

    Kish's effective sample size, (sum w)^2 / sum w^2, with w = p / (1 - p), the density ratio that
    a classifier of balanced classes gives. probability: float[N] of the first sample's rows.
    """
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    weights = p / (1 - p)
    return float(weights.sum() ** 2 / (weights**2).sum())


def topics(features: Any, seed: int) -> Any:
    """float64[N, K] of unit length: what words that occur together have in common (LSA)."""
    decomposition = need("sklearn.decomposition")
    width = min(_TOPICS, features.shape[1] - 1, features.shape[0] - 1)
    if width < 2:
        found = features.toarray()
    else:
        with np.errstate(invalid="ignore", divide="ignore"):  # it divides by how texts vary
            found = decomposition.TruncatedSVD(width, random_state=seed).fit_transform(features)
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def clusters(meaning: Any, number: int, seed: int) -> Any:
    """bool[N, K]: texts in at most `number` kinds, by k-means. meaning: float[N, D]."""
    cluster = need("sklearn.cluster")
    different = len(np.unique(np.round(meaning, 6), axis=0))
    means = cluster.KMeans(min(number, different), n_init=4, random_state=seed)
    groups = means.fit_predict(meaning)
    return groups[:, None] == np.unique(groups)


def kinds(
    features: Any, terms: Sequence[str], meaning: Any, members: Any, second: Any
) -> list[Kind]:
    """The clusters in words, those that the first sample lacks most first.

    features: float[N, D], sparse, of `terms`; meaning: float[N, E], what the clusters were made of;
    members: bool[N, K]; second: bool[N], the first sample's texts before the second's.
    """
    present = features > 0
    totals = np.asarray(present.sum(axis=0)).ravel()
    found = []
    for inside in members.T:
        counts = np.asarray(present[inside].sum(axis=0)).ravel()
        shares = tuple(float(inside[side].mean()) for side in (~second, second))
        own = np.flatnonzero(inside & second)
        likeness = meaning[own] @ meaning[inside].mean(axis=0)
        typical = own[np.argsort(-likeness, kind="stable")] - int((~second).sum())
        found.append(
            Kind(
                _described(counts, totals, int(inside.sum()), len(second), terms),
                (shares[0], shares[1]),
                min(1.0, members.shape[1] * _rarer(inside, second)),
                tuple(map(int, typical)),
            )
        )
    return sorted(found, key=lambda k: k.shares[0] - k.shares[1])


def excess_variation(members: Any, second: Any, seed: int) -> float:
    """The total variation between the mixes of two samples, beyond what chance makes.

    Total variation is half the sum of the differences of all shares, 0 to 1. Two samples of one
    source differ as well; the mean over random divisions is subtracted, and the rest is at least 0.

    members: float[N, K], how much each text is of each kind; second: bool[N].
    """
    rng = np.random.default_rng(seed)
    by_chance = [_variation(members, rng.permutation(second)) for _ in range(_DIVISIONS)]
    return max(0.0, _variation(members, second) - float(np.mean(by_chance)))


def _variation(members: Any, second: Any) -> float:
    difference = members[~second].mean(axis=0) - members[second].mean(axis=0)
    return float(0.5 * np.abs(difference).sum())


def _rarer(inside: Any, second: Any) -> float:
    """The one-sided p-value (Fisher) that texts of a kind are as frequent in the first sample."""
    from scipy.stats import fisher_exact

    table = [
        [int((inside & side).sum()), int((~inside & side).sum())] for side in (~second, second)
    ]
    return float(fisher_exact(table, alternative="less").pvalue)


def _described(
    counts: Any, totals: Any, inside: int, every: int, terms: Sequence[str]
) -> tuple[str, ...]:
    """The words that most speak for a kind: by how often they occur there, times the log ratio.

    counts, totals: int[D], texts with each word, in the kind and in all.
    """
    here = (counts + _PRIOR) / (inside + 2 * _PRIOR)
    elsewhere = (totals - counts + _PRIOR) / (every - inside + 2 * _PRIOR)
    weight = here * np.log(here / elsewhere)
    best = np.argsort(-weight, kind="stable")[:_TERMS]
    return tuple(terms[i] for i in best if counts[i])
