"""The shape of fledgling, and weights that can copy before they have learned anything.

``wired_init`` makes one head of the first layer look at the previous token, and those of the
second look for where the present token stood before and fetch what followed it ("induction",
Olsson et al., 2022). Reading answers out of a passage grows from there; from random weights a
small model needs millions of tokens to find it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

HEAD_WIDTH = 64
THETA = 1e4
CONTEXT = 2048
"""Positions."""
MATCH = 24
"""Dimensions by which tokens are recognised: the two of every slow rotary pair of a head."""


@dataclass(frozen=True)
class Shape:
    """Of a Llama with tied embeddings and one key per query head."""

    width: int = 192
    layers: int = 4
    inner: int = 512
    """Width of the feed-forward layers."""

    @property
    def heads(self) -> int:
        """Attention heads, each `HEAD_WIDTH` wide."""
        return self.width // HEAD_WIDTH

    # The residual stream as ``wired_init`` lays it out: what a token is, what the token before it
    # was, and one number that is the same everywhere. Training is free to use it differently.
    @property
    def content(self) -> slice:
        """What a token is."""
        return slice(0, self.width - MATCH - 1)

    @property
    def previous(self) -> slice:
        """What the token before it was."""
        return slice(self.width - MATCH - 1, self.width - 1)

    @property
    def always(self) -> int:
        """The dimension that is the same everywhere."""
        return self.width - 1

    @property
    def rms(self) -> float:
        """Root mean square of an embedding: what the first norms divide by."""
        return math.sqrt((self.content.stop * EMBEDDING_STD**2 + CONSTANT**2) / self.width)


EMBEDDING_STD = 0.3
"""Large, so that the tied head tells tokens apart from the start."""
CONSTANT = 2.0
"""What every embedding holds in ``Shape.always``."""
FAST_PAIRS, SLOW_PAIRS = range(12), range(HEAD_WIDTH // 2 - MATCH // 2, HEAD_WIDTH // 2)
"""Rotary pairs that tell neighbours apart, and those that turn by less than half a radian in 150
positions: the first say where, the last say what."""
PREVIOUS_SCORE, MATCH_SCORE = 90.0, 40.0
"""Attention scores, nats, of the previous token in layer 0 and of a full match in layer 1."""
COPY_GAIN = 1.0
"""The fetched token is written three times as strongly as the present one stands there."""
CONFIDENCE = 0.25
"""Weight of the last norm: a clear copy gets a probability near one, anything else stays open."""


def config(vocab_size: int, shape: Shape) -> LlamaConfig:
    """The Llama of this shape."""
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=HEAD_WIDTH,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=0,
        eos_token_id=1,
    )


@torch.no_grad()
def wired_init(model: LlamaForCausalLM, seed: int) -> None:
    """Overwrite all weights of a model made by ``config``, in place."""
    shape = Shape(model.config.hidden_size)
    draw = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            # Paths back into the stream start nearly closed: noise must not drown the wires.
            closed = name.endswith(("o_proj.weight", "down_proj.weight"))
            weight.normal_(0.0, 0.002 if closed else 0.02, generator=draw)
    table = model.get_parameter("model.embed_tokens.weight")
    table.normal_(0.0, EMBEDDING_STD, generator=draw)
    table[:, shape.previous] = 0.0
    table[:, shape.always] = CONSTANT
    model.get_parameter("model.norm.weight").fill_(CONFIDENCE)
    mark = _orthonormal(MATCH, shape.content.stop, draw)
    _wire_previous(model.get_submodule("model.layers.0.self_attn"), mark, shape)
    _wire_induction(model.get_submodule("model.layers.1.self_attn"), mark, shape)


def _orthonormal(rows: int, columns: int, draw: torch.Generator) -> Tensor:
    """float32[rows, columns] with orthonormal rows: a random projection that recognises tokens."""
    square = torch.randn(columns, columns, generator=draw)
    basis: Tensor = torch.linalg.qr(square).Q
    return basis[:rows]


def _wire_previous(attention: nn.Module, mark: Tensor, shape: Shape) -> None:
    """Head 0 looks one token back and notes that token's mark in ``Shape.previous``."""
    query, key, value, out = _projections(attention)
    always = CONSTANT / shape.rms
    size = math.sqrt(PREVIOUS_SCORE * math.sqrt(HEAD_WIDTH) / len(FAST_PAIRS)) / always
    half = HEAD_WIDTH // 2
    fast = torch.tensor([*FAST_PAIRS, *(pair + half for pair in FAST_PAIRS)])
    # The other rows keep their noise: where query and key are both zero, neither has a gradient.
    query[fast] = key[fast] = 0.0
    for pair in FAST_PAIRS:
        # Turned back by one position, so that the scores of all pairs peak at distance one.
        turn = THETA ** (-2.0 * pair / HEAD_WIDTH)
        key[pair, shape.always] = size
        query[pair, shape.always] = size * math.cos(turn)
        query[pair + half, shape.always] = -size * math.sin(turn)
    value[:MATCH] = 0.0
    value[:MATCH, shape.content] = mark
    out[:, :MATCH] = 0.0
    out[shape.previous, :MATCH] = shape.rms * torch.eye(MATCH)


def _wire_induction(attention: nn.Module, mark: Tensor, shape: Shape) -> None:
    """Every head finds where the present mark is the previous one, and fetches its part of that
    token: heads share the search and divide the content."""
    query, key, value, out = _projections(attention)
    expected = MATCH * (EMBEDDING_STD / shape.rms) ** 2  # squared length of a mark
    size = math.sqrt(MATCH_SCORE * math.sqrt(HEAD_WIDTH) / expected)
    half = HEAD_WIDTH // 2
    slow = torch.tensor([*SLOW_PAIRS, *(pair + half for pair in SLOW_PAIRS)])
    for head in range(shape.heads):
        rows = head * HEAD_WIDTH + slow
        query[rows] = key[rows] = 0.0
        query[rows, shape.content] = size * mark
        key[rows, shape.previous] = size * torch.eye(MATCH)
    same = torch.eye(shape.width)
    value[shape.content] = same[shape.content]
    out[:, shape.content] = COPY_GAIN * same[:, shape.content]


def _projections(attention: nn.Module) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of query, key, value and output, each float32[width, width]."""
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    query, key, value, out = (attention.get_parameter(f"{name}.weight") for name in names)
    return query, key, value, out
