"""Models and data as users have them: odd classes of their own, thousands of labels, one row, sparse targets."""

from __future__ import annotations

import gc
import io
import pickle
import random
import subprocess
import sys
import time
import tracemalloc
import weakref
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.interop.autolog import logged_runs, needs, the_run
from tests.quickness import assert_quick

import mltrack
from mltrack.autologging import switch
from mltrack.autologging.safety import AutologWarning

needs("sklearn")
import scipy.sparse  # noqa: E402 - skipped without the library
from sklearn.base import BaseEstimator, ClassifierMixin  # noqa: E402
from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import accuracy_score  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.multiclass import OneVsRestClassifier  # noqa: E402
from sklearn.neighbors import KNeighborsClassifier  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.arange(60) % 3


@pytest.fixture(autouse=True)
def switched_on() -> Iterator[None]:
    switch.autolog(libraries=["sklearn"])
    yield
    switch.reset()


class Unspeakable(Exception):  # noqa: N818 - a user's name
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Counting(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model that changes itself in each prediction."""

    def __init__(self, key: str = "") -> None:
        self.key = key

    def fit(self, X: Any, y: Any) -> Counting:  # noqa: ARG002, N803 - scikit-learn's names
        self.classes_, self.calls_, self.dice_ = np.unique(y), 0, random.Random(3)
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        self.calls_ += 1
        self.cache_ = self.calls_
        return np.array([self.classes_[self.dice_.randrange(len(self.classes_))] for _ in X])


class Failing(Counting):
    """A model that fails in a way that cannot be shown."""

    def predict(self, X: Any) -> Any:  # noqa: ARG002, N803
        raise Unspeakable


def test_what_a_prediction_changes_in_a_model_is_put_back() -> None:
    model = Counting().fit(X, Y)
    switch.reset()
    plain = Counting().fit(X, Y)
    assert pickle.dumps(vars(model)) == pickle.dumps(vars(plain))
    assert model.predict(X).tolist() == plain.predict(X).tolist()
    assert "training_accuracy_score" in the_run().data.metrics


def test_an_exception_that_cannot_be_shown_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLTRACK_TEST_MODE")
    model = Failing()
    with pytest.warns(AutologWarning, match=r"Unspeakable, whose str\(\) raised RuntimeError") as caught:
        model.fit(X, Y)
    assert [each.category for each in caught].count(AutologWarning) == 1


def test_a_class_that_cannot_be_asked_hinders_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(type):
        @property
        def __module__(cls) -> str:  # type: ignore[override]
            raise Unspeakable

    monkeypatch.delenv("MLTRACK_TEST_MODE")
    switch.reset()
    model = Odd("Mine", (Counting,), {})()
    with pytest.warns(AutologWarning, match="a class of the user's own") as caught:
        switch.autolog(libraries=["sklearn"])
    assert [each.category for each in caught].count(AutologWarning) == 1
    assert model.fit(X, Y) is model
    LogisticRegression().fit(X, Y)
    assert "training_accuracy_score" in logged_runs()[0].data.metrics
    del model
    gc.collect()


def test_a_forest_that_talks_says_nothing_of_our_predictions() -> None:
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        RandomForestClassifier(3, verbose=1).fit(X, Y)
    assert said.getvalue().count("finished") == 1
    assert "training_accuracy_score" in the_run().data.metrics


@pytest.mark.parametrize("model", [DummyClassifier(), KNeighborsClassifier(1)], ids=lambda each: type(each).__name__)
def test_one_row_is_a_training(model: Any) -> None:
    model.fit(X[:1], Y[:1])
    assert the_run().data.metrics["training_accuracy_score"] == 1.0


def test_several_outputs_of_several_classes_have_no_accuracy() -> None:
    RandomForestClassifier(3).fit(X, np.column_stack([Y, Y]))
    assert not [name for name in the_run().data.metrics if name.startswith("training_")]


def test_targets_may_be_sparse() -> None:
    labels = np.column_stack([Y == 1, Y == 2]).astype(int)
    for targets in (labels, scipy.sparse.csr_matrix(labels)):
        OneVsRestClassifier(LogisticRegression()).fit(X, targets)
    first, second = logged_runs()
    assert first.data.metrics == second.data.metrics
    assert "training_f1_score" in first.data.metrics


def test_hundreds_of_classes_are_not_compared_pair_by_pair() -> None:
    model, labels = DummyClassifier(strategy="uniform"), np.arange(2000) % 500
    assert_quick(lambda: model.fit(np.zeros((2000, 1)), labels), 10, clock=time.process_time)
    assert {"training_f1_score", "training_log_loss"} <= logged_runs()[-1].data.metrics.keys()


def test_of_ten_thousand_classes_no_table_is_made() -> None:
    class Constant(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Constant:  # noqa: ARG002, N803
            self.classes_ = np.unique(y)
            return self

        def predict(self, X: Any) -> Any:  # noqa: N803
            return np.zeros(len(X), dtype=int)

    labels = np.arange(20_000) % 10_000
    tracemalloc.start()
    Constant().fit(labels[:, None], labels)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100e6
    assert the_run().data.metrics["training_accuracy_score"] == pytest.approx(1e-4)


def test_data_that_a_function_lets_go_of_is_free_while_it_goes_on() -> None:
    data = X.copy()
    model = LogisticRegression().fit(data, Y)
    model.score(data, Y)
    predicted = model.predict(data)
    accuracy_score(Y, predicted)
    living = [weakref.ref(each) for each in (data, model, predicted)]
    del data, model, predicted
    gc.collect()
    assert [each() for each in living] == [None, None, None]


def test_names_that_the_user_took_stay() -> None:
    def names() -> dict[str, Any]:
        data, kept = X.copy(), 5
        taken = locals()
        LogisticRegression().fit(data, Y).score(data, Y)
        assert kept == taken["kept"]
        return taken

    assert set(names()) >= {"data", "kept"}


def test_a_failure_leaves_no_cycle() -> None:
    gc.disable()
    try:
        data = X.copy()
        with pytest.raises(ValueError, match="inconsistent"):
            LogisticRegression().fit(data, Y[:3])
        frame = sys.exc_info()
        living = weakref.ref(data)
        del data, frame
        assert living() is None
    finally:
        gc.enable()


def test_a_class_of_a_notebook_loads_where_there_is_no_mltrack(tmp_path: Path) -> None:
    cloudpickle = pytest.importorskip("cloudpickle")

    def fit(self: Any, X: Any, y: Any) -> Any:  # noqa: N803
        return LogisticRegression.fit(self, X, y)

    fit.__module__ = "__main__"
    kind = type("Mine", (LogisticRegression,), {"fit": fit, "__module__": "__main__"})
    path = tmp_path / "model.pickle"
    path.write_bytes(cloudpickle.dumps(kind().fit(X, Y)))
    code = (
        "import sys, pickle; sys.modules['mltrack'] = None\n"
        f"model = pickle.load(open({str(path)!r}, 'rb'))\n"
        "print(model.fit([[0.0], [1.0]], [0, 1]).predict([[2.0]]), any('mltrack.' in name for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[1] False\n", done.stderr


def test_secrets_in_the_candidates_of_a_search_are_masked() -> None:
    class Paid(Counting):
        def __init__(self, api_key: str = "", key: str = "") -> None:
            self.api_key, self.key = api_key, key

    GridSearchCV(Paid(), {"api_key": ["swordfish", "hunter42"], "key": ["plain"]}, cv=2).fit(X, Y)
    run = next(each for each in logged_runs() if "param_grid" in each.data.params)
    texts = [mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/cv_results.csv"), run.data.params["param_grid"]]
    texts += [str(each.data) for each in logged_runs()]
    assert all("plain" in text for text in texts[:2])
    assert not [secret for secret in ("swordfish", "hunter42") if any(secret in text for text in texts)]
