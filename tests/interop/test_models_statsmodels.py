from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.interop.autolog import needs
from tests.interop.exchanged_models import FRAME, START_END, line, series

import mltrack
from mltrack.exceptions import InvalidParameterError, UntrustedModelError
from mltrack.models.flavors import flavor_of

sm = needs("statsmodels.api")
ENDOG = (FRAME["a"] > 0).astype(float)


def logit() -> Any:
    return sm.GLM(ENDOG, sm.add_constant(FRAME[["b", "c"]]), family=sm.families.Binomial()).fit()


KINDS = {"line": (line, FRAME[["a", "b"]]), "glm": (logit, sm.add_constant(FRAME[["b", "c"]]))}


@pytest.mark.parametrize("kind", KINDS)
def test_results_come_back_and_predict_as_before(kind: str, tmp_path: Path) -> None:
    make, data = KINDS[kind]
    results = make()
    assert flavor_of(results).name == "statsmodels"
    mltrack.statsmodels.save_model(results, tmp_path / "m", input_example=data)
    found = mltrack.pyfunc.load_model(str(tmp_path / "m")).predict(data)
    assert isinstance(found, pd.Series)
    assert found.to_numpy().tobytes() == np.asarray(results.predict(data)).tobytes()
    loaded = mltrack.statsmodels.load_model(str(tmp_path / "m"))
    assert loaded.params.to_numpy().tobytes() == results.params.to_numpy().tobytes()
    assert mltrack.models.Model.load(tmp_path / "m").pickles == ["model.statsmodels"]


def test_a_time_series_is_predicted_from_start_to_end(tmp_path: Path) -> None:
    mltrack.statsmodels.save_model(series(), tmp_path / "m")
    loaded = mltrack.pyfunc.load_model(str(tmp_path / "m"))
    given: Any
    for given in (START_END, START_END.set_index(np.array([7]))):
        assert loaded.predict(given).tobytes() == series().predict(start=28, end=33).tobytes()
    for given in (START_END.iloc[:0], START_END[["start"]], FRAME, np.ones(2)):
        with pytest.raises(InvalidParameterError, match="one row with the columns start and end"):
            loaded.predict(given)


def test_the_data_may_be_left_out_of_the_file_and_not_of_the_results(tmp_path: Path) -> None:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(5000, 3)), columns=list("aby"))
    results = sm.OLS(rows["y"], rows[["a", "b"]]).fit()
    sizes = []
    for name, remove in (("whole", False), ("small", True)):
        mltrack.statsmodels.save_model(results, tmp_path / name, remove_data=remove)
        sizes.append((tmp_path / name / "model.statsmodels").stat().st_size)
        found = mltrack.pyfunc.load_model(str(tmp_path / name)).predict(rows[["a", "b"]])
        assert np.array_equal(found, results.predict(rows[["a", "b"]]))
    assert sizes[1] < sizes[0] / 10
    assert results.model.endog is not None


def test_results_of_others_need_trust(tmp_path: Path) -> None:
    mltrack.statsmodels.save_model(line(), tmp_path / "m")
    (tmp_path / "m" / "note.txt").write_text("changed")
    with pytest.raises(UntrustedModelError, match=r"it names .*statsmodels"):
        mltrack.statsmodels.load_model(str(tmp_path / "m"))
    assert mltrack.statsmodels.load_model(str(tmp_path / "m"), allow_pickle=True).nobs == 6


def test_a_logged_model_is_found_again() -> None:
    with mltrack.start_run():
        info = mltrack.statsmodels.log_model(line(), name="line", input_example=FRAME[["a", "b"]])
    assert [each.name for each in info.signature.inputs.inputs] == ["a", "b"]
    assert mltrack.statsmodels.load_model(info.model_uri).nobs == 6
    assert "statsmodels==" in Path(mltrack.pyfunc.get_model_dependencies(info.model_uri)).read_text()


def test_the_functions_come_at_first_use() -> None:
    import subprocess

    text = "import sys, mltrack; mltrack.statsmodels.log_model; mltrack.onnx.log_model; mltrack.keras.log_model; "
    text += "print({'numpy', 'pandas', 'statsmodels', 'onnx', 'keras', 'h5py'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
