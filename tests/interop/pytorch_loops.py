"""A small training in a plain loop of PyTorch, as the tests of its autolog use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.interop.autolog import logged_runs, needs

import mltrack

if TYPE_CHECKING:
    from collections.abc import Callable

    from mltrack.entities import Run

torch = needs("torch")
_generator = torch.Generator().manual_seed(0)
X, Y = torch.randn(16, 4, generator=_generator), torch.randn(16, 1, generator=_generator)


def net() -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))


def loss_of(model: Any) -> Any:
    return ((model(X) - Y) ** 2).mean()


def train(steps: int = 5, lr: float = 0.1) -> tuple[Any, list[float]]:
    model, losses = net(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


def tracked(work: Callable[[], Any]) -> tuple[Run, Any]:
    with mltrack.start_run():
        result = work()
    return logged_runs()[-1], result
