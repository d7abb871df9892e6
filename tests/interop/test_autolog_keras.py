from __future__ import annotations

import copy
import os
import pickle
import threading
from typing import Any

import numpy as np
import pytest
from tests.interop.autolog import check_identity, check_promise, history, logged_runs, needs, the_run

import mltrack
from mltrack.autologging import switch
from mltrack.exceptions import InvalidParameterError

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = needs("keras")
Callback: Any = keras.callbacks.Callback
_random = np.random.default_rng(0)
X, Y = _random.normal(size=(32, 4)).astype("float32"), _random.normal(size=(32, 1)).astype("float32")


def net(**options: Any) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(3, activation="relu"), keras.layers.Dense(1)])
    model.compile(**{"optimizer": keras.optimizers.SGD(0.125, momentum=0.5), "loss": "mse", **options})
    return model


def fit(epochs: int = 3, **options: Any) -> tuple[Any, Any]:
    model = net()
    given = {"validation_data": (X[:8], Y[:8]), "verbose": 0, **options}
    return model, model.fit(X, Y, epochs=epochs, **given)


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["keras", "pytorch"])


@pytest.mark.usefixtures("watched")
def test_fit_logs_its_params_and_every_epoch() -> None:
    model, result = fit()
    run = the_run()
    expected = {
        "epochs": "3",
        "batch_size": "32",
        "steps": "1",
        "validation_split": "0.0",
        "loss": "mse",
        "optimizer_name": model.optimizer.name,
        "optimizer_learning_rate": "0.125",
        "optimizer_momentum": "0.5",
    }
    assert run.data.params.items() >= expected.items()
    assert not {"x", "y", "callbacks", "verbose", "validation_data"} & set(run.data.params)
    for name, values in result.history.items():
        assert history(run, name) == list(enumerate(values))
    assert set(run.data.metrics) == {"loss", "val_loss"}
    assert "dense" in mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert run.data.tags["mltrack.autolog"] == "keras"
    assert [each.tags[0].value for each in run.inputs.dataset_inputs] == ["train", "eval"]


@pytest.mark.usefixtures("watched")
def test_in_an_active_run_the_plain_loops_of_torch_are_not_logged_as_well() -> None:
    with mltrack.start_run():
        fit(1)
    assert "optimizer" not in the_run().data.params
    assert len(history(the_run(), "loss")) == 1


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("several", [True, False])
def test_early_stopping_is_told_and_the_users_callbacks_stay_theirs(several: bool) -> None:
    stopping = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=2, restore_best_weights=True)
    callbacks = [stopping] if several else stopping
    _, result = fit(10, callbacks=callbacks)
    run = the_run()
    assert run.data.params.items() >= {"monitor": "val_loss", "patience": "2"}.items()
    found = (run.data.metrics["stopped_epoch"], run.data.metrics["restored_epoch"])
    assert found == (stopping.stopped_epoch, stopping.best_epoch)
    assert len(history(run, "val_loss")) == len(result.history["val_loss"])
    assert callbacks == ([stopping] if several else stopping)


@pytest.mark.usefixtures("watched")
def test_evaluate_goes_to_the_run_of_the_training() -> None:
    model, _ = fit(1)
    first, second = model.evaluate(X, Y, verbose=0), model.evaluate(X[:8], Y[:8], verbose=0)
    points = dict(history(the_run(), "eval_loss"))
    assert points == pytest.approx({0: first, 1: second})
    net().evaluate(X, Y, verbose=0)
    assert len(logged_runs()) == 1


def test_metrics_may_be_logged_by_steps() -> None:
    mltrack.keras.autolog(log_every_epoch=False, log_every_n_steps=2)
    fit(2, batch_size=8)
    assert [step for step, _ in history(the_run(), "loss")] == [2, 4, 6, 8]


