from __future__ import annotations

import logging
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.autolog import check_identity, check_promise, history, logged_runs, needs, the_run

import mltrack
from mltrack.autologging import switch
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

torch = needs("torch")
pl = needs("pytorch_lightning")
Module: Any = pl.LightningModule
Callback: Any = pl.Callback
_generator = torch.Generator().manual_seed(0)
X, Y = torch.randn(16, 4, generator=_generator), torch.randn(16, 1, generator=_generator)


class Net(Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 1)

    def _loss(self, batch: Any) -> Any:
        return ((self.layer(batch[0]) - batch[1]) ** 2).mean()

    def training_step(self, batch: Any) -> Any:
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch: Any) -> None:
        self.log("val_loss", self._loss(batch))

    def test_step(self, batch: Any) -> None:
        self.log("test_loss", self._loss(batch))

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=0.01)


def data() -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=8)


def trainer_of(epochs: int = 3, **options: Any) -> Any:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    return pl.Trainer(max_epochs=epochs, **{**quiet, "enable_checkpointing": False, **options})


def fit(epochs: int = 3, **options: Any) -> tuple[Any, Any]:
    trainer, model = trainer_of(epochs, **options), Net()
    trainer.fit(model, data(), data())
    return trainer, model


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="(pytorch_)?lightning.*")
        yield


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["lightning", "pytorch"])


@pytest.mark.usefixtures("watched")
def test_fit_logs_its_params_and_every_epoch() -> None:
    seen: list[float] = []

    class Seeing(Callback):  # type: ignore[misc]
        def on_train_epoch_end(self, trainer: Any, *_: Any) -> None:
            seen.append(float(trainer.callback_metrics["val_loss"]))

    trainer, _ = fit(callbacks=[Seeing()])
    run = the_run()
    expected = {"epochs": "3", "optimizer_name": "Adam", "lr": "0.01", "model": "Net", "model_parameters": "5"}
    assert run.data.params.items() >= expected.items()
    assert history(run, "val_loss") == list(enumerate(seen))
    assert len(history(run, "train_loss_epoch")) == 3
    assert "Linear" in mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert run.data.tags["mltrack.autolog"] == "lightning"
    assert run.info.status == "FINISHED"
    assert "LoggedEpochs" not in {type(each).__name__ for each in trainer.callbacks}


@pytest.mark.usefixtures("watched")
def test_in_an_active_run_the_plain_loops_of_torch_are_not_logged_as_well() -> None:
    with mltrack.start_run():
        fit(1)
    assert "loss" not in the_run().data.metrics
    assert "optimizer" not in the_run().data.params


def test_metrics_are_logged_after_every_so_many_epochs_and_steps() -> None:
    mltrack.lightning.autolog(log_every_n_epoch=2, log_every_n_step=3)
    fit(4)
    run = the_run()
    assert [step for step, _ in history(run, "val_loss")] == [1, 3]
    assert [step for step, _ in history(run, "train_loss_step")] == [2, 5, 8]


@pytest.mark.parametrize("options", [{"log_every_n_epoch": 0}, {"log_every_n_step": -1}])
def test_less_than_every_one_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(InvalidParameterError, match="must be from 1"):
        mltrack.pytorch.autolog(**options)


@pytest.mark.usefixtures("watched")
def test_early_stopping_and_the_best_checkpoint_are_told(tmp_path: Any) -> None:
    stopping = pl.callbacks.EarlyStopping("val_loss", patience=2, mode="max")
    checkpoint = pl.callbacks.ModelCheckpoint(tmp_path, monitor="val_loss")
    fit(10, callbacks=[stopping, checkpoint], enable_checkpointing=True)
    run = the_run()
    assert run.data.params.items() >= {"monitor": "val_loss", "patience": "2", "mode": "max"}.items()
    assert run.data.metrics.items() >= {"stopped_epoch": 2, "restored_epoch": 0, "wait_count": 2}.items()
    assert run.data.metrics["best_score"] == float(stopping.best_score)
    assert run.data.tags["best_model_path"] == checkpoint.best_model_path
    assert run.data.metrics["best_model_score"] == float(checkpoint.best_model_score)
    saved = torch.load(checkpoint.best_model_path, weights_only=False)
    assert not any("Logged" in name for name in saved["callbacks"])


