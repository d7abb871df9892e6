"""Writing a model folder, the same for every library: example, files, signature, environment, MLmodel, trust."""

from __future__ import annotations

import errno
import os
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.exceptions import (
    AlreadyExistsError,
    InvalidParameterError,
    MltrackError,
    NotFoundError,
    StoreFullError,
    StoreReadOnlyError,
)
from mltrack.models import trust
from mltrack.models.example import save_example, split_params
from mltrack.models.flavor import Draft, Flavor, SaveOptions
from mltrack.models.manifest import digest_of, manifest
from mltrack.models.mlmodel import FILE, PYFUNC, Model
from mltrack.models.requirements import as_requirements, pinned, pip_part, write_environment
from mltrack.models.signature import ModelSignature, infer_signature, infer_signature_of
from mltrack.store.artifact_folder import FileRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_COMPILED = ("__pycache__", "*.pyc", ".git", ".ipynb_checkpoints")


class ModelWarning(UserWarning):
    """Something about a model was left out; the model itself is whole."""


def save_with(
    flavor: Flavor, model: Any, path: str | Path, options: SaveOptions, *, meta: Model | None = None
) -> Model:
    """Write a model to a new folder and sign it as made by this user; gives what its MLmodel file says.

    Raises
    ------
    AlreadyExistsError
        When the folder is there and holds something.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExistsError(f"The path {str(path)!r} is there already and not empty; give another.")
    made = not folder.exists()
    try:
        with has_room(folder):
            folder.mkdir(parents=True, exist_ok=True)
            return write_model(flavor, model, folder, options, meta=meta or Model()).model
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if not made:
            folder.mkdir(exist_ok=True)
        raise


@contextmanager
def has_room(folder: Path) -> Iterator[None]:
    """Say what to do when a model cannot be written for want of room, or of the right to."""
    try:
        yield
    except OSError as error:
        if error.errno not in (*_FULL, *_FORBIDDEN):
            raise
        kind = StoreFullError if error.errno in _FULL else StoreReadOnlyError
        what = "Free some space" if error.errno in _FULL else "Make it writable"
        raise kind(
            f"The model cannot be written to {folder}: {error.strerror}. {what}, or name another place for temporary "
            "files by TMPDIR."
        ) from error


class Written(NamedTuple):
    """A model folder that was written: what its MLmodel file says, and its files."""

    model: Model
    files: dict[str, FileRecord]


def write_model(flavor: Flavor, model: Any, folder: Path, options: SaveOptions, *, meta: Model) -> Written:
    """Write a model to an empty folder; see ``save_with``."""
    draft = Draft(folder, meta, options)
    meta.metadata = dict(options.metadata) if options.metadata else None
    example = None if options.input_example is None else flavor.example(options.input_example)
    if example is not None:
        meta.saved_input_example_info = save_example(folder, example)
        draft.example, draft.params = split_params(example)
    if isinstance(options.signature, ModelSignature):
        meta.signature = options.signature  # a flavor may look at it, and may have set one of its own
    _copy(options.code_paths or (), folder / "code")
    _copy(options.extra_files or (), folder / "extra_files")
    if options.code_paths:
        meta.pickles.append("code")
    flavor.save(model, draft)
    if meta.signature is None and options.signature is None and draft.example is not None:
        meta.signature = _inferred(flavor, model, draft)
    write_environment(folder, _requirements(draft), conda_env=options.conda_env)
    files = manifest(folder)
    meta.model_size_bytes = sum(record.size for record in files.values())
    meta.save(folder / FILE)
    files[FILE] = FileRecord.of((folder / FILE).read_bytes())
    _sign(digest_of(files))
    return Written(meta, files)


def _inferred(flavor: Flavor, model: Any, draft: Draft) -> ModelSignature | None:
    """Give the signature by what the model predicts of the example; that it cannot is a warning."""
    example, params = draft.example, dict(draft.params) if draft.params else None
    try:
        predictor = flavor.wrap(model, draft.model.flavors.get(PYFUNC, {}))
        return infer_signature_of(predictor.predict, example, params)
    except Exception as error:
        warnings.warn(
            f"The signature was made of the input example alone, since the model could not predict from it: "
            f"{type(error).__name__}: {str(error)[:200]}",
            ModelWarning,
            stacklevel=2,
        )
        return infer_signature(example, None, params)


def _requirements(draft: Draft) -> list[str]:
    options = draft.options
    if options.conda_env is not None and options.pip_requirements is not None:
        raise InvalidParameterError("Give conda_env or pip_requirements, not both.")
    if options.conda_env is not None:
        return pip_part(options.conda_env)
    if options.pip_requirements is not None:
        return as_requirements(options.pip_requirements)
    found = [*pinned(draft.modules), *draft.requirements]
    return [*found, *as_requirements(options.extra_pip_requirements or ())]


def _copy(sources: Iterable[str | Path], target: Path) -> None:
    """Copy files and folders into a folder of the model; compiled modules stay behind, links become what they name."""
    for each in sources:
        source = Path(each)
        if not source.exists():
            raise NotFoundError(f"There is no {str(each)[:200]!r} to put into the model.")
        target.mkdir(exist_ok=True)
        if source.is_dir():
            copy_tree(source, target / source.resolve().name, left_out=_COMPILED)
        else:
            shutil.copyfile(source, target / source.name)


def copy_tree(source: Path, target: Path, *, left_out: tuple[str, ...] = ()) -> None:
    """Copy a folder; links become what they name, but pipes, and links that lead nowhere or round, stay behind.

    Raises
    ------
    InvalidParameterError
        When something in it cannot be read.
    """
    patterns = shutil.ignore_patterns(*left_out)

    def ignored(parent: str, names: list[str]) -> set[str]:
        return patterns(parent, names) | {each for each in names if not _is_copied(Path(parent), each)}

    try:
        shutil.copytree(source, target, ignore=ignored)
    except (OSError, shutil.Error) as error:
        reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror
        raise InvalidParameterError(
            f"The folder {str(source)[:200]!r} cannot be copied to the model: {reason}"
        ) from error


def _is_copied(parent: Path, name: str) -> bool:
    path = parent / name
    if path.is_symlink() and parent.resolve().is_relative_to(path.resolve()):
        return False
    return path.is_file() or path.is_dir()


def _sign(digest: str) -> None:
    try:
        trust.sign(digest)
    except MltrackError as error:  # the model is whole; loading it will ask for trust
        warnings.warn(str(error), ModelWarning, stacklevel=2)


def private_folder(parent: str | None = None) -> Path:
    """Make a folder that only this user can enter; it is the caller's to remove."""
    import tempfile  # not needed where models are only read

    folder = Path(tempfile.mkdtemp(prefix="mltrack-model-", dir=parent))
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise InvalidParameterError(f"The temporary folder {folder} is not this user's; choose another by TMPDIR.")
    return folder


def remove_private_folder(folder: Path) -> None:
    """Remove it with all that is in it; what cannot be removed stays, and a stop meanwhile is heard as one."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:  # of a folder that was closed twice: the stop came before Python had noted the first time
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
