"""What the ``schema.json`` of a skops file says, made the same for equal models, and the file it is packed into."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any, TypeAlias

from mltrack.models.pickles import NotKeptError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCHEMA = "schema.json"
Kind: TypeAlias = tuple[str, str, str]
"""A loader of skops, a module, a class."""
_NPY, _HEADER = b"\x93NUMPY", 1024
_EPOCH = (1980, 1, 1, 0, 0, 0)
_KEYS = frozenset(
    {
        *("builtins.str", "builtins.int", "builtins.float", "numpy.str_", "numpy.float32", "numpy.float64"),
        *(f"numpy.{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    }
)
"""Types of keys that are made again from texts; ``bool("False")`` is True."""


def nodes_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Give all mappings of a schema."""
    waiting = [schema]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict):
            yield thing
            waiting += thing.values()
        elif isinstance(thing, (list, tuple)):
            waiting += thing


class Schema:
    """What ``schema.json`` says, with numbers and file names in the order in which things come in it."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.files: dict[str, str] = {}
        """The new names of the files by their old ones."""
        self._uses: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self.kinds = frozenset(filter(None, map(self._look_at, nodes_of(document))))
        self._rename(document)

    def _look_at(self, node: dict[str, Any]) -> Kind | None:
        """Count the uses of a node, and see that it comes back as it is; gives what kind of a node it is."""
        loader = node.get("__loader__")
        if not isinstance(loader, str):
            return None
        number = node.get("__id__")
        if number is not None:
            self._uses[number] = self._uses.get(number, 0) + 1
        check = _FAITHFUL.get(loader)
        if check is not None and not check(node):
            raise NotKeptError(f"skops would not give a {node['__module__']}.{node['__class__']} back as it is")
        return loader, str(node["__module__"]), str(node["__class__"])

    def _rename(self, thing: Any) -> None:
        if isinstance(thing, (list, tuple)):
            for each in thing:
                self._rename(each)
            return
        if not isinstance(thing, dict):
            return
        if isinstance(thing.get("__loader__"), str):
            self._rename_node(thing)
        for each in thing.values():
            if isinstance(each, (dict, list, tuple)):
                self._rename(each)
        if thing.get("__loader__") == "SetNode":
            thing["content"].sort(key=json.dumps)  # sets of texts come in another order in each process

    def _rename_node(self, node: dict[str, Any]) -> None:
        number = node.pop("__id__", None)
        if number is not None and self._uses[number] > 1 and node["__loader__"] != "JsonNode":
            node["__id__"] = self._numbers.setdefault(number, len(self._numbers) + 1)
        name = node.get("file")
        if isinstance(name, str):
            kind = re.sub(r"^.*(?=\.)", "", name)
            node["file"] = self.files.setdefault(name, f"{len(self.files)}{kind}")
        if node["__loader__"] == "DictNode" and "_stop_words_id" in node["content"]:
            node["content"]["_stop_words_id"]["content"] = "0"  # where a vectorizer's words lay in memory


def _has_plain_keys(node: Mapping[str, Any]) -> bool:
    """Tell whether the keys come back: they are written as texts, and made again from them by their types."""
    kinds = [f"{each['__module__']}.{each['__class__']}" for each in node["key_types"]["content"]]
    return len(kinds) == len({str(each) for each in node["content"]}) and _KEYS.issuperset(kinds)


def _keeps_shape(node: Mapping[str, Any]) -> bool:
    """Tell whether an array of objects comes back.

    One of several dimensions is made of nested lists, in which numpy takes all that has a length for a dimension more.
    """
    if node.get("type") != "json":
        return True
    dimensions = len(node["shape"]["content"])
    leaves = list(node["content"])
    for _ in range(dimensions - 1):
        leaves = [leaf for each in leaves for leaf in each["content"]]
    return dimensions == 1 or (dimensions > 1 and all(map(_has_no_length, leaves)))


def _has_no_length(node: Mapping[str, Any]) -> bool:
    kind, module = node["__loader__"], str(node["__module__"])
    return kind == "JsonNode" or (kind == "ObjectNode" and module.startswith("sklearn.tree."))


_FAITHFUL = {"DictNode": _has_plain_keys, "NdArrayNode": _keeps_shape}


def packed_file(schema: Schema, files: Mapping[str, bytes]) -> bytes:
    """Give the bytes of the skops file, without times, of a schema and of what its files hold by their old names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for old, new in schema.files.items():
            packed.writestr(zipfile.ZipInfo(new, _EPOCH), _without_gaps(files[old]))
        text = json.dumps(schema.document, separators=(",", ":"))
        packed.writestr(zipfile.ZipInfo(SCHEMA, _EPOCH), text, zipfile.ZIP_DEFLATED, 1)
    return target.getvalue()


def _without_gaps(content: bytes) -> bytes:
    """Give an array's file with zeros between the fields of its records, where there is whatever memory held."""
    if b"('', '|V" not in content[:_HEADER] or not content.startswith(_NPY):
        return content
    import numpy as np  # skops has loaded it

    found = np.load(io.BytesIO(content), allow_pickle=False)
    clean = np.zeros(found.shape, found.dtype)
    for name in found.dtype.names:
        clean[name] = found[name]
    target = io.BytesIO()
    np.save(target, clean, allow_pickle=False)
    return target.getvalue()
