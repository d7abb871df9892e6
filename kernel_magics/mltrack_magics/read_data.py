"""The frames and arrays that a tracked cell reads: which data they are, as the cell finds it.

They are looked at before the cell runs, because a cell may change a frame in place. As in ``capture``, values are known
by their exact type alone, and nothing of the user's is compared, printed or converted.
"""

from __future__ import annotations

import math
import time
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mltrack.dataset_limits import check_dataset_input
from mltrack.entities import DatasetInput, InputTag
from mltrack_magics.capture import SHELL_NAMES, is_type_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mltrack.data.dataset import Dataset
    from mltrack_magics.capture import CellPlan

LEFT_OUT_TAG = "mltrack.data.leftOut"
"""The run's tag that names the data that the cell reads and that there was no time to look at."""

START_SECONDS = 0.02
"""Nothing more is begun after so much work; the dearest value takes 30 ms (see ``mltrack.data.pandas_dataset``)."""

WALL_SECONDS = 0.05
"""Nothing more is begun after so long either, where the work waits for a disk or for other threads."""

SMALLEST = 10  # elements: a shorter array or series is rather a setting, or a result
_MOST_COLUMNS = 2_000  # of which a schema is made
_SCHEMA_ROWS = 1_000
_TAGS = (InputTag("mlflow.data.context", "read"),)
_KINDS = (
    *(("pandas", "DataFrame"), ("pandas", "Series"), ("polars", "DataFrame"), ("polars", "Series")),
    *(("numpy", "ndarray"), ("torch", "Tensor")),
    *(("scipy.sparse", name) for name in ("csr_matrix", "csc_matrix", "csr_array", "csc_array")),
)


@dataclass(frozen=True, slots=True)
class ReadData:
    """What a cell reads: a dataset input for each name, and the names that there was no time for.

    ``unsure`` are the names that the cell may have bound anew before it read them, with what they were.
    """

    inputs: Mapping[str, DatasetInput]
    left_out: tuple[str, ...] = ()
    unsure: Mapping[str, weakref.ref[Any]] | None = None


NOTHING_READ = ReadData({})


def take_read(plan: CellPlan, namespace: Mapping[str, object]) -> ReadData:
    """Look at the data that a cell is about to read, for 50 ms at most; no value is kept alive."""
    end_of_work, end = time.thread_time() + START_SECONDS, time.perf_counter() + WALL_SECONDS
    inputs, left_out, unsure = {}, [], {}
    for name, value in _data_of(plan, namespace):
        if time.thread_time() > end_of_work or time.perf_counter() > end:
            left_out.append(name)
            continue
        dataset = _described(name, value)
        if dataset is None:
            continue
        inputs[name] = check_dataset_input(DatasetInput(dataset.to_entity(), _TAGS))
        if not plan.reads[name]:
            unsure[name] = weakref.ref(value)
    return ReadData(inputs, tuple(left_out), unsure)


def inputs_of(read: ReadData, namespace: Mapping[str, object]) -> list[DatasetInput]:
    """Give the inputs of a cell that ran, without those that it bound anew instead of reading them."""
    unsure = read.unsure or {}
    return [each for name, each in read.inputs.items() if name not in unsure or unsure[name]() is namespace.get(name)]


def _data_of(plan: CellPlan, namespace: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
    for name in plan.reads:
        value = namespace.get(name)
        if not name.startswith("_") and name not in SHELL_NAMES and _is_data(value):
            yield name, value


def _is_data(value: Any) -> bool:
    """Tell whether a value is a frame or array of a library that is known here, and large enough to be data."""
    kind = next((kind for kind in _KINDS if is_type_of(value, *kind)), None)
    if kind is None:
        return False
    if kind[1] == "DataFrame":
        return bool(value.shape[0] and value.shape[1])
    if kind[1] == "Tensor":
        return not value.requires_grad and value.ndim > 0 and int(value.numel()) >= SMALLEST  # weights are no data
    return len(value.shape) > 0 and math.prod(value.shape) >= SMALLEST


def _described(name: str, value: Any) -> Dataset | None:
    """Make a dataset whose schema says what the first rows hold; None when the data lies on another device."""
    from mltrack.data.convert import array_of_tensor, as_dataset  # with the first data comes what looks into it

    data = array_of_tensor(value)
    if data is None:
        return None
    dataset = as_dataset(data, name=name)
    frame = getattr(dataset, "df", None)
    if frame is not None:  # what is set here stands for the schema that would be made of all rows
        vars(dataset)["schema"] = _schema_of_start(dataset, frame)
    return dataset


def _schema_of_start(dataset: Any, frame: Any) -> object:
    if frame.shape[1] > _MOST_COLUMNS:
        return None
    return type(dataset)(frame.head(_SCHEMA_ROWS), dataset.source, digest=dataset.digest).schema
