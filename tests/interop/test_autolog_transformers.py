from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.autolog import check_identity, check_promise, history, logged_runs, needs, the_run

import mltrack
from mltrack.autologging import switch

if TYPE_CHECKING:
    from collections.abc import Sequence

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch = needs("torch")
transformers = needs("transformers")
Trainer: Any = transformers.Trainer
Callback: Any = transformers.TrainerCallback
CONFIG = {"vocab_size": 20, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
DATA = [
    {
        "input_ids": torch.tensor([number % 20, 3, 5]),
        "labels": torch.tensor(number % 2),
        "attention_mask": torch.ones(3),
    }
    for number in range(16)
]


def trainer_of(folder: Any = "out", *, callbacks: Sequence[Any] = (), **options: Any) -> Any:
    torch.manual_seed(0)
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**CONFIG))
    given = {"report_to": "none", "use_cpu": True, "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no"}
    arguments = transformers.TrainingArguments(
        str(folder), **{**given, "per_device_train_batch_size": 8, "num_train_epochs": 2, **options}
    )
    return Trainer(model, arguments, train_dataset=DATA, eval_dataset=DATA[:8], callbacks=list(callbacks))


@pytest.fixture
def watched() -> None:
    switch.autolog(libraries=["transformers", "pytorch"])


@pytest.mark.usefixtures("watched")
def test_train_logs_arguments_config_and_every_report_of_the_trainer() -> None:
    trainer = trainer_of(learning_rate=0.001, eval_strategy="epoch", warmup_steps=1)
    callbacks = list(trainer.callback_handler.callbacks)
    trainer.train()
    run = the_run()
    expected = {
        "learning_rate": "0.001",
        "num_train_epochs": "2",
        "per_device_train_batch_size": "8",
        "eval_strategy": "epoch",
        "warmup_steps": "1",
        "model_type": "bert",
        "hidden_size": "8",
        "num_hidden_layers": "1",
        "model": "BertForSequenceClassification",
    }
    assert run.data.params.items() >= expected.items()
    assert len(run.data.params) < 60
    assert int(run.data.params["model_parameters"]) == trainer.model.num_parameters()
    for name in ("loss", "grad_norm", "learning_rate", "eval_loss"):
        told = [(each["step"], each[name]) for each in trainer.state.log_history if name in each]
        assert history(run, name) == told
    assert run.data.metrics["train_runtime"] > 0
    assert "BertEmbeddings" in mltrack.artifacts.load_text(f"runs:/{run.info.run_id}/model_summary.txt")
    assert run.data.tags["mltrack.autolog"] == "transformers"
    assert trainer.callback_handler.callbacks == callbacks


@pytest.mark.usefixtures("watched")
def test_in_an_active_run_the_plain_loops_of_torch_are_not_logged_as_well() -> None:
    with mltrack.start_run():
        trainer_of(num_train_epochs=1).train()
    assert "optimizer" not in the_run().data.params
    assert len(history(the_run(), "loss")) == 2


@pytest.mark.usefixtures("watched")
def test_what_is_evaluated_later_goes_to_the_run_of_the_training() -> None:
    trainer = trainer_of(num_train_epochs=1)
    trainer.train()
    evaluated, predicted = trainer.evaluate(), trainer.predict(DATA[:4])
    run = the_run()
    assert run.data.metrics["eval_loss"] == evaluated["eval_loss"]
    assert run.data.metrics["test_loss"] == predicted.metrics["test_loss"]
    trainer_of().evaluate()
    assert len(logged_runs()) == 1


@pytest.mark.usefixtures("watched")
def test_the_best_checkpoint_and_the_chosen_name_are_told(tmp_path: Any) -> None:
    trainer = trainer_of(
        tmp_path, run_name="mine", save_strategy="epoch", eval_strategy="epoch", load_best_model_at_end=True
    )
    trainer.train()
    run = the_run()
    assert run.info.run_name == "mine"
    assert run.data.tags["best_model_checkpoint"] == trainer.state.best_model_checkpoint
    assert run.data.metrics["best_metric"] == trainer.state.best_metric
    assert "LoggedSteps" not in (tmp_path / "checkpoint-4" / "trainer_state.json").read_text()


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(("error", "status"), [(ValueError("mine"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_stops_a_training_passes_and_all_steps_until_then_are_there(error: BaseException, status: str) -> None:
    class Stopping(Callback):  # type: ignore[misc]
        def on_step_begin(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            if state.global_step == 3:
                raise error

    with pytest.raises(type(error)) as caught:
        trainer_of(callbacks=[Stopping()]).train()
    assert caught.value is error
    assert the_run().info.status == status
    assert len(history(the_run(), "loss")) == 3


def test_switching_on_and_off_leaves_the_very_same_functions() -> None:
    check_identity("transformers", lambda: {name: vars(Trainer)[name] for name in ("train", "evaluate", "predict")})


@pytest.mark.usefixtures("watched")
def test_models_and_arguments_pickle() -> None:
    trainer = trainer_of(num_train_epochs=1)
    trainer.train()
    twin = pickle.loads(pickle.dumps(trainer.model))
    assert isinstance(twin, transformers.PreTrainedModel)
    assert pickle.loads(pickle.dumps(trainer.args)).learning_rate == trainer.args.learning_rate


def work() -> bytes:
    trainer = trainer_of(max_steps=1)
    trainer.train()
    loss = trainer.evaluate()["eval_loss"]
    weights: list[bytes] = [each.detach().numpy().tobytes() for each in trainer.model.parameters()]
    state: bytes = torch.get_rng_state().numpy().tobytes()
    return b"".join(weights) + repr(loss).encode() + state


@pytest.mark.slow  # a training for each hook
def test_a_fault_in_any_hook_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(check_promise("transformers", work, monkeypatch)) >= 7
