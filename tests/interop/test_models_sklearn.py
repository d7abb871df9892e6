from __future__ import annotations

import importlib
import os
import subprocess
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.interop import estimators as cases
from tests.interop.autolog import needs

import mltrack
from mltrack.exceptions import InvalidParameterError, MissingLibraryError, NotFoundError, UntrustedModelError
from mltrack.models.folder import ModelFolder
from mltrack.models.writing import ModelWarning

sklearn, skops = needs("sklearn"), needs("skops")
from sklearn.linear_model import LogisticRegression  # noqa: E402 - where there is no scikit-learn, nothing is tested

from mltrack.frameworks.sklearn import skops_files, soundness  # noqa: E402

KEPT = sorted({*cases.SKLEARN} - cases.PICKLED)

SKLEARN = tuple(int(part) for part in sklearn.__version__.split(".")[:2])


@pytest.fixture(scope="session")
def exchanged(mlflow_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that were written here and read there, and the other way round; one process of mlflow's for all."""
    needs("xgboost")
    needs("lightgbm")
    folder = tmp_path_factory.mktemp("models")
    for name in ("ours", "theirs", "read"):
        (folder / name).mkdir()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MLTRACK_DATA_DIR", str(folder / "data"))
        for name, make in {**cases.SKLEARN, **cases.boosters()}.items():
            getattr(mltrack, cases.library_of(name)).save_model(make(), folder / "ours" / name)
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    given = [mlflow_python, cases.__file__, str(folder)]
    done = subprocess.run(given, capture_output=True, text=True, check=False, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def predicted(folder: Path, **options: Any) -> Any:
    model = mltrack.pyfunc.load_model(str(folder), **options)
    return cases.values_of(model.predict(cases.data_of(folder.name)))


def same(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())


def conf_of(folder: Path, name: str = "sklearn") -> dict[str, Any]:
    return ModelFolder(folder).flavor(name)


@pytest.mark.parametrize("name", [*cases.SKLEARN, *cases.BOOSTERS])
def test_the_real_mlflow_predicts_with_ours_to_the_last_bit(name: str, exchanged: Path) -> None:
    ours = predicted(exchanged / "ours" / name, allow_pickle=True)
    assert ours.size
    assert same(np.load(exchanged / "read" / f"{name}.npy"), ours)


@pytest.mark.parametrize("name", [*cases.SKLEARN, *cases.BOOSTERS])
def test_we_predict_with_the_real_mlflows_to_the_last_bit(name: str, exchanged: Path) -> None:
    theirs = np.load(exchanged / "theirs" / f"{name}.npy")
    pickled = name in cases.PICKLED or name == "lightgbm_ranker"
    assert theirs.size
    assert same(predicted(exchanged / "theirs" / name, allow_pickle=True if pickled else None), theirs)


@pytest.mark.parametrize("name", [*cases.SKLEARN, *cases.BOOSTERS])
def test_the_files_say_what_the_real_mlflows_say(name: str, exchanged: Path) -> None:
    ours, theirs = (ModelFolder(exchanged / kind / name).model for kind in ("ours", "theirs"))
    assert ours.flavors.keys() == theirs.flavors.keys()
    for flavor, conf in theirs.flavors.items():
        mine, known = ours.flavors[flavor], {"model_class", "loader_module", "predict_fn", "model_format", "env"}
        assert mine.keys() == conf.keys(), flavor
        assert {key: mine[key] for key in known & {*conf}} == {key: conf[key] for key in known & {*conf}}


@pytest.mark.parametrize("name", cases.SKLEARN)
def test_a_model_comes_back_and_is_kept_without_a_pickle_where_it_can_be(name: str, tmp_path: Path) -> None:
    if name in ("boosting", "histograms") and SKLEARN < (1, 6):
        pytest.skip("the losses of this scikit-learn are of types that are not on the list: it becomes a pickle")
    model = cases.SKLEARN[name]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mltrack.sklearn.save_model(model, tmp_path / name)
    said = [str(each.message) for each in caught if issubclass(each.category, ModelWarning)]
    assert (tmp_path / name / ("model.pkl" if name in cases.PICKLED else "model.skops")).is_file()
    assert len(said) == (name in cases.PICKLED), said
    loaded, data = mltrack.sklearn.load_model(str(tmp_path / name)), cases.data_of(name)
    assert type(loaded).__name__ == type(model).__name__
    assert same(cases.values_of(loaded.predict(data)), cases.values_of(model.predict(data)))
    assert same(predicted(tmp_path / name), cases.values_of(model.predict(data)))


@pytest.mark.parametrize("name", sorted({*KEPT} - {"search"}))  # a search keeps how long it took
def test_equal_models_are_equal_files(name: str) -> None:
    first, second = (skops_files.dump(cases.SKLEARN[name]()) for _ in range(2))
    assert first.content == second.content
    again = skops.io.loads(first.content, trusted=list(first.types))
    assert skops_files.dump(again).content == first.content


@pytest.mark.parametrize("name", ["logistic", "columns", "counts", "search"])
def test_what_skops_writes_itself_becomes_the_same_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = cases.SKLEARN[name]()
    direct = skops_files.dump(model)
    monkeypatch.delattr("skops.io._utils.SaveContext")
    assert skops_files.dump(model) == direct


HASHES = """
import hashlib
from tests.interop import estimators as cases
from mltrack.frameworks.sklearn import skops_files
models = {name: cases.SKLEARN[name]() for name in ("forest", "columns", "texts", "line")}
models["line"].words = {"red", "bad", "is", "wine"}
print({name: hashlib.sha256(skops_files.dump(model).content).hexdigest() for name, model in models.items()})
"""


@pytest.mark.slow
def test_another_process_writes_the_same_file() -> None:
    root = Path(__file__).parents[2]
    told = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        given = [sys.executable, "-c", HASHES]
        done = subprocess.run(given, capture_output=True, text=True, check=False, env=environment, cwd=root)
        assert done.returncode == 0, done.stderr[-2000:]
        told.add(done.stdout)
    assert len(told) == 1


@pytest.mark.parametrize("name", KEPT)
def test_what_was_fitted_is_sound(name: str) -> None:
    assert soundness.unsound_part(cases.SKLEARN[name]()) is None


class Own(LogisticRegression):  # type: ignore[misc]
    """A class that others would have to have, too."""


@pytest.fixture
def own() -> Any:
    return Own().fit(cases.FRAME, cases.Y)


def test_types_that_the_user_names_are_kept_and_need_trust(own: Any, tmp_path: Path) -> None:
    name = f"{__name__}.Own"
    mltrack.sklearn.save_model(own, tmp_path / "m", skops_trusted_types=[name])
    assert conf_of(tmp_path / "m")["skops_trusted_types"] == [name]
    assert ModelFolder(tmp_path / "m").model.pickles == ["model.skops"]
    assert isinstance(mltrack.sklearn.load_model(str(tmp_path / "m")), Own)
    (tmp_path / "m" / "requirements.txt").write_text("")  # the folder is not what was signed
    with pytest.raises(UntrustedModelError, match=r"Own in model\.skops"):
        mltrack.sklearn.load_model(str(tmp_path / "m"))


def test_skops_that_is_asked_for_says_what_it_cannot_keep(own: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"holds .*test_models_sklearn\.Own.* Name its types in skops_tr"):
        mltrack.sklearn.save_model(own, tmp_path / "m", serialization_format="skops")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("written", ["cloudpickle", "pickle"])
def test_pickles_are_written_when_asked_for(written: str, tmp_path: Path) -> None:
    model = cases.SKLEARN["logistic"]()
    mltrack.sklearn.save_model(model, tmp_path / "m", serialization_format=written)
    conf = conf_of(tmp_path / "m")
    assert (conf["serialization_format"], conf["pickled_model"]) == (written, "model.pkl")
    assert same(predicted_at(tmp_path / "m", cases.FRAME), model.predict(cases.FRAME))


def predicted_at(folder: Path, data: Any) -> Any:
    return mltrack.pyfunc.load_model(str(folder)).predict(data)


def test_another_method_can_be_what_predicts(tmp_path: Path) -> None:
    model = cases.SKLEARN["logistic"]()
    mltrack.sklearn.save_model(model, tmp_path / "m", pyfunc_predict_fn="predict_proba", input_example=cases.FRAME[:5])
    np.testing.assert_allclose(predicted_at(tmp_path / "m", cases.FRAME), model.predict_proba(cases.FRAME), rtol=1e-12)
    signature = ModelFolder(tmp_path / "m").model.signature
    assert signature is not None
    assert "[-1, 2]" in str(signature.to_dict()["outputs"])


def test_what_cannot_predict_is_no_pyfunc_model(tmp_path: Path) -> None:
    scaler = sklearn.preprocessing.StandardScaler().fit(cases.FRAME)
    mltrack.sklearn.save_model(scaler, tmp_path / "m", input_example=cases.FRAME[:5])
    assert list(ModelFolder(tmp_path / "m").model.flavors) == ["sklearn"]
    assert same(mltrack.sklearn.load_model(str(tmp_path / "m")).mean_, scaler.mean_)
    with pytest.raises(NotFoundError, match="python_function"):
        mltrack.pyfunc.load_model(str(tmp_path / "m"))


@pytest.mark.parametrize("example", [cases.TEXTS[:3], np.array(cases.TEXTS[:3], dtype=object), "frame"])
def test_a_model_of_texts_predicts_from_its_example(example: Any, tmp_path: Path) -> None:
    if isinstance(example, str):
        example = pd.DataFrame({"text": cases.TEXTS[:3]})
    model = cases.SKLEARN["texts"]()
    mltrack.sklearn.save_model(model, tmp_path / "m", input_example=example)
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    for data in (example, loaded.input_example):
        assert list(loaded.predict(data)) == list(model.predict(cases.TEXTS[:3]))


def test_the_requirements_are_those_of_the_parts(tmp_path: Path) -> None:
    needs("xgboost")
    for name in ("sklearn_of_xgboost", "logistic"):
        make = cases.SKLEARN.get(name) or cases.boosters()[name]
        mltrack.sklearn.save_model(make(), tmp_path / name)
    lines = {name: (tmp_path / name / "requirements.txt").read_text() for name in ("sklearn_of_xgboost", "logistic")}
    names = {key: [line.partition("==")[0] for line in text.split()] for key, text in lines.items()}
    assert names["logistic"] == ["numpy", "scikit-learn", "skops"]
    assert names["sklearn_of_xgboost"] == ["numpy", "scikit-learn", "skops", "xgboost"]


def test_without_skops_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(MissingLibraryError, match=r"pip install \"jupyter-mltrack\[models\]\""):
        mltrack.sklearn.save_model(cases.SKLEARN["line"](), tmp_path / "m")


def test_an_old_skops_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skops, "__version__", "0.11.0")
    with pytest.raises(MissingLibraryError, match=r"skops 0\.11\.0 is installed.*install 0\.12 or later"):
        mltrack.sklearn.save_model(cases.SKLEARN["line"](), tmp_path / "m")


def test_what_cannot_be_pickled_is_one_error_and_leaves_no_model(tmp_path: Path) -> None:
    model = LogisticRegression().fit(cases.X, cases.Y)
    model.reader = (tmp_path / "file").open("w")
    with (
        mltrack.start_run(),
        pytest.raises(InvalidParameterError, match="cannot be pickled"),
        pytest.warns(ModelWarning),
    ):
        mltrack.sklearn.log_model(model)
    model.reader.close()
    assert mltrack.search_logged_models(output_format="list") == []


def test_skops_takes_no_library_along_that_nobody_uses() -> None:
    code = (
        "import sys, sklearn.linear_model\nfrom mltrack.frameworks.sklearn import skops_files\n"
        "skops_files._skops()\nprint([n for n in sys.modules if n.split('.')[0] == 'torch' or sys.modules[n] is None])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def fitted_estimators() -> Any:
    """Give one fitted instance of each of scikit-learn's estimators that can be fitted to numbers, or to texts."""
    made = importlib.import_module("sklearn.utils._test_common.instance_generator")._construct_instances
    for _, kind in sklearn.utils.all_estimators():
        try:
            model = next(iter(made(kind)))
        except (StopIteration, unittest.SkipTest):
            continue
        for data in (np.abs(cases.X), cases.TEXTS * 2):
            try:
                yield model.fit(data, cases.Y), data
                break
            except Exception:  # it is not for such data
                continue


def drawn(method: Any, data: Any) -> Any:
    np.random.seed(0)
    try:
        found = method(data)
    except Exception as error:  # it was fitted to other data, and says so
        return np.array(type(error).__name__)
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_estimator_of_scikit_learn_comes_back(tmp_path: Path) -> None:
    kept: list[str] = []
    pickled: list[str] = []
    for model, data in fitted_estimators():
        name = type(model).__name__
        place = tmp_path / name
        mltrack.sklearn.save_model(model, place)
        (kept if (place / "model.skops").is_file() else pickled).append(name)
        (place / "requirements.txt").write_text("")  # a stranger's, so that all is looked at
        loaded = mltrack.sklearn.load_model(str(place), allow_pickle=True if name in pickled else None)
        for method in ("predict", "transform"):
            if hasattr(model, method):
                expected, found = (drawn(getattr(each, method), data) for each in (model, loaded))
                assert same(found, expected), (name, method)
    assert len(kept) > 150
    # These are there only once something has imported what enables them.
    experimental = {"HalvingGridSearchCV", "HalvingRandomSearchCV"}
    assert set(pickled) - experimental <= {"Birch", "SplineTransformer"}, pickled
