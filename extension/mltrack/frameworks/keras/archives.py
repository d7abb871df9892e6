"""What a file of Keras would do when it is loaded: its layers are looked at before Keras is."""

from __future__ import annotations

import io
import json
import re
import zipfile
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_MEMBERS = frozenset({"config.json", "metadata.json", "model.weights.h5"})
_UNSAFE = frozenset({
    *("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer", "JaxLayer", "__typespec__"),
    *("StringLookup", "IntegerLookup", "IndexLookup", "TextVectorization", "HashedCrossing"),
})  # fmt: skip
"""Classes of Keras' own that run code of the file's, or read the files that it names."""
_PARTS = "|".join((
    *("activations", "constraints", "dtype_policies", "initializers", "layers", "losses", "metrics", "models", "ops"),
    *("optimizers", "random", "regularizers"),
))  # fmt: skip
_HOME = re.compile(rf"keras|keras\.(src\.)?({_PARTS})(\.\w+)*|keras\.src\.backend\.\w+\.optimizers\.\w+")
_FUNCTIONS = re.compile(r"builtins|keras\.(activations|losses|metrics|ops)")
_DEEPEST = 200


def why_unsafe(content: bytes, known: Collection[str] = ()) -> str | None:
    """Say what in a ``.keras`` or ``.h5`` file could run code or read other files; None when nothing could.

    ``known`` are classes that the caller hands to Keras by their names.
    """
    try:
        document = _config_of_h5(content) if content.startswith(b"\x89HDF") else _config_of_archive(content)
        if isinstance(document, str):
            return document
        return next((found for each in _objects(document) if (found := _why_unsafe_object(each, known))), None)
    except Exception as error:  # any: what cannot be read is not known to be safe
        return f"a file that cannot be looked into ({type(error).__name__})"


def _config_of_archive(content: bytes) -> Any:
    """Give the configuration of a ``.keras`` file; a text that says why not when it holds more than weights."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = [each for each in archive.infolist() if not each.is_dir()]
        names = [each.filename for each in infos]
        other = sorted(set(names) - _MEMBERS)
        if other or len(set(names)) != len(names):
            return f"the file {(other or names)[0][:80]!r}"
        if sum(each.file_size for each in infos) > 2 * len(content) + (1 << 20):
            return "files that are larger than the archive"
        if "model.weights.h5" in names and (found := _link_in(archive.read("model.weights.h5"))):
            return found
        return json.loads(archive.read("config.json"))


def _config_of_h5(content: bytes) -> Any:
    h5py = import_module("h5py")  # comes with Keras

    if found := _link_in(content):
        return found
    with h5py.File(io.BytesIO(content), "r") as file:
        return [json.loads(file.attrs[name]) for name in ("model_config", "training_config") if name in file.attrs]


def _link_in(content: bytes) -> str | None:
    """Say which part of a file of weights lies in another file, or is of Python's objects."""
    h5py = import_module("h5py")  # comes with Keras

    found: list[str] = []

    def look(group: Any, depth: int) -> None:
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink) or depth > _DEEPEST:
                found.append(f"the link {name[:80]!r}")
            elif isinstance(each := group[name], h5py.Group):
                look(each, depth + 1)
            elif each.external or each.is_virtual or each.dtype.kind not in "biufcS":
                found.append(f"the dataset {name[:80]!r}")

    with h5py.File(io.BytesIO(content), "r") as file:
        look(file, 0)
    return found[0] if found else None


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Give every dict of a configuration that stands for an object."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        for each in value.values():
            yield from _objects(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each, depth + 1)


def _why_unsafe_object(found: dict[str, Any], known: Collection[str]) -> str | None:
    name, module = found["class_name"], found.get("module")
    if {name, found.get("registered_name")} & set(known):
        return None
    if name == "function":
        called, home = found.get("config"), module or "builtins"
        harmless = isinstance(called, str) and called.isidentifier() and _FUNCTIONS.fullmatch(str(home)) is not None
        return None if harmless or called in known else f"the function {home!s:.80}.{called!s:.80}"
    if name in _UNSAFE:
        return f"the layer or function {name[:80]!r}"
    if module is not None and (not isinstance(module, str) or _HOME.fullmatch(module) is None):
        return f"the class {module!s:.80}.{name!s:.80}"
    return None