@pytest.mark.parametrize("options", [{"log_every_n_steps": 5}, {"log_every_epoch": False}])
def test_epochs_and_steps_are_one_or_the_other(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterError, match="either"):
        mltrack.keras.autolog(**options)


@pytest.mark.usefixtures("watched")
def test_the_output_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    fit(2, verbose=2)
    logged = capsys.readouterr()
    switch.reset()
    fit(2, verbose=2)
    plain = capsys.readouterr()
    assert [line.split("-")[-1] for line in logged.out.splitlines()] == [
        line.split("-")[-1] for line in plain.out.splitlines()
    ]
    assert logged.err == plain.err


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_training_passes_and_all_epochs_until_then_are_there(error: BaseException, status: str) -> None:
    class Stopping(Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, *_: Any, **__: Any) -> None:
            if epoch == 2:
                raise error

    with pytest.raises(type(error)) as caught:
        fit(5, callbacks=[Stopping()])
    assert caught.value is error
    assert the_run().info.status == status
    assert len(history(the_run(), "loss")) == 2


@pytest.mark.usefixtures("watched")
def test_threads_keep_their_points_in_their_own_runs() -> None:
    models = {epochs: net() for epochs in (2, 4, 6)}

    def work(epochs: int) -> None:
        with mltrack.start_run(run_name=str(epochs)):
            models[epochs].fit(X, Y, epochs=epochs, verbose=0)

    threads = [threading.Thread(target=work, args=(epochs,)) for epochs in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(logged_runs()) == 3
    for run in logged_runs():
        assert run.data.params["epochs"] == run.info.run_name
        assert len(history(run, "loss")) == int(str(run.info.run_name))


@pytest.mark.usefixtures("watched")
def test_the_model_is_logged_with_its_signature_and_five_rows() -> None:
    model, _ = fit(1)
    (logged,) = mltrack.search_logged_models(output_format="list")
    assert logged.source_run_id == the_run().info.run_id
    found = mltrack.pyfunc.load_model(logged.model_uri)
    signature: Any = found.metadata.signature
    assert [each.shape for each in (*signature.inputs.inputs, *signature.outputs.inputs)] == [(-1, 4), (-1, 1)]
    assert np.array_equal(found.input_example, X[:5])
    assert found.predict(X).tobytes() == model.predict(X, verbose=0).tobytes()


def test_no_model_is_logged_when_it_is_not_wanted() -> None:
    mltrack.keras.autolog(log_models=False)
    fit(1)
    assert mltrack.search_logged_models(output_format="list") == []


@pytest.mark.usefixtures("watched")
def test_of_data_that_come_in_batches_no_rows_are_kept() -> None:
    class Batches(keras.utils.PyDataset):  # type: ignore[misc, name-defined]
        def __len__(self) -> int:
            return 2

        def __getitem__(self, _: int) -> Any:
            return X[:16], Y[:16]

    net().fit(Batches(), verbose=0)
    (logged,) = mltrack.search_logged_models(output_format="list")
    assert mltrack.pyfunc.load_model(logged.model_uri).input_example is None


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("keras", lambda: {name: getattr(keras.Model, name) for name in ("fit", "evaluate")})
    assert not {"fit", "evaluate"} & set(vars(keras.Model))


@pytest.mark.usefixtures("watched")
def test_models_pickle_and_copy() -> None:
    model, _ = fit(1)
    expected = model.predict(X, verbose=0).tobytes()
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert twin.predict(X, verbose=0).tobytes() == expected
    assert isinstance(model, keras.Sequential)


def work() -> bytes:
    stopping = keras.callbacks.EarlyStopping("loss", patience=1)
    model, result = fit(2, callbacks=[stopping])
    evaluated = model.evaluate(X, Y, verbose=0)
    weights = b"".join(each.tobytes() for each in model.get_weights())
    return weights + repr((result.history, evaluated)).encode() + pickle.dumps(np.random.get_state())


def test_a_fault_in_any_hook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(check_promise("keras", work, monkeypatch)) >= 10
