from __future__ import annotations

import copy
import inspect
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from tests.interop.autolog import check_identity, check_promise, history, logged_runs, needs, table, the_run

import mltrack
from mltrack.autologging import switch
from mltrack.frameworks import lightgbm as ours

lgb = needs("lightgbm")
PARAMS = {"objective": "binary", "metric": ["auc", "binary_logloss"], "verbose": -1, "seed": 1, "num_threads": 1}
_random = np.random.default_rng(0)
X = _random.normal(size=(300, 5))
Y = (X[:, 0] + _random.normal(size=300) > 0).astype(int)


def train(rounds: int = 5, callbacks: Any = None, **options: Any) -> Any:
    data = lgb.Dataset(X[:200], Y[:200])
    sets = [data, lgb.Dataset(X[200:], Y[200:], reference=data)]
    names = ["train", "valid"]
    return lgb.train(PARAMS, data, rounds, valid_sets=sets, valid_names=names, callbacks=callbacks, **options)


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["lightgbm"])


@pytest.mark.usefixtures("watched")
def test_train_logs_its_params_every_round_and_both_importances() -> None:
    results: dict[str, Any] = {}
    booster = train(7, [lgb.record_evaluation(results)])
    run = the_run()
    assert run.data.params.items() >= {"objective": "binary", "num_boost_round": "7", "seed": "1"}.items()
    assert not {"train_set", "valid_sets", "callbacks"} & set(run.data.params)
    for data in ("train", "valid"):
        for metric in ("auc", "binary_logloss"):
            assert history(run, f"{data}-{metric}") == list(enumerate(results[data][metric]))
    for kind in ("split", "gain"):
        found = dict(table(run, f"feature_importance_{kind}.json")["data"])
        assert found == dict(zip(booster.feature_name(), booster.feature_importance(kind).tolist(), strict=True))


@pytest.mark.usefixtures("watched")
def test_early_stopping_logs_the_best_round_once_more() -> None:
    booster = train(60, [lgb.early_stopping(3, verbose=False)])
    run = the_run()
    best, rounds = booster.best_iteration, booster.best_iteration + 3
    assert (run.data.metrics["best_iteration"], run.data.metrics["stopped_iteration"]) == (best, rounds)
    points = dict(history(run, "valid-auc"))
    assert max(points) == rounds
    assert points[rounds] == points[best - 1]


@pytest.mark.usefixtures("watched")
def test_training_on_goes_on_counting() -> None:
    first = train(3)
    train(3, init_model=first)
    assert [step for step, _ in history(the_run_of(2), "valid-auc")] == [3, 4, 5]


def the_run_of(number: int) -> Any:
    runs = logged_runs()
    assert len(runs) == number
    return runs[-1]


@pytest.mark.usefixtures("watched")
def test_cv_logs_means_and_deviations() -> None:
    result = lgb.cv(PARAMS, lgb.Dataset(X, Y), 40, nfold=3, callbacks=[lgb.early_stopping(2, verbose=False)])
    run = the_run()
    best = len(result["valid auc-mean"])
    assert run.data.metrics["best_iteration"] == best
    for ending in ("mean", "stdv"):
        logged = [value for _, value in history(run, f"valid-auc-{ending}")]
        assert logged[:best] == pytest.approx(result[f"valid auc-{ending}"])


OLD = ("cv_agg", "valid auc", 0.9, True, 0.1)
NEW = ("valid", "auc", 0.9, True, 0.1)


@pytest.mark.parametrize("result", [OLD, NEW], ids=["before 4.7", "since 4.7"])
def test_what_cv_says_reads_alike_in_all_versions(result: Any) -> None:
    assert dict(ours._metrics([result])) == {"valid-auc-mean": 0.9, "valid-auc-stdv": 0.1}


ESTIMATORS = [
    ("LGBMClassifier", Y, {}),
    ("LGBMRegressor", X[:, 1], {}),
    ("LGBMRanker", Y, {"group": [300], "eval_group": [[300]]}),
]


@pytest.mark.usefixtures("watched")
@pytest.mark.filterwarnings("ignore:The argument 'eval_set'")
@pytest.mark.parametrize(("name", "targets", "options"), ESTIMATORS, ids=[row[0] for row in ESTIMATORS])
def test_an_estimator_is_one_run(name: str, targets: Any, options: dict[str, Any]) -> None:
    model = getattr(lgb, name)(n_estimators=3, num_leaves=4, verbose=-1)
    model.fit(X, targets, eval_set=[(X[:], targets)], **options)
    run = the_run()
    assert run.data.params.items() >= {"num_leaves": "4", "num_boost_round": "3"}.items()
    assert run.data.tags["estimator_name"] == name
    (data, results) = next(iter(model.evals_result_.items()))
    for metric, values in results.items():
        key = f"{data}-{metric.replace('@', '_at_')}"
        assert [value for _, value in history(run, key)] == values
    assert [each.tags[0].value for each in run.inputs.dataset_inputs] == ["train", "eval"]


