"""The one place where a pickle is loaded, and where what is in one is listed without loading it."""

from __future__ import annotations

import importlib
import io
import os
import pickle
import pickletools
import zipfile
from itertools import islice
from threading import RLock
from typing import IO, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError

# Where MLflow's own classes are found that its pickles name, where MLflow is not installed.
_OURS = {
    ("mlflow.pyfunc.model", "PythonModel"): "mltrack.pyfunc.python_model",
    ("mlflow.pyfunc.model", "PythonModelContext"): "mltrack.pyfunc.python_model",
    ("mlflow.pyfunc.model", "_FunctionPythonModel"): "mltrack.pyfunc.foreign",
    ("mlflow.models.signature", "_TypeHints"): "mltrack.pyfunc.foreign",
    ("mlflow.models.signature", "ModelSignature"): "mltrack.models.signature",
}
_MOST_NAMES, _MOST_STEPS = 200, 500_000
_LONG = 1 << 20  # bytes of an array or text
_by_value = RLock()  # what cloudpickle writes by value is the process'
_COMPRESSED = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x04\x22M\x18", b"ZF")
"""How a file begins that joblib has compressed."""


class NotKeptError(InvalidParameterError):
    """A model that cannot be written in this format; the message says why."""


def load_trusted(content: bytes, *, name: str) -> Any:
    """Unpickle what the caller has found to be trusted; ``name`` is the file's, for the message.

    Both ``pickle`` and ``cloudpickle`` write what this reads; joblib's files are read where joblib is installed.

    Raises
    ------
    MissingLibraryError
        When a module that the pickle names is not installed.
    InvalidParameterError
        When it cannot be unpickled for another reason.
    """
    try:
        if content.startswith(_COMPRESSED):
            return _load_joblib(content)
        return _Reader(io.BytesIO(content)).load()
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"The pickle {name} needs the module {error.name!r}, which is not installed here; "
            "install what the model's requirements.txt says."
        ) from error
    except Exception as error:
        raise InvalidParameterError(f"The pickle {name} cannot be loaded: {type(error).__name__}: {error}.") from error


def load_torch(content: bytes, *, name: str) -> Any:
    """Give what ``torch.save`` or TorchScript wrote, on the CPU, of what the caller has found to be trusted.

    Raises
    ------
    InvalidParameterError
        When it cannot be loaded.
    """
    torch: Any = importlib.import_module("torch")  # heavy, and needed only where PyTorch wrote something
    stream = io.BytesIO(content)
    try:
        if _is_script(content):
            return torch.jit.load(stream, map_location="cpu")
        return torch.load(stream, map_location="cpu", weights_only=False)
    except Exception as error:  # any: pickles and TorchScript call what they name
        raise InvalidParameterError(f"The file {name} cannot be loaded: {type(error).__name__}: {error}.") from error


def _is_script(content: bytes) -> bool:
    """Say whether it is TorchScript: an archive with constants beside its pickle."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def dump(model: Any, target: IO[bytes], *, kind: str = "cloudpickle", by_value: tuple[str, ...] = ()) -> None:
    """Write an object to a file as ``cloudpickle`` or ``pickle`` does, which holds its largest array once more.

    Classes of the modules ``by_value``, and those of notebooks and scripts, are written whole with ``cloudpickle``, so
    that nothing but their libraries is needed to read them.

    Raises
    ------
    NotKeptError
        When it holds what cannot be pickled, as a lock or an open file.
    MissingLibraryError
        When cloudpickle is not installed.
    """
    try:
        pickle.dump(model, target) if kind == "pickle" else _dump_by_value(model, target, by_value)
    except (MissingLibraryError, OSError):
        raise
    except Exception as error:  # of any kind: the model's own classes are asked for their state
        raise NotKeptError(f"It cannot be pickled: {type(error).__name__}: {str(error)[:200]}.") from error


def _dump_by_value(model: Any, target: IO[bytes], by_value: tuple[str, ...]) -> None:
    try:
        import cloudpickle  # needed only where a model is pickled
    except ImportError:
        raise MissingLibraryError("A model as a pickle needs cloudpickle: `pip install cloudpickle`.") from None
    modules = [importlib.import_module(name) for name in by_value]
    with _by_value:
        for module in modules:
            cloudpickle.register_pickle_by_value(module)
        try:
            cloudpickle.dump(model, target)
        finally:
            for module in modules:
                cloudpickle.unregister_pickle_by_value(module)


def names_in(content: bytes) -> list[str]:
    """List the modules' names that a pickle would import, as ``os.system``; nothing is loaded.

    A pickle can name things in ways that this does not see: it helps to look, and proves nothing. Of an archive of
    ``torch.save`` it is the pickle in it that is looked at; of a long one its beginning.
    """
    return _names(io.BytesIO(_pickle_in(content)), most_steps=_MOST_STEPS)


def names_in_own(file: IO[bytes]) -> list[str]:
    """List the modules' names in a pickle that was just written, however long it is; see ``names_in``."""
    return _names(_Skipping(file), most_steps=None)


class _Skipping:
    """A file of a pickle of which long arrays are not read: zeros, which take no memory, stand for them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.readline = file.readline

    def read(self, size: int) -> bytes:
        """Give the next bytes, or zeros for many."""
        if size < _LONG:
            return self._file.read(size)
        self._file.seek(size, os.SEEK_CUR)
        return bytes(size)


def _names(file: Any, *, most_steps: int | None) -> list[str]:
    found: dict[str, None] = {}
    texts: list[str] = []
    memo: dict[int, str | None] = {}
    last: str | None = None
    try:
        for opcode, argument, _ in islice(pickletools.genops(file), most_steps):
            if opcode.name in ("GLOBAL", "INST"):
                found[str(argument).replace(" ", ".")] = None
            elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
                found[".".join(texts[-2:])] = None
            elif opcode.name == "MEMOIZE" or opcode.name.endswith("PUT"):
                memo[len(memo) if argument is None else int(argument)] = last
                continue
            last = memo.get(int(str(argument))) if opcode.name.endswith("GET") else argument
            last = last if isinstance(last, str) else None
            texts += [] if last is None else [last]
            if len(found) >= _MOST_NAMES:
                break
    except Exception:  # noqa: S110 - what is no pickle, or a broken one, names nothing more
        pass
    return list(found)


def _pickle_in(content: bytes) -> bytes:
    """Give the pickle of an archive of PyTorch's, of anything else what it is."""
    if not content.startswith(b"PK"):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = next((each for each in archive.infolist() if each.filename.endswith("data.pkl")), None)
            return archive.read(found) if found is not None and found.file_size <= len(content) else b""
    except Exception:  # any: an archive that is broken names nothing
        return b""


def _load_joblib(content: bytes) -> Any:
    try:
        import joblib  # comes with scikit-learn
    except ImportError:
        raise MissingLibraryError("The file was written by joblib: `pip install joblib`.") from None
    return joblib.load(io.BytesIO(content))


class _Reader(pickle.Unpickler):
    """Finds classes as ``pickle`` does, and MLflow's among ours where MLflow is not installed."""

    def find_class(self, module_name: str, name: str) -> Any:
        try:
            return super().find_class(module_name, name)
        except ModuleNotFoundError:
            home = _OURS.get((module_name, name))
            if home is None:
                raise
            return getattr(importlib.import_module(home), name.lstrip("_"))
