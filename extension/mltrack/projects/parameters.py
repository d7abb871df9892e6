"""What an entry point's parameters are worth: given values, defaults, paths made whole, places fetched."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mltrack.exceptions import ExecutionError, MissingLibraryError, MltrackError
from mltrack.masking import mask_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.projects.entities import EntryPoint, Parameter

_INVALID = "INVALID_PARAMETER_VALUE"


@dataclass(frozen=True, slots=True)
class Values:
    """The values of an entry point's parameters as texts.

    ``given`` is what is logged: every declared one in its order, then the others; ``declared`` and ``extra`` are
    what the command gets, with local paths.
    """

    given: Mapping[str, str]
    declared: Mapping[str, str]
    extra: Mapping[str, str]


class PathFolder:
    """The folder that parameters of the type ``path`` are fetched into; made when the first is."""

    def __init__(self, storage_dir: str | Path | None = None) -> None:
        self._within = storage_dir
        self.folder: Path | None = None

    @property
    def temporary(self) -> Path | None:
        """The folder that was made, when nobody named where: it may go when the run is over."""
        return self.folder if self._within is None else None

    def fetch(self, uri: str, position: int) -> str:
        """Fetch a file or folder and give its place; ``position`` is that of the parameter."""
        if self.folder is None:
            if self._within is not None:
                Path(self._within).mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix="mltrack-", dir=self._within)).absolute()
        place = self.folder / f"param_{position}"
        place.mkdir()
        return str(_fetch(uri, place))

    def remove(self) -> None:
        """Remove the folder, unless a user named where it is to be."""
        if self.temporary is not None:
            shutil.rmtree(self.temporary, ignore_errors=True)


def values_of(entry_point: EntryPoint, given: Mapping[str, Any], paths: PathFolder | None) -> Values:
    """Give the values of the declared parameters, with their defaults, and of those that are not declared.

    Without ``paths`` nothing is fetched, and no path is looked for.

    Raises
    ------
    ExecutionError
        When values are missing (all are named), a URI is none, a path is not there or cannot be fetched.
    """
    texts = {str(name): _text(str(name), value) for name, value in given.items()}
    declared = {each.name: each for each in entry_point.parameters}
    missing = [name for name, each in declared.items() if name not in texts and each.default is None]
    if missing:
        names = ", ".join(repr(name) for name in missing)
        raise ExecutionError(f"No value given for missing parameters: {names}. Give each with -P NAME=VALUE.", _INVALID)
    plain = {name: texts[name] if name in texts else str(each.default) for name, each in declared.items()}
    extra = {name: text for name, text in texts.items() if name not in declared}
    final = {name: _final(declared[name], text, paths, position) for position, (name, text) in enumerate(plain.items())}
    return Values({**plain, **extra}, final, extra)


def _text(name: str, value: object) -> str:
    text = str(value)
    if "\0" in text or "\0" in name:
        raise ExecutionError(f"The parameter {name!r} holds a NUL character, which no command can be given.", _INVALID)
    try:
        (name + text).encode("utf-8", "surrogateescape")  # as file names are given that are no UTF-8
    except UnicodeEncodeError:
        raise ExecutionError(
            f"The parameter {name!r} holds a lone surrogate; give it as proper text.", _INVALID
        ) from None
    return text


def _final(parameter: Parameter, text: str, paths: PathFolder | None, position: int) -> str:
    if parameter.type == "uri" and not urlsplit(text).scheme:
        raise ExecutionError(f"Expected URI for parameter {parameter.name} but got {mask_text(text)}.", _INVALID)
    if parameter.type != "path" or paths is None:
        return text
    local = _local_path(text)
    if local is None:
        return paths.fetch(text, position)
    if not os.path.exists(local):
        raise ExecutionError(
            f"Got value {text} for parameter {parameter.name}, but no such file or directory was found.", _INVALID
        )
    return os.path.abspath(local)


def _local_path(text: str) -> str | None:
    """Give the path of a local place, or None for one elsewhere."""
    try:
        parts = urlsplit(text)
    except ValueError:  # a path with brackets, such as //[x
        return text
    if not parts.scheme:
        return text
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return unquote(parts.path)
    return None


def _fetch(uri: str, place: Path) -> Path:
    """Fetch what a URI names into a folder; runs and models from the store, other places with fsspec."""
    try:
        scheme = urlsplit(uri).scheme
        if scheme in ("runs", "models"):
            from mltrack.artifacts.loading import download_artifacts  # for such parameters only

            return Path(download_artifacts(uri, dst_path=place))
        return _fetch_http(uri, place) if scheme in ("http", "https") else _fetch_remote(uri, place)
    except (OSError, ValueError) as error:
        raise ExecutionError(f"{mask_text(uri)} cannot be fetched: {mask_text(str(error))[:300]}.") from error


def _fetch_http(uri: str, place: Path) -> Path:
    from mltrack.projects.downloads import download  # for such parameters only

    target = place / _last_part(uri)
    download(uri, target)
    return target


def _fetch_remote(uri: str, place: Path) -> Path:
    try:
        import fsspec.core  # for such parameters only

        files, path = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise MissingLibraryError(f"{mask_text(uri)} cannot be fetched here: {error}") from error
    target = place / _last_part(uri)
    try:
        files.get(path, str(target), recursive=files.isdir(path))
    except MltrackError:
        raise
    except Exception as error:  # each kind of storage has errors of its own
        raise ExecutionError(f"{mask_text(uri)} cannot be fetched: {mask_text(str(error))[:300]}.") from error
    return target


def _last_part(uri: str) -> str:
    name = unquote(urlsplit(uri).path).rstrip("/").rpartition("/")[2]
    return name if name not in ("", ".", "..") and "\0" not in name else "data"
