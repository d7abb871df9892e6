from __future__ import annotations

import copy
import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.interop.autolog import check_identity, check_promise, logged_runs, needs, the_run

import mltrack
from mltrack.autologging import switch
from mltrack.autologging.safety import AutologWarning

needs("sklearn")
import joblib  # noqa: E402 - skipped without the library
from sklearn import metrics, model_selection  # noqa: E402
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.cluster import KMeans  # noqa: E402
from sklearn.datasets import load_iris  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.dummy import DummyClassifier  # noqa: E402
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier  # noqa: E402
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier  # noqa: E402
from sklearn.metrics import accuracy_score  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.naive_bayes import GaussianNB  # noqa: E402
from sklearn.neural_network import MLPClassifier  # noqa: E402
from sklearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

X, Y = load_iris(return_X_y=True)


class Mine(LogisticRegression):  # type: ignore[misc]
    """A user's class that inherits fit."""


class Own(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A user's class with a fit of its own, which draws from the global random numbers and fits another model."""

    def __init__(self, noise: float = 0.1) -> None:
        self.noise = noise

    def fit(self, X: Any, y: Any) -> Own:  # noqa: N803 - scikit-learn's names
        self.inner_ = LogisticRegression(max_iter=20).fit(X + self.noise * np.random.normal(size=X.shape), y)
        self.classes_ = self.inner_.classes_
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        return self.inner_.predict(X)


def result_of(model: Any, *data: Any) -> bytes:
    """Train, use and pickle a model, and draw from the random numbers after it."""
    np.random.seed(7)
    model.fit(*data)
    parts = [pickle.dumps(model)]
    parts += [
        getattr(model, name)(data[0]) for name in ("predict", "transform", "predict_proba") if hasattr(model, name)
    ]
    if hasattr(model, "predict") and len(data) > 1:
        parts += [accuracy_score(data[1], model.predict(data[0])), model.score(*data)]
    return pickle.dumps([*parts, np.random.random(3)])


MODELS: dict[str, tuple[Callable[[], Any], int]] = {
    "logistic": (lambda: LogisticRegression(max_iter=20), 2),
    "forest": (lambda: RandomForestClassifier(3), 2),
    "pipeline": (lambda: make_pipeline(StandardScaler(), SGDClassifier(max_iter=5)), 2),
    "search": (lambda: RepeatableSearch(GaussianNB(), {"var_smoothing": [1e-9, 1e-3]}, cv=2), 2),
    "kmeans": (lambda: KMeans(2, n_init=1), 1),
    "components": (lambda: PCA(2), 1),
    "perceptron": (lambda: MLPClassifier((3,), max_iter=3), 2),
    "dummy": (lambda: DummyClassifier(strategy="stratified"), 2),
    "own-state": (lambda: DummyClassifier(strategy="stratified", random_state=np.random.RandomState(3)), 2),
    "subclass": (lambda: Mine(max_iter=20), 2),
    "own-class": (Own, 2),
}


class RepeatableSearch(GridSearchCV):  # type: ignore[misc]
    """A search that forgets how long it took."""

    def __getstate__(self) -> dict[str, Any]:
        kept: dict[str, Any] = dict(super().__getstate__())
        kept["cv_results_"] = {name: value for name, value in kept["cv_results_"].items() if "time" not in name}
        kept.pop("refit_time_")
        return kept


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("logistic", "pipeline") else pytest.mark.slow) for name in MODELS]
)
def test_a_fault_in_any_hook_changes_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, count = MODELS[name]
    hooks = check_promise("sklearn", lambda: result_of(make(), *(X, Y)[:count]), monkeypatch)
    assert "sklearn: the params" in hooks
    assert ("sklearn: the search" in hooks) == (name == "search")


