"""Skops files: estimators as numbers and names, written the same for equal models, read without running code.

A file is a zip of ``schema.json``, which names the types, and of arrays. Skops names arrays by where they lay in memory
and stamps the time; here both are left out, so that a model that was fitted twice is kept once.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.frameworks.sklearn.skops_checks import check_parts
from mltrack.frameworks.sklearn.skops_schema import SCHEMA, Kind, Schema, packed_file
from mltrack.frameworks.sklearn.skops_types import REVIEWED
from mltrack.models.pickles import NotKeptError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from types import ModuleType

    from mltrack.models.folder import ModelFolder

OLDEST = (0, 12)
"""The version of skops before which a file could name one type and load another."""
_CALLING = frozenset({"MethodNode", "OperatorFuncNode", "RandomGeneratorNode"})
"""Nodes of which skops looks at more than at their types."""
_verdicts: dict[frozenset[Kind], tuple[str, ...]] = {}
_MOST_UNPACKED, _MOST_TIMES = 256 << 20, 100
# What imports a library when skops looks through all modules of scikit-learn, which takes up to seconds.
_BRIDGES = {
    **{f"sklearn.externals.array_api_compat.{name}": name for name in ("torch", "cupy", "dask")},
    "pytest": "pytest",
}
_TESTING = "sklearn.utils._testing"


@dataclass(frozen=True, slots=True)
class SkopsFile:
    """A model as a skops file.

    Parameters
    ----------
    content
        The bytes of the file.
    types
        What it holds that skops itself does not trust, as MLflow keeps it beside the model.
    unknown
        Those of them that are not in ``REVIEWED``: loading them runs code.
    modules
        The modules that its types come from.
    """

    content: bytes
    types: tuple[str, ...]
    unknown: tuple[str, ...]
    modules: frozenset[str]


def dump(model: Any) -> SkopsFile:
    """Give a model as a skops file, the same bytes for equal models.

    Raises
    ------
    NotKeptError
        When skops cannot keep it, or would give it back changed.
    MissingLibraryError
        When skops is not installed, or is older than 0.12.
    """
    skops = _skops()
    try:
        document, files = _state_of(skops, model)
    except Exception as error:  # of any kind: it asks the model's own classes for their state
        raise NotKeptError(f"skops cannot keep it: {type(error).__name__}: {str(error)[:200]}") from error
    schema = Schema(document)
    content = packed_file(schema, files)
    types = _types_on_writing(skops, schema.kinds, content)
    modules = frozenset(module for _, module, _ in schema.kinds)
    return SkopsFile(content, types, tuple(each for each in types if each not in REVIEWED), modules)


class _Files(dict[str, bytes]):
    """What skops writes its arrays to in the place of a zip file."""

    def writestr(self, name: str, content: Any) -> None:
        self[name] = bytes(content)

    def namelist(self) -> Collection[str]:
        return self.keys()


def _state_of(skops: ModuleType, model: Any) -> tuple[dict[str, Any], Mapping[str, bytes]]:
    """Give what ``schema.json`` says of a model, and the files beside it.

    Asked for directly it takes a fifth of the time of writing and reading a file, which is what there is to do where
    skops is made differently inside.
    """
    inner: Any = sys.modules.get("skops.io._utils")
    try:
        files = _Files()
        context = inner.SaveContext(zip_file=files)
        state: dict[str, Any] = inner.get_state(model, context)
        return {**state, "protocol": context.protocol, "_skops_version": sys.modules["skops"].__version__}, files
    except Exception:
        raw = skops.dumps(model)  # which raises what is to be said of a model that cannot be kept
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    return json.loads(contents.pop(SCHEMA)), contents


def _types_on_writing(skops: ModuleType, kinds: frozenset[Kind], content: bytes) -> tuple[str, ...]:
    """List what skops does not trust in a file; asked once for models of the same kinds of parts, as it reads all."""
    found = _verdicts.get(kinds)
    if found is None:
        found = tuple(skops.get_untrusted_types(data=content))
        if _CALLING.isdisjoint(loader for loader, _, _ in kinds):
            _verdicts[kinds] = found
    return found


def check_loads(made: SkopsFile) -> None:
    """See that a file with types of the user's own can be loaded; InvalidParameterError when not."""
    try:
        _skops().loads(made.content, trusted=list(made.types))
    except Exception as error:
        raise _broken("of the model", error) from error


