from __future__ import annotations

import copy
import inspect
import json
import pickle
import subprocess
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.interop.autolog import check_identity, check_promise, history, logged_runs, needs, table, the_run

import mltrack
from mltrack import MltrackClient
from mltrack.autologging import switch
from mltrack.frameworks import xgboost as ours

if TYPE_CHECKING:
    from collections.abc import Callable

xgb = needs("xgboost")
PARAMS = {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "seed": 1, "nthread": 1}
_random = np.random.default_rng(0)
X = _random.normal(size=(300, 5))
Y = (X[:, 0] + _random.normal(size=300) > 0).astype(int)


def matrices() -> tuple[Any, Any]:
    return xgb.DMatrix(X[:200], Y[:200]), xgb.DMatrix(X[200:], Y[200:])


def train(rounds: int = 5, **options: Any) -> Any:
    data, valid = matrices()
    evals = [(data, "train"), (valid, "eval")]
    return xgb.train(PARAMS, data, rounds, evals=evals, **{"verbose_eval": False, **options})


Callback: Any = xgb.callback.TrainingCallback


class Each(Callback):  # type: ignore[misc]
    """A user's callback that does something in each round; the training ends where that is True."""

    def __init__(self, work: Callable[[int], bool | None]) -> None:
        self.work = work

    def after_iteration(self, *arguments: Any) -> bool:
        return bool(self.work(arguments[1]))


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["xgboost"])


@pytest.mark.usefixtures("watched")
def test_train_logs_its_params_and_every_round() -> None:
    results: dict[str, Any] = {}
    booster = train(7, evals_result=results)
    run = the_run()
    assert run.info.status == "FINISHED"
    assert (
        run.data.params.items()
        >= {
            "objective": "binary:logistic",
            "eval_metric": "['logloss', 'auc']",
            "num_boost_round": "7",
            "early_stopping_rounds": "None",
        }.items()
    )
    assert not {"dtrain", "evals", "callbacks", "evals_result"} & set(run.data.params)
    for data in ("train", "eval"):
        for metric in ("logloss", "auc"):
            assert history(run, f"{data}-{metric}") == list(enumerate(results[data][metric]))
    assert table(run, "feature_importance_weight.json") == {
        "columns": ["feature", "importance"],
        "data": [list(row) for row in sorted(booster.get_score().items(), key=lambda row: -row[1])],
    }
    assert run.data.tags["mltrack.autolog"] == "xgboost"


@pytest.mark.usefixtures("watched")
def test_early_stopping_logs_the_best_round_once_more() -> None:
    booster = train(60, early_stopping_rounds=3)
    run = the_run()
    best, last = booster.best_iteration, booster.best_iteration + 3
    assert (run.data.metrics["best_iteration"], run.data.metrics["stopped_iteration"]) == (best, last)
    points = dict(history(run, "eval-auc"))
    assert max(points) == last + 1
    assert points[last + 1] == points[best]


@pytest.mark.usefixtures("watched")
def test_a_name_that_keys_cannot_hold_is_changed_as_by_mlflow() -> None:
    data, valid = matrices()
    xgb.train({"eval_metric": "ndcg@3"}, data, 2, evals=[(valid, "eval")], verbose_eval=False)
    assert set(the_run().data.metrics) == {"eval-ndcg_at_3"}


@pytest.mark.usefixtures("watched")
def test_params_may_be_pairs_and_functions_go_by_their_names() -> None:
    def zero(predicted: Any, data: Any) -> tuple[str, float]:
        return "zero", 0.0

    data, valid = matrices()
    pairs = [("eval_metric", "auc"), ("eval_metric", "error"), ("max_depth", 2)]
    xgb.train(pairs, data, 1, evals=[(valid, "eval")], custom_metric=zero, verbose_eval=False)
    run = the_run()
    assert run.data.params["eval_metric"] == "['auc', 'error']"
    assert run.data.params["custom_metric"].endswith("zero")
    assert set(run.data.metrics) == {"eval-auc", "eval-error", "eval-zero"}


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("as_pandas", [True, False])
def test_cv_logs_means_and_deviations_as_in_its_result(as_pandas: bool) -> None:
    data, _ = matrices()
    result = xgb.cv(PARAMS, data, 40, nfold=3, early_stopping_rounds=2, as_pandas=as_pandas)
    run = the_run()
    columns = {name: list(result[name]) for name in result}
    best = len(columns["test-auc-mean"]) - 1
    assert run.data.metrics["best_iteration"] == best
    assert run.data.params["nfold"] == "3"
    for name, values in columns.items():
        assert [value for _, value in history(run, name)][: best + 1] == values
        assert history(run, name)[-1][1] == values[-1]


