"""How statsmodels' results are written and loaded: as the pickle that statsmodels writes, for there is no other way."""

from __future__ import annotations

import copy
import sys
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.models.flavor import Draft, Flavor, Predictor, SaveOptions
from mltrack.models.logged import LogOptions, log_with
from mltrack.models.sources import find_model
from mltrack.models.writing import save_with

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mltrack.models.folder import ModelFolder
    from mltrack.models.mlmodel import Model, ModelInfo

_FILE = "model.statsmodels"


class StatsmodelsFlavor(Flavor):
    """Statsmodels' way; ``remove_data`` keeps the data of the fit out of the file, which makes it small."""

    name = "statsmodels"
    loader = "mlflow.statsmodels"

    def __init__(self, *, remove_data: bool = False) -> None:
        self._remove_data = remove_data

    def is_model(self, thing: Any) -> bool:
        """Say whether it is the results of a fit."""
        kinds = (("statsmodels.base.wrapper", "ResultsWrapper"), ("statsmodels.base.model", "Results"))
        return any(isinstance(thing, getattr(sys.modules.get(home), name, ())) for home, name in kinds)

    def save(self, model: Any, draft: Draft) -> None:
        """Write the pickle."""
        import statsmodels  # loaded already where there are results

        if self._remove_data:
            model = copy.deepcopy(model)  # the user's own keep their data
            model.remove_data()
        draft.write_pickle(_FILE, model, kind="pickle")
        draft.modules.add(self.name)
        draft.add_pyfunc(self.loader, data=_FILE)
        draft.add_flavor(self.name, statsmodels_version=statsmodels.__version__, data=_FILE)

    def load(self, folder: ModelFolder) -> Any:
        """Give the results."""
        conf = folder.model.flavors.get(self.name) or folder.pyfunc
        name = conf.get("data") or _FILE
        found = folder.unpickle(name)
        if not self.is_model(found):
            raise InvalidParameterError(f"{name} of {folder.uri!r} holds no results but a {type(found).__name__}.")
        return found

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:  # noqa: ARG002 - as every flavor
        """Give what predicts."""
        return StatsmodelsPredictor(model)


class StatsmodelsPredictor:
    """Predicts for a frame; for a model of a time series for a frame of one row with the columns start and end."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ARG002 - there are none
        """Give what ``predict`` of the results gives, a Series where statsmodels gives one."""
        series = getattr(sys.modules.get("statsmodels.tsa.base.tsa_model"), "TimeSeriesModel", ())
        if not isinstance(self.model.model, series):
            return self.model.predict(data)
        if getattr(data, "shape", (0,))[0] != 1 or not {"start", "end"} <= set(getattr(data, "columns", ())):
            raise InvalidParameterError(
                "The model is of a time series: give a DataFrame of one row with the columns start and end."
            )
        return self.model.predict(start=data["start"].iloc[0], end=data["end"].iloc[0])


def save_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    statsmodels_model: Any,
    path: str | Path,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    mlflow_model: Model | None = None,
    remove_data: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    extra_files: list[str] | None = None,
) -> None:
    """Write the results of a fit to a new folder; see ``log_model`` for the arguments."""
    options = SaveOptions.of(locals())
    save_with(StatsmodelsFlavor(remove_data=remove_data), statsmodels_model, path, options, meta=mlflow_model)


def log_model(  # noqa: PLR0913, PLR0917 - MLflow's signature
    statsmodels_model: Any,
    artifact_path: str | None = None,
    conda_env: Any = None,
    code_paths: list[str] | None = None,
    registered_model_name: str | None = None,
    remove_data: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: float | None = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Mapping[str, Any] | None = None,
    extra_files: list[str] | None = None,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    model_type: str | None = None,
    step: int = 0,
    model_id: str | None = None,
) -> ModelInfo:
    """Log the results of a fit, as the pickle that statsmodels writes.

    It runs code when it is loaded: what you logged yourself loads without a word, others have to trust it first.

    Parameters
    ----------
    statsmodels_model
        What ``fit`` gave.
    remove_data
        Leave out the data of the fit, for a small file; some results need them to predict.
    name
        The model's name; default ``model``. ``artifact_path`` is MLflow's older word for it.
    signature, input_example
        What goes in and comes out. Without a signature it is inferred from the example.
    conda_env, code_paths, registered_model_name, pip_requirements, extra_pip_requirements, metadata, extra_files, \
params, tags, model_type, step, model_id, await_registration_for
        As for every library; see ``mltrack.pyfunc.log_model``.
    """
    given = locals()
    flavor = StatsmodelsFlavor(remove_data=remove_data)
    return log_with(flavor, statsmodels_model, SaveOptions.of(given), LogOptions.of(given))


def load_model(
    model_uri: str,
    dst_path: str | None = None,
    allow_pickle: bool | None = None,  # noqa: FBT001 - one value, no switch
) -> Any:
    """Give the results of a model; UntrustedModelError when neither you made it nor trust it."""
    return FLAVOR.load(find_model(model_uri).open(allow_pickle=allow_pickle, destination=dst_path))


FLAVOR = StatsmodelsFlavor()