def places() -> dict[str, Any]:
    kinds = (LogisticRegression, Pipeline, GridSearchCV, KMeans, StandardScaler, Own, TransformerMixin, ClassifierMixin)
    found: dict[str, Any] = {f"{kind.__name__}.{name}": each for kind in kinds for name, each in vars(kind).items()}
    found["init_subclass"] = vars(BaseEstimator).get("__init_subclass__")
    for function in (accuracy_score, model_selection.cross_val_score, metrics.f1_score):
        cells = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
        found[function.__name__], found[f"{function.__name__} inside"] = function, cells["func"].cell_contents
    found["parallel"] = joblib.Parallel.__call__
    return found


def test_on_and_off_leaves_the_very_same_objects() -> None:
    check_identity("sklearn", places)


def test_patched_methods_look_as_before() -> None:
    before = {
        kind: (inspect.signature(kind.fit), kind.fit.__doc__, kind.fit.__qualname__)
        for kind in (LogisticRegression, Pipeline, GridSearchCV, Own)
    }
    predict = inspect.getattr_static(GridSearchCV, "predict")
    switch.autolog(libraries=["sklearn"])
    for kind, look in before.items():
        assert (inspect.signature(kind.fit), kind.fit.__doc__, kind.fit.__qualname__) == look
    assert type(inspect.getattr_static(GridSearchCV, "predict")) is type(predict)
    assert not hasattr(GridSearchCV(LinearRegression(), {}), "predict_proba")
    assert hasattr(GridSearchCV(LogisticRegression(), {}), "predict_proba")
    assert inspect.signature(accuracy_score).parameters.keys() == {"y_true", "y_pred", "normalize", "sample_weight"}


def test_patched_models_clone_pickle_and_copy() -> None:
    switch.autolog(libraries=["sklearn"])
    model = Mine(C=2.0, max_iter=20).fit(X, Y)
    for made in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert isinstance(made, LogisticRegression)
        assert np.array_equal(made.predict(X), model.predict(X))
    assert clone(model).get_params() == model.get_params()
    for function in (accuracy_score, metrics.f1_score, LogisticRegression.fit, model.fit):
        assert pickle.loads(pickle.dumps(function)) is not None
    scorer = pickle.loads(pickle.dumps(metrics.get_scorer("accuracy")))
    switch.reset()
    assert scorer(model, X, Y) == pickle.loads(pickle.dumps(metrics.get_scorer("accuracy")))(model, X, Y)


def check_one_fit(name: str) -> None:
    run = the_run()
    assert run.data.tags["estimator_name"] == name
    assert not [key for key in run.data.tags if key.endswith("_2")], "an inner fit was logged to the run as well"


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_parallel_work_inside_a_fit_is_one_run(backend: str) -> None:
    mltrack.sklearn.autolog(max_tuning_runs=0)
    with joblib.parallel_backend(backend, n_jobs=1 if backend == "sequential" else 2):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), Own()), {"own__noise": [0.0, 0.1]}, cv=2, n_jobs=None
        ).fit(X, Y)
    assert search.best_score_ > 0.9
    check_one_fit("GridSearchCV")


@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier([("a", GaussianNB()), ("b", Own())], n_jobs=2),
        StackingClassifier([("a", GaussianNB()), ("b", GaussianNB())], cv=2),
        CalibratedClassifierCV(GaussianNB(), cv=2),
        RandomForestClassifier(4, n_jobs=2),
        make_pipeline(StandardScaler(), GaussianNB()),
        Own(),
    ],
    ids=lambda model: type(model).__name__,
)
def test_nested_fits_are_one_run(model: Any) -> None:
    switch.autolog(libraries=["sklearn"])
    with joblib.parallel_backend("threading"):
        model.fit(X, Y)
    check_one_fit(type(model).__name__)


