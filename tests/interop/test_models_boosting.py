from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop import estimators as cases
from tests.interop.autolog import needs

import mltrack
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError, UntrustedModelError
from mltrack.models.flavors import flavor_of
from mltrack.models.folder import ModelFolder

xgboost, lightgbm = needs("xgboost"), needs("lightgbm")

from mltrack.frameworks.lightgbm import soundness as lightgbm_soundness  # noqa: E402 - without the libraries: skipped
from mltrack.frameworks.xgboost import soundness as xgboost_soundness  # noqa: E402
from mltrack.frameworks.xgboost.ubjson import read_ubjson  # noqa: E402

OTHERS: dict[str, Any] = {
    "dart": lambda: xgboost.train({"booster": "dart", "max_depth": 2}, matrix(cases.Y), 3),
    "categories": lambda: xgboost.XGBClassifier(n_estimators=4, enable_categorical=True, max_cat_to_onehot=1).fit(
        cases.data_of("lightgbm_words"), cases.Y
    ),
    "pruned": lambda: xgboost.train({"tree_method": "exact", "gamma": 0.4, "max_depth": 6}, matrix(cases.X[:, 0]), 4),
    "outputs": lambda: xgboost.train(
        {"multi_strategy": "multi_output_tree", "tree_method": "hist", "max_depth": 2}, matrix(cases.X[:, :2]), 2
    ),
    "linear leaves": lambda: trained({"linear_tree": True, "num_leaves": 4}),
    "random forest": lambda: trained({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}),
    "stumps": lambda: trained({"min_data_in_leaf": 500}),
    "lightgbm categories": lambda: trained({"min_data_per_group": 1, "cat_smooth": 0}, cases.data_of("lightgbm_words")),
}


def matrix(targets: Any) -> Any:
    return xgboost.DMatrix(cases.X, targets)


def trained(params: dict[str, Any], data: Any = cases.X) -> Any:
    return lightgbm.train({"verbosity": -1, "num_threads": 1, **params}, lightgbm.Dataset(data, cases.X[:, 0]), 4)


def saved(model: Any, folder: Path, **options: Any) -> Path:
    flavor = flavor_of(model).name
    getattr(mltrack, flavor).save_model(model, folder, **options)
    return folder


def of_somebody(folder: Path) -> Path:
    """A model that is not this user's: one file of it is another than was signed."""
    (folder / "requirements.txt").write_text("# mine")
    return folder


@pytest.mark.parametrize("name", cases.BOOSTERS)
def test_a_model_comes_back(name: str, tmp_path: Path) -> None:
    model, data = cases.boosters()[name](), cases.data_of(name)
    library = cases.library_of(name)
    assert flavor_of(model).name == library
    example = data[:5]
    place = saved(model, tmp_path / "m", input_example=example)
    assert ModelFolder(place).model.pickles == []
    for folder in (place, of_somebody(shutil.copytree(place, tmp_path / "other"))):
        loaded = getattr(mltrack, library).load_model(str(folder))
        assert type(loaded) is type(model)
        of_pyfunc = mltrack.pyfunc.load_model(str(folder)).predict(data)
        direct = model.predict(xgboost.DMatrix(data) if isinstance(model, xgboost.Booster) else data)
        assert of_pyfunc.dtype == direct.dtype
        assert of_pyfunc.tolist() == direct.tolist()


@pytest.mark.parametrize("name", OTHERS)
def test_what_was_trained_is_sound(name: str, tmp_path: Path) -> None:
    if name == "outputs" and xgboost.__version__.startswith("2."):
        pytest.skip("trees of several outputs were written otherwise before 3.0: unsigned ones are refused")
    model = OTHERS[name]()
    place = of_somebody(saved(model, tmp_path / "m"))
    assert type(mltrack.pyfunc.load_model(str(place)).get_raw_model()) is type(model)
    if flavor_of(model).name == "xgboost":
        booster = model if isinstance(model, xgboost.Booster) else model.get_booster()
        for written in ("ubj", "json"):
            xgboost_soundness.check_model(bytes(booster.save_raw(written)))
        xgboost_soundness.check_model(bytes(booster.__getstate__()["handle"]))
    else:
        lightgbm_soundness.check_model(model.model_to_string())


