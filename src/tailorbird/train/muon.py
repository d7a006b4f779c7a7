"""Muon for matrices, AdamW for the rest, as one optimiser; in float32 and in batches for CPUs.

Muon replaces the momentum of a matrix by the nearest matrix with all singular values near one,
found by a few Newton-Schulz steps, so that every direction of the matrix is learned at one rate
(Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic; they drive singular values into [0.7, 1.2] in five steps."""


class Muon(Optimizer):
    """Groups with ``use_muon`` take 2-D parameters only; the others are stepped by AdamW."""

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        steps: int = 5,
    ) -> None:
        """Each group has ``params``, ``lr`` and ``use_muon``; the rest may be set per group."""
        defaults = {
            "use_muon": False,
            "momentum": momentum,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "steps": steps,
        }
        super().__init__(groups, defaults)
        for group in self.param_groups:
            flat = [p.shape for p in group["params"] if p.ndim != 2]
            if group["use_muon"] and flat:
                raise ValueError(f"Muon steps matrices, found shapes {flat}; use use_muon=False.")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            live = [p for p in group["params"] if p.grad is not None]
            if group["use_muon"]:
                self._step_matrices(live, group)
            else:
                self._step_rest(live, group)
        return loss

    def _step_matrices(self, live: list[Tensor], group: dict[str, Any]) -> None:
        by_shape: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in live:
            by_shape[parameter.shape].append(parameter)
        for (rows, columns), same in by_shape.items():
            updates = orthogonalised(
                torch.stack([self._momentum(p, group) for p in same]), group["steps"]
            )
            # Tall matrices step further, so that the change of an output is the same for all.
            rate = group["lr"] * max(1.0, rows / columns) ** 0.5
            for parameter, update in zip(same, updates, strict=True):
                parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
                parameter.add_(update.to(parameter.dtype), alpha=-rate)

    def _momentum(self, parameter: Tensor, group: dict[str, Any]) -> Tensor:
        """Nesterov momentum of the gradient, float32[rows, columns]."""
        gradient = _gradient(parameter)
        state = self.state[parameter]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(gradient, 1.0 - group["momentum"])
        return gradient.lerp(buffer, group["momentum"])

    def _step_rest(self, live: list[Tensor], group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        for parameter in live:
            gradient = _gradient(parameter)
            state = self.state[parameter]
            if not state:
                state["step"] = torch.zeros((), dtype=torch.float32)
                state["exp_avg"] = torch.zeros_like(gradient)
                state["exp_avg_sq"] = torch.zeros_like(gradient)
            state["step"] += 1
            step = state["step"].item()
            mean: Tensor = state["exp_avg"].lerp_(gradient, 1.0 - beta1)
            square: Tensor = state["exp_avg_sq"].lerp_(gradient.square(), 1.0 - beta2)
            spread = (square / (1.0 - beta2**step)).sqrt_().add_(group["eps"])
            parameter.mul_(1.0 - group["lr"] * group["weight_decay"])
            update = mean / spread / (1.0 - beta1**step)
            parameter.add_(update.to(parameter.dtype), alpha=-group["lr"])


def orthogonalised(matrices: Tensor, steps: int = 5) -> Tensor:
    """float32[n, rows, columns] with singular values near one and the same singular vectors."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices  # the smaller Gram matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.mT if tall else x
    return result


def muon(model: nn.Module, lr: float = 0.01, adamw_lr: float = 2e-3, **options: Any) -> Muon:
    """Muon on the inner matrices of ``model``; AdamW on embeddings, the head and vectors."""
    outer = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    matrices: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        inner = parameter.ndim == 2 and id(parameter) not in outer and "lm_head" not in name
        (matrices if inner else rest).append(parameter)
    groups = [
        {"params": matrices, "lr": lr, "use_muon": True},
        {"params": rest, "lr": adamw_lr, "use_muon": False},
    ]
    return Muon(groups, **options)


def _gradient(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None  # ``step`` passes on only those that have one
    return parameter.grad.float()
