"""Weak spots: kinds of inputs on which a rung is wrong more often than elsewhere, in words.

Dev items are clustered by what they say, without a look at the marks: an interval over a cluster
that was made of errors would only show that it was. Each cluster is then tested against the rest,
with Holm's correction for all of them (`evaluate/slices.py`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tailorbird.evaluate.slices import Slice, all_slices
from tailorbird.evaluate.statistics import Estimate, estimate_mean
from tailorbird.extras import need
from tailorbird.learn.strategies.base import Embed, Floats
from tailorbird.learn.strategies.typical import cluster
from tailorbird.task.types import Example, Prediction

SIZE = 20
"""Dev items of a cluster, on average."""
LEAST = 8
"""Items of a cluster that is looked at."""
WORDS, SHOWN, CONFUSED = 4, 3, 2
_FIELD = "kind of input"


@dataclass(frozen=True)
class WeakSpot:
    """One kind of inputs."""

    words: tuple[str, ...]
    """Words and phrases that tell it from the rest, the most telling first."""
    inside: Estimate
    """The share of its items that are wrong."""
    outside: Estimate
    """The share of all other items that are wrong."""
    p_value: float
    """Of no difference between the two, corrected for all clusters looked at."""
    confused: tuple[tuple[str, str, int], ...]
    """(right label, the rung's, how often), the commonest first; none where answers are written."""
    shown: tuple[tuple[str, str], ...]
    """(id, input) of items that are wrong."""
    in_pool: int
    """Rows of the pool that are of this kind: few, and more must be written."""

    @property
    def sentence(self) -> str:
        """The spot in words."""
        wrong = round(self.inside.value * self.inside.n)
        named = ", ".join(f'"{w}"' for w in self.words) or "no words of their own"
        said = (
            f"{named}: {wrong} of {self.inside.n} wrong, {_percent(self.inside)}; "
            f"elsewhere {_percent(self.outside)}"
        )
        mistaken = "; ".join(
            f"{gold} taken for {answer} ({n})" for gold, answer, n in self.confused
        )
        chance = "" if self.p_value < 0.05 else " It may be chance."
        return f"{said}{'. ' + mistaken if mistaken else ''}.{chance}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        estimates = {"inside": self.inside.to_json(), "outside": self.outside.to_json()}
        return asdict(self) | estimates | {"sentence": self.sentence}


@dataclass(frozen=True)
class WeakSpots:
    """What was found on dev."""

    rung: str
    overall: Estimate | None
    """The share of dev items that are wrong."""
    looked_at: int
    """Clusters."""
    spots: tuple[WeakSpot, ...]
    """The worst first."""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "rung": self.rung,
            "overall": self.overall and self.overall.to_json(),
            "looked_at": self.looked_at,
            "spots": [s.to_json() for s in self.spots],
        }


def weak_spots(
    rung: str,
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    wrong: Sequence[float | None],
    embed: Embed,
    pool: Floats | None = None,
    seed: int = 0,
    top: int = 5,
) -> WeakSpots:
    """The `top` kinds of dev items that lie farthest above the overall share of errors.

    Args:
        rung: whose answers they are.
        examples: the dev items.
        predictions: the rung's.
        wrong: how wrong each is, in [0, 1]; None where it could not be marked.
        embed: texts to vectors.
        pool: vectors of the pool, float32[N, D].
        seed: of the clusters.
        top: how many are returned; those at or below the overall share never are.
    """
    if not examples:
        return WeakSpots(rung, None, 0, ())
    texts = [e.text for e in examples]
    vectors = embed(texts)
    sides = cluster(vectors, max(1, round(len(texts) / SIZE)), seed)
    marked = [replace(e, fields={_FIELD: str(s)}) for e, s in zip(examples, sides)]
    overall, every = all_slices(marked, wrong, seed, higher_is_better=False, least=LEAST)
    kinds = [s for s in every if s.field == _FIELD]
    if overall is None:
        return WeakSpots(rung, None, 0, ())
    worse = [s for s in kinds if s.estimate.value > overall.value]
    worse.sort(key=lambda s: -s.gap)
    near = Counter() if pool is None else Counter(_nearest(pool, vectors, sides).tolist())
    spots = [
        _spot(s, examples, predictions, wrong, sides == int(s.value), near[int(s.value)], seed)
        for s in worse[:top]
    ]
    return WeakSpots(rung, overall, len(kinds), tuple(spots))


