"""What is logged of PyTorch Lightning: ``Trainer.fit`` with what the module logs, and later ``test`` and ``validate``.

Params, metric names and steps are those of ``mlflow.pytorch.autolog``. It is all the same whether the package is called
``pytorch_lightning`` or ``lightning.pytorch``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mltrack.autologging import switch
from mltrack.autologging.calls import Call, followed, watched
from mltrack.autologging.rounds import Rounds
from mltrack.autologging.safety import guarded, safely
from mltrack.autologging.samples import sample_of
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.autologging.samples import Sample

_NAME = "lightning"
_STOPPING = ("monitor", "mode", "patience", "min_delta", "stopping_threshold")
_fits: WeakKeyDictionary[Any, Fit] = WeakKeyDictionary()
"""The last training of each trainer, for its tests."""


@dataclass(frozen=True, slots=True)
class Options(switch.Options):
    """Lightning's own options: after how many epochs, and how many steps, its metrics are logged."""

    log_every_n_epoch: int = 1
    log_every_n_step: int | None = None


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_every_n_epoch: int = 1,
    log_every_n_step: int | None = None,
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    registered_model_name: str | None = None,
    extra_tags: Mapping[str, str] | None = None,
    checkpoint: bool = True,  # noqa: FBT001, FBT002 - takes effect with the logging of models
    checkpoint_monitor: str = "val_loss",
    checkpoint_mode: str = "min",
    checkpoint_save_best_only: bool = True,  # noqa: FBT001, FBT002 - as above
    checkpoint_save_weights_only: bool = False,  # noqa: FBT001, FBT002 - as above
    checkpoint_save_freq: str | int = "epoch",
    log_model_signatures: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
) -> None:
    """Log Lightning's trainings automatically, or with ``disable`` no longer.

    Parameters
    ----------
    log_every_n_epoch
        Log what the module logs for epochs after every so many; default: after each.
    log_every_n_step
        Log what it logs for steps after every so many; default: not at all.
    checkpoint, checkpoint_monitor, checkpoint_mode, checkpoint_save_best_only, checkpoint_save_weights_only, \
checkpoint_save_freq
        Of the checkpoints that are kept with the run, once models are logged.
    log_models, log_datasets, disable, exclusive, disable_for_unsupported_versions, silent, registered_model_name, \
extra_tags, log_model_signatures
        As for every library; see ``mltrack.autolog``.

    Raises
    ------
    InvalidParameterError
        When ``log_every_n_epoch`` or ``log_every_n_step`` is less than 1.
    """
    given = dict(locals())
    for name, every in (("log_every_n_epoch", log_every_n_epoch), ("log_every_n_step", log_every_n_step)):
        if every is not None and every < 1:
            raise InvalidParameterError(f"{name} must be from 1; got {every}.")
    switch.choose(_NAME, on=not disable, options=Options.of(given))


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch a Lightning package once it is imported: its trainer's ``fit``, ``test`` and ``validate``."""
    trainer, callbacks = module.Trainer, module.callbacks
    patches.wrap(trainer, "fit", watched(_NAME, lambda call: _watch_fit(call, callbacks), when=_is_training))
    for name in ("test", "validate"):
        patches.wrap(trainer, name, followed(_NAME, _watch_test, _is_known))


def _is_training(args: tuple[Any, ...]) -> bool:
    """Tell whether ``fit`` is more than a search for a learning rate or a batch size."""
    return not any(getattr(each, "_early_exit", False) for each in getattr(args[0], "callbacks", ()))


def _is_known(args: tuple[Any, ...]) -> bool:
    return args[0] in _fits


def _watch_fit(call: Call, callbacks: Any) -> Generator[None, Any, None]:
    trainer = call.args[0]
    if trainer.global_rank != 0:
        return  # the first of the processes that train together logs for all
    fit = call.begin_fit()
    rounds, stopping = Rounds(fit), _early_stopping(trainer, callbacks)
    if stopping is not None:
        safely(_NAME, "early stopping", _log_stopping, fit, stopping)
    callback = safely(_NAME, "the callback", _listen, trainer, callbacks.Callback, fit=fit, rounds=rounds)
    try:
        yield
    except SystemExit as error:  # what Lightning makes of Ctrl-C
        if isinstance(error.__context__, KeyboardInterrupt):
            fit.end("KILLED")
        raise
    finally:
        safely(_NAME, "the callback's removal", _remove, trainer, callback)
        safely(_NAME, "the last epochs", rounds.flush)
    _fits[trainer] = fit
    if stopping is not None:
        safely(_NAME, "where it stopped", _log_stopped, fit, stopping)
    safely(_NAME, "the best checkpoint", _log_best, fit, trainer.checkpoint_callback)
    fit.log_model(trainer.lightning_module, getattr(callback, "sample", None))
    if getattr(trainer, "interrupted", False):  # in older versions `fit` returns after Ctrl-C
        fit.end("KILLED")


