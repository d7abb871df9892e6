"""The tables behind the confusion matrix, the ROC curve and the precision-recall curve of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.frameworks.sklearn.classification import binary_thresholds, confusion
from mltrack.frameworks.sklearn.curves import precision_recall_curve, roc_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.frameworks.sklearn.training_metrics import Measured

MOST_CLASSES = 100


def training_tables(measured: Measured | None) -> dict[str, Mapping[str, Sequence[Any]]]:
    """Give the tables that there are, by the names of their files."""
    found = measured.classes if measured is not None else None
    if measured is None or found is None:
        return {}
    tables: dict[str, Mapping[str, Sequence[Any]]] = {}
    size = len(found.labels)
    if size <= MOST_CLASSES:
        tables["training_confusion_matrix"] = {
            "true": np.repeat(found.labels, size).tolist(),
            "predicted": np.tile(found.labels, size).tolist(),
            "count": confusion(found).ravel().tolist(),
        }
    counted = binary_thresholds(found, measured.scores)
    if counted is not None:
        tables["training_roc_curve"] = roc_curve(counted)
        tables["training_precision_recall_curve"] = precision_recall_curve(counted)
    return tables
