"""A module in a table: its layers, their classes, and how many parameters each has."""

from __future__ import annotations

from typing import Any

_MOST_LAYERS = 2000


def counts_of(module: Any) -> dict[str, int]:
    """Give ``model_parameters`` and, of those, ``trainable_parameters``."""
    parameters = [each for each in module.parameters() if not _is_lazy(each)]
    trainable = sum(each.numel() for each in parameters if each.requires_grad)
    return {"model_parameters": sum(each.numel() for each in parameters), "trainable_parameters": trainable}


def summary_of(module: Any) -> str:
    """Give a line for each layer with the parameters below it, and the counts of all; nothing is computed."""
    rows = [("Layer", "Type", "Parameters")]
    for number, (name, layer) in enumerate(module.named_modules()):
        if number >= _MOST_LAYERS:
            rows.append(("…", "", ""))
            break
        rows.append((name or "(whole)", type(layer).__name__, f"{counts_of(layer)['model_parameters']:,}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{layer:<{widths[0]}}  {kind:<{widths[1]}}  {count:>{widths[2]}}" for layer, kind, count in rows]
    counts = counts_of(module)
    ends = [f"Parameters: {counts['model_parameters']:,}", f"Trainable: {counts['trainable_parameters']:,}"]
    return "\n".join([*lines, "", *ends, ""])


def _is_lazy(parameter: Any) -> bool:
    """Tell whether a parameter has no shape yet, as those of ``LazyLinear`` before the first batch."""
    return hasattr(parameter, "materialize")
