"""The suite for objectives: a loss that is a sum, and the weight that is its denominator."""

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tailorbird.extras import need
from tailorbird.testing.claims import claim, never_raises

if TYPE_CHECKING:
    from torch import nn

    from tailorbird.train.objectives.base import Objective

_STEPS = 8


def check_objective(objective: "Objective", rows: Sequence[Any], model: "nn.Module") -> None:
    """Take the loss of token `rows` (at least two, of which some tokens are learned) on `model`.

    The model is copied, and left as it was. Raises `AssertionError`.
    """
    claim(len(rows) > 1, "give at least two rows")
    wrapped = [{"row": row, "input_ids": row.tokens} for row in rows]
    model = copy.deepcopy(model).eval()  # dropout would make every loss another one
    with never_raises("collate should make a batch of the rows"):
        batch = objective.collate(wrapped)
    _is_a_batch(batch, len(rows))
    _sums(objective, wrapped, model)
    _has_a_gradient(objective, batch, model)
    _accumulates(objective, wrapped, model)
    _learns(objective, batch, model)


def _is_a_batch(batch: Any, rows: int) -> None:
    torch = need("torch")
    claim(isinstance(batch, dict), f"collate returns a {type(batch).__name__}, not a dict")
    for name, value in batch.items():
        claim(isinstance(value, torch.Tensor), f"{name} of the batch is no tensor")


def _sums(objective: "Objective", rows: Sequence[Any], model: "nn.Module") -> None:
    """Loss and weight of a batch are the sums of those of its rows, however it is cut."""
    torch = need("torch")
    parts = [objective.collate([row]) for row in rows]
    whole = objective.collate(rows)
    weight, weights = objective.weight(whole), [objective.weight(p) for p in parts]
    claim(weight.numel() == 1 and float(weight) > 0, f"the weight {weight} is not a number above 0")
    claim(
        abs(float(weight) - sum(map(float, weights))) < 1e-6,
        f"the weight of a batch, {float(weight)}, is not the sum of its rows' weights",
    )
    with torch.no_grad():
        loss = _loss(objective, model, whole)
        again = _loss(objective, model, whole)
        total = sum(_loss(objective, model, p) for p in parts)
        turned = _loss(objective, model, objective.collate(rows[::-1]))
    claim(abs(loss - again) < 1e-6, "the loss of the same batch differs between two calls")
    noise = 1e-4 * max(1.0, abs(loss))
    claim(
        abs(loss - total) < noise,
        f"the loss of a batch, {loss}, is not the sum of its rows' losses, {total}: padding or "
        "neighbours leak in, or it is a mean",
    )
    claim(abs(loss - turned) < noise, "the loss depends on the order of the rows")


def _loss(objective: "Objective", model: "nn.Module", batch: Any) -> float:
    return float(objective.loss(model, batch)[0])


def _has_a_gradient(objective: "Objective", batch: Any, model: "nn.Module") -> None:
    torch = need("torch")
    before = copy.deepcopy(model.state_dict())
    loss, metrics = objective.loss(model, batch)
    claim(
        loss.numel() == 1 and bool(torch.isfinite(loss)), f"the loss {loss} is not a finite scalar"
    )
    claim(loss.requires_grad, "the loss has no gradient")
    gradients = _gradients(loss, model)
    claim(bool(gradients), "no parameter gets a gradient from the loss")
    claim(all(bool(torch.isfinite(g).all()) for g in gradients), "a gradient is not finite")
    numbers = [float(m.total) for m in metrics.values()]
    claim(all(n == n for n in numbers), f"a metric is no number: {metrics}")
    same = all(bool(torch.equal(v, before[k])) for k, v in model.state_dict().items())
    claim(same, "taking the loss changes the model")


def _gradients(loss: Any, model: "nn.Module") -> list[Any]:
    model.zero_grad()
    loss.backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def _accumulates(objective: "Objective", rows: Sequence[Any], model: "nn.Module") -> None:
    """Two micro-batches give the gradient of one batch: what accumulation and DDP rely on."""
    torch = need("torch")
    half = len(rows) // 2
    whole = _gradients(objective.loss(model, objective.collate(rows))[0], model)
    parts = [
        _gradients(objective.loss(model, objective.collate(part))[0], model)
        for part in (rows[:half], rows[half:])
    ]
    for together, one, other in zip(whole, *parts):
        claim(
            torch.allclose(together, one + other, rtol=1e-3, atol=1e-4),
            "the gradients of two micro-batches do not add up to that of one batch",
        )


def _learns(objective: "Objective", batch: Any, model: "nn.Module") -> None:
    torch = need("torch")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(_STEPS):
        optimizer.zero_grad()
        loss = objective.loss(model, batch)[0] / objective.weight(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    claim(losses[-1] < losses[0], f"{_STEPS} steps on one batch do not lower its loss: {losses}")
