"""The suite for strategies: what is chosen from small pools, ordinary and strange."""

import math
from dataclasses import replace

import numpy as np

from tailorbird.learn.strategies.base import Choice, Opinion, Pool, Strategy, choose, make_strategy
from tailorbird.learn.vectors import embedder
from tailorbird.testing.claims import claim, never_raises

_ROWS, _KNOWN = 40, 6
_THINGS = ("kettle", "lamp", "toaster", "radio", "armchair")
_ACTS = ("return the", "pay for the", "where is my", "please repair the")


def check_strategy(strategy: str | Strategy) -> None:
    """Choose from pools. Raises `AssertionError`.

    `strategy` is a name in `learn.strategies`, or a strategy with its settings.
    """
    made = make_strategy(strategy, {}) if isinstance(strategy, str) else strategy
    pool = _pool()
    claim(made.missing(pool) is None, f"it cannot choose from a full pool: {made.missing(pool)}")
    for n in (0, 1, 7, _ROWS, _ROWS + 5):
        _is_a_choice(_chosen(made, pool, n), n, pool)
    _repeats(made, pool)
    _says_what_it_needs(made, pool)
    _survives_the_strange(made, pool)


def _texts(n: int, first: int = 0) -> tuple[str, ...]:
    places = range(first, first + n)
    return tuple(f"{_ACTS[i % len(_ACTS)]} {_THINGS[i % len(_THINGS)]}, order {i}" for i in places)


def _pool(classes: int = 3) -> Pool:
    rng = np.random.default_rng(0)
    texts, known = _texts(_ROWS), _texts(_KNOWN, first=100)
    labels = tuple(f"label {i}" for i in range(classes))
    opinions = tuple(_opinion(f"rung {i}", labels, rng) for i in range(2))
    wrong = tuple(float(x) for x in rng.integers(0, 2, _KNOWN))
    embed = embedder("tfidf", [texts, known])
    return Pool(texts, embed, known, classes, opinions, known, wrong)


def _opinion(rung: str, labels: tuple[str, ...], rng: np.random.Generator) -> Opinion:
    table = rng.dirichlet(np.ones(len(labels)), _ROWS)
    best = table.argmax(axis=1)
    said = tuple(labels[i] for i in best)
    return Opinion(rung, said, labels, table, table.max(axis=1))


def _chosen(strategy: Strategy, pool: Pool, n: int, seed: int = 0) -> list[Choice]:
    with never_raises(f"{n} of {len(pool)} rows should be chosen"):
        return choose(strategy, pool, n, seed)


def _is_a_choice(chosen: list[Choice], n: int, pool: Pool) -> None:
    wanted = min(n, len(pool))
    claim(len(chosen) == wanted, f"{wanted} rows were wanted, and {len(chosen)} are chosen")
    places = [c.index for c in chosen]
    claim(len(set(places)) == len(places), f"a row is chosen twice: {places}")
    claim(set(places) <= set(range(len(pool))), f"{places} are not rows of the pool")
    for choice in chosen:
        claim(type(choice.index) is int, f"{choice.index!r} should be an int of Python")
        claim(math.isfinite(choice.score), f"row {choice.index} has the score {choice.score}")
        claim(bool(choice.why.strip()), f"row {choice.index} is chosen without a reason")


def _repeats(strategy: Strategy, pool: Pool) -> None:
    for seed in (0, 1):
        first, again = (_chosen(strategy, _pool(), 9, seed) for _ in range(2))
        claim(first == again, f"seed {seed} chooses {first} first and {again} the second time")
    _chosen(strategy, pool, 5)
    tables = [[o.probabilities for o in each.opinions] for each in (pool, _pool())]
    same = all(np.array_equal(a, b) for a, b in zip(*tables) if a is not None and b is not None)
    same = same and np.array_equal(pool.vectors, _pool().vectors)
    claim(same, "choosing changes the pool")


def _says_what_it_needs(strategy: Strategy, pool: Pool) -> None:
    bare = replace(pool, opinions=(), dev=(), wrong=(), known=())
    with never_raises("missing should take a pool of which nothing is known"):
        reason = strategy.missing(bare)
    if reason is None:
        _is_a_choice(_chosen(strategy, bare, 5), 5, bare)
    else:
        claim(bool(reason.strip()), "what is missing is said in no words")


def _survives_the_strange(strategy: Strategy, pool: Pool) -> None:
    pools = {
        "a pool of one row": _part(pool, 1),
        "one label alone": _pool(classes=1),
        "copies of one row": replace(pool, texts=("the same",) * _ROWS),
        "rows without words": replace(pool, texts=("",) * _ROWS),
        "an empty pool": _part(pool, 0),
    }
    for what, strange in pools.items():
        for n in (1, 6):
            with never_raises(f"{what} should not matter"):
                _is_a_choice(choose(strategy, strange, n, 0), n, strange)


def _part(pool: Pool, rows: int) -> Pool:
    def cut(opinion: Opinion) -> Opinion:
        assert opinion.probabilities is not None
        assert opinion.confidence is not None
        return replace(
            opinion, answers=opinion.answers[:rows], probabilities=opinion.probabilities[:rows],
            confidence=opinion.confidence[:rows],
        )  # fmt: skip

    return replace(pool, texts=pool.texts[:rows], opinions=tuple(map(cut, pool.opinions)))
