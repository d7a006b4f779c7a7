"""Generation and scoring for local causal models: a shared prefix is encoded once.

Prompts of one task begin alike (instructions, labels, demonstrations). Their longest common
prefix is run through the model once; its keys and values serve every batch. Rows are sorted by
length, and rows that have finished leave the batch.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from tailorbird.models.base import Progress, Sampling

Ids = Sequence[int]
SCORE_BYTES = 256 << 20
"""Logits of one scoring batch may take this much memory."""


@dataclass
class Decoder:
    """A causal model with the key-value cache of the last shared prefix."""

    model: Any
    ends: frozenset[int]
    pad: int
    batch_size: int = 32
    _prefix: tuple[int, ...] = ()
    _layers: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    # ---- the shared prefix -------------------------------------------------------------------

    def _share(self, prompts: Sequence[Ids]) -> int:
        """Encode what all prompts begin with; returns its length (0 when not worth it)."""
        common = os.path.commonprefix([tuple(p) for p in prompts])
        # At least one token of every prompt stays behind to be the first query.
        length = min(len(common), min(len(p) for p in prompts) - 1)
        if length < 8 or len(prompts) < 2:
            self._prefix, self._layers = (), []
            return 0
        prefix = tuple(common[:length])
        if prefix != self._prefix:
            self._layers = self._encode(prefix)
            self._prefix = prefix if self._layers else ()
        return len(self._prefix)

    def _encode(self, prefix: tuple[int, ...]) -> list[tuple[Tensor, Tensor]]:
        """Keys and values per layer, float[1, H, P, D]; empty for caches that are not plain."""
        cache = DynamicCache(config=self.model.config)
        ids = torch.tensor([prefix], device=self.model.device)
        out = self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        layers = getattr(out.past_key_values, "layers", [])
        if any(type(layer).__name__ != "DynamicLayer" for layer in layers):
            return []  # sliding windows and recurrent states cannot be shared by slicing
        return [(layer.keys, layer.values) for layer in layers]

    def _cache(self, rows: int) -> DynamicCache:
        """A fresh cache that holds the prefix for `rows` rows."""
        cache = DynamicCache(config=self.model.config)
        for index, (keys, values) in enumerate(self._layers):
            cache.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), index)
        return cache

    # ---- generation --------------------------------------------------------------------------

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[Ids], sampling: Sampling, progress: Progress | None = None
    ) -> list[list[int]]:
        """New token ids per prompt, the end token left out."""
        answers: list[list[int]] = [[] for _ in prompts]
        if not prompts:
            return answers
        shared = self._share(prompts)
        for batch in _by_length(prompts, self.batch_size):
            rows = [list(prompts[i][shared:]) for i in batch]
            for index, ids in zip(batch, self._generate_batch(rows, batch, shared, sampling)):
                answers[index] = ids
            if progress:
                progress(len(batch))
        return answers

    def _generate_batch(
        self, rows: list[list[int]], index: Sequence[int], shared: int, sampling: Sampling
    ) -> list[list[int]]:
        device = self.model.device
        ids, mask = _pad_left(rows, self.pad, device)
        mask = torch.cat([mask.new_ones(len(rows), shared), mask], dim=1)
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, shared:]
        cache, active = self._cache(len(rows)), list(range(len(rows)))
        noise = [torch.Generator().manual_seed(sampling.seed * 1_000_003 + i) for i in index]
        answers: list[list[int]] = [[] for _ in rows]
        for _ in range(sampling.max_tokens):
            out = self.model(
                input_ids=ids, attention_mask=mask, position_ids=positions,
                past_key_values=cache, use_cache=True, logits_to_keep=1,
            )  # fmt: skip
            chosen = _choose(out.logits[:, -1].float(), sampling, [noise[a] for a in active])
            going = []
            for row, token in enumerate(chosen.tolist()):
                if token not in self.ends:
                    answers[active[row]].append(token)
                    going.append(row)
            if not going:
                break
            positions = positions[:, -1:] + 1
            if len(going) < len(active):
                keep = torch.tensor(going, device=device)
                cache.batch_select_indices(keep)
                mask, positions, chosen = mask[keep], positions[keep], chosen[keep]
                active = [active[g] for g in going]
            ids = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(len(active), 1)], dim=1)
        return answers

    # ---- scoring -----------------------------------------------------------------------------

    @torch.inference_mode()
    def score(
        self, prompts: Sequence[Ids], continuations: Sequence[Ids], progress: Progress | None = None
    ) -> list[list[tuple[float, ...]]]:
        """Log-probabilities (nats) of each continuation's tokens: [prompt][continuation][token].

        All continuations of a prompt are run as one tree: what they share is computed once.
        """
        tree = _Tree.of(continuations)
        scores: list[list[tuple[float, ...]]] = [[] for _ in prompts]
        if not prompts:
            return scores
        shared = self._share(prompts)
        per_row = (len(tree.tokens) + 1) * self.model.config.vocab_size * 4
        size = max(1, min(self.batch_size, SCORE_BYTES // per_row))
        for batch in _by_length(prompts, size):
            rows = [list(prompts[i][shared:]) for i in batch]
            for index, row in zip(batch, self._score_batch(rows, tree, shared)):
                scores[index] = row
            if progress:
                progress(len(batch))
        return scores

    def _score_batch(
        self, rows: list[list[int]], tree: "_Tree", shared: int
    ) -> list[list[tuple[float, ...]]]:
        device, width = self.model.device, len(tree.tokens)
        ids, mask = _pad_left(rows, self.pad, device)
        nodes = torch.tensor(tree.tokens, device=device, dtype=torch.long)
        depth = torch.tensor(tree.depth, device=device, dtype=torch.long)
        lengths = mask.sum(1, keepdim=True)
        positions = torch.cat([(mask.cumsum(1) - 1).clamp(min=0), lengths + depth], dim=1) + shared
        out = self.model(
            input_ids=torch.cat([ids, nodes.expand(len(rows), width)], dim=1),
            attention_mask=_tree_mask(mask, tree, shared, self.model.dtype),
            position_ids=positions,
            past_key_values=self._cache(len(rows)),
            use_cache=True,
            logits_to_keep=width + 1,
        )
        logprobs = out.logits.float().log_softmax(-1)
        parents = torch.tensor(tree.parent_of_token, device=device)
        tokens = torch.tensor(tree.token, device=device)
        values = logprobs[:, parents, tokens].tolist()
        return [tree.unflatten(v) for v in values]


@dataclass(frozen=True)
class _Tree:
    """Continuations as a prefix tree. Slot 0 of the logits is the prompt's last token.

    Only tokens that have something after them are run; the rest are read off their parent.
    """

    tokens: list[int]
    """Token ids of the nodes that are run, parents before children."""
    depth: list[int]
    parents: list[int]
    """Logit slot of each node's parent."""
    parent_of_token: list[int]
    """For every token of every continuation: the logit slot that predicts it."""
    token: list[int]
    lengths: list[int]

    @classmethod
    def of(cls, continuations: Sequence[Ids]) -> "_Tree":
        slots: dict[tuple[int, ...], int] = {(): 0}
        tokens: list[int] = []
        depth: list[int] = []
        parents: list[int] = []
        slot: list[int] = []
        token: list[int] = []
        for continuation in continuations:
            for i, t in enumerate(continuation):
                before = tuple(continuation[:i])
                if before not in slots:
                    parents.append(slots[before[:-1]])
                    tokens.append(before[-1])
                    depth.append(i - 1)
                    slots[before] = len(tokens)
                slot.append(slots[before])
                token.append(t)
        return cls(tokens, depth, parents, slot, token, [len(c) for c in continuations])

    def ancestors(self) -> Tensor:
        """bool[N, N]: which nodes each node sees (its ancestors and itself)."""
        seen = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent:
                seen[node] |= seen[parent - 1]
        return seen

    def unflatten(self, values: list[float]) -> list[tuple[float, ...]]:
        rows, start = [], 0
        for n in self.lengths:
            rows.append(tuple(values[start : start + n]))
            start += n
        return rows


