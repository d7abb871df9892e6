from __future__ import annotations

import inspect
import pickle
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.autolog import check_identity, check_promise, history, logged_runs, needs

import mltrack
from mltrack import active
from mltrack.autologging import switch
from mltrack.frameworks import optuna as ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mltrack.entities import Run

optuna = needs("optuna")
PARENT = "mlflow.parentRunId"


@pytest.fixture
def watched() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    switch.autolog(libraries=["optuna"])


def new_study(**options: Any) -> Any:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), **options)


def bowl(trial: Any) -> float:
    x = trial.suggest_float("x", -3, 3)
    return float(x * x + trial.suggest_int("n", 1, 5))


def family() -> tuple[Run, list[Run]]:
    """Give the one parent and its children by their number."""
    runs = logged_runs()
    (parent,) = [run for run in runs if PARENT not in run.data.tags]
    children = [run for run in runs if run.data.tags.get(PARENT) == parent.info.run_id]
    assert len(children) == len(runs) - 1
    return parent, sorted(children, key=lambda run: int(run.data.tags["number"]))


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_study_is_a_run_and_each_trial_a_child(jobs: int, direction: str) -> None:
    study = new_study(direction=direction, study_name="bowls")
    study.optimize(bowl, n_trials=8, n_jobs=jobs)
    parent, children = family()
    assert (
        parent.data.params.items()
        >= {
            "study_name": "bowls",
            "direction": direction,
            "sampler": "RandomSampler",
            "n_trials": "8",
            "best_x": str(study.best_params["x"]),
        }.items()
    )
    assert parent.data.metrics["best_value"] == study.best_value
    assert parent.data.tags["best_trial"] == str(study.best_trial.number)
    assert len(children) == 8
    for trial, run in zip(study.trials, children, strict=True):
        assert run.info.status == "FINISHED"
        assert run.data.params == {name: str(value) for name, value in trial.params.items()}
        assert run.data.metrics["value"] == trial.value
        assert run.data.tags["state"] == "COMPLETE"
        assert run.data.tags["x_distribution"] == str(trial.distributions["x"])
    assert mltrack.active_run() is None


@pytest.mark.usefixtures("watched")
def test_the_best_value_can_be_watched() -> None:
    study = new_study()
    study.optimize(bowl, n_trials=10)
    points = history(family()[0], "best_value")
    best = [min(trial.value for trial in study.trials[: number + 1]) for number, _ in points]
    assert [value for _, value in points] == best
    assert points == sorted(points, key=lambda point: -point[1])


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_of_trials_that_end_in_one_moment_the_best_value_is_the_last_point(
    direction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2)
    write, now = ours._write, time.time_ns()

    def write_together(*arguments: Any, **options: Any) -> None:
        together.wait(60)
        write(*arguments, **options)

    monkeypatch.setattr(ours, "_write", write_together)
    monkeypatch.setattr(time, "time_ns", lambda: now)
    study = new_study(direction=direction)
    study.optimize(lambda trial: float(trial.number), n_trials=2, n_jobs=2)
    assert family()[0].data.metrics["best_value"] == study.best_value


@pytest.mark.usefixtures("watched")
def test_a_study_that_goes_on_begins_with_the_best_so_far() -> None:
    study = new_study()
    with mltrack.start_run():
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
        study.optimize(lambda trial: 5 + trial.suggest_float("x", 0, 1), n_trials=3)
    parent, children = family()
    assert len(children) == 6
    assert "best_value_2" not in parent.data.metrics, "nothing was better"
    assert parent.data.params["best_x_2"] == parent.data.params["best_x"]


@pytest.mark.usefixtures("watched")
def test_how_a_trial_ended_is_how_its_run_ended() -> None:
    def objective(trial: Any) -> float:
        trial.report(0.5, 0)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ZeroDivisionError
        return float("nan") if trial.number == 3 else 1.0

    new_study().optimize(objective, n_trials=4, catch=(ZeroDivisionError,))
    _, children = family()
    assert [(run.data.tags["state"], run.info.status) for run in children] == [
        ("COMPLETE", "FINISHED"),
        ("PRUNED", "KILLED"),
        ("FAIL", "FAILED"),
        ("FAIL", "FAILED"),
    ]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_study_passes_and_all_its_runs_are_ended(error: BaseException, status: str, jobs: int) -> None:
    def objective(trial: Any) -> float:
        if trial.number == 2:
            raise error
        time.sleep(0.01 if trial.number > 2 else 0)
        return bowl(trial)

    with pytest.raises(type(error)) as caught:  # Optuna raises none of the last trials, if it has several at once
        new_study().optimize(objective, n_trials=200, n_jobs=jobs)
    assert caught.value is error
    parent, children = family()
    assert parent.info.status == status
    assert (children[2].info.status, children[2].data.tags["state"]) == (status, "FAIL")
    assert parent.data.params["best_x"], "what was found until then is there"
    assert "RUNNING" not in {run.info.status for run in children}
    assert mltrack.active_run() is None