@pytest.mark.usefixtures("watched")
def test_the_users_callbacks_are_called_in_their_order_and_stay_as_they_are() -> None:
    def recorder(name: str) -> Any:
        def record(env: Any) -> None:
            seen.append((name, env.iteration))

        return record

    seen: list[tuple[str, int]] = []
    callbacks = [recorder("a"), recorder("b")]
    train(2, callbacks)
    logged, orders = list(seen), [callback.order for callback in callbacks]
    assert len(callbacks) == 2
    switch.reset()
    seen.clear()
    plain = [recorder("a"), recorder("b")]
    train(2, plain)
    assert seen == logged
    assert [callback.order for callback in plain] == orders


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_training_passes_and_all_rounds_until_then_are_there(error: BaseException, status: str) -> None:
    def stop(env: Any) -> None:
        if env.iteration == 20:
            raise error

    with pytest.raises(type(error)) as caught:
        train(50, [stop])
    assert caught.value is error
    assert the_run().info.status == status
    assert len(history(the_run(), "valid-auc")) == 21


@pytest.mark.usefixtures("watched")
def test_bad_arguments_give_the_error_that_lightgbm_gives() -> None:
    with pytest.raises(TypeError, match="only accepts Dataset"):
        lgb.train(PARAMS, X)
    assert the_run().info.status == "FAILED"


@pytest.mark.usefixtures("watched")
def test_threads_keep_their_points_in_their_own_runs() -> None:
    def work(rounds: int) -> None:
        with mltrack.start_run(run_name=str(rounds)):
            train(rounds)

    threads = [threading.Thread(target=work, args=(rounds,)) for rounds in (4, 5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.info.run_name: len(history(run, "valid-auc")) for run in logged_runs()} == {"4": 4, "5": 5, "6": 6}


@pytest.mark.usefixtures("watched")
def test_metrics_of_its_predictions_are_logged_to_the_run_of_the_fit() -> None:
    from sklearn.metrics import accuracy_score

    switch.autolog(libraries=["sklearn", "lightgbm"])
    x_test, y_test = X[200:], Y[200:]
    model = lgb.LGBMClassifier(n_estimators=3, verbose=-1).fit(X[:200], Y[:200])
    expected = accuracy_score(y_test, model.predict(x_test))
    assert the_run().data.metrics["accuracy_score_x_test"] == expected
    assert model.score(x_test, y_test) == expected
    assert the_run().data.metrics["LGBMClassifier_score_x_test"] == expected


def places() -> dict[str, Any]:
    owners = {"lightgbm": lgb, "engine": lgb.engine, "sklearn": lgb.sklearn}
    found = {f"{name}.train": vars(owner)["train"] for name, owner in owners.items()}
    kinds = {kind: getattr(lgb, kind) for kind in ("LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker")}
    return {**found, "cv": lgb.cv, **{name: vars(kind)["fit"] for name, kind in kinds.items()}}


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("lightgbm", places)


@pytest.mark.usefixtures("watched")
def test_patched_objects_pickle_copy_and_keep_their_signatures() -> None:
    assert pickle.loads(pickle.dumps(lgb.train)) is lgb.train
    assert next(iter(inspect.signature(lgb.train).parameters)) == "params"
    model = lgb.LGBMClassifier(n_estimators=2, verbose=-1).fit(X, Y)
    expected = model.predict_proba(X).tobytes()
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.predict_proba(X).tobytes() == expected


def work_of_train() -> bytes:
    results: dict[str, Any] = {}
    booster = train(6, [lgb.early_stopping(2, verbose=False), lgb.record_evaluation(results)])
    return str(booster.model_to_string()).encode() + repr(results).encode()


def work_of_estimator() -> bytes:
    model = lgb.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(X, Y)
    return str(model.booster_.model_to_string()).encode()


def work_of_cv() -> bytes:
    return repr(lgb.cv(PARAMS, lgb.Dataset(X, Y), 4)).encode()


@pytest.mark.parametrize("work", [work_of_train, work_of_estimator, work_of_cv])
def test_a_fault_in_any_hook_changes_nothing(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = check_promise("lightgbm", work, monkeypatch)
    assert len(hooks) > 6
