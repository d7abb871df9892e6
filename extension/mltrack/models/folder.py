"""A model folder that was opened: the one way to the files in it, and the gate before those that run code."""

from __future__ import annotations

import importlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import (
    ArtifactChangedError,
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    UntrustedModelError,
)
from mltrack.models import pickles, trust
from mltrack.models.manifest import digest_of, manifest, strays_in
from mltrack.models.mlmodel import FILE, MAX_FILE, PYFUNC, Model
from mltrack.models.model_code import add_code
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

_MOST_SHOWN = 8
_MOST_LOOKED_AT = 8 << 20  # bytes of a pickle, to say what it names
_PICKLED = (".pkl", ".pickle", ".joblib", ".pth", ".statsmodels")


class ModelFolder:
    """A model folder on this machine.

    Parameters
    ----------
    path
        The folder.
    uri
        What the user called it, for messages; default: the path.
    allow_pickle
        True loads pickles and code whoever made them; default: those that this user signed; see ``models.trust``.
    expected
        What is known of its files from when they were logged; a file that is another now is not read.

    Raises
    ------
    NotFoundError, InvalidParameterError
        When it is no model folder, or its MLmodel file says what none can.
    """

    def __init__(
        self,
        path: Path,
        *,
        uri: str | None = None,
        allow_pickle: bool | None = None,
        expected: Mapping[str, FileRecord] | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.uri = uri or str(path)
        self.allow_pickle = allow_pickle
        self.config: Any = None
        """What takes the place of the configuration that the model was logged with, if anything."""
        self._expected = dict(expected or {})
        self._signed: dict[str, FileRecord] | None = None
        self._trusted: bool | None = None
        if not self.path.is_dir():
            raise NotFoundError(f"There is no model folder {self.uri!r}.")
        self._about = self._read_about()
        self.model = Model.from_text(self._about, self.path / FILE)

    def flavor(self, name: str) -> dict[str, Any]:
        """Give what the MLmodel file says for a library; NotFoundError when the model has no such flavor."""
        found = self.model.flavors.get(name)
        if found is None:
            there = ", ".join(sorted(self.model.flavors)) or "none"
            raise NotFoundError(f"The model {self.uri!r} has no flavor {name!r}; it has {there}.")
        return found

    @property
    def pyfunc(self) -> dict[str, Any]:
        """What the MLmodel file says for ``mltrack.pyfunc``; NotFoundError when nothing."""
        return self.flavor(PYFUNC)

    def place(self, relative: object) -> Path:
        """Give the path of a file or folder in it, which is there and lies inside.

        Raises
        ------
        InvalidParameterError
            When it leads out of the folder, by ``..``, as an absolute path, or through a link.
        NotFoundError
            When it is not there.
        """
        checked = safe_path(str(relative))
        found = self.path.joinpath(*checked.parts)
        if not found.resolve().is_relative_to(self.path.resolve()):
            raise InvalidParameterError(f"{checked.text!r} in the model {self.uri!r} is a link that leads out of it.")
        if not found.exists():
            raise NotFoundError(f"The model {self.uri!r} has no file {checked.text!r}.")
        return found

    def read(self, relative: object) -> bytes:
        """Read a file; ArtifactChangedError when it is not the one that was logged or signed."""
        self.place(relative)
        path = safe_path(str(relative))
        with LocalFolder(self.path).open(path) as reader:
            content = reader.read()
        self._check(path.text, content)
        return content

    def _check(self, name: str, content: bytes) -> None:
        known = (self._expected if self._signed is None else self._signed).get(name)
        is_same = self._signed is None if known is None else known == FileRecord.of(content)
        if not is_same:
            raise ArtifactChangedError(
                f"The file {name!r} of the model {self.uri!r} has changed since it was logged or trusted. It was not "
                "used."
            )

    def _read_about(self) -> bytes:
        """Read the MLmodel file, no more of it than one has."""
        try:
            with LocalFolder(self.path).open(safe_path(FILE)) as reader:
                content = reader.read(MAX_FILE + 1)
        except NotFoundError:
            raise NotFoundError(f"There is no {FILE} file in {self.path}; it is no model folder.") from None
        self._check(FILE, content)
        return content

    def unpickle(self, relative: object, *, opener: Callable[[bytes], bytes] | None = None) -> Any:
        """Load a pickle, if the folder is trusted: the bytes that were looked at are those that are loaded.

        ``opener`` unpacks one that is compressed.

        Raises
        ------
        UntrustedModelError
            When it is not.
        """
        self.place(relative)
        self.require_trust(f"the pickle {relative}")
        content = self.read(relative)
        content = opener(content) if opener is not None else content
        return pickles.load_trusted(content, name=f"{relative} of {self.uri!r}")

    def read_trusted(self, relative: object, what: str) -> bytes:
        """Read a file that runs code when a library loads it, as a TorchScript archive, if the folder is trusted."""
        self.place(relative)
        self.require_trust(f"{what} {relative}")
        return self.read(relative)

    def import_code(self, name: str) -> ModuleType:
        """Import a module that is the model's own, from its ``code`` folder or this environment, if it is trusted."""
        self.require_trust(f"the module {name}")
        self.add_code()
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise InvalidParameterError(
                f"The loader {name!r} of the model {self.uri!r} cannot be imported: {error}."
            ) from error

    def add_code(self) -> None:
        """Put the model's ``code`` folder on the path of modules, if there is one and the folder is trusted."""
        named = self.model.flavors.get(PYFUNC, {}).get("code")
        if not named:
            return
        self.require_trust(f"the folder {named} with Python code")
        place = self.place(named)
        if not place.is_dir():
            raise InvalidParameterError(f"{named} of the model {self.uri!r} is no folder with Python code.")
        add_code({each: self.read(f"{named}/{each}") for each in manifest(place)})

    def require_trust(self, what: str) -> None:
        """Ask whether what runs code may be loaded; ``what`` names it.

        Raises
        ------
        UntrustedModelError
            When this user neither made nor trusted the folder; the message says what is inside and what to do.
        """
        if not self.is_trusted():
            raise UntrustedModelError(self._refusal(what))

    def is_trusted(self) -> bool:
        """Say whether this user made the folder as it is, or trusts it; what is read from then on is that."""
        allowed = trust.is_allowed(self.allow_pickle)
        return self._is_signed() if allowed is None else allowed

    def digest(self) -> str:
        """Give the digest of all its files as they are now.

        Raises
        ------
        InvalidParameterError
            When it holds something that no digest covers, as a link.
        """
        records = manifest(self.path)
        if strays := strays_in(self.path, records):
            raise InvalidParameterError(
                f"The model {self.uri!r} holds {strays[0][:120]!r}, a link or a name that no artifact may have. What "
                "is there can change unseen, so it can neither be trusted nor copied; remove it."
            )
        return digest_of(records)

    def _is_signed(self) -> bool:
        if self._trusted is None:
            records = manifest(self.path)
            same = records.get(FILE) == FileRecord.of(self._about)  # what was read of it before is of the same folder
            self._trusted = same and trust.is_signed(digest_of(records)) and not strays_in(self.path, records)
            self._signed = records if self._trusted else None  # what was signed is what will be read
        return self._trusted

    def _refusal(self, what: str) -> str:
        start = f"Loading the model {self.uri!r} would run code: {what}{self._named_in()}."
        if trust.is_allowed(None) is False:
            return f"{start} MLTRACK_ALLOW_PICKLE=false forbids it."
        return (
            f"{start} It was not made by you here, or has changed since. If you trust who made it, say so once by "
            f"`mltrack models trust {shlex.quote(self.uri)}`, or load it with allow_pickle=True."
        )

    def _named_in(self) -> str:
        """Say what the pickles of the folder name, as a help to decide."""
        found: dict[str, None] = {}
        pickled = [each for each in self.path.rglob("*") if each.suffix in _PICKLED]
        for each in sorted(pickled)[:_MOST_SHOWN]:
            try:
                found.update(dict.fromkeys(pickles.names_in(self._start_of(each.relative_to(self.path).as_posix()))))
            except (MltrackError, OSError):
                continue
        modules = list(dict.fromkeys(name.partition(".")[0] for name in found))
        if not modules:
            return ""
        more = f" and {len(modules) - _MOST_SHOWN} more" if len(modules) > _MOST_SHOWN else ""
        return f" (it names {', '.join(modules[:_MOST_SHOWN])}{more})"

    def _start_of(self, name: str) -> bytes:
        with LocalFolder(self.path).open(safe_path(name)) as reader:
            return reader.read(_MOST_LOOKED_AT)


def is_model_folder(path: Path) -> bool:
    """Say whether a folder holds an MLmodel file."""
    return (path / FILE).is_file()