def test_classes_of_a_notebook_go_to_worker_processes() -> None:
    """They are pickled by value there, our part of their methods with them."""
    code = """
    import mltrack, numpy as np
    mltrack.sklearn.autolog(max_tuning_runs=0)
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.model_selection import GridSearchCV

    class Mine(ClassifierMixin, BaseEstimator):
        def __init__(self, c=1):
            self.c = c
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self
        def predict(self, X):
            return np.full(len(X), self.c)

    search = GridSearchCV(Mine(), {"c": [0, 1]}, cv=2, n_jobs=2).fit(np.zeros((20, 2)), np.arange(20) % 2)
    runs = mltrack.search_runs(output_format="list")
    print([run.data.tags["estimator_name"] for run in runs], search.best_params_)
    mltrack.autolog(disable=True)
    print(vars(Mine)["fit"].__module__, "__init_subclass__" in vars(BaseEstimator))
    """
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env={**os.environ, "MLTRACK_TEST_MODE": "1"},
    )
    assert done.stdout.splitlines() == ["['GridSearchCV'] {'c': 0}", "__main__ False"], done.stderr


def test_threads_keep_their_points_apart() -> None:
    switch.autolog(libraries=["sklearn"])
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with mltrack.start_run(run_name=f"thread {number}"):
                for _ in range(3):
                    model = LogisticRegression(C=float(number), max_iter=5).fit(X, Y)
                accuracy_score(Y, model.predict(X))
        except BaseException as error:
            failures.append(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    runs = {run.info.run_name: run for run in logged_runs()}
    assert len(runs) == 8
    for number in range(1, 9):
        run = runs[f"thread {number}"]
        assert {run.data.params[name] for name in ("C", "C_2", "C_3")} == {f"{number}.0"}
        assert "accuracy_score_X_3" in run.data.metrics


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        (ValueError("mine"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(3), "FAILED"),
        (StopIteration(), "FAILED"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_users_exception_passes_as_it_is(raised: BaseException, status: str) -> None:
    switch.autolog(libraries=["sklearn"])

    class Broken(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, *_: Any) -> Broken:
            raise raised

    with warnings.catch_warnings():
        warnings.simplefilter("error", AutologWarning)
        with pytest.raises(type(raised)) as caught:
            Broken().fit(X, Y)
    assert caught.value is raised
    assert raised.__context__ is None
    files = [frame.filename for frame in traceback.extract_tb(raised.__traceback__)]
    assert not [name for name in files if name.endswith(("fitting.py", "safety.py"))]
    assert the_run().info.status == status
    assert mltrack.active_run() is None


def test_nothing_is_imported_that_the_user_did_not() -> None:
    code = """
    import sys
    from sklearn.linear_model import LogisticRegression
    from sklearn.datasets import load_iris
    X, y = load_iris(return_X_y=True)
    before = {name.partition(".")[0] for name in sys.modules}
    import mltrack
    mltrack.autolog()
    LogisticRegression(max_iter=500).fit(X, y).score(X, y)
    after = {name.partition(".")[0] for name in sys.modules}
    print(sorted((after - before) & {"altair", "matplotlib", "pyarrow", "torch", "polars", "IPython", "pandas"}))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=900, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("first", ["autolog", "sklearn"])
def test_the_order_of_imports_does_not_matter(first: str) -> None:
    on, library = (
        "import mltrack; mltrack.autolog()",
        "from sklearn.naive_bayes import GaussianNB; import sklearn.metrics",
    )
    lines = [on, library] if first == "autolog" else [library, on]
    code = "\n".join(
        [
            *lines,
            "model = GaussianNB().fit([[0.], [1.], [0.1], [0.9]], [0, 1, 0, 1])",
            "X_new = [[0.2], [0.8]]",
            "sklearn.metrics.accuracy_score([0, 1], model.predict(X_new))",
            "run, = mltrack.search_runs(output_format='list')",
            "assert {'training_score', 'accuracy_score_X_new'} <= run.data.metrics.keys(), run.data.metrics",
        ]
    )
    env = {**os.environ, "MLTRACK_TEST_MODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=900, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
