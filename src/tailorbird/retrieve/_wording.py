"""How past queries were worded: letters of a query to the texts that answered queries like it.

Kernel ridge regression on character n-grams, which forgive typing errors and endings. What it
gives is near a probability. It sees rare words (a product, a document) that an encoder blurs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from tailorbird.extras import need

_FEATURES = 2**18
_RIDGE = 0.5


@dataclass(frozen=True)
class Wording:
    """Past queries as weighted n-grams, and what each says for each text."""

    rarity: Any
    """float32[F]: inverse document frequencies."""
    past: Any
    """scipy.sparse.csr_array float32[Q, F], rows of unit length."""
    weights: Any
    """float32[Q, N]"""

    @classmethod
    def fit(cls, queries: Sequence[str], wanted: Any) -> Self:
        """`wanted`, float32[Q, N]: how much each text answers each query."""
        counts = _counts(queries)
        holding = np.bincount(counts.indices, minlength=_FEATURES)
        rarity = (1 + np.log((1 + len(queries)) / (1 + holding))).astype(np.float32)
        past = _weighted(counts, rarity)
        kernel = (past @ past.T).toarray()
        kernel[np.diag_indices_from(kernel)] += _RIDGE
        return cls(rarity, past, np.linalg.solve(kernel, wanted).astype(np.float32))

    def scores(self, queries: Sequence[str]) -> Any:
        """How much the wording speaks for each text: float32[Q, N]."""
        likeness = _weighted(_counts(queries), self.rarity) @ self.past.T
        return likeness.toarray() @ self.weights

    def arrays(self) -> dict[str, Any]:
        """What to save."""
        return {
            "rarity": self.rarity, "weights": np.ascontiguousarray(self.weights),
            "data": self.past.data, "indices": self.past.indices, "indptr": self.past.indptr,
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: dict[str, Any]) -> Self:
        """What `arrays` gave."""
        from scipy.sparse import csr_array

        parts = (arrays["data"], arrays["indices"], arrays["indptr"])
        past = csr_array(parts, shape=(len(arrays["weights"]), _FEATURES))
        return cls(arrays["rarity"], past, arrays["weights"])


def _counts(texts: Sequence[str]) -> Any:
    need("sklearn")
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import HashingVectorizer

    vectorizer = HashingVectorizer(
        n_features=_FEATURES, analyzer="char_wb", ngram_range=(3, 5), alternate_sign=False,
        norm=None, dtype=np.float32,
    )  # fmt: skip
    return csr_array(vectorizer.transform(texts))


def _weighted(counts: Any, rarity: Any) -> Any:
    from sklearn.preprocessing import normalize

    rows = counts.copy()
    rows.data = (1 + np.log(rows.data)) * rarity[rows.indices]
    return normalize(rows)
