"""The ``MLmodel`` file: what a model folder says of itself, in MLflow's format.

Source: ``mlflow.models.model``. Files of MLflow 1.x to 3.x are read; keys that are not known are kept.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.models.example import load_example, load_serving_example
from mltrack.models.signature import ModelSignature
from mltrack.plain_yaml import read_yaml, write_yaml
from mltrack.store.artifacts import is_remote

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "MLmodel"
PYFUNC = "python_function"
MLFLOW_VERSION = "3.17.2"
"""The version of MLflow whose format is written."""
MAX_FILE = 4 << 20
"""More bytes no MLmodel file has."""
_URIS = ("models:/", "runs:/", "file:/")


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


@dataclass(slots=True)
class Model:
    """What an ``MLmodel`` file says; the fields are MLflow's.

    Parameters
    ----------
    artifact_path, run_id, model_id
        Where the model was logged to, by which run, and its id there; None for a model that was only saved.
    flavors
        What each library's loader needs, by the flavor's name; ``python_function`` is what ``mltrack.pyfunc`` loads.
    signature
        The types of what goes in and comes out, or None.
    saved_input_example_info
        Which file of the folder holds the input example, and how.
    pickles
        The files of the folder that run code when they are loaded; written below the key ``mltrack``.
    others
        What else the file holds, kept as it is.
    """

    artifact_path: str | None = None
    run_id: str | None = None
    utc_time_created: str = field(default_factory=_now)
    flavors: dict[str, dict[str, Any]] = field(default_factory=dict)
    signature: ModelSignature | None = None
    saved_input_example_info: dict[str, Any] | None = None
    model_uuid: str | None = field(default_factory=lambda: uuid.uuid4().hex)
    mlflow_version: str | None = MLFLOW_VERSION
    metadata: dict[str, Any] | None = None
    model_size_bytes: int | None = None
    model_id: str | None = None
    is_signature_from_type_hint: bool = False
    type_hint_from_example: bool | None = None
    prompts: list[str] | None = None
    pickles: list[str] = field(default_factory=list)
    others: dict[str, Any] = field(default_factory=dict)

    def add_flavor(self, name: str, **params: Any) -> Self:
        """Say how a library loads the model; gives the model back."""
        self.flavors[name] = params
        return self

    def get_input_schema(self) -> Any:
        """Give the schema of what goes in, or None."""
        return self.signature.inputs if self.signature else None

    def get_output_schema(self) -> Any:
        """Give the schema of what comes out, or None."""
        return self.signature.outputs if self.signature else None

    def get_params_schema(self) -> Any:
        """Give the schema of the params of ``predict``, or None."""
        return self.signature.params if self.signature else None

    def load_input_example(self, path: str | Path) -> Any:
        """Give the input example of the model folder at ``path`` as it was given, or None."""
        info = self.saved_input_example_info
        return load_example(Path(path), info, self.get_input_schema()) if info else None

    def get_serving_input(self, path: str | Path) -> dict[str, Any] | None:
        """Give the input example, with its params, as a body of ``/invocations``, or None."""
        info = self.saved_input_example_info
        if not info:
            return None
        found: dict[str, Any] = json.loads(load_serving_example(Path(path), info))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values, under MLflow's keys; what is not known of a saved model is left out."""
        found = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _OWN}
        for name in ("artifact_path", "run_id", "metadata", "signature", "saved_input_example_info"):
            if found[name] is None:
                del found[name]
        if self.signature is not None:
            found["signature"] = self.signature.to_dict()
        ours = {"mltrack": {"pickles": list(self.pickles)}} if self.pickles else {}
        return {**self.others, **found, **ours}

    def to_yaml(self) -> str:
        """Give the text of the file."""
        return write_yaml(self.to_dict())

    def save(self, path: str | Path) -> None:
        """Write the file; ``path`` is its own, not the folder's."""
        Path(path).write_text(self.to_yaml(), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read the file of a model, by a model URI or its folder on this machine, or the file itself.

        Raises
        ------
        NotFoundError
            When there is none.
        InvalidParameterError
            When it is no YAML, or says something that no model folder can be.
        """
        if str(path).startswith(_URIS) or is_remote(str(path)):
            from mltrack.models.sources import find_model  # which opens folders, and with them these files

            return cls.from_text(find_model(path).read(FILE), path)
        place = Path(path)
        place = place / FILE if place.is_dir() else place
        try:
            if not place.is_file():  # a pipe would wait for its writer
                raise NotFoundError(f"There is no {FILE} file in {place.parent}; it is no model folder.")
            with place.open("rb") as reader:
                content = reader.read(MAX_FILE + 1)
        except OSError as error:
            raise InvalidParameterError(f"{place} cannot be read: {error.strerror}.") from error
        return cls.from_text(content, place)

    @classmethod
    def from_text(cls, content: bytes, name: object) -> Self:
        """Make it of the text of the file; ``name`` is the file's, for messages. See ``load`` for the errors."""
        if len(content) > MAX_FILE:
            raise InvalidParameterError(f"{name} is over {MAX_FILE >> 20} MiB long; no MLmodel file is.")
        try:
            return cls.from_dict(read_yaml(content.decode(), name))
        except UnicodeDecodeError as error:
            raise InvalidParameterError(f"{name} is no UTF-8 text: {error.reason}.") from error

    @classmethod
    def from_dict(cls, document: Any) -> Self:
        """Make it of plain values; see ``to_dict``."""
        if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
            raise InvalidParameterError("The MLmodel file has no mapping 'flavors'; it describes no model.")
        for name, conf in document["flavors"].items():
            if not isinstance(name, str) or not isinstance(conf, dict):
                raise InvalidParameterError(f"The flavor {str(name)[:60]!r} of the MLmodel file is no mapping.")
        known = {each.name for each in fields(cls) if each.name not in _OWN}
        given = {key: value for key, value in document.items() if key in known}
        if (signature := given.get("signature")) is not None:
            given["signature"] = ModelSignature.from_dict(signature)
        ours = document.get("mltrack")
        pickles = ours.get("pickles") if isinstance(ours, dict) else None
        others = {key: value for key, value in document.items() if key not in known and key != "mltrack"}
        made = cls(**{"model_uuid": None, "mlflow_version": None, "utc_time_created": "", **given}, others=others)
        made.pickles = [each for each in pickles or () if isinstance(each, str)]
        return made


_OWN = ("pickles", "others")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What ``log_model`` gives back: where the model is and what it says of itself; the fields are MLflow's."""

    model: Model
    model_uri: str
    name: str | None = None
    registered_model_version: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    creation_timestamp: int | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in _OF_MODEL:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.model, name)

    @property
    def signature_dict(self) -> dict[str, Any] | None:
        """The signature as plain values, or None."""
        return self.model.signature.to_dict() if self.model.signature else None


_OF_MODEL = {each.name for each in fields(Model)} - {"pickles", "others"}
