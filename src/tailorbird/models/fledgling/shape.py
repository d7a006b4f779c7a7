"""The shape of fledgling, and weights that can copy before they have learned anything.

``wired_init`` makes the heads of the first layer look at the previous token, and those of the
second look for where the present token stood before and fetch what followed it ("induction",
Olsson et al., 2022). Reading answers out of a passage grows from there; from random weights a
small model needs millions of tokens to find it.
"""

import math

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

WIDTH, LAYERS, HEADS, INNER = 192, 4, 3, 512
HEAD_WIDTH = WIDTH // HEADS
THETA = 1e4

# The residual stream as ``wired_init`` lays it out: what a token is, what the token before it was,
# and one number that is the same everywhere. Training is free to use the room differently.
MATCH = 24
"""Dimensions by which tokens are recognised: the two of every slow rotary pair of a head."""
CONTENT = slice(0, WIDTH - MATCH - 1)
PREVIOUS = slice(WIDTH - MATCH - 1, WIDTH - 1)
ALWAYS = WIDTH - 1

EMBEDDING_STD = 0.3
"""Large, so that the tied head tells tokens apart from the start."""
CONSTANT = 2.0
"""What every embedding holds in ``ALWAYS``."""
FAST_PAIRS, SLOW_PAIRS = range(12), range(HEAD_WIDTH // 2 - MATCH // 2, HEAD_WIDTH // 2)
"""Rotary pairs that tell neighbours apart, and those that turn by less than half a radian in 150
positions: the first say where, the last say what."""
PREVIOUS_SCORE, MATCH_SCORE = 90.0, 40.0
"""Attention scores, nats, of the previous token in layer 0 and of a full match in layer 1."""
COPY_GAIN = 1.0
"""The fetched token is written three times as strongly as the present one stands there."""
CONFIDENCE = 0.25
"""Weight of the last norm: a clear copy gets a probability near one, anything else stays open."""


def config(vocab_size: int) -> LlamaConfig:
    """A Llama of 2.56 M parameters at a vocabulary of 4,096."""
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_WIDTH,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": THETA},
        tie_word_embeddings=True,
        bos_token_id=None,
        pad_token_id=0,
        eos_token_id=1,
    )


@torch.no_grad()
def wired_init(model: LlamaForCausalLM, seed: int) -> None:
    """Overwrite all weights of a model of this shape, in place."""
    draw = torch.Generator().manual_seed(seed)
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            # Paths back into the stream start nearly closed: noise must not drown the wires.
            closed = name.endswith(("o_proj.weight", "down_proj.weight"))
            weight.normal_(0.0, 0.002 if closed else 0.02, generator=draw)
    table = model.get_parameter("model.embed_tokens.weight")
    table.normal_(0.0, EMBEDDING_STD, generator=draw)
    table[:, PREVIOUS] = 0.0
    table[:, ALWAYS] = CONSTANT
    model.get_parameter("model.norm.weight").fill_(CONFIDENCE)
    mark = _orthonormal(MATCH, draw)
    _wire_previous(model.get_submodule("model.layers.0.self_attn"), mark)
    _wire_induction(model.get_submodule("model.layers.1.self_attn"), mark)


def _orthonormal(rows: int, draw: torch.Generator) -> Tensor:
    """float32[rows, content] with orthonormal rows: a random projection that recognises tokens."""
    square = torch.randn(CONTENT.stop, CONTENT.stop, generator=draw)
    basis: Tensor = torch.linalg.qr(square).Q
    return basis[:rows]


def _wire_previous(attention: nn.Module, mark: Tensor) -> None:
    """Head 0 looks one token back and notes that token's mark in ``PREVIOUS``."""
    query, key, value, out = _projections(attention)
    always = CONSTANT / _rms()
    size = math.sqrt(PREVIOUS_SCORE * math.sqrt(HEAD_WIDTH) / len(FAST_PAIRS)) / always
    query[:HEAD_WIDTH] = key[:HEAD_WIDTH] = 0.0
    for pair in FAST_PAIRS:
        # Turned back by one position, so that the scores of all pairs peak at distance one.
        turn = THETA ** (-2.0 * pair / HEAD_WIDTH)
        key[pair, ALWAYS] = size
        query[pair, ALWAYS] = size * math.cos(turn)
        query[pair + HEAD_WIDTH // 2, ALWAYS] = -size * math.sin(turn)
    value[:HEAD_WIDTH] = 0.0
    value[:MATCH, CONTENT] = mark
    out[:, :HEAD_WIDTH] = 0.0
    out[PREVIOUS, :MATCH] = _rms() * torch.eye(MATCH)


def _wire_induction(attention: nn.Module, mark: Tensor) -> None:
    """Every head finds where the present mark is the previous one, and fetches a third of that
    token: heads share the search and divide the content."""
    query, key, value, out = _projections(attention)
    expected = MATCH * (EMBEDDING_STD / _rms()) ** 2  # squared length of a mark
    size = math.sqrt(MATCH_SCORE * math.sqrt(HEAD_WIDTH) / expected)
    query.zero_()
    key.zero_()
    half = HEAD_WIDTH // 2
    slow = torch.tensor([*SLOW_PAIRS, *(pair + half for pair in SLOW_PAIRS)])
    for head in range(HEADS):
        query[head * HEAD_WIDTH + slow, CONTENT] = size * mark
        key[head * HEAD_WIDTH + slow, PREVIOUS] = size * torch.eye(MATCH)
    content = torch.eye(WIDTH)
    content[CONTENT.stop :] = 0.0
    value.copy_(content)
    out.copy_(COPY_GAIN * content)


def _projections(attention: nn.Module) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Weights of query, key, value and output, each float32[width, width]."""
    names = ("q_proj", "k_proj", "v_proj", "o_proj")
    query, key, value, out = (attention.get_parameter(f"{name}.weight") for name in names)
    return query, key, value, out


def _rms() -> float:
    """Root mean square of an embedding: what the first norms divide by."""
    return math.sqrt((CONTENT.stop * EMBEDDING_STD**2 + CONSTANT**2) / WIDTH)