@pytest.mark.usefixtures("watched")
def test_intermediate_values_are_points_at_once() -> None:
    seen: list[list[tuple[int, float]]] = []

    def objective(trial: Any) -> float:
        for step in range(3):
            trial.report(step * 0.5, step)
            trial.report(99.0, 0) if step else None  # Optuna keeps the first
            (run,) = [run for run in logged_runs() if PARENT in run.data.tags]
            seen.append(history(run, "intermediate_value"))
        return 1.0

    with pytest.warns(UserWarning, match="already reported"):
        new_study().optimize(objective, n_trials=1)
    _, (child,) = family()
    assert history(child, "intermediate_value") == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert seen[0] == [(0, 0.0)]


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("jobs", [1, 3])
def test_what_the_objective_logs_goes_to_its_trial(jobs: int) -> None:
    def objective(trial: Any) -> float:
        mltrack.log_metric("mine", trial.number)
        mltrack.log_param("x", "another")
        return bowl(trial)

    new_study().optimize(objective, n_trials=6, n_jobs=jobs)
    parent, children = family()
    assert "mine" not in parent.data.metrics
    assert [run.data.metrics["mine"] for run in children] == list(range(6))
    assert {run.data.params["x"] for run in children} == {"another"}
    assert all(float(run.data.params["trial_x"]) < 3 for run in children), "the trial's own value is kept beside it"


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_objective_trains_is_logged_to_its_trial(jobs: int) -> None:
    lightgbm, numpy = needs("lightgbm"), needs("numpy")
    switch.autolog(libraries=["optuna", "lightgbm"])

    def objective(trial: Any) -> float:
        rounds = trial.suggest_int("rounds", 1, 4)
        column = numpy.arange(60.0)
        data = lightgbm.Dataset(column.reshape(60, 1), column)
        lightgbm.train({"verbose": -1, "num_threads": 1}, data, rounds, valid_sets=[data])
        return float(rounds)

    new_study().optimize(objective, n_trials=4, n_jobs=jobs)
    _, children = family()
    assert len(children) == 4
    for run in children:
        assert run.data.params["num_boost_round"] == run.data.params["rounds"]
        assert len(history(run, "training-l2")) == int(run.data.params["rounds"])


@pytest.mark.usefixtures("watched")
def test_a_study_inside_an_objective_is_a_study_of_its_trial() -> None:
    def outer(trial: Any) -> float:
        inner = new_study(study_name=f"inner {trial.number}")
        inner.optimize(bowl, n_trials=2)
        return float(inner.best_value)

    new_study().optimize(outer, n_trials=2)
    runs = {run.info.run_id: run for run in logged_runs()}
    assert len(runs) == 1 + 2 + 4
    depths = []
    for run in runs.values():
        depth, parent = 0, run.data.tags.get(PARENT)
        while parent:
            depth, parent = depth + 1, runs[parent].data.tags.get(PARENT)
        depths.append(depth)
    assert sorted(depths) == [0, 1, 1, 2, 2, 2, 2]


@pytest.mark.usefixtures("watched")
def test_a_study_of_several_values() -> None:
    def objective(trial: Any) -> tuple[float, float]:
        x = trial.suggest_float("x", 0, 1)
        return x, 1 - x

    study = new_study(directions=["minimize", "maximize"])
    study.optimize(objective, n_trials=3)
    parent, children = family()
    assert parent.data.params["direction"] == "minimize, maximize"
    assert parent.data.tags["best_trials"] == ", ".join(str(trial.number) for trial in study.best_trials)
    assert [(run.data.metrics["value_0"], run.data.metrics["value_1"]) for run in children] == [
        tuple(trial.values) for trial in study.trials
    ]


@pytest.mark.usefixtures("watched")
def test_an_active_run_is_the_parent() -> None:
    with mltrack.start_run() as outer:
        new_study().optimize(bowl, n_trials=2)
        assert mltrack.active_run() is not None
    parent, children = family()
    assert parent.info.run_id == outer.info.run_id
    assert len(children) == 2


