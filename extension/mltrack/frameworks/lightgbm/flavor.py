"""How LightGBM's models are written and loaded: boosters as text, estimators as scikit-learn's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack.exceptions import InvalidParameterError, MissingLibraryError
from mltrack.frameworks.arguments import taken_by
from mltrack.frameworks.lightgbm.soundness import check_model
from mltrack.frameworks.sklearn.flavor import CLOUDPICKLE, SKOPS, EstimatorFile, check_format, load_estimator
from mltrack.models.flavor import Flavor, Predictor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

    from mltrack.models.flavor import Draft
    from mltrack.models.folder import ModelFolder

BOOSTER = "lightgbm.basic.Booster"
_CLASSES = (BOOSTER, *(f"lightgbm.sklearn.LGBM{name}" for name in ("Classifier", "Model", "Ranker", "Regressor")))
_BOOSTER_FILE = "model.lgb"


class LightGBMFlavor(Flavor):
    """LightGBM's way.

    Parameters
    ----------
    serialization_format, skops_trusted_types, quiet
        Of the file of an estimator; see ``mltrack.frameworks.sklearn.flavor.SklearnFlavor``.
    options
        What ``Booster.save_model`` takes, as ``num_iteration``.
    """

    name = "lightgbm"
    loader = "mlflow.lightgbm"

    def __init__(
        self,
        *,
        serialization_format: str | None = None,
        skops_trusted_types: Iterable[str] | None = None,
        quiet: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        check_format(serialization_format)
        self._file = EstimatorFile(serialization_format, trusted_types=skops_trusted_types, quiet=quiet)
        self._options = dict(options or {})

    def is_model(self, thing: Any) -> bool:
        """Say whether it is a booster or estimator of LightGBM's own; a class made of one is scikit-learn's."""
        return _name_of(thing) in _CLASSES

    def save(self, model: Any, draft: Draft) -> None:
        """Write the booster's text, or the estimator's file."""
        library = _library()
        if isinstance(model, library.Booster):
            model.save_model(draft.folder / _BOOSTER_FILE, **self._options)
            file, written, types = _BOOSTER_FILE, SKOPS, None
        elif isinstance(model, library.LGBMModel):
            file, written, types = self._file.write(model, draft)
            draft.modules.add("sklearn")
        else:
            raise InvalidParameterError(
                f"A {_name_of(model)} is no model of LightGBM; give a Booster or an estimator such as LGBMClassifier."
            )
        draft.modules.add("lightgbm")
        draft.add_pyfunc(self.loader, data=file)
        draft.add_flavor(
            self.name,
            lgb_version=library.__version__,
            data=file,
            model_class=_name_of(model),
            serialization_format=written,
            skops_trusted_types=types,
        )

    def load(self, folder: ModelFolder) -> Any:
        """Give the booster or estimator.

        Raises
        ------
        InvalidParameterError
            When the file is no model of LightGBM, or broken.
        """
        conf = folder.model.flavors.get(self.name) or folder.pyfunc
        file = conf.get("data")
        if not isinstance(file, str):
            raise InvalidParameterError(f"The MLmodel file of {folder.uri!r} names no data of LightGBM.")
        if conf.get("model_class", BOOSTER) != BOOSTER:
            _library()
            return load_estimator(folder, file, conf.get("serialization_format", CLOUDPICKLE))
        is_trusted = folder.is_trusted()
        content = folder.read(file)
        try:
            text = content.decode("utf-8")
            if not is_trusted:
                check_model(text)
            return _library().Booster(model_str=text)
        except MissingLibraryError:
            raise
        except Exception as error:  # ValueError, LightGBMError
            raise InvalidParameterError(
                f"The file {file!r} of the model {folder.uri!r} is no model that LightGBM reads: {str(error)[:200]}."
            ) from error

    def wrap(self, model: Any, conf: Mapping[str, Any]) -> Predictor:
        """Give what predicts from frames and arrays."""
        del conf
        return _LightGBMPredictor(model)


class _LightGBMPredictor:
    def __init__(self, model: Any) -> None:
        self.model = model
        self._categories = getattr(getattr(model, "booster_", model), "pandas_categorical", None) or []

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Give the model's predictions; texts become the categories that it was trained with."""
        if self._categories and hasattr(data, "select_dtypes"):
            data = _with_categories(data, self._categories)
        return self.model.predict(data, **taken_by(self.model.predict, params))


def _with_categories(data: Any, categories: Sequence[Sequence[Any]]) -> Any:
    """Make categories of a frame's texts, as it has them that comes from a server, in the order of the columns."""
    texts = [name for name in data.columns if data[name].dtype.kind == "O" and data[name].dtype.name != "category"]
    if len(texts) != len(categories):
        return data
    import pandas as pd  # heavy; there is a frame already

    made = {name: pd.Categorical(data[name], known) for name, known in zip(texts, categories, strict=True)}
    return data.assign(**made)


def _name_of(thing: Any) -> str:
    return f"{type(thing).__module__}.{type(thing).__qualname__}"


def _library() -> ModuleType:
    try:
        import lightgbm  # heavy: loads its library of native code
    except ImportError as error:
        raise MissingLibraryError(f"The model needs LightGBM: `pip install lightgbm` ({error}).") from error
    return lightgbm


FLAVOR = LightGBMFlavor()