def _early_stopping(trainer: Any, callbacks: Any) -> Any:
    return next((each for each in trainer.callbacks if isinstance(each, callbacks.EarlyStopping)), None)


def _log_stopping(fit: Fit, stopping: Any) -> None:
    fit.log_params({name: getattr(stopping, name) for name in _STOPPING if hasattr(stopping, name)})


def _log_stopped(fit: Fit, stopping: Any) -> None:
    """Log where early stopping stopped, if it did, and that the best was ``patience`` epochs before, as MLflow does."""
    if stopping.stopped_epoch:
        fit.log_metrics(
            {
                "stopped_epoch": stopping.stopped_epoch,
                "restored_epoch": stopping.stopped_epoch - max(1, stopping.patience),
                "best_score": float(stopping.best_score),
                "wait_count": stopping.wait_count,
            }
        )


def _log_best(fit: Fit, checkpoint: Any) -> None:
    if checkpoint is None or not getattr(checkpoint, "best_model_path", ""):
        return
    fit.set_tags({"best_model_path": checkpoint.best_model_path})
    if checkpoint.best_model_score is not None:
        fit.log_metrics({"best_model_score": float(checkpoint.best_model_score)})


def _listen(trainer: Any, base: Any, *, fit: Fit, rounds: Rounds) -> Any:
    """Put a callback behind the user's, so that what theirs log is there; it has no state to be put in checkpoints."""
    options = switch.options_of(_NAME)
    every_epoch, every_step = getattr(options, "log_every_n_epoch", 1), getattr(options, "log_every_n_step", None)
    by_step: set[str] = set()
    by_epoch: set[str] = set()

    class LoggedEpochs(base):  # type: ignore[misc]
        sample: Sample | None = None

        def __reduce__(self) -> Any:
            return base, ()  # a process that is begun for the training logs nothing

        @guarded(_NAME, "the beginning of the training")
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            _log_settings(fit, trainer, pl_module)

        @guarded(_NAME, "an example")
        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
            if batch_idx == 0 and self.sample is None:
                self.sample = _sample(batch)

        @guarded(_NAME, "an epoch")
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            found = _without(trainer.callback_metrics, by_step)
            by_epoch.update(found)
            if (pl_module.current_epoch + 1) % every_epoch == 0:
                rounds.add(pl_module.current_epoch, [(name, float(value)) for name, value in found.items()])

        if every_step is not None:

            @guarded(_NAME, "a step")
            def on_train_batch_end(self, trainer: Any, pl_module: Any, *batch: Any) -> None:  # noqa: ARG002
                metrics, step = trainer.callback_metrics, trainer.global_step
                found = _without(metrics, by_epoch | {name for name in metrics if f"{name}_step" in metrics})
                by_step.update(found)
                if (step // max(1, len(trainer.optimizers)) + 1) % every_step == 0:
                    rounds.add(step, [(name, float(value)) for name, value in found.items()])

    callback = LoggedEpochs()
    trainer.callbacks.append(callback)
    return callback


def _sample(batch: Any) -> Sample | None:
    """Keep a few rows of a batch's first part, which is what the module is called with as a rule."""
    first = batch[0] if isinstance(batch, (list, tuple)) and batch else batch
    return sample_of(first.detach().cpu().numpy()) if hasattr(first, "detach") else None


def _without(metrics: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """Leave out some: as MLflow does, a metric is logged either by steps or by epochs."""
    return {name: value for name, value in metrics.items() if name not in names}


def _remove(trainer: Any, callback: Any) -> None:
    trainer.callbacks[:] = [each for each in trainer.callbacks if each is not callback]


def _log_settings(fit: Fit, trainer: Any, module: Any) -> None:
    from mltrack.frameworks.pytorch.optimizers import optimizer_params  # beside torch, which is loaded by now
    from mltrack.frameworks.pytorch.summary import counts_of, summary_of  # as above

    found: dict[str, Any] = {"epochs": trainer.max_epochs, "model": type(module).__name__}
    for name in ("max_steps", "accumulate_grad_batches", "gradient_clip_val", "precision"):
        found[name] = getattr(trainer, name, None)
    found.update(counts_of(module))
    for number, optimizer in enumerate(trainer.optimizers, start=1):
        inner = getattr(optimizer, "optimizer", optimizer)
        params = optimizer_params(inner)
        params["optimizer_name"] = params.pop("optimizer")
        found.update(params if number == 1 else {f"{name}_{number}": value for name, value in params.items()})
    fit.log_params(found)
    fit.log_text(f"{fit.key('model_summary')}.txt", summary_of(module))


def _watch_test(call: Call) -> Generator[None, Any, None]:
    trainer = call.args[0]
    results = yield
    metrics = {name: float(value) for each in results or () for name, value in each.items()}
    safely(_NAME, "the metrics of a test", _fits[trainer].log_metrics, metrics, step=trainer.current_epoch)
