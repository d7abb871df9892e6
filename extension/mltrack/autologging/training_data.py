"""The data of a training as an input of its run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.data.convert import as_dataset
from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import DatasetInput, InputTag
from mltrack.exceptions import InvalidParameterError
from mltrack.inputs import CONTEXT_TAG

if TYPE_CHECKING:
    from mltrack.data.dataset import Dataset


def dataset_input(data: Any, targets: Any = None, *, context: str, name: str | None = None) -> DatasetInput | None:
    """Make an input of a frame, array, sparse matrix or tensor; None of anything else."""
    try:
        found = _dataset(data, targets, name)
    except InvalidParameterError:  # a list, a generator, texts
        return None
    return check_dataset_input(DatasetInput(found.to_entity(), (InputTag(CONTEXT_TAG, context),)))


def _dataset(data: Any, targets: Any, name: str | None) -> Dataset:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(data, numpy.ndarray) and targets is not None:
        from mltrack.data.numpy_dataset import from_numpy  # numpy is loaded already, as the line above has seen

        return from_numpy(data, targets=numpy.asarray(targets), name=name)
    return as_dataset(data, name=name)
