"""Datasets: what a run read, by name, digest, schema, size and source, with MLflow's names and formats.

``from_pandas``, ``from_numpy``, ``from_polars`` and ``from_file`` make one, ``mltrack.log_input`` logs it. Of large
data only a bounded part is looked at (``mltrack.data.digests``); nothing is ever fetched or copied into the store.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mltrack.data.convert import as_dataset as as_dataset
    from mltrack.data.dataset import Dataset as Dataset
    from mltrack.data.dataset_source import DatasetSource as DatasetSource
    from mltrack.data.file_dataset import from_file as from_file
    from mltrack.data.numpy_dataset import from_numpy as from_numpy
    from mltrack.data.pandas_dataset import from_pandas as from_pandas
    from mltrack.data.polars_dataset import from_polars as from_polars
    from mltrack.data.sources import get_source as get_source

_HOME_OF = {
    "Dataset": "dataset",
    "DatasetSource": "dataset_source",
    "as_dataset": "convert",
    "from_file": "file_dataset",
    "from_numpy": "numpy_dataset",
    "from_pandas": "pandas_dataset",
    "from_polars": "polars_dataset",
    "get_source": "sources",
}
# Modules that are found as attributes, as MLflow's are after `import mlflow.data`.
_MODULES = (
    *("code_dataset_source", "dataset", "dataset_source", "filesystem_dataset_source", "http_dataset_source"),
    *("meta_dataset", "numpy_dataset", "pandas_dataset", "polars_dataset", "schema", "sources"),
)
__all__ = [*_HOME_OF]  # noqa: PLE0604 - texts, put together


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"mltrack.data.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'mltrack.data' has no attribute {name!r}")
    value = getattr(import_module(f"mltrack.data.{home}"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_MODULES})