@pytest.mark.usefixtures("watched")
def test_the_users_callbacks_see_what_they_saw_before() -> None:
    seen: list[tuple[int, str]] = []

    def callback(study: Any, trial: Any) -> None:
        seen.append((trial.number, trial.state.name))
        if trial.number == 2:
            study.stop()

    callbacks: list[Callable[..., None]] = [callback]
    new_study().optimize(bowl, n_trials=9, callbacks=callbacks)
    assert seen == [(0, "COMPLETE"), (1, "COMPLETE"), (2, "COMPLETE")]
    assert callbacks == [callback]
    with pytest.raises(TypeError, match="int"):
        new_study().optimize(bowl, n_trials=1, callbacks=3)


@pytest.mark.usefixtures("watched")
def test_trials_told_by_hand_are_runs_once_they_are_told() -> None:
    study = new_study(study_name="by hand")
    with mltrack.start_run():
        for number in range(3):
            trial = study.ask()
            x = trial.suggest_float("x", 0, 1)
            trial.report(x, 1)
            study.tell(trial, x if number else None, state=None if number else optuna.trial.TrialState.FAIL)
        study.tell(2, 0.5, skip_if_finished=True)
    _, children = family()
    assert [run.info.status for run in children] == ["FAILED", "FINISHED", "FINISHED"]
    assert [run.data.metrics.get("value") for run in children] == [trial.value for trial in study.trials]
    assert len(history(children[1], "intermediate_value")) == 1


@pytest.mark.usefixtures("watched")
def test_threads_of_several_studies_keep_apart() -> None:
    def work(name: str) -> None:
        new_study(study_name=name).optimize(bowl, n_trials=4, n_jobs=2)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = logged_runs()
    parents = {run.data.params["study_name"]: run for run in runs if PARENT not in run.data.tags}
    assert set(parents) == set("abc")
    for parent in parents.values():
        assert len([run for run in runs if run.data.tags.get(PARENT) == parent.info.run_id]) == 4


def test_studies_may_share_a_storage(tmp_path: Path) -> None:
    """Each call of ``optimize`` is a parent with the trials that it ran itself."""
    storage = f"sqlite:///{tmp_path / 'optuna.db'}"
    optuna.create_study(storage=storage, study_name="shared")
    switch.autolog(libraries=["optuna"])
    for _ in range(2):
        optuna.load_study(storage=storage, study_name="shared").optimize(bowl, n_trials=2)
    runs = logged_runs()
    numbers = sorted(int(run.data.tags["number"]) for run in runs if PARENT in run.data.tags)
    assert numbers == [0, 1, 2, 3]
    assert len([run for run in runs if run.data.params.get("study_name") == "shared"]) == 2


@pytest.mark.usefixtures("watched")
def test_an_objective_that_is_an_object_is_called_as_it_is() -> None:
    class Objective:
        def __call__(self, trial: Any) -> float:
            return bowl(trial)

    new_study().optimize(Objective(), n_trials=1)
    assert len(family()[1]) == 1
    with pytest.raises(TypeError):
        new_study().optimize(None, n_trials=1)


def places() -> dict[str, Any]:
    study, trial = optuna.study.Study, optuna.trial.Trial
    return {"optimize": vars(study)["optimize"], "tell": vars(study)["tell"], "report": vars(trial)["report"]}


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("optuna", places)


@pytest.mark.usefixtures("watched")
def test_patched_objects_pickle_and_keep_their_signatures() -> None:
    study = new_study()
    study.optimize(bowl, n_trials=2)
    twin = pickle.loads(pickle.dumps(study))
    assert [trial.params for trial in twin.trials] == [trial.params for trial in study.trials]
    assert "n_trials" in inspect.signature(optuna.study.Study.optimize).parameters
    assert active.open_runs() == []


def work() -> bytes:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=2, n_startup_trials=3))

    def objective(trial: Any) -> float:
        trial.report(trial.suggest_float("y", 0, 1), 1)
        if trial.number == 4:
            raise optuna.TrialPruned
        return bowl(trial)

    study.optimize(objective, n_trials=7)
    trial = study.ask()
    study.tell(trial, trial.suggest_float("x", 0, 1))
    return repr([(each.params, each.values, each.state, each.intermediate_values) for each in study.trials]).encode()


def test_a_fault_in_any_hook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = check_promise("optuna", work, monkeypatch)
    assert len(hooks) > 8
