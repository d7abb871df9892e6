"""What a library's way of keeping models must do, and what writing one is given."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from mltrack.exceptions import InvalidParameterError
from mltrack.models import pickles
from mltrack.models.mlmodel import PYFUNC
from mltrack.models.signature import ModelSignature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mltrack.models.folder import ModelFolder
    from mltrack.models.mlmodel import Model

ENVIRONMENTS = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}


class Predictor(Protocol):
    """What a flavor gives ``mltrack.pyfunc``: something that predicts from data that fit the signature."""

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the predictions for the rows of ``data``."""


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """What every library's ``save_model`` and ``log_model`` takes, under MLflow's names."""

    signature: Any = None
    """A ModelSignature; None infers it from the input example; False leaves it out."""
    input_example: Any = None
    conda_env: Any = None
    pip_requirements: Any = None
    extra_pip_requirements: Any = None
    code_paths: Sequence[str | Path] | None = None
    metadata: Mapping[str, Any] | None = None
    extra_files: Sequence[str | Path] | None = None

    def __post_init__(self) -> None:
        if not (self.signature is None or self.signature is False or isinstance(self.signature, ModelSignature)):
            raise InvalidParameterError(
                f"signature must be a ModelSignature, as mltrack.models.infer_signature makes one, None or False; got "
                f"{self.signature!r:.80}."
            )
        for name in ("code_paths", "extra_files"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, (list, tuple)):
                raise InvalidParameterError(f"{name} must be a list of paths; got {given!r:.80}.")
        if not isinstance(self.metadata, (Mapping, NoneType)):
            raise InvalidParameterError(f"metadata must be a dict; got {self.metadata!r:.80}.")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Make the options of the arguments of a library's function; what is none of them is left out."""
        return cls(**{each.name: given[each.name] for each in fields(cls) if each.name in given})


@dataclass(slots=True)
class Draft:
    """A model folder that is being written: where, what its MLmodel file will say, and what it needs."""

    folder: Path
    model: Model
    options: SaveOptions
    example: Any = None
    """The input example as ``predict`` takes it, without params; None where there is none."""
    params: Mapping[str, Any] | None = None
    """The params of the input example, if it has some."""
    modules: set[str] = field(default_factory=set)
    """Modules that the model uses; the distributions that bring them become its requirements."""
    requirements: list[str] = field(default_factory=list)
    """Requirements beside those of ``modules``."""

    def add_pyfunc(self, loader_module: str, **conf: Any) -> None:
        """Say how ``mltrack.pyfunc`` and ``mlflow.pyfunc`` load the model."""
        code = {"code": "code"} if self.options.code_paths else {}
        python = platform.python_version()
        self.model.add_flavor(
            PYFUNC, loader_module=loader_module, env=dict(ENVIRONMENTS), python_version=python, **code, **conf
        )

    def add_flavor(self, name: str, **conf: Any) -> None:
        """Say how the library's own ``load_model`` loads the model."""
        self.model.add_flavor(name, code="code" if self.options.code_paths else None, **conf)

    def write_pickle(self, name: str, thing: Any, *, kind: str = "cloudpickle", by_value: tuple[str, ...] = ()) -> None:
        """Write a pickle and mark the model with it; the modules it names become requirements."""
        with (self.folder / name).open("w+b") as file:
            pickles.dump(thing, file, kind=kind, by_value=by_value)
            file.seek(0)
            self.modules.update(pickles.names_in_own(file))
        self.mark_pickle(name)
        if kind == "cloudpickle":
            self.modules.add("cloudpickle")

    def mark_pickle(self, name: str) -> None:
        """Note that a file of the folder runs code when it is loaded."""
        self.model.pickles.append(name)


class Flavor:
    """One library's way of keeping models; an object of it holds the options of one ``log_model``."""

    name: ClassVar[str]
    """The flavor's name in MLmodel files, as ``sklearn``."""
    loader: ClassVar[str]
    """The loader's name in MLmodel files, as ``mlflow.sklearn``."""

    def is_model(self, thing: Any) -> bool:
        """Say whether this library keeps such a thing; nothing heavy is imported for it."""
        raise NotImplementedError

    def example(self, given: Any) -> Any:
        """Give an input example as ``predict`` takes it; None for one that is of use to ``save`` alone."""
        return given

    def size(self, model: Any) -> int:
        """Give at least how many bytes its files will have, as far as that can be told at once; 0 when not."""
        del model
        return 0

    def save(self, model: Any, draft: Draft) -> None:
        """Write the model's files to ``draft.folder`` and say in ``draft`` how they are loaded."""
        raise NotImplementedError

    def load(self, folder: ModelFolder) -> Any:
        """Give the library's own model of a folder."""
        raise NotImplementedError

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:
        """Give what predicts with the library's own model; ``conf`` is what the MLmodel file says for pyfunc."""
        raise NotImplementedError

    def load_pyfunc(self, folder: ModelFolder) -> Predictor:
        """Give what predicts, of a folder."""
        return self.wrap(self.load(folder), folder.pyfunc)