def _tree_mask(mask: Tensor, tree: _Tree, shared: int, dtype: torch.dtype) -> Tensor:
    """Additive float[B, 1, S+N, P+S+N]: causal in the prompt; ancestors only in the tree."""
    rows, suffix = mask.shape
    width = len(tree.tokens)
    real = mask.bool()
    see = torch.zeros(rows, suffix + width, shared + suffix + width, dtype=torch.bool, device=mask.device)
    see[:, :, :shared] = True
    causal = torch.ones(suffix, suffix, dtype=torch.bool, device=mask.device).tril()
    see[:, :suffix, shared : shared + suffix] = causal & real[:, None, :]
    see[:, suffix:, shared : shared + suffix] = real[:, None, :]
    see[:, suffix:, shared + suffix :] = tree.ancestors().to(mask.device)
    # A padded query must see something, or its softmax is 0/0.
    see[:, torch.arange(suffix), shared + torch.arange(suffix)] = True
    additive = torch.zeros(see.shape, dtype=dtype, device=mask.device)
    return additive.masked_fill(~see, torch.finfo(dtype).min)[:, None]


def _by_length(prompts: Sequence[Ids], size: int) -> Iterator[list[int]]:
    """Indices in batches of like length, longest first: what does not fit fails at once."""
    order = sorted(range(len(prompts)), key=lambda i: (-len(prompts[i]), i))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _pad_left(rows: list[list[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    length = max(len(r) for r in rows)
    ids = torch.tensor([[pad] * (length - len(r)) + r for r in rows], device=device)
    mask = torch.tensor([[0] * (length - len(r)) + [1] * len(r) for r in rows], device=device)
    return ids, mask


def _choose(logits: Tensor, sampling: Sampling, noise: list[torch.Generator]) -> Tensor:
    """Next token per row, int64[B]: the best one, or drawn by top-p sampling."""
    if sampling.temperature <= 0:
        return logits.argmax(-1)
    probabilities = (logits / sampling.temperature).softmax(-1)
    ordered, index = probabilities.sort(-1, descending=True)
    # The first token is always kept; later ones while the mass before them is below top_p.
    ordered[ordered.cumsum(-1) - ordered >= sampling.top_p] = 0
    drawn = [
        int(torch.multinomial(row.cpu(), 1, generator=g)) for row, g in zip(ordered, noise)
    ]
    return index[torch.arange(len(drawn)), torch.tensor(drawn, device=index.device)]
