"""Exported programs (``.pt2`` files): made of a module and an example, and loaded, if need be without trust.

``torch.export.load`` unpickles tensors that say so, loads shared libraries that an archive brings, and evaluates texts
of the program as Python. A file is therefore loaded without trust only when every record and every text in it is of
those that plain tensors and PyTorch's own operators need; see ``why_unsafe``.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import contextmanager
from math import prod
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.pytorch.program_texts import why_unsafe_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OLDEST = (2, 10)
"""Before it, what unpickles tensors alone could be made to do more."""
_MOST_ROWS = 5
_CONFIGS = ("data/weights/model_weights_config.json", "data/constants/model_constants_config.json")
_PROGRAM, _SAMPLES = "models/model.json", "data/sample_inputs/model.pt"
_TEXTS = ("archive_format", "archive_version", ".data/version", "byteorder", ".data/serialization_id", "version")
_TENSOR = re.compile(r"data/(weights/weight|constants/tensor)_\d+")


def export(model: Any, inputs: Sequence[Any], dynamic: Sequence[Sequence[int]]) -> bytes:
    """Give a module as an exported program.

    Parameters
    ----------
    model
        The module; it is exported as it predicts, so dropout does nothing.
    inputs
        Tensors that it takes by position; of those with a free first dimension at most five rows are used.
    dynamic
        For each input the dimensions whose size is free.
    """
    import torch  # loaded already where there is a module

    shapes = tuple(dict.fromkeys(each, torch.export.Dim.AUTO) or None for each in dynamic)
    samples = tuple(_sample(each, free) for each, free in zip(inputs, dynamic, strict=True))
    with evaluating(model):
        program = torch.export.export(model, samples, dynamic_shapes=shapes)
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()


def _sample(tensor: Any, free: Sequence[int]) -> Any:
    """Give some rows, and of one row two: a dimension of size one would be taken to be fixed."""
    if 0 not in free:
        return tensor
    rows = tensor[:_MOST_ROWS]
    return rows.repeat(2, *(1 for _ in rows.shape[1:])) if len(rows) == 1 else rows


@contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Have a module predict as it does after training, and leave it as it was."""
    training = [each for each in model.modules() if each.training]
    for each in training:
        each.training = False
    try:
        yield
    finally:
        for each in training:
            each.training = True


def load_exported(content: bytes) -> Any:
    """Give the module of an exported program; the caller has asked whether it is trusted or harmless.

    Raises
    ------
    InvalidParameterError
        When it is none, or none that the installed version can load.
    """
    import torch  # heavy

    try:
        return torch.export.load(io.BytesIO(content)).module()
    except Exception as error:  # of a file that is cut or no archive there are many
        raise InvalidParameterError(
            f"The exported program cannot be loaded with PyTorch {torch.__version__}: {type(error).__name__}: "
            f"{str(error)[:200]}"
        ) from error


def why_unsafe(content: bytes) -> str | None:
    """Say what in an exported program could run code when it is loaded; None when nothing could.

    Nothing is loaded for it but lists of plain tensors.
    """
    import torch  # heavy

    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < _OLDEST:
        return f"an exported program, which PyTorch {torch.__version__} cannot look into"
    from torch.export.pt2_archive import PT2ArchiveReader  # not in older versions

    try:
        # The reader is the one that loads, so that both see the same records.
        reader = PT2ArchiveReader(io.BytesIO(content))
        return _why_unsafe_archive(reader, len(content))
    except Exception as error:  # any: what cannot be read is not known to be safe
        return f"a file that cannot be looked into ({type(error).__name__})"


def _why_unsafe_archive(reader: Any, size: int) -> str | None:
    names = reader.get_file_names()
    sizes = {name: reader.archive_file.get_record_size(name) for name in names}
    if sum(sizes.values()) > size:
        return "records that are larger than the file"
    for name in names:
        if name not in (*_CONFIGS, _PROGRAM, _SAMPLES, *_TEXTS) and not _TENSOR.fullmatch(name):
            return f"the record {name[:80]!r}"
    for name in _CONFIGS:
        found = _why_unsafe_config(reader, name, sizes)
        if found is not None:
            return found
    samples = reader.read_bytes(_SAMPLES)
    if samples and not _is_plain(samples):
        return f"the pickle {_SAMPLES}"
    return why_unsafe_program(json.loads(reader.read_bytes(_PROGRAM)))


def _why_unsafe_config(reader: Any, name: str, sizes: dict[str, int]) -> str | None:
    """Look at what says which tensor is in which record, and how."""
    folder = name.rpartition("/")[0]
    for key, entry in json.loads(reader.read_bytes(name))["config"].items():
        record = f"{folder}/{entry['path_name']}"
        if entry["use_pickle"] is not False or not _TENSOR.fullmatch(record):
            return f"the pickle {record[:80]}"
        if re.fullmatch(r"[\w.]+", key) is None:
            return f"the name {key[:80]!r}"
        if sizes[record] == 0 and prod(_number(each) for each in entry["tensor_meta"]["sizes"]) != 0:
            return f"the record {record}, which is empty and stands for a tensor"
    return None


def _number(size: dict[str, int]) -> int:
    return size["as_int"]


def _is_plain(content: bytes) -> bool:
    """Say whether a file of ``torch.save`` holds plain tensors, lists and dicts only."""
    import torch  # loaded by the caller

    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # any: it is not
        return False
    return True
