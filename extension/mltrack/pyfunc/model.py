"""A model of any library behind one ``predict``, whose input is held against the signature first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.enforcement import enforce_params, enforce_schema
from mltrack.models.mlmodel import PYFUNC
from mltrack.pyfunc.python_model import PythonModel, PythonModelContext
from mltrack.types.hints import fit_to_hint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.flavor import Predictor
    from mltrack.models.mlmodel import Model

__all__ = ["PyFuncModel", "PythonModel", "PythonModelContext"]  # MLflow has them all in a module of this name


class PyFuncModel:
    """A model that was loaded: ``predict`` is the same whatever library made it.

    Parameters
    ----------
    metadata
        What its MLmodel file says.
    predictor
        What the library's flavor gives.
    uri
        What it was loaded by.
    folder
        Where its files lie on this machine; None for a model that was not loaded from files.
    """

    def __init__(
        self, metadata: Model, predictor: Predictor, *, uri: str | None = None, folder: Path | None = None
    ) -> None:
        self.metadata = metadata
        self.uri = uri
        self.folder = folder
        self._predictor = predictor
        signature = metadata.signature
        self._inputs = signature.inputs if signature else None
        self._params = signature.params if signature else None
        self._hint = getattr(predictor, "hint", None) if metadata.is_signature_from_type_hint else None

    @property
    def model_id(self) -> str | None:
        """The id of the logged model, or None."""
        return self.metadata.model_id

    @property
    def loader_module(self) -> str:
        """The loader that the MLmodel file names."""
        return str(self.metadata.flavors[PYFUNC]["loader_module"])

    @property
    def input_example(self) -> Any:
        """The example that the model was logged with, or None."""
        return self.metadata.load_input_example(self.folder) if self.folder else None

    @property
    def model_config(self) -> dict[str, Any]:
        """The configuration that a PythonModel was loaded with; empty for a library's model."""
        return dict(getattr(self._predictor, "config", None) or {})

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the model's predictions for the rows of ``data``.

        Parameters
        ----------
        data
            A pandas or polars frame, a Series, an array, a list, or a dict: what the signature's inputs describe.
            Columns too many are left out, and their order does not matter.
        params
            Values for the params of the signature; those that are left out have their defaults.

        Raises
        ------
        InvalidParameterError
            When the data or the params do not fit the signature; the message names the column or param.
        """
        return self.predict_enforced(*self.enforce(data, params))

    def enforce(self, data: Any, params: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any] | None]:
        """Give data and params as the model takes them; see ``predict``."""
        if self._hint is not None:
            data = fit_to_hint(data, self._hint)
        elif self._inputs is not None:
            data = enforce_schema(data, self._inputs)
        return data, None if self._params is None else enforce_params(params, self._params)

    def predict_enforced(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the predictions for data and params that ``enforce`` gave."""
        return self._predictor.predict(data, params)

    def unwrap_python_model(self) -> Any:
        """Give the PythonModel of the user's; InvalidParameterError for a library's model."""
        found = getattr(self._predictor, "python_model", None)
        if found is None:
            raise InvalidParameterError(
                f"The model {self.uri!r} is no PythonModel; get_raw_model gives its own object."
            )
        return found

    def get_raw_model(self) -> Any:
        """Give the library's own model, or the PythonModel; None where the flavor keeps none."""
        found = getattr(self._predictor, "model", None)  # which may be empty, and so no truth
        return found if found is not None else getattr(self._predictor, "python_model", None)

    def __repr__(self) -> str:
        flavor = next((name for name in self.metadata.flavors if name != PYFUNC), PYFUNC)
        return f"mltrack.pyfunc.PyFuncModel({self.uri!r}, flavor={flavor!r})"
