"""Datasets made of arrays: digest, schema and profile as MLflow makes them, of a bounded part."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mltrack.data.dataset import Dataset
from mltrack.data.digests import FIRST_ROWS, md5_digest, own_digest, value_bytes
from mltrack.data.schema import Schema, TensorDatasetSchema, tensor
from mltrack.data.sources import resolve_dataset_source
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from mltrack.data.dataset_source import DatasetSource

    Arrays = np.ndarray[Any, Any] | Mapping[str, np.ndarray[Any, Any]]

_SAMPLE_BYTES = 8_000_000
_SPARSE = ("data", "indices", "indptr")


class NumpyDataset(Dataset):
    """One array or several named ones, and perhaps targets, as a dataset; see ``from_numpy``."""

    def __init__(
        self,
        features: Arrays,
        source: DatasetSource,
        targets: Arrays | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        self._features = _checked(features, "features")
        self._targets = None if targets is None else _checked(targets, "targets")
        super().__init__(source, name, digest)

    def _compute_digest(self) -> str:
        return array_digest(self._features, self._targets)

    @property
    def features(self) -> Arrays:
        """The array, or the named ones."""
        return self._features

    @property
    def targets(self) -> Arrays | None:
        """The targets, or None."""
        return self._targets

    @cached_property
    def schema(self) -> TensorDatasetSchema:
        """The type of each array, and its shape with -1 for the first axis."""
        targets = None if self._targets is None else _schema_of(self._targets)
        return TensorDatasetSchema(_schema_of(self._features), targets)

    def _schema_document(self) -> Mapping[str, Any]:
        return self.schema.to_dict()

    @property
    def profile(self) -> Mapping[str, Any]:
        """``features_shape``, ``features_size`` (elements) and ``features_nbytes``; the same of the targets."""
        found = _profile_of(self._features, "features")
        return found if self._targets is None else {**found, **_profile_of(self._targets, "targets")}


def from_numpy(
    features: Arrays,
    source: str | PathLike[str] | DatasetSource | None = None,
    targets: Arrays | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """Make a dataset of an array, or of a dict of named ones.

    Parameters
    ----------
    features, targets
        Arrays of numpy, or sparse ones of scipy (CSR, CSC); they are referred to, not copied.
    source
        A path, a URI or a DatasetSource; default: the code that runs.
    name
        Default ``dataset``.
    digest
        Default: ``array_digest``.

    Raises
    ------
    InvalidParameterError
        When it is no array, or nothing is known of such a source.
    """
    return NumpyDataset(features, resolve_dataset_source(source), targets, name, digest)


def _checked(arrays: Any, role: str) -> Arrays:
    for each in _each(arrays):
        if not isinstance(each, np.ndarray) and not is_sparse(each):
            raise InvalidParameterError(
                f"The {role} of a dataset are numpy arrays, or a dict of them; got a {type(each).__name__}."
            )
    return arrays  # type: ignore[no-any-return]


def _each(arrays: Any) -> list[Any]:
    """Give the arrays by name, as the digest takes them."""
    return [arrays[name] for name in sorted(arrays)] if isinstance(arrays, dict) else [arrays]


def is_sparse(array: object) -> bool:
    """Tell whether it is a CSR or CSC matrix or array of scipy, which is not imported to ask."""
    kind = type(array)
    return kind.__module__.startswith("scipy.sparse") and kind.__name__[:3] in ("csr", "csc")


def array_digest(features: Arrays, targets: Arrays | None = None) -> str:
    """Give the fingerprint of arrays.

    It is MLflow's (``mlflow.data.digest_utils.compute_numpy_digest``): the MD5, cut to 8 hex digits, of pandas' hashes
    of the first 10,000 numbers in C order, and of the shape, for each array by its name. So it does not see what
    changes after the first 10,000 numbers, or in the type.

    Arrays of text, objects or long doubles, which MLflow would turn into text one by one, and sparse ones have
    ``own_digest`` instead: shape, type and the first 10,000 values, 8 MB at most.
    """
    arrays = [*_each(features), *([] if targets is None else _each(targets))]
    if all(isinstance(array, np.ndarray) and _is_plain(array.dtype) for array in arrays):
        return md5_digest(part for array in arrays for part in _parts(array))
    shape = [size for array in arrays for size in (len(array.shape), *array.shape)]
    return own_digest("arrays", shape, (sample for array in arrays for sample in _samples(array)))


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return dtype.itemsize <= (16 if dtype.kind == "c" else 8) and dtype.kind in "biufcmM"


def _parts(array: np.ndarray[Any, Any]) -> Iterator[bytes]:
    yield hashes(np.asarray(array).flat[:FIRST_ROWS]).astype("<u8").tobytes()
    for size in array.shape:
        yield size.to_bytes(8, "little", signed=True)


def hashes(values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Give pandas' hashes of numbers (``pandas.util.hash_array``) without pandas: SplitMix64 of their bits.

    As in pandas from 3.1 on, -0.0 counts as 0.0, and every NaN as the usual one.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind == "c":
        return hashes(np.ascontiguousarray(values.real)) + np.uint64(23) * hashes(np.ascontiguousarray(values.imag))
    if kind == "f":
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values + values.dtype.type(0))
    values = values.astype(values.dtype.newbyteorder("="))
    bits = (values.astype("u8") if kind == "b" else values.view(f"u{size}")).astype("u8")
    bits ^= bits >> np.uint64(30)
    bits *= np.uint64(0xBF58476D1CE4E5B9)
    bits ^= bits >> np.uint64(27)
    bits *= np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return bits


def _samples(array: Any) -> Iterator[tuple[str, str, bytes]]:
    parts = [("", array)]
    if is_sparse(array):
        parts = [(f"{array.format} {name}", getattr(array, name)) for name in _SPARSE]
    for name, part in parts:
        dtype = part.dtype
        count = min(FIRST_ROWS, _SAMPLE_BYTES // max(1, dtype.itemsize))
        values = np.asarray(part).flat[:count]
        if dtype.kind == "O":
            yield name, "object", value_bytes(values.tolist())
        elif dtype.hasobject:
            yield name, "record", b""  # records with objects of the user's in them
        else:
            yield name, str(dtype), np.ascontiguousarray(values).astype(dtype.newbyteorder("<")).tobytes()


def _schema_of(arrays: Arrays) -> Schema:
    named: Any = arrays.items() if isinstance(arrays, dict) else [(None, arrays)]
    return Schema([tensor(_dtype_name(each.dtype), each.shape, name=name) for name, each in named])


def _dtype_name(dtype: np.dtype[Any]) -> str:
    """Give a type's name; texts have none of their length (``mlflow.types.utils.clean_tensor_type``)."""
    return {"U": "str", "S": "bytes"}.get(dtype.kind) or dtype.name


def _profile_of(arrays: Arrays, role: str) -> dict[str, Any]:
    def of(value: Any) -> Any:
        return {name: value(each) for name, each in arrays.items()} if isinstance(arrays, dict) else value(arrays)

    return {
        f"{role}_shape": of(lambda array: list(array.shape)),
        f"{role}_size": of(lambda array: int(array.size)),
        f"{role}_nbytes": of(_bytes),
    }


def _bytes(array: Any) -> int:
    return sum(getattr(array, name).nbytes for name in _SPARSE) if is_sparse(array) else int(array.nbytes)