ESTIMATORS = [
    ("XGBClassifier", Y, {}),
    ("XGBRegressor", X[:, 1], {}),
    ("XGBRFClassifier", Y, {}),
    ("XGBRanker", Y, {"group": [300]}),
]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("name", "targets", "options"), ESTIMATORS, ids=[row[0] for row in ESTIMATORS])
def test_an_estimator_is_one_run(name: str, targets: Any, options: dict[str, Any]) -> None:
    groups = {"eval_group": [[300]]} if options else {}
    model = getattr(xgb, name)(n_estimators=3, max_depth=2)
    model.fit(X, targets, eval_set=[(X, targets)], verbose=False, **options, **groups)
    run = the_run()
    assert run.data.params["max_depth"] == "2"
    assert run.data.tags["estimator_name"] == name
    metric = next(iter(model.evals_result()["validation_0"]))
    points = history(run, f"validation_0-{metric.replace('@', '_at_')}")
    assert [value for _, value in points] == model.evals_result()["validation_0"][metric]


@pytest.mark.usefixtures("watched")
def test_all_kinds_of_importance_that_were_asked_for_are_logged() -> None:
    ours.autolog(importance_types=["gain", "cover"])
    train()
    names = [found.path for found in MltrackClient().list_artifacts(the_run().info.run_id)]
    assert sorted(names) == ["feature_importance_cover.json", "feature_importance_gain.json"]


@pytest.mark.usefixtures("watched")
def test_a_linear_booster_of_several_classes_has_a_column_for_each() -> None:
    data = xgb.DMatrix(X, np.arange(300) % 3)
    xgb.train({"booster": "gblinear", "objective": "multi:softprob", "num_class": 3}, data, 2)
    found = table(the_run(), "feature_importance_weight.json")
    assert found["columns"] == ["feature", "class_0", "class_1", "class_2"]
    assert len(found["data"]) == 5


@pytest.mark.usefixtures("watched")
def test_the_data_are_inputs_of_the_run() -> None:
    train()
    inputs = the_run().inputs.dataset_inputs
    assert [(each.dataset.name, each.tags[0].value) for each in inputs] == [("dataset", "train"), ("eval", "eval")]
    assert json.loads(str(inputs[0].dataset.profile))["features_shape"] == [200, 5]


@pytest.mark.usefixtures("watched")
def test_the_digest_is_of_the_data_that_the_user_has() -> None:
    frame = needs("pandas").DataFrame(X, columns=list("abcde"))
    booster = xgb.train(PARAMS, xgb.QuantileDMatrix(frame, Y), 1)
    (found,) = the_run().inputs.dataset_inputs
    assert found.dataset.digest == mltrack.data.from_pandas(frame).digest
    assert booster.feature_names == list("abcde")


@pytest.mark.usefixtures("watched")
def test_data_that_would_have_to_be_copied_is_left_out_when_it_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ours, "_MOST_VALUES", 1_000)
    data = xgb.DMatrix(X.copy(), Y)
    xgb.train(PARAMS, data, 2, evals=[(data, "train")], verbose_eval=False)
    assert the_run().inputs.dataset_inputs == ()


@pytest.mark.usefixtures("watched")
def test_a_pipeline_is_one_run_and_a_search_one_with_its_candidates() -> None:
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    switch.autolog(libraries=["sklearn", "xgboost"])
    make_pipeline(StandardScaler(), xgb.XGBClassifier(n_estimators=2)).fit(X, Y)
    assert the_run().data.tags["estimator_name"] == "Pipeline"
    GridSearchCV(xgb.XGBClassifier(n_estimators=2), {"max_depth": [1, 2]}, cv=2).fit(X, Y)
    parents = [run for run in logged_runs() if "mlflow.parentRunId" not in run.data.tags]
    assert sorted(run.data.tags["estimator_name"] for run in parents) == ["GridSearchCV", "Pipeline"]
    assert len(logged_runs()) == 2 + 2


@pytest.mark.usefixtures("watched")
def test_the_users_output_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    train(verbose_eval=2)
    logged = capsys.readouterr()
    assert "[2]" in logged.out
    assert "[3]" not in logged.out
    switch.reset()
    train(verbose_eval=2)
    assert capsys.readouterr() == logged


@pytest.mark.usefixtures("watched")
def test_the_users_callbacks_are_as_before() -> None:
    seen: list[int] = []

    def stop(epoch: int) -> bool:
        seen.append(epoch)
        return epoch == 3

    callbacks = [Each(stop)]
    train(50, callbacks=callbacks)
    assert seen == [0, 1, 2, 3]
    assert len(callbacks) == 1
    assert len(history(the_run(), "eval-auc")) == 4


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_training_passes_and_all_rounds_until_then_are_there(error: BaseException, status: str) -> None:
    def stop(epoch: int) -> None:
        if epoch == 20:
            raise error

    with pytest.raises(type(error)) as caught:
        train(50, callbacks=[Each(stop)])
    assert caught.value is error
    assert the_run().info.status == status
    assert len(history(the_run(), "eval-auc")) == 21


@pytest.mark.usefixtures("watched")
def test_bad_arguments_give_the_error_that_xgboost_gives() -> None:
    with pytest.raises(TypeError, match="callback"):
        train(callbacks=["no callback"])
    with pytest.raises(TypeError):
        xgb.train()
    assert {run.info.status for run in logged_runs()} == {"FAILED"}


