"""The notebook's own file: where it is, and what of it a snapshot keeps (order, markdown, metadata, cells not run)."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mltrack.masking import mask_text
from mltrack.store.notebooks import Blob
from mltrack_magics.masked import mask_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_FILE_BYTES = 100_000_000
SERVER_SECONDS = 2.0
SAVING_SECONDS = (0.02, 0.1, 0.0)  # pauses after half a file
_KERNEL_FILE = re.compile(r"kernel-(.+)\.json")


def kernel_id(connection_file: str) -> str | None:
    """Give the kernel's id from the name of its connection file, or None."""
    found = _KERNEL_FILE.fullmatch(Path(connection_file).name)
    return found.group(1) if found else None


def find_notebook(namespace: Mapping[str, Any], connection_file: str | None) -> Path | None:
    """Find the file of the notebook this kernel belongs to, or None.

    VS Code says it in the namespace; a Jupyter server is asked, because a notebook may have been renamed since the
    kernel began; without an answer the path at the kernel's start is taken.
    """
    told = namespace.get("__vsc_ipynb_file__")
    if isinstance(told, str) and told:
        return _existing(Path(told))
    at_start = os.environ.get("JPY_SESSION_NAME")
    asked = _ask_server(kernel_id(connection_file)) if connection_file else None
    path = asked or (Path(at_start) if at_start else None)
    return _existing(path) if path else None


def _existing(path: Path) -> Path | None:
    return path if path.suffix == ".ipynb" and path.is_file() else None


def _ask_server(kernel: str | None) -> Path | None:
    parent = os.environ.get("JPY_PARENT_PID")
    if not kernel or not parent:
        return None
    from jupyter_core.paths import jupyter_runtime_dir  # in a kernel it is loaded; nowhere else is this asked

    try:
        server = json.loads((Path(jupyter_runtime_dir()) / f"jpserver-{parent}.json").read_text())
        sessions = _get_json(f"{server['url']}api/sessions", server.get("token", ""))
        for session in sessions:
            if session["kernel"]["id"] == kernel:
                return Path(str(server["root_dir"])) / str(session["path"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _get_json(url: str, token: str) -> Any:
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(url)  # a certificate that this kernel need not know; the path at the start serves
    from http.client import HTTPConnection  # brings email along, and is first needed when a run ends

    connection = HTTPConnection(parts.hostname, parts.port or 80, timeout=SERVER_SECONDS)
    try:
        connection.request("GET", parts.path, headers={"Authorization": f"token {token}"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


class NotebookFile:
    """Reads one notebook file again only when it has changed."""

    def __init__(self) -> None:
        self._seen: tuple[str, int, int] | None = None
        self._document: dict[str, Any] | None = None
        self.saved_at: int | None = None

    def read(self, path: Path) -> dict[str, Any] | None:
        """Give the file's document, or None when it is unreadable, huge or not of nbformat 4.

        Half a file is looked at again a moment later: a front end is saving it.
        """
        for pause in SAVING_SECONDS:
            try:
                return self._read(path)
            except ValueError:
                time.sleep(pause)
            except (OSError, RecursionError):
                return None
        return None

    def _read(self, path: Path) -> dict[str, Any] | None:
        status = path.stat()
        seen = (str(path), status.st_mtime_ns, status.st_size)
        if seen != self._seen:
            self._document = _parse(path) if status.st_size <= MAX_FILE_BYTES else None
            self._seen = seen
            self.saved_at = status.st_mtime_ns // 1_000_000
        return self._document


def _parse(path: Path) -> dict[str, Any] | None:
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict) or document.get("nbformat") != 4 or not isinstance(document.get("cells"), list):
        return None
    return document


def make_manifest(
    document: Mapping[str, Any], path: Path, *, executed: Callable[[str | None, str], bool], saved_at: int | None = None
) -> tuple[Blob, tuple[Blob, ...]]:
    """Give the manifest of a notebook file saved at a time (ms since 1970), and the blobs it names.

    Each cell of the file is an entry with its ``id``, ``type``, ``metadata``, and the digest of its source. A code cell
    has its execution ``count`` too, and the digest of its saved outputs unless ``executed(cell_id, source)`` says that
    this kernel ran it: then what it showed is known better. So the manifest changes only with the file.
    """
    blobs: list[Blob] = []

    def keep(text: str) -> str:
        blob = Blob.of(text)
        blobs.append(blob)
        return blob.digest.hex()

    cells = []
    for cell in document["cells"]:
        if not isinstance(cell, dict):
            continue
        source = _joined(cell.get("source", ""))
        entry: dict[str, Any] = {"type": str(cell.get("cell_type", "raw")), "source": keep(mask_text(source))}
        for name, kind in (("id", str), ("metadata", dict)):
            if cell.get(name) and isinstance(cell[name], kind):
                entry[name] = cell[name]
        if entry["type"] == "code":
            ran = executed(cell.get("id"), source)
            if isinstance(cell.get("execution_count"), int):
                entry["count"] = cell["execution_count"]
            if isinstance(cell.get("outputs"), list) and cell["outputs"] and not ran:
                entry["outputs"] = keep(json.dumps(mask_document(_without_cards(cell["outputs"])), ensure_ascii=False))
        cells.append(entry)
    metadata = document.get("metadata")
    about = metadata if isinstance(metadata, dict) else {}
    manifest = mask_document({"path": str(path), "saved_at": saved_at, "metadata": about, "cells": cells})
    return Blob.of(json.dumps(manifest, ensure_ascii=False, sort_keys=True)), tuple(blobs)


def _joined(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _without_cards(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [output for output in outputs if isinstance(output, dict)]
    return [output for output in found if "card" not in ((output.get("metadata") or {}).get("mltrack") or {})]
