"""How scikit-learn's models are written and loaded: with skops, which runs no code, or as a pickle."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.arguments import taken_by
from mltrack.frameworks.sklearn import skops_files
from mltrack.models.flavor import Flavor, Predictor
from mltrack.models.pickles import NotKeptError
from mltrack.models.writing import ModelWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mltrack.models.flavor import Draft
    from mltrack.models.folder import ModelFolder

SKOPS, CLOUDPICKLE, PICKLE = "skops", "cloudpickle", "pickle"
FORMATS = (SKOPS, CLOUDPICKLE, PICKLE)
PREDICT_FUNCTIONS = ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score", "transform")
_SKOPS_FILE, _PICKLE_FILE = "model.skops", "model.pkl"


class SklearnFlavor(Flavor):
    """Scikit-learn's way.

    Parameters
    ----------
    serialization_format
        ``skops``, ``cloudpickle`` or ``pickle``; default: skops where it keeps the model as data, else cloudpickle.
    predict_fn
        The method that pyfunc calls.
    skops_trusted_types
        Types of the user's own that skops may keep; loading them needs trust.
    quiet
        Do not warn when a model is kept as a pickle.
    """

    name = "sklearn"
    loader = "mlflow.sklearn"

    def __init__(
        self,
        *,
        serialization_format: str | None = None,
        predict_fn: str = "predict",
        skops_trusted_types: Iterable[str] | None = None,
        quiet: bool = False,
    ) -> None:
        check_format(serialization_format)
        if predict_fn not in PREDICT_FUNCTIONS:
            raise InvalidParameterError(
                f"pyfunc_predict_fn must be one of {', '.join(PREDICT_FUNCTIONS)}; got {predict_fn!r}."
            )
        self._file = EstimatorFile(serialization_format, trusted_types=skops_trusted_types, quiet=quiet)
        self._predict_fn = predict_fn

    def is_model(self, thing: Any) -> bool:
        """Say whether it is an estimator."""
        base = getattr(sys.modules.get("sklearn.base"), "BaseEstimator", None)
        return base is not None and isinstance(thing, base)

    def size(self, model: Any) -> int:
        """Count the bytes of its arrays and trees."""
        from mltrack.frameworks.sklearn.parts import bytes_in  # needs numpy, which by now is loaded

        return bytes_in(model)

    def save(self, model: Any, draft: Draft) -> None:
        """Write the estimator; one that cannot predict is kept without a way for pyfunc."""
        version = sys.modules["sklearn"].__version__ if "sklearn" in sys.modules else None
        name, written, types = self._file.write(model, draft)
        draft.modules.add("sklearn")
        if hasattr(model, self._predict_fn):
            draft.add_pyfunc(self.loader, model_path=name, predict_fn=self._predict_fn)
        draft.add_flavor(
            self.name,
            pickled_model=name,
            sklearn_version=version,
            serialization_format=written,
            skops_trusted_types=types,
        )

    def load(self, folder: ModelFolder) -> Any:
        """Give the estimator; files of MLflow 1.x, which name no format, are pickles."""
        conf = folder.model.flavors.get(self.name, {})
        pyfunc = folder.model.flavors.get("python_function", {})
        name = conf.get("pickled_model") or pyfunc.get("model_path") or pyfunc.get("data")
        if not isinstance(name, str):
            raise InvalidParameterError(f"The MLmodel file of {folder.uri!r} names no pickled_model.")
        return load_estimator(folder, name, conf.get("serialization_format", PICKLE))

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:
        """Give what calls ``predict_fn``, or what a model without one has: ``transform``."""
        method = conf.get("predict_fn") or self._predict_fn
        return MethodPredictor(model, "transform" if not hasattr(model, method) else method)


class EstimatorFile:
    """How the file of an estimator is written: what was asked for, or what is best for it."""

    def __init__(self, chosen: str | None, *, trusted_types: Iterable[str] | None = None, quiet: bool = False) -> None:
        self._chosen = chosen
        self._trusted = None if trusted_types is None else [str(each) for each in trusted_types]
        self._quiet = quiet

    def write(self, model: Any, draft: Draft) -> tuple[str, str, list[str] | None]:
        """Write it, and give its name, its format, and for skops the types that MLflow is to trust.

        Raises
        ------
        InvalidParameterError
            When skops was asked for and cannot keep the model, or not without trust.
        """
        if self._chosen in (None, SKOPS):
            types = self._write_skops(model, draft)
            if types is not None:
                return _SKOPS_FILE, SKOPS, types or None
        kind = PICKLE if self._chosen == PICKLE else CLOUDPICKLE
        draft.write_pickle(_PICKLE_FILE, model, kind=kind)
        return _PICKLE_FILE, kind, None

    def _write_skops(self, model: Any, draft: Draft) -> list[str] | None:
        try:
            made = skops_files.dump(model)
        except NotKeptError as error:
            self._say_not_kept(str(error))
            return None
        untold = [each for each in made.unknown if each not in (self._trusted or ())]
        if untold:
            self._say_not_kept(f"it holds {', '.join(untold[:8])}, which loading would have to be trusted for")
            return None
        if made.unknown:
            skops_files.check_loads(made)
            draft.mark_pickle(_SKOPS_FILE)
        (draft.folder / _SKOPS_FILE).write_bytes(made.content)
        draft.modules.update(made.modules, ("skops",))
        return list(made.types)

    def _say_not_kept(self, why: str) -> None:
        if self._chosen == SKOPS:
            raise InvalidParameterError(
                f"The model cannot be kept in the skops format: {why}. Name its types in skops_trusted_types if skops "
                'can keep them, or give serialization_format="cloudpickle".'
            )
        if not self._quiet:
            warnings.warn(
                f"The model is kept as a pickle, which runs code when it is loaded: {why}. You can load it as it is; "
                "others have to trust it first.",
                ModelWarning,
                stacklevel=2,
            )


def check_format(chosen: str | None) -> None:
    """Refuse a serialization format that there is none of; None is the best for the model."""
    if chosen is not None and chosen not in FORMATS:
        raise InvalidParameterError(f"serialization_format must be one of {', '.join(FORMATS)}; got {chosen!r}.")


def load_estimator(folder: ModelFolder, name: str, written: str) -> Any:
    """Load an estimator's file of this format: skops without trust where it holds data only, pickles with trust."""
    if written == SKOPS:
        return skops_files.load(folder, name)
    if written not in FORMATS:
        raise InvalidParameterError(
            f"The model {folder.uri!r} is written in the format {str(written)[:40]!r}; known are {', '.join(FORMATS)}."
        )
    return folder.unpickle(name)


class MethodPredictor:
    """Predicts by a method of an estimator, with those params that it takes."""

    def __init__(self, model: Any, method: str) -> None:
        self.model = model
        self._predict = getattr(model, method)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give what the estimator's method gives; one of texts, which has no features, gets them from a frame."""
        if getattr(data, "ndim", 0) == 2 and hasattr(data, "iloc") and _is_of_texts(self.model, data):
            data = data.iloc[:, 0]
        return self._predict(data, **taken_by(self._predict, params))


def _is_of_texts(model: Any, data: Any) -> bool:
    """Tell whether a model counts words, as far as its data may say: one column of texts, and a model without features.

    The words of a frame would be the names of its columns.
    """
    return data.shape[1] == 1 and data.dtypes.iloc[0].kind == "O" and not hasattr(model, "n_features_in_")


FLAVOR = SklearnFlavor()
