"""State dicts as files of their own, as MLflow has them: ``state_dict.pth`` in a folder."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mltrack.artifacts.loading import download_artifacts
from mltrack.artifacts.verbs import log_artifacts
from mltrack.exceptions import InvalidParameterError, UntrustedModelError
from mltrack.models import pickles, trust
from mltrack.models.writing import private_folder
from mltrack.store.artifacts import artifact_place, is_remote

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_FILE = "state_dict.pth"
_OLDEST = (2, 6)
"""Before it, ``weights_only`` could be got around."""


def save_state_dict(state_dict: Mapping[str, Any], path: str | os.PathLike[str], **kwargs: Any) -> None:
    """Write a state dict, or a dict of several and of numbers, to ``state_dict.pth`` in a folder.

    Parameters
    ----------
    state_dict
        The dict; a module is none, and raises InvalidParameterError.
    path
        The folder; it is made where there is none.
    kwargs
        For ``torch.save``.
    """
    import torch  # heavy

    if not isinstance(state_dict, dict):
        raise InvalidParameterError(f"A state dict is a dict; got a {type(state_dict).__name__}. Give state_dict().")
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state_dict, folder / _FILE, **kwargs)


def log_state_dict(state_dict: Mapping[str, Any], artifact_path: str, **kwargs: Any) -> None:
    """Log a state dict as an artifact of the active run, ``ARTIFACT_PATH/state_dict.pth``; no model is made of it."""
    folder = private_folder()
    try:
        save_state_dict(state_dict, folder, **kwargs)
        log_artifacts(folder, artifact_path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load_state_dict(state_dict_uri: str, *, allow_pickle: bool | None = None, **kwargs: Any) -> Any:
    """Give a state dict that ``save_state_dict`` or ``log_state_dict`` wrote, here or with MLflow.

    Parameters
    ----------
    state_dict_uri
        The folder, as a path or as ``runs:/RUN_ID/ARTIFACT_PATH``.
    allow_pickle
        True loads what is more than tensors and plain values, and may run code.
    kwargs
        For ``torch.load``, as ``map_location``.

    Raises
    ------
    UntrustedModelError
        When the file holds more than tensors and plain values.
    """
    import torch  # heavy

    place = state_dict_uri if state_dict_uri.startswith("runs:/") else artifact_place(state_dict_uri)
    is_here = not place.startswith("runs:/") and not is_remote(place)
    content = (Path(place if is_here else download_artifacts(place)) / _FILE).read_bytes()
    if trust.is_allowed(allow_pickle):
        return pickles.load_torch(content, name=_FILE)
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < _OLDEST:
        raise UntrustedModelError(f"PyTorch {torch.__version__} cannot load {_FILE} safely; 2.6 and later can.")
    try:
        return torch.load(io.BytesIO(content), **{**kwargs, "weights_only": True})
    except Exception as error:  # any: it says what is in there, or that the file is cut
        raise UntrustedModelError(
            f"{_FILE} of {state_dict_uri!r} is damaged or holds more than tensors and plain values, so that loading it "
            f"could run code: {str(error).partition(chr(10))[0][:200]} If you trust who made it: allow_pickle=True."
        ) from error
