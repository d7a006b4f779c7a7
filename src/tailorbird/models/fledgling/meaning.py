"""Token embeddings that begin with the meaning of the tokens, taken from a sentence encoder.

A model of this size sees too little text to learn that a telly is a television. The encoder that
ships with the package knows; half of the room for a token's content begins as the principal
components of what the encoder makes of it, the other half at random, so that tokens of one meaning
(all digits, say) stay apart.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tailorbird.models.encoder import embed
from tailorbird.models.fledgling.shape import EMBEDDING_STD


def meanings(tokens: Sequence[str], width: int, seed: int) -> Tensor:
    """float32[tokens, width], rows of one length, near for tokens of near meaning.

    `tokens`: the text of each, without the space in front.
    """
    vectors = torch.from_numpy(np.asarray(embed([token or "." for token in tokens])))
    left, spread, _ = torch.linalg.svd(vectors - vectors.mean(dim=0), full_matrices=False)
    # The root of the spread: a few large components would otherwise be all that tells tokens apart.
    components = left[:, :width] * spread[:width].sqrt()
    rows = components / components.norm(dim=1, keepdim=True) * EMBEDDING_STD * width**0.5
    turned: Tensor = rows @ _rotation(width, seed)
    return turned


def _rotation(width: int, seed: int) -> Tensor:
    """Spreads the components over all dimensions: heads divide the content between them."""
    square = torch.randn(width, width, generator=torch.Generator().manual_seed(seed))
    turn: Tensor = torch.linalg.qr(square).Q
    return turn
