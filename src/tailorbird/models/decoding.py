"""Generation and scoring for local causal models: what prompts share is encoded once.

Prompts of one task begin alike (instructions, labels, demonstrations). Their longest common
prefix is run through the model once. The rows then stand one behind another in a single sequence
after it, and a mask keeps them apart: so the keys and values of the prefix are never copied per
row, nothing is padded, and a row that has finished simply asks no more. Models that cannot keep
rows apart that way (sliding windows, recurrent states) have them side by side, padded. Virtual
tokens, which are learned instead of written, are the beginning of every prefix.
"""

import hashlib
import inspect
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

from tailorbird.errors import ModelError
from tailorbird.models.base import Progress, Sampling
from tailorbird.models.prefixed import additive, attends_with_prefix, attention_with_prefix

Ids = Sequence[int]
READ_TOKENS = 512
"""Tokens that are read in one pass: enough to keep the machine busy. Rows of a pass are masked
from each other and still cost each other time."""
AFTER_TOKENS = 4096
"""The same for rows side by side, which cost each other nothing but memory."""


@dataclass
class Decoder:
    """A causal model, whose weights stay as they are, with the cache of the last shared prefix."""

    model: Any
    ends: frozenset[int]
    pad: int
    batch_size: int = 64
    """Rows that write at the same time."""
    opening: Sequence[tuple[Tensor, Tensor]] = ()
    """Virtual tokens before every prompt: keys and values float[1, H, N, D] of every layer."""
    keep_end: bool = False
    """Whether answers hold the end token that was drawn."""
    _prefix: tuple[int, ...] = ()
    _layers: list[tuple[Tensor, Tensor]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if "past_key_values" not in inspect.signature(self.model.forward).parameters:
            raise ModelError(
                f"models of type {self.model.config.model_type} keep their state in a way of their "
                "own, and cannot be decoded here",
                hint="use a transformer or a hybrid model",
            )
        self._layers = list(self.opening)

    @cached_property
    def keeps_apart(self) -> bool:
        """Whether a mask alone decides what a token sees."""
        # Models with linear biases (Bloom) find positions in a mask of two dimensions.
        places = _takes_positions(self.model) and not getattr(self.model.config, "alibi", False)
        return places and self._layer_types <= {"DynamicLayer"}

    @cached_property
    def takes_prefix(self) -> bool:
        """Whether rows can stand side by side after a prefix that is held once."""
        return attends_with_prefix(self.model)

    @cached_property
    def pads(self) -> bool:
        """Whether padding leaves no trace; it does in recurrent states, and between virtual tokens
        and a row."""
        recurrent = any(name.startswith("Linear") for name in self._layer_types)
        return not recurrent and not self.opening

    @cached_property
    def _layer_types(self) -> set[str]:
        return {type(layer).__name__ for layer in DynamicCache(config=self.model.config).layers}

    # ---- generation --------------------------------------------------------------------------

    @torch.inference_mode()
    def generate(
        self,
        prompts: Sequence[Ids],
        sampling: Sampling,
        progress: Progress | None = None,
        avoid: Ids = (),
    ) -> list[list[int]]:
        """New token ids per prompt; none begins with all of `avoid`. The end token is left out
        unless `keep_end`."""
        answers: list[list[int]] = [[] for _ in prompts]
        self._share(prompts)
        noise = [torch.Generator().manual_seed(s) for s in _seeds(prompts, sampling.seed)]
        for batch in self._batches(prompts):
            rows = [prompts[i][len(self._prefix) :] for i in batch]
            lanes = self._lanes(rows)
            with attention_with_prefix(self.model) if isinstance(lanes, _After) else nullcontext():
                written = self._write(lanes, rows, [noise[i] for i in batch], sampling, avoid)
            for index, ids in zip(batch, written):
                answers[index] = ids
            if progress:
                progress(len(batch))
        return answers

    def _write(
        self, lanes: "_Lanes", rows: list[Ids], noise: list[torch.Generator], sampling: Sampling,
        avoid: Ids,
    ) -> list[list[int]]:  # fmt: skip
        answers: list[list[int]] = [[] for _ in rows]
        active, logits = list(range(len(rows))), lanes.read(rows)
        for left in reversed(range(sampling.max_tokens)):
            if avoid:
                at_the_brink = [answers[row] == [*avoid[:-1]] for row in active]
                logits[torch.tensor(at_the_brink), avoid[-1]] = -torch.inf
            chosen = _choose(logits.float(), sampling, [noise[a] for a in active]).tolist()
            going = [(row, t) for row, t in zip(active, chosen) if t not in self.ends]
            for row, token in zip(active, chosen) if self.keep_end else going:
                answers[row].append(token)
            if not going or not left:
                break
            active = [row for row, _ in going]
            logits = lanes.write(active, [token for _, token in going])
        return answers

    def _lanes(self, rows: list[Ids]) -> "_Lanes":
        if not self.keeps_apart:
            return _Beside(self)
        distinct = len(set(map(tuple, rows))) == len(rows)
        return _After(self) if distinct and self.takes_prefix else _Behind(self)

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
        if not tree.token:
            return [[() for _ in continuations] for _ in prompts]
        self._share(prompts)
        for batch in self._batches(prompts):
            rows = [prompts[i][len(self._prefix) :] for i in batch]
            if self.keeps_apart:
                scored = self._score_trees(rows, tree)
            else:
                scored = [self._score_rows(row, continuations) for row in rows]
            for index, row in zip(batch, scored):
                scores[index] = row
            if progress:
                progress(len(batch))
        return scores

    def _score_trees(self, rows: list[Ids], tree: "_Tree") -> list[list[tuple[float, ...]]]:
        parents, tokens = torch.tensor(tree.parent_of_token), torch.tensor(tree.token)
        scores = []
        for group in self._groups(rows, len(tree.tokens)):
            logits = self.read(group, tree)[0].float()
            logprobs = logits[:, parents, tokens] - logits.logsumexp(-1)[:, parents]
            scores += [tree.unflatten(values) for values in logprobs.tolist()]
        return scores

    def _score_rows(self, row: Ids, continuations: Sequence[Ids]) -> list[tuple[float, ...]]:
        """One prompt with every continuation as a row of its own."""
        scores: list[tuple[float, ...]] = [() for _ in continuations]
        whole = [[*row, *c] for c in continuations]
        for batch in self._batches(whole):
            lanes = _Beside(self, keep=max(len(continuations[i]) for i in batch) + 1)
            logprobs = lanes.read([whole[i] for i in batch]).float().log_softmax(-1)
            for i, values in zip(batch, logprobs):
                tokens = torch.tensor(continuations[i], dtype=torch.long)
                places = torch.arange(-1 - len(tokens), -1)
                scores[i] = tuple(values[places, tokens].tolist())
        return scores

    def _batches(self, rows: Sequence[Ids]) -> Iterator[list[int]]:
        """Indices in batches of like length, longest first: what does not fit fails at once."""
        batch: list[int] = []
        for i in sorted(range(len(rows)), key=lambda i: (-len(rows[i]), i)):
            ragged = batch and len(rows[i]) < len(rows[batch[0]])
            if len(batch) == self.batch_size or (ragged and not self.pads):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    # ---- the shared prefix, and rows behind it -----------------------------------------------

    def _share(self, prompts: Sequence[Ids]) -> None:
        """Encode what all prompts begin with, where that is worth it."""
        prefix = _common(prompts) if len(prompts) > 1 and self.keeps_apart else ()
        if len(prefix) < 8:
            prefix = ()
        if prefix != self._prefix:
            self._prefix, self._layers = (), list(self.opening)
            if prefix:
                cache = self.read([prefix], _EMPTY)[1]
                self._layers = [(layer.keys, layer.values) for layer in cache.layers]
                self._prefix = prefix

    @property
    def shared(self) -> int:
        """Places before every row: those of the virtual tokens, and of the prefix."""
        return self._layers[0][0].shape[2] if self._layers else 0

    def read(self, rows: Sequence[Ids], tree: "_Tree") -> tuple[Tensor, Any]:
        """Run rows, each with a tree behind it, after the prefix.

        Returns the logits float[rows, 1+N, V] of every row's last token and of the nodes, and the
        cache of the pass.
        """
        shared, device = self.shared, self.model.device
        ids: list[int] = []
        positions: list[int] = []
        slots: list[int] = []
        for row in rows:
            last = len(ids) + len(row) - 1
            ids += [*row, *tree.tokens]
            positions += range(shared, shared + len(row))
            positions += [shared + len(row) + depth for depth in tree.depth]
            slots += range(last, len(ids))
        cache = Cache(layer_class_to_replicate=_Growing)
        for index, (keys, values) in enumerate(self._layers):
            cache.update(keys, values, index)
        see = torch.block_diag(*(tree.sees(len(row)) for row in rows))  # type: ignore[no-untyped-call]
        keep = torch.tensor(slots, device=device)
        logits = self.step(ids, positions, see, cache, logits_to_keep=keep)
        return logits.view(len(rows), -1, logits.shape[-1]), cache

    def step(
        self, ids: list[int], positions: list[int], see: Tensor, cache: Any, **options: Any
    ) -> Tensor:
        """Logits float[T, V]; token i sees what is shared, and the own tokens j where see[i, j]."""
        model, device, shared = self.model, self.model.device, self.shared
        mask = torch.zeros(len(ids), shared + see.shape[1], dtype=model.dtype)
        mask[:, shared:].masked_fill_(~see.bool(), torch.finfo(model.dtype).min)
        out = model(
            input_ids=torch.tensor([ids], device=device),
            attention_mask=mask[None, None].to(device),
            position_ids=torch.tensor([positions], device=device),
            past_key_values=cache, use_cache=True, **options,
        )  # fmt: skip
        return out.logits[0]  # type: ignore[no-any-return]

    def _groups(self, rows: Sequence[Ids], more: int = 0) -> Iterator[list[Ids]]:
        """Rows that are read in one pass; each brings `more` tokens along."""
        group: list[Ids] = []
        size = 0
        for row in rows:
            size += len(row) + more
            if group and size > READ_TOKENS:
                yield group
                group, size = [], len(row) + more
            group.append(row)
        yield group


class _Lanes(Protocol):
    """Rows that are read once and then written to, token by token."""

    def read(self, rows: list[Ids]) -> Tensor:
        """Logits float[rows, V] of what follows every row."""

    def write(self, active: list[int], tokens: list[int]) -> Tensor:
        """The same for the rows that go on, each with one more token."""


class _Behind:
    """Rows one behind another in a single sequence; equal rows are read once, and written apart."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def read(self, rows: list[Ids]) -> Tensor:
        number: dict[tuple[int, ...], int] = {}
        self.source = torch.tensor([number.setdefault(tuple(row), len(number)) for row in rows])
        distinct = list(number)
        read = [self.decoder.read(group, _EMPTY) for group in self.decoder._groups(distinct)]
        self.cache = _joined([cache for _, cache in read], self.decoder.shared)
        self.position = [self.decoder.shared + len(row) for row in rows]
        # What is read belongs to a distinct row; what is written, to one row alone.
        self.owner = torch.tensor([i for i, row in enumerate(distinct) for _ in row])
        self.first = len(distinct)
        return torch.cat([logits[:, 0] for logits, _ in read])[self.source]

    def write(self, active: list[int], tokens: list[int]) -> Tensor:
        asking = torch.tensor(active)
        self.owner = torch.cat([self.owner, self.first + asking])
        positions = [self.position[row] for row in active]
        for row in active:
            self.position[row] += 1
        own, source = self.first + asking, self.source[asking]
        see = (own[:, None] == self.owner) | (source[:, None] == self.owner)
        return self.decoder.step(tokens, positions, see, self.cache)


class _After:
    """Rows side by side after the prefix; those that have finished are put away now and then.

    To be used within `attention_with_prefix`.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder, self.model = decoder, decoder.model
        self.cache: Any = Cache(layer_class_to_replicate=_Growing)

    def read(self, rows: list[Ids]) -> Tensor:
        self.held = list(range(len(rows)))
        longest = max(map(len, rows))
        self.padding = torch.tensor([longest - len(row) for row in rows])
        self.length = longest
        logits = []
        at_once = max(1, AFTER_TOKENS // longest)
        for start in range(0, len(rows), at_once):
            part = slice(start, start + at_once)
            ids = [[self.decoder.pad] * (longest - len(row)) + list(row) for row in rows[part]]
            place = torch.arange(longest)
            real = place[None] >= self.padding[part, None]
            see = (place[None] <= place[:, None])[None] & real[:, None]
            see |= torch.eye(longest, dtype=torch.bool)  # padding sees itself: of nothing, no sum
            positions = (place[None] - self.padding[part, None]).clamp(min=0)
            read: Any = Cache(layer_class_to_replicate=_Growing)
            logits.append(self._run(ids, positions, see, read))
            self._hold(read)
        return torch.cat(logits)

    def _hold(self, read: Any) -> None:
        """Put the rows of another cache below those that are held."""
        if not self.cache.layers:
            self.cache = read
            return
        for layer, more in zip(self.cache.layers, read.layers, strict=True):
            layer.reset_to(*(torch.cat(p) for p in zip(layer.held, more.held, strict=True)))

    def write(self, active: list[int], tokens: list[int]) -> Tensor:
        if 2 * len(active) <= len(self.held):
            kept = torch.tensor([self.held.index(row) for row in active])
            for layer in self.cache.layers:
                layer.reset_to(*(part[kept] for part in layer.held))
            self.padding, self.held = self.padding[kept], list(active)
        going = dict(zip(active, tokens, strict=True))
        ids = [[going.get(row, self.decoder.pad)] for row in self.held]
        positions = (self.length - self.padding)[:, None]
        self.length += 1
        see = (torch.arange(self.length)[None] >= self.padding[:, None])[:, None]
        logits = self._run(ids, positions, see, self.cache)
        if len(active) == len(self.held):
            return logits
        return logits[torch.tensor([self.held.index(row) for row in active])]

    def _run(self, ids: list[list[int]], positions: Tensor, see: Tensor, cache: Any) -> Tensor:
        """Logits float[B, V] of the last places."""
        shared = self.decoder.shared
        out = self.model(
            input_ids=torch.tensor(ids), attention_mask=additive(see),
            position_ids=positions + shared, past_key_values=cache, use_cache=True,
            logits_to_keep=1, prefix=self.decoder._layers or None,
        )  # fmt: skip
        return out.logits[:, -1]  # type: ignore[no-any-return]


class _Growing(DynamicLayer):  # type: ignore[no-untyped-call]
    """Keys and values with room for more: a plain layer copies all it has for every new token."""

    room: tuple[Tensor, Tensor]

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Append keys and values float[B, H, T, D]; returns all of them."""
        start = self.get_seq_length()
        end = start + key_states.shape[2]
        if not start:
            self.room = key_states[:, :, :0], value_states[:, :, :0]
            self.is_initialized = True
        if end > self.room[0].shape[2]:
            keys, values = self.room
            self.room = _with_room(keys, start, end), _with_room(values, start, end)
        for room, new in zip(self.room, (key_states, value_states)):
            room[:, :, start:end] = new
        keys, values = (room[:, :, :end] for room in self.room)
        self.keys, self.values = keys, values
        return keys, values

    @property
    def held(self) -> tuple[Tensor, Tensor]:
        """Keys and values float[B, H, T, D]."""
        length = self.get_seq_length()
        return self.room[0][:, :, :length], self.room[1][:, :, :length]

    def reset_to(self, keys: Tensor, values: Tensor) -> None:
        """Hold these in place of what is held."""
        self.room = self.keys, self.values = keys, values


def _with_room(held: Tensor, used: int, needed: int) -> Tensor:
    rows, heads, _, width = held.shape
    room = held.new_empty(rows, heads, needed + max(READ_TOKENS // rows, 32), width)
    room[:, :, :used] = held[:, :, :used]
    return room


def _joined(caches: list[Any], shared: int) -> Any:
    """One cache of several: the prefix, then what each has read."""
    first, *others = caches
    for other in others:
        for index, layer in enumerate(other.layers):
            first.update(layer.keys[:, :, shared:], layer.values[:, :, shared:], index)
    return first


class _Beside:
    """Rows side by side, padded on the left; `keep` is how many logits of each are wanted."""

    def __init__(self, decoder: Decoder, keep: int = 0) -> None:
        self.model, self.pad, self.keep = decoder.model, decoder.pad, keep
        self.opening = decoder.opening
        self.cache = DynamicCache(config=decoder.model.config)

    def read(self, rows: list[Ids]) -> Tensor:
        length = max(len(r) for r in rows)
        self.mask = torch.tensor([[0] * (length - len(r)) + [1] * len(r) for r in rows])
        for index, layer in enumerate(self.opening):
            keys, values = (part.repeat(len(rows), 1, 1, 1) for part in layer)
            self.cache.update(keys, values, index)
        if self.opening:
            virtual = self.mask.new_ones(len(rows), self.opening[0][0].shape[2])
            self.mask = torch.cat([virtual, self.mask], dim=1)
        logits = self._run([[self.pad] * (length - len(r)) + list(r) for r in rows])
        return logits if self.keep else logits[:, -1]

    def write(self, active: list[int], tokens: list[int]) -> Tensor:
        ids = [[self.pad] for _ in self.mask]
        for row, token in zip(active, tokens):
            ids[row] = [token]
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(ids), 1)], dim=1)
        return self._run(ids)[active, -1]

    def _run(self, ids: list[list[int]]) -> Tensor:
        device = self.model.device
        inputs = {"input_ids": torch.tensor(ids), "attention_mask": self.mask}
        if _takes_positions(self.model):
            positions = (self.mask.cumsum(1) - 1).clamp(min=0)
            inputs["position_ids"] = positions[:, -len(ids[0]) :]
        out = self.model(
            **{name: tensor.to(device) for name, tensor in inputs.items()},
            past_key_values=self.cache, use_cache=True, logits_to_keep=self.keep or 1,
        )  # fmt: skip
        return out.logits  # type: ignore[no-any-return]


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

    @cached_property
    def ancestors(self) -> Tensor:
        """bool[N, N]: which nodes each node sees (its ancestors and itself)."""
        seen = torch.eye(len(self.tokens), dtype=torch.bool)
        for node, parent in enumerate(self.parents):
            if parent:
                seen[node] |= seen[parent - 1]
        return seen

    def sees(self, length: int) -> Tensor:
        """bool[T, T] for a row of `length` tokens and its tree: which tokens each token sees."""
        see = torch.ones(length, length + len(self.tokens), dtype=torch.bool).tril()
        nodes = torch.ones(len(self.tokens), length, dtype=torch.bool)
        return torch.cat([see, torch.cat([nodes, self.ancestors], dim=1)])

    def unflatten(self, values: list[float]) -> list[tuple[float, ...]]:
        rows, start = [], 0
        for n in self.lengths:
            rows.append(tuple(values[start : start + n]))
            start += n
        return rows


_EMPTY = _Tree.of(())


def _takes_positions(model: Any) -> bool:
    return "position_ids" in inspect.signature(model.forward).parameters


def _common(prompts: Sequence[Ids]) -> tuple[int, ...]:
    """What all begin with; at least one token of each stays behind to be the first query."""
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
    same = [a == b for a, b in zip(first, last)]
    length = same.index(False) if False in same else len(same)
    return first[: min(length, min(map(len, prompts)) - 1)]


def _seeds(prompts: Sequence[Ids], seed: int) -> Iterator[int]:
    """A seed per prompt, whatever other prompts there are; equal prompts are counted."""
    seen: Counter[tuple[int, ...]] = Counter()
    for prompt in map(tuple, prompts):
        text = f"{seed} {seen[prompt]} {prompt}"
        seen[prompt] += 1
        yield int.from_bytes(hashlib.sha256(text.encode()).digest()[:7])


def _choose(logits: Tensor, sampling: Sampling, noise: list[torch.Generator]) -> Tensor:
    """Next token per row, int64[B]: the best one, or drawn by top-p sampling."""
    if sampling.temperature <= 0:
        return logits.argmax(-1)
    ordered, index = (logits / sampling.temperature).softmax(-1).sort(-1, descending=True)
    # The first token is always kept; later ones while the mass before them is below top_p.
    ordered[..., 1:][(ordered.cumsum(-1) - ordered)[..., 1:] >= sampling.top_p] = 0
    mass = ordered.cumsum(-1)
    # One number per row, so that rounding in a batch of another size hardly ever changes a draw.
    drawn = torch.stack([torch.rand(1, generator=g) for g in noise]).to(logits.device)
    return index.gather(-1, torch.searchsorted(mass, drawn * mass[:, -1:]))[:, 0]