@pytest.mark.parametrize(("written", "start"), [("ubj", b"{L"), ("json", b'{"')])
def test_xgboost_is_written_in_the_format_asked_for(written: str, start: bytes, tmp_path: Path) -> None:
    model = cases.boosters()["xgboost_booster"]()
    place = saved(model, tmp_path / "m", model_format=written)
    assert (place / f"model.{written}").read_bytes().startswith(start)
    conf = ModelFolder(place).flavor("xgboost")
    assert (conf["model_format"], conf["data"]) == (written, f"model.{written}")


def test_equal_trainings_are_equal_files(tmp_path: Path) -> None:
    for name in ("xgboost_classifier", "lightgbm_booster", "lightgbm_words", "sklearn_of_xgboost"):
        files = []
        for number in range(2):
            place = saved(cases.boosters()[name](), tmp_path / f"{name}{number}")
            files.append(next(place.glob("model.*")).read_bytes())
        assert files[0] == files[1], name


def test_ubjson_says_what_json_says() -> None:
    booster = cases.boosters()["xgboost_booster"]()
    found = read_ubjson(bytes(booster.save_raw("ubj")))["learner"]
    assert found["feature_names"] == ["a", "b", "c", "d"]
    assert int(found["gradient_booster"]["model"]["gbtree_model_param"]["num_trees"]) == booster.num_boosted_rounds()


