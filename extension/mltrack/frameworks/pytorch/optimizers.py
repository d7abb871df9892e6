"""An optimizer's settings as params."""

from __future__ import annotations

from typing import Any

_UNLOGGED = frozenset({"params", "param_names", "initial_lr", "foreach", "fused", "capturable", "differentiable"})
_MOST_GROUPS = 10


def optimizer_params(optimizer: Any) -> dict[str, Any]:
    """Give the class as ``optimizer``, and the settings under torch's names, as ``lr``.

    Of further groups what differs from the first is given, as ``group_2_lr``; a learning rate that a scheduler changes
    is given as it was at the beginning.
    """
    groups = [_settings(group) for group in optimizer.param_groups]
    found = {"optimizer": type(optimizer).__name__, **groups[0]}
    for number, group in enumerate(groups[1:_MOST_GROUPS], start=2):
        found.update({f"group_{number}_{name}": value for name, value in group.items() if groups[0].get(name) != value})
    return found


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    found = {name: _plain(value) for name, value in group.items() if name not in _UNLOGGED}
    if "initial_lr" in group:
        found["lr"] = _plain(group["initial_lr"])
    return found


def _plain(value: Any) -> Any:
    """Give a number for a tensor of one, as a learning rate may be."""
    return value.item() if hasattr(value, "item") and value.numel() == 1 else value