@pytest.mark.usefixtures("watched")
def test_what_is_tested_later_goes_to_the_run_of_the_training() -> None:
    trainer, model = fit(1)
    tested, validated = trainer.test(model, data(), verbose=False), trainer.validate(model, data(), verbose=False)
    run = the_run()
    assert run.data.metrics["test_loss"] == tested[0]["test_loss"]
    assert run.data.metrics["val_loss"] == validated[0]["val_loss"]
    trainer_of().test(model, data(), verbose=False)
    assert len(logged_runs()) == 1


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    ("error", "raised", "status"),
    [(ValueError("mine"), ValueError, "FAILED"), (KeyboardInterrupt(), SystemExit, "KILLED")],
)
def test_what_stops_a_training_passes_and_all_epochs_until_then_are_there(
    error: BaseException, raised: type[BaseException], status: str
) -> None:
    class Stopping(Callback):  # type: ignore[misc]
        def on_train_epoch_start(self, trainer: Any, *_: Any) -> None:
            if trainer.current_epoch == 2:
                raise error

    with pytest.raises(raised):
        fit(5, callbacks=[Stopping()])
    assert the_run().info.status == status
    assert len(history(the_run(), "val_loss")) == 2


@pytest.mark.usefixtures("watched")
def test_a_search_for_a_learning_rate_is_no_training(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = trainer_of(1, enable_checkpointing=True)
    pl.tuner.Tuner(trainer).lr_find(_WithRate(), data(), data(), num_training=5)
    capsys.readouterr()
    assert logged_runs() == []


class _WithRate(Net):
    lr = 0.01


class Forward(Net):
    """A module that says what it makes of an input."""

    def __init__(self, width: int = 4) -> None:  # noqa: ARG002 - a hyperparameter that is kept
        super().__init__()
        self.save_hyperparameters()
        self.drop = torch.nn.Dropout()

    def forward(self, data: Any) -> Any:
        return self.drop(self.layer(data))


@pytest.mark.usefixtures("watched")
def test_the_model_is_logged_with_its_signature_and_five_rows() -> None:
    module = Forward()
    trainer_of(1).fit(module, data())
    (logged,) = mltrack.search_logged_models(output_format="list")
    assert logged.source_run_id == the_run().info.run_id
    found = mltrack.pyfunc.load_model(logged.model_uri)
    assert found.metadata.pickles == []
    signature: Any = found.metadata.signature
    assert [each.shape for each in (*signature.inputs.inputs, *signature.outputs.inputs)] == [(-1, 4), (-1, 1)]
    assert found.input_example.tobytes() == X[:5].numpy().tobytes()
    assert found.predict(X.numpy()).tobytes() == module.eval()(X).detach().numpy().tobytes()


@pytest.mark.usefixtures("watched")
def test_a_module_without_forward_is_logged_as_its_weights() -> None:
    _, module = fit(1)
    (logged,) = mltrack.search_logged_models(output_format="list")
    loaded = mltrack.pytorch.load_model(logged.model_uri, model=Net())
    assert torch.equal(loaded.layer.weight, module.layer.weight)
    assert type(mltrack.pytorch.load_model(logged.model_uri)).__name__ == "Net"


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("lightning", lambda: {name: vars(pl.Trainer)[name] for name in ("fit", "test", "validate")})


@pytest.mark.usefixtures("watched")
def test_a_trainer_can_be_pickled_while_it_trains() -> None:
    pickled: list[bytes] = []

    class Pickling(Callback):  # type: ignore[misc]
        def on_train_start(self, trainer: Any, *_: Any) -> None:
            pickled.append(pickle.dumps(trainer.callbacks[-1]))

    fit(1, callbacks=[Pickling()])
    assert type(pickle.loads(pickled[0])) is Callback
    assert isinstance(pickle.loads(pickle.dumps(Net())), Net)


def work() -> bytes:
    trainer, model = fit(2, callbacks=[pl.callbacks.EarlyStopping("val_loss")])
    tested = trainer.test(model, data(), verbose=False)
    weights: list[bytes] = [each.detach().numpy().tobytes() for each in model.parameters()]
    state: bytes = torch.get_rng_state().numpy().tobytes()
    return b"".join(weights) + repr(tested).encode() + state


def test_a_fault_in_any_hook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(check_promise("lightning", work, monkeypatch)) >= 9