def _spot(
    found: Slice,
    examples: Sequence[Example],
    predictions: Sequence[Prediction],
    wrong: Sequence[float | None],
    inside: Any,
    in_pool: int,
    seed: int,
) -> WeakSpot:
    rest = np.flatnonzero(~inside).tolist()
    outside = estimate_mean([wrong[i] for i in rest], [examples[i].group for i in rest], seed)
    assert outside is not None  # a slice is never all of the marked items
    errors = [i for i in np.flatnonzero(inside).tolist() if (wrong[i] or 0) > 0.5]
    return WeakSpot(
        telling([e.text for e in examples], inside),
        found.estimate,
        outside,
        found.p_value,
        _confusions([(examples[i], predictions[i]) for i in errors]),
        tuple((examples[i].id, examples[i].text) for i in errors[:SHOWN]),
        in_pool,
    )


def telling(texts: Sequence[str], inside: Any) -> tuple[str, ...]:
    """Words and pairs of words that texts inside have more often than the others.

    By log-odds with an informative Dirichlet prior, as z-scores (Monroe, Colaresi & Quinn 2008,
    Political Analysis 16:372, eq. 22); those above 1.96, a word not beside a phrase that holds it.

    Args:
        texts: all of them.
        inside: bool[N].
    """
    library = need("sklearn.feature_extraction.text")
    counter = library.CountVectorizer(
        ngram_range=(1, 2), token_pattern=r"(?u)\b\w\w+\b", binary=True
    )
    try:
        table = counter.fit_transform(texts)
    except ValueError:  # no words at all
        return ()
    within = np.asarray(table[inside].sum(axis=0)).ravel().astype(np.float64)
    without = np.asarray(table[~inside].sum(axis=0)).ravel().astype(np.float64)
    scores = _log_odds(within, without)
    names = counter.get_feature_names_out()
    chosen: list[str] = []
    for place in np.argsort(-scores, kind="stable"):
        if scores[place] < 1.96 or len(chosen) == WORDS:
            break
        words = set(names[place].split())
        if not any(words & set(c.split()) for c in chosen):
            chosen.append(str(names[place]))
    return tuple(chosen)


def _log_odds(one: Floats, other: Floats) -> Floats:
    """z-scores of each word's odds in one corpus against another; a tenth of both is the prior."""
    prior = (one + other) / 10
    everything = prior.sum()
    first, second = one + prior, other + prior
    odds = np.log(first / (one.sum() + everything - first))
    odds -= np.log(second / (other.sum() + everything - second))
    found: Floats = odds / np.sqrt(1 / first + 1 / second)
    return found


def _confusions(wrong: Sequence[tuple[Example, Prediction]]) -> tuple[tuple[str, str, int], ...]:
    pairs = Counter((str(e.target), p.text) for e, p in wrong if p.label_scores is not None)
    return tuple((gold, said, n) for (gold, said), n in pairs.most_common(CONFUSED))


def _nearest(pool: Floats, vectors: Floats, sides: Any) -> Any:
    """The cluster of each row of the pool: that of the nearest mean."""
    names = np.unique(sides)
    means = np.stack([vectors[sides == name].mean(axis=0) for name in names])
    squares = (means**2).sum(axis=1)
    return names[np.argmax(2 * pool @ means.T - squares, axis=1)]


def _percent(estimate: Estimate) -> str:
    low, high = max(0, 100 * estimate.low), 100 * estimate.high
    return f"{100 * estimate.value:.0f} % [{low:.0f}, {high:.0f}]"
