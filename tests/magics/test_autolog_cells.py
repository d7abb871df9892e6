"""Training in cells: logged in tracked ones, elsewhere only when switched on, and the cell itself is as without it."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from tests.magics.kernels import running_kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel

pytest.importorskip("sklearn", reason="autolog is shown with scikit-learn")

SETUP = """
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(StandardScaler(), LogisticRegression())
"""
FIT = "model.fit(X_train, y_train);"


@pytest.fixture
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("autolog")) as started:
        started.run(SETUP)
        yield started


def test_a_fit_in_a_tracked_cell_is_logged_to_its_run(kernel: Kernel) -> None:
    kernel.run(f"%%track_run first -p note=1\nC = 0.5\n{FIT}\naccuracy_score(y_test, model.predict(X_test))")
    (run,) = kernel.runs()
    assert run.data.params["logisticregression__C"] == "1.0"
    assert (run.data.params["C"], run.data.params["note"]) == ("0.5", "1")
    assert 0.9 < run.data.metrics["training_accuracy_score"] <= 1
    assert 0.9 < run.data.metrics["accuracy_score_X_test"] <= 1
    assert run.info.status == "FINISHED"


def test_a_fit_in_a_plain_cell_is_logged_when_it_is_switched_on(kernel: Kernel) -> None:
    kernel.run(FIT)
    assert kernel.runs() == []
    kernel.run("%mltrack autolog on")
    kernel.run(FIT)
    (run,) = kernel.runs()
    assert run.data.tags["estimator_name"] == "Pipeline"
    kernel.run("%mltrack autolog cells")
    kernel.run(FIT)
    assert len(kernel.runs()) == 1


@pytest.mark.parametrize("off", ["%%track_run --no-autolog\n", "%mltrack autolog off\n%%track_run\n"])
def test_it_can_be_left_out(off: str, kernel: Kernel) -> None:
    *before, line = off.splitlines()
    for each in before:
        kernel.run(each)
    kernel.run(f"{line}\n{FIT}")
    (run,) = kernel.runs()
    assert "logisticregression__C" not in run.data.params


def test_a_metric_in_a_later_cell_goes_to_the_run_of_its_model(kernel: Kernel) -> None:
    kernel.run(f"%%track_run\n{FIT}")
    kernel.run("accuracy_score(y_test, model.predict(X_test))")
    (run,) = kernel.runs()
    assert "accuracy_score_X_test" in run.data.metrics


def test_candidates_of_a_search_are_children_of_the_cells_run(kernel: Kernel) -> None:
    search = "GridSearchCV(LogisticRegression(max_iter=5000), {'C': [0.1, 1.0]}, cv=2).fit(X_train, y_train);"
    kernel.run(f"%%track_run search\n{search}")
    runs = kernel.runs()
    parent = next(run for run in runs if run.info.run_name == "search")
    children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert len(children) == 2
    assert "best_C" in parent.data.params


def test_unloading_puts_the_library_back(kernel: Kernel) -> None:
    kernel.run("from sklearn.base import BaseEstimator\nbefore = LogisticRegression.fit")
    assert kernel.run("hasattr(before, '__wrapped__')").value == "True"  # by sklearn itself, and by us
    kernel.run("%unload_ext mltrack")
    assert kernel.run("LogisticRegression.fit is before").value == "False"


def test_loading_imports_no_library() -> None:
    code = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell\n"
        "InteractiveShell.instance().run_cell('%load_ext mltrack')\n"
        "print([name for name in ('sklearn', 'torch', 'numpy', 'pandas', 'altair') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_keras_summary_shows_nothing_in_the_cell(tmp_path: Path) -> None:
    if find_spec("keras") is None or find_spec("torch") is None:  # importing Keras here would choose its backend
        pytest.skip("the summary is Keras', here on PyTorch")
    setup = (
        "import keras, numpy\nX = numpy.zeros((8, 2))\nmodel = keras.Sequential([keras.layers.Dense(1)])\n"
        "model.compile(loss='mse')"
    )
    with running_kernel(tmp_path, KERAS_BACKEND="torch") as kernel:
        assert kernel.run(setup).status == "ok"
        outcome, run = kernel.track("model.fit(X, X[:, 0], verbose=0)\nmodel.summary()")
        shown = [content for kind, content in outcome.outputs if kind == "display_data"]
        assert shown  # what the cell itself shows is there
        assert [content["data"] for content in shown if not content["data"]["text/plain"].strip()] == []
        assert [each.path for each in kernel.store.list_artifacts(run.info.run_id)] == ["model_summary.txt"]