@pytest.mark.usefixtures("watched")
def test_a_curve_can_be_watched_while_it_grows() -> None:
    seen: list[int] = []

    train(3, callbacks=[Each(lambda _: seen.append(len(history(the_run(), "eval-auc"))))])
    assert seen[1] >= 1, "the first round is written at once"


@pytest.mark.usefixtures("watched")
def test_threads_keep_their_points_in_their_own_runs() -> None:
    def work(depth: int) -> None:
        with mltrack.start_run(run_name=str(depth)):
            data, valid = matrices()
            evals = [(valid, "eval")]
            xgb.train({"max_depth": depth, "nthread": 1}, data, 10 + depth, evals=evals, verbose_eval=False)

    threads = [threading.Thread(target=work, args=(depth,)) for depth in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logged_runs()) == 4
    for run in logged_runs():
        assert run.data.params["max_depth"] == run.info.run_name
        assert len(history(run, "eval-rmse")) == 10 + int(run.info.run_name)


@pytest.mark.usefixtures("watched")
def test_metrics_of_its_predictions_are_logged_to_the_run_of_the_fit() -> None:
    from sklearn.metrics import accuracy_score

    switch.autolog(libraries=["sklearn", "xgboost"])
    x_test, y_test = X[200:], Y[200:]
    model = xgb.XGBClassifier(n_estimators=3).fit(X[:200], Y[:200])
    expected = accuracy_score(y_test, model.predict(x_test))
    assert the_run().data.metrics["accuracy_score_x_test"] == expected
    assert model.score(x_test, y_test) == expected
    assert the_run().data.metrics["XGBClassifier_score_x_test"] == expected


def places() -> dict[str, Any]:
    owners = {"xgboost": xgb, "training": xgb.training, "sklearn": xgb.sklearn}
    found = {f"{name}.train": vars(owner)["train"] for name, owner in owners.items()}
    kinds = {kind: getattr(xgb, kind) for kind in ("XGBModel", "XGBClassifier", "XGBRanker", "XGBRFRegressor")}
    found |= {kind.__name__: vars(kind)["__init__"] for kind in (xgb.DMatrix, xgb.QuantileDMatrix)}
    return {**found, "cv": xgb.cv, **{name: vars(kind)["fit"] for name, kind in kinds.items()}}


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("xgboost", places)


@pytest.mark.usefixtures("watched")
def test_patched_objects_pickle_copy_and_keep_their_signatures() -> None:
    from sklearn.base import BaseEstimator, clone

    assert pickle.loads(pickle.dumps(xgb.train)) is xgb.train
    assert pickle.loads(pickle.dumps(xgb.cv)) is xgb.cv
    assert next(iter(inspect.signature(xgb.train).parameters)) == "params"
    model = xgb.XGBClassifier(n_estimators=2).fit(X, Y)
    expected = model.predict_proba(X).tobytes()
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.predict_proba(X).tobytes() == expected
    assert isinstance(clone(model), BaseEstimator)
    assert clone(model).get_params() == xgb.XGBClassifier(n_estimators=2).get_params()


def work_of_train() -> bytes:
    results: dict[str, Any] = {}
    booster = train(6, early_stopping_rounds=2, evals_result=results)
    return bytes(booster.save_raw("json")) + repr(results).encode()


def work_of_estimator() -> bytes:
    model = xgb.XGBClassifier(n_estimators=3, n_jobs=1, early_stopping_rounds=2)
    model.fit(X, Y, eval_set=[(X, Y)], verbose=False)
    return pickle.dumps([bytes(model.get_booster().save_raw("json")), model.get_params(), model.predict(X).tobytes()])


def work_of_cv() -> bytes:
    result: bytes = xgb.cv(PARAMS, matrices()[0], 4).to_json().encode()
    return result


@pytest.mark.parametrize("work", [work_of_train, work_of_estimator, work_of_cv])
def test_a_fault_in_any_hook_changes_nothing(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = check_promise("xgboost", work, monkeypatch)
    assert len(hooks) > 6


SCRIPT = """
import sys
import mltrack
{before}
import xgboost, numpy
{after}
data = xgboost.DMatrix(numpy.random.rand(50, 3), numpy.arange(50) % 2)
loaded = set(sys.modules)
xgboost.train({{}}, data, 2, evals=[(data, "d")], verbose_eval=False)
foreign = {{"matplotlib", "altair", "pandas", "torch", "IPython"}} & (set(sys.modules) - loaded)
print(sorted(foreign), len(mltrack.search_runs(output_format="list")))
"""


@pytest.mark.parametrize("place", ["before", pytest.param("after", marks=pytest.mark.slow)])
def test_it_does_not_matter_what_is_imported_first(place: str) -> None:
    switch_on = "from mltrack.autologging import switch; switch.autolog(libraries=['xgboost'])"
    code = SCRIPT.format(**{"before": "", "after": "", place: switch_on})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["[]", "1"], done.stderr


def test_a_version_without_a_place_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgb, "__version__", "1.0")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        switch.autolog(libraries=["xgboost"])
        train(1)
    assert len([each for each in caught if "xgboost 1.0 is not logged" in str(each.message)]) == 1
    assert logged_runs() == []