def load(folder: ModelFolder, name: object) -> Any:
    """Load a skops file of a model folder; what is not known to be data needs trust in the folder first.

    Raises
    ------
    UntrustedModelError
        When it holds types that are not known, and the folder is not trusted; nothing of it has been constructed then.
    InvalidParameterError
        When it is no skops file, or broken, or its numbers lead out of its arrays and the folder is not trusted.
    MissingLibraryError
        When skops is not installed, or is older than 0.12.
    """
    skops = _skops()
    is_trusted = folder.is_trusted()
    content, said = folder.read(name), f"{name} of {folder.uri!r}"
    types = _types(skops, content, said, is_trusted=is_trusted)
    unknown = [each for each in types if each not in REVIEWED]
    if unknown:
        folder.require_trust(f"objects of the types {', '.join(unknown[:20])} in {name}")
    try:
        model = skops.loads(content, trusted=types)
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"The model {folder.uri!r} needs the module {error.name!r}, which is not installed here; "
            "install what the model's requirements.txt says."
        ) from error
    except Exception as error:
        raise _broken(said, error) from error
    from mltrack.frameworks.sklearn.soundness import unsound_part  # needs numpy, which skops has loaded

    part = None if is_trusted else unsound_part(model)
    if part is not None:
        raise InvalidParameterError(f"The skops file {said} holds a {part} whose numbers lead out of its arrays.")
    return model


def _types(skops: ModuleType, content: bytes, name: str, *, is_trusted: bool) -> list[str]:
    """List what skops does not trust in a file, of which nothing is constructed."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(each.file_size for each in packed.infolist())
            if size > max(_MOST_UNPACKED, _MOST_TIMES * len(content)):
                raise ValueError(f"it would unpack to {size >> 20} MiB")
            if not is_trusted:
                check_parts(json.loads(packed.read(SCHEMA)), packed)
        return list(skops.get_untrusted_types(data=content))
    except Exception as error:  # of any kind: what stands in the file is somebody else's
        raise _broken(name, error) from error


def _broken(name: str, error: Exception) -> InvalidParameterError:
    return InvalidParameterError(f"The skops file {name} cannot be loaded: {type(error).__name__}: {str(error)[:200]}")


def _skops() -> ModuleType:
    """Give ``skops.io``, imported at its first use."""
    try:
        with _without_bridges():
            found = import_module("skops.io")  # heavy: it looks through all of scikit-learn
    except ImportError as error:
        raise MissingLibraryError(
            "Models of scikit-learn are kept with skops, which runs no code when they are loaded: "
            '`pip install "jupyter-mltrack[models]"`; or give serialization_format="cloudpickle".'
        ) from error
    _check_version(str(sys.modules["skops"].__version__))
    return found


def _check_version(version: str) -> None:
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        oldest = ".".join(str(each) for each in OLDEST)
        raise MissingLibraryError(
            f"skops {version} is installed, which can be made to run code by the files it reads; "
            f'install {oldest} or later: `pip install -U "skops>={oldest}"`.'
        )


@contextmanager
def _without_bridges() -> Iterator[None]:
    """Keep what looks through all modules of scikit-learn from importing libraries that are not in use."""
    modules: dict[str, Any] = sys.modules
    had_testing = _TESTING in modules
    blocked = [name for name, library in _BRIDGES.items() if name not in modules and library not in modules]
    modules.update(dict.fromkeys(blocked))  # None there makes an import fail
    try:
        yield
    finally:
        for name in blocked:
            modules.pop(name, None)
        if not had_testing and "pytest" in blocked:
            modules.pop(_TESTING, None)  # whoever asks for it gets it with pytest
