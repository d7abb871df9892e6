"""The mltrack that runs, as a wheel, so that it goes where a model goes without any index.

A wheel is a zip file of the packages and of metadata (PyPA, "Binary distribution format"); it is made of an
installation and of a source tree alike, with nothing to build. It asks for what models need to be loaded and to
predict: the notebook's own requirements, JupyterLab among them, stay behind.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import time
import zipfile
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mltrack.exceptions import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTRIBUTION = "jupyter-mltrack"
_UNUSED = 7 * 24 * 3600.0  # seconds after which a kept wheel goes
_PACKAGES = ("mltrack", "mltrack_magics", "mltrack_widgets")
_SERVING = "serve"
_WHEEL = "Wheel-Version: 1.0\nGenerator: mltrack\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_LEFT_OUT = ("License-File", "Description-Content-Type")
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can say: equal files make equal wheels
# What the core needs to load models and to predict; the rest of the requirements is for notebooks.
_CORE = {
    *("click", "fsspec", "packaging", "pandas", "platformdirs", "psutil", "pyyaml", "pysqlite3", "rich"),
    "sqlite-utils",
}
# What a kernel needs beyond that; JupyterLab and what it shows and prints with stay behind.
_KERNEL = {
    *("altair", "anywidget", "ipykernel", "ipython", "ipywidgets", "jupyter-client", "jupyter-core", "nbclient"),
    "nbformat",
}


def make_wheel(folder: Path) -> Path:
    """Write a wheel of this mltrack into a folder and give its path; equal installations make equal bytes.

    Raises
    ------
    NotFoundError
        When mltrack runs without having been installed, so that it has no metadata.
    """
    found = _distribution()
    name = DISTRIBUTION.replace("-", "_")
    info = f"{name}-{found.version}.dist-info"
    target = folder / f"{name}-{found.version}-py3-none-any.whl"
    records = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in [*_code(), *_information(found, info)]:
            _add(archive, path, content)
            digest = base64.urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
            records.append(f"{path},sha256={digest},{len(content)}\n")
        _add(archive, f"{info}/RECORD", "".join([*records, f"{info}/RECORD,,\n"]).encode())
    return target


def kept_wheel(folder: Path) -> Path:
    """Give a wheel of this mltrack that is kept in a folder, made where its files have changed since.

    What has changed is told by their sizes and times: reading and packing them would take a tenth of a second.
    """
    place = folder / _fingerprint()
    found = next(place.glob("*.whl"), None)
    if found is not None:
        return found
    draft = folder / f".{secrets.token_hex(8)}"
    draft.mkdir(mode=0o700)
    try:
        name = make_wheel(draft).name
        _remove_unused(folder)
        with suppress(OSError):  # another process was as quick
            draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place / name


def _remove_unused(folder: Path) -> None:
    for each in folder.iterdir():
        with suppress(OSError):
            if time.time() - each.stat().st_mtime > _UNUSED:
                shutil.rmtree(each, ignore_errors=True)


def _fingerprint() -> str:
    digest = sha256((_distribution().read_text("METADATA") or "").encode())
    for package, root in _roots():
        for line in sorted(_states(root, package)):
            digest.update(line.encode())
    return digest.hexdigest()[:32]


def _states(folder: str | Path, name: str) -> Iterator[str]:
    """Give a line for each file of a folder: its name, size and time."""
    with os.scandir(folder) as entries:
        for each in entries:
            if each.is_dir():
                if each.name != "__pycache__":
                    yield from _states(each.path, f"{name}/{each.name}")
            else:
                status = each.stat()
                yield f"{name}/{each.name} {status.st_size} {status.st_mtime_ns}\n"


def own_requirements(*, server: bool = False, notebooks: bool = False) -> list[Requirement]:
    """Give what the core needs of the requirements of this mltrack.

    With ``server`` also what serves models, and with ``notebooks`` what a notebook's kernel needs for its magics.
    """
    parsed = [Requirement(each) for each in _distribution().requires or ()]
    core = [each for each in parsed if _is_core(each) or (notebooks and _is_for_kernels(each))]
    serving = [each for each in parsed if server and _is_for_serving(each)]
    for each in serving:
        each.marker = None  # it says that it is of the extra
    return [*core, *serving]


def _is_core(requirement: Requirement) -> bool:
    return canonicalize_name(requirement.name) in _CORE and "extra ==" not in str(requirement.marker or "")


def _is_for_kernels(requirement: Requirement) -> bool:
    return canonicalize_name(requirement.name) in _KERNEL and "extra ==" not in str(requirement.marker or "")


def _is_for_serving(requirement: Requirement) -> bool:
    marker = requirement.marker
    return marker is not None and "extra ==" in str(marker) and marker.evaluate({"extra": _SERVING})


def _distribution() -> metadata.Distribution:
    try:
        return metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise NotFoundError(
            f"mltrack runs without being installed, so it cannot be taken elsewhere; install {DISTRIBUTION}."
        ) from None


def _roots() -> Iterator[tuple[str, Path]]:
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is not None and spec.origin is not None:
            yield package, Path(spec.origin).parent


def _code() -> Iterator[tuple[str, bytes]]:
    for package, root in _roots():
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{package}/{path.relative_to(root).as_posix()}", path.read_bytes()


def _information(found: metadata.Distribution, info: str) -> Iterator[tuple[str, bytes]]:
    yield f"{info}/METADATA", _metadata(found.read_text("METADATA") or "").encode()
    yield f"{info}/entry_points.txt", (found.read_text("entry_points.txt") or "").encode()
    yield f"{info}/WHEEL", _WHEEL.encode()


def _metadata(text: str) -> str:
    """Give the metadata without the requirements that are for notebooks, and without the long description."""
    lines = []
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        if name == "Requires-Dist":
            requirement = Requirement(value)
            if not _is_core(requirement) and not _is_for_serving(requirement):
                continue
        elif name in _LEFT_OUT or (name == "Provides-Extra" and value.strip() != _SERVING):
            continue
        lines.append(line)
    return "\n".join(lines) + "\n\n"


def _add(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(path, _MOMENT)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content)