@pytest.mark.parametrize("content", [b"", b"{", b"[$l#", b"[$l#L" + b"\x7f" * 8, b"[" * 200, b"Sl\x80\0\0\0", b"?"])
def test_broken_ubjson_is_a_value_error(content: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        read_ubjson(content)


class Own(xgboost.XGBRegressor):  # type: ignore[misc, name-defined]
    """A class that others would have to have, too."""


def test_an_own_class_of_xgboosts_needs_trust(tmp_path: Path) -> None:
    model = Own(n_estimators=2).fit(cases.X, cases.X[:, 0])
    assert flavor_of(model).name == "sklearn"
    mltrack.xgboost.save_model(model, tmp_path / "m")
    assert ModelFolder(tmp_path / "m").model.pickles == [f"class {__name__}.Own"]
    assert type(mltrack.xgboost.load_model(str(tmp_path / "m"))) is Own
    with pytest.raises(UntrustedModelError, match=r"the module tests\.interop\.test_models_boosting"):
        mltrack.xgboost.load_model(str(of_somebody(tmp_path / "m")))


@pytest.mark.parametrize("kind", ["os.system", "subprocess.Popen", "xgboost.sklearn.XGBModelBase", "x", ""])
def test_a_class_is_not_what_a_stranger_says(kind: str, tmp_path: Path) -> None:
    place = saved(cases.boosters()["xgboost_booster"](), tmp_path / "m")
    text = (place / "MLmodel").read_text()
    (place / "MLmodel").write_text(text.replace("xgboost.core.Booster", kind or "''"))
    with pytest.raises(UntrustedModelError if "." in kind else MltrackError):
        mltrack.pyfunc.load_model(str(place))
    if kind:
        with pytest.raises(MltrackError):
            mltrack.pyfunc.load_model(str(place), allow_pickle=True)


def test_a_model_of_another_library_is_refused(tmp_path: Path) -> None:
    line = cases.SKLEARN["line"]()
    for library in (mltrack.xgboost, mltrack.lightgbm):
        with pytest.raises(InvalidParameterError, match=r"LinearRegression is no model of"):
            library.save_model(line, tmp_path / "m")
    mltrack.sklearn.save_model(line, tmp_path / "m")
    with pytest.raises(NotFoundError, match="no flavor 'xgboost'; it has python_function, sklearn"):
        mltrack.xgboost.load_model(str(tmp_path / "m"))
    with pytest.raises(InvalidParameterError, match="model_format must be one of"):
        mltrack.xgboost.save_model(cases.boosters()["xgboost_booster"](), tmp_path / "x", model_format="yaml")


@pytest.mark.parametrize("name", ["xgboost_booster", "xgboost_linear", "lightgbm_booster", "lightgbm_classifier"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.97])
def test_a_cut_file_is_one_error(name: str, share: float, tmp_path: Path) -> None:
    place = saved(cases.boosters()[name](), tmp_path / "m")
    file = next(place.glob("model.*"))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(InvalidParameterError, match=r"is no model that|cannot be loaded"):
        mltrack.pyfunc.load_model(str(place))


@pytest.mark.parametrize("text", ["", "tree\n", "hello", "tree\nend of trees\n", "tree\nTree=0\n\0", "\ufeff" * 100])
def test_a_text_that_is_no_model_is_one_error(text: str, tmp_path: Path) -> None:
    place = saved(cases.boosters()["lightgbm_booster"](), tmp_path / "m")
    (place / "model.lgb").write_text(text)
    with pytest.raises(InvalidParameterError, match="is no model that LightGBM reads"):
        mltrack.lightgbm.load_model(str(place))


LIGHTGBM = {
    "a child that is no node": ("left_child=", "left_child=7"),
    "a feature that is none": ("split_feature=", "split_feature=9"),
    "fewer leaves": ("leaf_value=", "leaf_value=1\nleaf_values="),
    "trees elsewhere": ("tree_sizes=", "tree_sizes=1"),
    "no number": ("threshold=", "threshold=x"),
    "parameters": ("[boosting: ", "boosting: "),
}


@pytest.mark.parametrize("what", LIGHTGBM)
def test_numbers_of_lightgbm_that_lead_elsewhere_are_refused(what: str, tmp_path: Path) -> None:
    place = saved(cases.boosters()["lightgbm_booster"](), tmp_path / "m")
    text = (place / "model.lgb").read_text()
    changed = text.replace(*LIGHTGBM[what], 1)
    assert changed != text
    (place / "model.lgb").write_text(changed)
    with pytest.raises(InvalidParameterError, match="is no model that LightGBM reads"):
        mltrack.lightgbm.load_model(str(place))


@pytest.mark.parametrize("name", ["left_children", "right_children", "split_indices", "sum_hessian", "tree_info"])
def test_numbers_of_xgboost_that_lead_elsewhere_are_refused(name: str, tmp_path: Path) -> None:
    place = saved(cases.boosters()["xgboost_booster"](), tmp_path / "m", model_format="json")
    text = (place / "model.json").read_text()
    head, _, rest = text.partition(f'"{name}":[')
    (place / "model.json").write_text(f'{head}"{name}":[77,88,{rest.partition(",")[2]}')
    with pytest.raises(InvalidParameterError, match="is no model that this XGBoost reads: "):
        mltrack.xgboost.load_model(str(place))


FUZZ = """
import random, sys
from pathlib import Path
import mltrack
from tests.interop import estimators as cases
folder, name = Path(sys.argv[1]), sys.argv[2]
file = next(folder.glob("model.*"))
content, dice = file.read_bytes(), random.Random(int(sys.argv[3]))
loaded = 0
for number in range(200):
    changed = bytearray(content)
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(changed))
        changed[place : place + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    file.write_bytes(changed)
    try:
        model = mltrack.pyfunc.load_model(str(folder))
        loaded += 1
        model.predict(cases.data_of(name))
    except Exception:
        continue
print("alive", loaded)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xgboost_booster", "xgboost_classifier", "lightgbm_booster"])
def test_bytes_that_were_changed_never_end_the_process(name: str, tmp_path: Path) -> None:
    place = saved(cases.boosters()[name](), tmp_path / "m")
    seed = random.SystemRandom().randrange(10_000)
    given = [sys.executable, "-c", FUZZ, str(place), name, str(seed)]
    root = Path(__file__).parents[2]
    done = subprocess.run(given, capture_output=True, text=True, check=False, cwd=root)
    assert (done.returncode, done.stdout.splitlines()[-1][:5]) == (0, "alive"), (seed, done.stderr[-2000:])


def test_params_reach_the_booster(tmp_path: Path) -> None:
    model = cases.boosters()["xgboost_booster"]()
    signature = mltrack.models.infer_signature(cases.FRAME, np.zeros(3), {"output_margin": True, "unknown": 1})
    place = saved(model, tmp_path / "m", signature=signature)
    found = mltrack.pyfunc.load_model(str(place)).predict(cases.FRAME, {"output_margin": True})
    assert found.tolist() == model.predict(xgboost.DMatrix(cases.FRAME), output_margin=True).tolist()
