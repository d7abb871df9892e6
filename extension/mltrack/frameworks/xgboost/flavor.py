"""How XGBoost's models are written and loaded: its own UBJSON or JSON, which are data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.frameworks.arguments import taken_by
from mltrack.frameworks.xgboost.soundness import check_model
from mltrack.models.flavor import Flavor, Predictor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from mltrack.models.flavor import Draft
    from mltrack.models.folder import ModelFolder

FORMATS = ("ubj", "json", "xgb")
BOOSTER = "xgboost.core.Booster"
CLASSES = (*("XGBClassifier", "XGBModel", "XGBRFClassifier", "XGBRFRegressor", "XGBRanker", "XGBRegressor"),)
_CLASSES = {BOOSTER: "Booster", **{f"xgboost.sklearn.{name}": name for name in CLASSES}}


class XGBoostFlavor(Flavor):
    """XGBoost's way; ``model_format`` is ``ubj``, ``json`` or, where XGBoost still has it, ``xgb``."""

    name = "xgboost"
    loader = "mlflow.xgboost"

    def __init__(self, *, model_format: str = "ubj") -> None:
        if model_format not in FORMATS:
            raise InvalidParameterError(f"model_format must be one of {', '.join(FORMATS)}; got {model_format!r}.")
        self._format = model_format

    def is_model(self, thing: Any) -> bool:
        """Say whether it is a booster or estimator of XGBoost's own; a class made of one is scikit-learn's."""
        return _name_of(thing) in _CLASSES

    def save(self, model: Any, draft: Draft) -> None:
        """Write the booster, and which class it is of."""
        library = _library()
        if not isinstance(model, (library.Booster, library.XGBModel)):
            raise InvalidParameterError(
                f"A {_name_of(model)} is no model of XGBoost; give a Booster or an estimator such as XGBClassifier."
            )
        kind, file = _name_of(model), f"model.{self._format}"
        if kind not in _CLASSES:
            draft.mark_pickle(f"class {kind}")
            draft.modules.add(type(model).__module__)
        model.save_model(draft.folder / file)
        draft.modules.add("xgboost")
        draft.modules.update({"sklearn"} if kind != BOOSTER else set())
        draft.add_pyfunc(self.loader, data=file)
        draft.add_flavor(
            self.name, xgb_version=library.__version__, data=file, model_class=kind, model_format=self._format
        )

    def load(self, folder: ModelFolder) -> Any:
        """Give the booster or estimator; an own class of somebody's needs trust.

        Raises
        ------
        InvalidParameterError
            When the file is no model of XGBoost, or broken.
        """
        conf = folder.model.flavors.get(self.name) or folder.pyfunc
        file, kind = conf.get("data"), conf.get("model_class", BOOSTER)
        if not isinstance(file, str) or not isinstance(kind, str):
            raise InvalidParameterError(f"The MLmodel file of {folder.uri!r} names no data of XGBoost.")
        model, is_trusted = _class_of(folder, kind)(), folder.is_trusted()
        content = folder.read(file)
        try:
            if not is_trusted:
                check_model(content)
            model.load_model(bytearray(content))
        except Exception as error:  # ValueError, XGBoostError, or of own classes what they may find
            raise InvalidParameterError(
                f"The file {file!r} of the model {folder.uri!r} is no model that this XGBoost reads: "
                f"{str(error).strip().splitlines()[0][:200] if str(error) else type(error).__name__}"
            ) from error
        return model

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:
        """Give what predicts from frames and arrays."""
        del conf
        return _BoosterPredictor(model) if isinstance(model, _library().Booster) else _EstimatorPredictor(model)


class _BoosterPredictor:
    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the booster's predictions; the names of the columns have to be those it was trained with."""
        given = {"validate_features": True, **taken_by(self.model.predict, params)}
        return self.model.predict(_library().DMatrix(data, enable_categorical=True), **given)


class _EstimatorPredictor:
    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the estimator's predictions; the names of the columns have to be those it was fitted with."""
        return self.model.predict(data, **{"validate_features": True, **taken_by(self.model.predict, params)})


def _name_of(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _class_of(folder: ModelFolder, kind: str) -> Any:
    """Give the class that a model is of: XGBoost's own, or if the folder is trusted any that can be imported."""
    if kind in _CLASSES:
        return getattr(_library(), _CLASSES[kind])
    module, _, name = kind.rpartition(".")
    if not module:
        raise InvalidParameterError(f"The model_class {kind[:120]!r} of {folder.uri!r} names no module.")
    found = getattr(folder.import_code(module), name, None)
    if not isinstance(found, type) or not issubclass(found, (_library().Booster, _library().XGBModel)):
        raise InvalidParameterError(f"The model_class {kind[:120]!r} of {folder.uri!r} is no class of XGBoost models.")
    return found


def _library() -> ModuleType:
    try:
        import xgboost  # heavy: loads its library of native code
    except ImportError as error:
        raise MissingLibraryError(f"The model needs XGBoost: `pip install xgboost` ({error}).") from error
    return xgboost


FLAVOR = XGBoostFlavor()
