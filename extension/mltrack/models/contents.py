"""What in a model folder runs code when it is loaded, and what its pickles name, without loading any of it.

It helps a reader to decide; it proves nothing, since code can be hidden in ways that no list of names shows.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from mltrack.models.flavors import flavor_of_loader
from mltrack.models.manifest import manifest
from mltrack.models.mlmodel import PYFUNC
from mltrack.models.pickles import names_in
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.models.folder import ModelFolder

_MOST_BYTES = 64 << 20  # of a file, or of what it unpacks to, that are looked at
_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cpkl")
_PROTOCOLS = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))  # how pickles since Python 2.3 begin
_ZLIB = (b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_ZIP = b"PK\x03\x04"
_CODE = (".py", ".so", ".pyd", ".dll", ".dylib")
# What a file of tensors alone names; torch reads such a file without running anything.
_TENSORS = ("collections.OrderedDict", "torch._utils._rebuild_", "torch.storage.", "torch.serialization._get_layout")


@dataclass(frozen=True, slots=True)
class Content:
    """A file, folder or loader of a model that runs code: where, what it is, and what it names, as ``os.system``."""

    path: str
    what: str
    names: tuple[str, ...] = ()


def code_in(folder: ModelFolder) -> list[Content]:
    """List what runs code when a model is loaded; empty for a model of data alone.

    Files are told by what is in them, not by their names; of a file the first 64 MiB are looked at.
    """
    found = []
    loader = folder.model.flavors.get(PYFUNC, {}).get("loader_module")
    if isinstance(loader, str) and flavor_of_loader(loader) is None:
        found.append(Content("MLmodel", f"a loader of its own: the module {loader}"))
    place = LocalFolder(folder.path)
    for path in manifest(folder.path):
        with place.open(safe_path(path)) as reader:
            found += _look(path, reader)
    known = {each.path.partition("/")[0] for each in found} | {each.path for each in found}
    marked = [each for each in folder.model.pickles if each not in known and not each.startswith("loader ")]
    return [*found, *(Content(each, "marked as running code by the MLmodel file") for each in marked)]


def _look(path: str, reader: BinaryIO) -> Iterator[Content]:
    content = reader.read(_MOST_BYTES)
    if path.endswith(_CODE):
        yield Content(path, "Python code" if path.endswith(".py") else "compiled code")
    elif content.startswith(_ZIP):
        yield from _look_into_zip(path, reader)
    elif content.startswith(_ZLIB):
        yield from _pickle(path, _unpacked(content), "a compressed pickle")
    elif content.startswith(_PROTOCOLS) or path.endswith(_PICKLES):
        yield from _pickle(path, content, "a pickle")
    elif content.startswith(b"\x89HDF") and b'"class_name": "Lambda"' in content:
        yield Content(path, "a Keras model with a Lambda layer")


def _pickle(path: str, content: bytes, what: str) -> Iterator[Content]:
    names = tuple(names_in(content))
    if names or path.endswith(_PICKLES) or content.startswith(_PROTOCOLS):
        yield Content(path, what, names)


def _look_into_zip(path: str, reader: BinaryIO) -> Iterator[Content]:
    """Look into an archive of torch, Keras or skops, which are zip files."""
    try:
        with zipfile.ZipFile(reader) as archive:
            for each in archive.infolist():
                inside = f"{path}/{each.filename}"
                if each.filename.endswith(".py"):
                    yield Content(inside, "code in an archive, as of TorchScript")
                elif each.filename.endswith(_PICKLES):
                    yield from _pickle_in_zip(inside, _member(archive, each))
                elif each.filename.endswith("config.json") and b'"Lambda"' in _member(archive, each):
                    yield Content(inside, "a Keras model with a Lambda layer")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, zlib.error):
        yield Content(path, "an archive that cannot be looked into")


def _pickle_in_zip(path: str, content: bytes) -> Iterator[Content]:
    names = tuple(names_in(content))
    if not all(name.startswith(_TENSORS) or name.endswith("Storage") for name in names):
        yield Content(path, "a pickle in an archive", names)


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as reader:
        return reader.read(_MOST_BYTES)


def _unpacked(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(content, _MOST_BYTES)  # 47: zlib's or gzip's header
    except zlib.error:
        return b""
