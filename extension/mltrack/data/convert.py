"""Any frame or array becomes a dataset; libraries that nobody loaded are not imported to ask."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from mltrack.data.dataset import Dataset
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from os import PathLike

    from mltrack.data.dataset_source import DatasetSource


def as_dataset(
    data: Any, source: str | PathLike[str] | DatasetSource | None = None, *, name: str | None = None
) -> Dataset:
    """Make a dataset of a DataFrame, Series, array, sparse matrix or tensor; a dataset stays as it is.

    Raises
    ------
    InvalidParameterError
        When it is none of these; the message names its type.
    """
    if isinstance(data, Dataset):
        return data
    pandas, polars, numpy = (sys.modules.get(name) for name in ("pandas", "polars", "numpy"))
    if pandas is not None and isinstance(data, (pandas.DataFrame, pandas.Series)):
        from mltrack.data.pandas_dataset import from_pandas  # loads what only this kind needs

        return from_pandas(data.to_frame() if isinstance(data, pandas.Series) else data, source, name=name)
    if polars is not None and isinstance(data, (polars.DataFrame, polars.Series)):
        from mltrack.data.polars_dataset import from_polars  # as above

        return from_polars(data.to_frame() if isinstance(data, polars.Series) else data, source, name=name)
    if numpy is not None:
        from mltrack.data.numpy_dataset import from_numpy, is_sparse  # as above

        array = array_of_tensor(data)
        if isinstance(array, numpy.ndarray) or is_sparse(array):
            return from_numpy(array, source, name=name)
    raise InvalidParameterError(
        f"A {type(data).__name__} is no dataset; give a DataFrame, an array, or what mltrack.data.from_… makes."
    )


def array_of_tensor(data: Any) -> Any:
    """Give the array that a tensor of torch shows, without copying; anything else as it is.

    None for one that lies on another device, is sparse, or is of a type that numpy lacks.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(data, torch.Tensor):
        return data
    if data.device.type != "cpu":
        return None  # to look at it would wait for the device
    try:
        return data.detach().numpy()
    except (TypeError, RuntimeError):
        return None
