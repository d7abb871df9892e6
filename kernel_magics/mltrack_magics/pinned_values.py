"""Values that are known by what they hold: scalars, small containers of them, and data of the libraries named here.

All of a value counts, unlike in the digests of datasets, which are MLflow's and look at a part of large ones. As in
``capture``, values are known by their exact type alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from mltrack.provenance.cell_literals import literal_text
from mltrack_magics.capture import is_type_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_BYTES = 1 << 30
"""Larger data is known by the cells that made it."""

_SPARSE = ("csr_matrix", "csc_matrix", "csr_array", "csc_array")
_PLAIN_KINDS = "biufcmMSU"
_TEXT_KINDS = ("string", "empty", "boolean", "integer", "floating")


def pin(value: object) -> str | None:
    """Give a digest of all that a value is, or None when it is something else than is known here."""
    try:
        return _pinned(value)
    except Exception:  # a library's own fault: the value is then known by the cells that made it
        return None


def pins_of(names: Iterable[str], namespace: Mapping[str, object]) -> dict[str, str]:
    """Give the digests of the names whose values can be known."""
    found = {name: pin(namespace[name]) for name in names if name in namespace}
    return {name: digest for name, digest in found.items() if digest is not None}


def _pinned(value: Any) -> str | None:
    text = literal_text(value)
    if text is not None:
        return (
            f"{type(value).__name__} {text}" if len(text) < 200 else _digest("text", [text.encode("utf-8", "replace")])
        )
    if is_type_of(value, "numpy", "ndarray"):
        return _array(value)
    if is_type_of(value, "pandas", "DataFrame") or is_type_of(value, "pandas", "Series"):
        return _frame(value)
    if any(is_type_of(value, "scipy.sparse", name) for name in _SPARSE):
        parts = [_array(part) for part in (value.data, value.indices, value.indptr)]
        return None if None in parts else _digest(f"{type(value).__name__} {value.shape}", [str(parts).encode()])
    if is_type_of(value, "torch", "Tensor") and not value.requires_grad and value.device.type == "cpu":
        found = _array(value.numpy())
        return None if found is None else f"tensor {value.dtype} {found}"
    return None


def _array(value: Any) -> str | None:
    if value.dtype.kind not in _PLAIN_KINDS or value.nbytes > MOST_BYTES:
        return None
    import numpy as np  # the array's own library, which is loaded

    return _digest(f"array {value.dtype.str} {value.shape}", [np.ascontiguousarray(value).view("u1").ravel().data])


def _frame(value: Any) -> str | None:
    import pandas as pd  # the frame's own library, which is loaded

    frame = value.to_frame(name="value") if value.ndim == 1 else value
    if int(frame.memory_usage(deep=False).sum()) > MOST_BYTES:
        return None
    columns = [frame.iloc[:, place] for place in range(frame.shape[1])]
    if not all(_is_plain(pd, column) for column in [*columns, frame.index.to_series()]):
        return None
    labels = [*frame.columns, *frame.index.names, *([value.name] if value.ndim == 1 else [])]
    if any(literal_text(label) is None for label in labels):
        return None
    about = [type(value).__name__, frame.shape, [str(dtype) for dtype in frame.dtypes], str(frame.index.dtype), labels]
    hashes = [pd.util.hash_pandas_object(column, index=False).to_numpy() for column in columns]
    rows = pd.util.hash_pandas_object(frame.index).to_numpy()
    return _digest(repr(about), [each.data for each in (*hashes, rows)])


def _is_plain(pd: Any, column: Any) -> bool:
    """Tell whether a column holds numbers, moments or texts only: others would be known by what they print as."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in _PLAIN_KINDS:
        return True
    values = column.cat.categories.to_series() if hasattr(column, "cat") else column
    return pd.api.types.infer_dtype(values, skipna=True) in _TEXT_KINDS


def _digest(about: str, parts: Iterable[Any]) -> str:
    found = hashlib.blake2b(about.encode("utf-8", "replace"), digest_size=16)
    for part in parts:
        found.update(part)
    return found.hexdigest()
