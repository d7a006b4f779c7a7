"""Muon makes updates orthogonal, learns, and can be saved."""

import pytest
import torch
from torch import nn

from tailorbird.train.muon import Muon, muon, orthogonalised


@pytest.mark.parametrize("shape", [(3, 32, 32), (2, 48, 16), (2, 16, 48)])
def test_singular_values_become_one(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalised(torch.randn(shape)))
    assert values.min() > 0.3  # the quintic is fast rather than exact
    assert values.max() < 1.3


def test_a_batch_is_its_matrices() -> None:
    torch.manual_seed(0)
    batch = torch.randn(3, 8, 20)
    alone = torch.stack([orthogonalised(matrix[None])[0] for matrix in batch])
    torch.testing.assert_close(orthogonalised(batch), alone)


def _model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 11))


def test_groups() -> None:
    first, second = muon(_model()).param_groups
    assert first["use_muon"]
    assert [tuple(p.shape) for p in first["params"]] == [(16, 8), (11, 16)]
    assert [tuple(p.shape) for p in second["params"]] == [(11, 8), (16,), (11,)]


def test_learns() -> None:
    model = _model()
    optimizer = muon(model, lr=0.02, adamw_lr=0.01)
    ids = torch.arange(11)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(ids), (ids + 1) % 11)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_the_rest_is_adamw() -> None:
    ours, theirs = nn.Parameter(torch.ones(5)), nn.Parameter(torch.ones(5))
    optimizers = (
        Muon([{"params": [ours], "lr": 0.1}], weight_decay=0.1),
        torch.optim.AdamW([theirs], lr=0.1, betas=(0.9, 0.95), weight_decay=0.1),
    )
    for step in range(4):
        for parameter, optimizer in zip((ours, theirs), optimizers, strict=True):
            parameter.grad = torch.arange(5.0) - step
            optimizer.step()
    torch.testing.assert_close(ours, theirs)


def test_state_survives_saving() -> None:
    model = _model()
    optimizer = muon(model)
    model(torch.arange(11)).sum().backward()
    optimizer.step()
    again = muon(model)
    again.load_state_dict(optimizer.state_dict())
    state = again.state_dict()["state"]
    assert len(state) == len(list(model.parameters()))


def test_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match="matrices"):
        Muon([{"params": [nn.Parameter(torch.ones(3))], "lr": 0.1, "use_muon": True}])
