"""What is logged of Keras 3, on any backend: ``Model.fit`` with every epoch, and later ``evaluate``.

Params, metric names and artifacts are those of ``mlflow.keras.autolog``.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mltrack.autologging import switch
from mltrack.autologging.calls import Call, followed, watched
from mltrack.autologging.rounds import Rounds
from mltrack.autologging.safety import guarded, safely
from mltrack.autologging.samples import sample_of
from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.arguments import Arguments, shown

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches
    from mltrack.autologging.samples import Sample
    from mltrack.frameworks.keras.flavor import load_model as load_model
    from mltrack.frameworks.keras.flavor import log_model as log_model
    from mltrack.frameworks.keras.flavor import save_model as save_model

_NAME = "keras"
_OF_FLAVOR = ("load_model", "log_model", "save_model")
_UNLOGGED = frozenset({"self", "x", "y", "callbacks", "validation_data", "verbose", "sample_weight"})
_STOPPING = ("monitor", "patience", "min_delta", "baseline", "restore_best_weights", "start_from_epoch")
_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Options(switch.Options):
    """Keras' own options: whether metrics are logged after each epoch, or after so many steps."""

    log_every_epoch: bool = True
    log_every_n_steps: int | None = None


class _Trained:
    """A model's last training, and how often it was evaluated since."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self.count: Counter[str] = Counter()


_trained: WeakKeyDictionary[Any, _Trained] = WeakKeyDictionary()


def __getattr__(name: str) -> Any:
    if name not in _OF_FLAVOR:
        raise AttributeError(f"module 'mltrack.keras' has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.flavor"), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_FLAVOR})


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_every_epoch: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_every_n_steps: int | None = None,
    log_models: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_model_signatures: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    save_exported_model: bool = False,  # noqa: FBT001, FBT002 - takes effect with the logging of models
    log_datasets: bool = True,  # noqa: FBT001, FBT002 - MLflow's signature
    log_input_examples: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    registered_model_name: str | None = None,
    save_model_kwargs: Mapping[str, Any] | None = None,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log Keras' trainings automatically, or with ``disable`` no longer.

    Parameters
    ----------
    log_every_epoch
        Log the metrics after each epoch.
    log_every_n_steps
        Log them after so many steps instead; ``log_every_epoch`` must be False then.
    save_exported_model, save_model_kwargs
        Of the model's file, once models are logged.
    log_models, log_model_signatures, log_datasets, log_input_examples, disable, exclusive, \
disable_for_unsupported_versions, silent, registered_model_name, extra_tags
        As for every library; see ``mltrack.autolog``.

    Raises
    ------
    InvalidParameterError
        When not exactly one of ``log_every_epoch`` and ``log_every_n_steps`` is given.
    """
    if log_every_epoch == (log_every_n_steps is not None) or (log_every_n_steps or 1) < 1:
        raise InvalidParameterError(
            f"Give either log_every_epoch=True or log_every_n_steps from 1; got log_every_epoch={log_every_epoch} and "
            f"log_every_n_steps={log_every_n_steps}."
        )
    switch.choose(_NAME, on=not disable, options=Options.of(locals()))


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch Keras once it is imported: ``Model.fit`` and ``Model.evaluate``."""
    model, callbacks, fit = module.Model, module.callbacks, module.Model.fit
    patches.wrap(model, "fit", watched(_NAME, lambda call: _watch_fit(call, fit, callbacks)))
    patches.wrap(model, "evaluate", followed(_NAME, _watch_evaluate, lambda args: args[0] in _trained))


def _watch_fit(call: Call, method: Any, callbacks: Any) -> Generator[None, Any, None]:
    model, arguments = call.args[0], Arguments(method, call)
    named = arguments.named()
    fit = call.begin_fit()
    rounds = Rounds(fit)
    sample = safely(_NAME, "an example", _sample, named.get("x"))
    given = named.get("callbacks")
    stopping = _early_stopping(given, callbacks)
    safely(_NAME, "the params", _log_arguments, fit, named, model=model)
    if stopping is not None:
        safely(_NAME, "early stopping", _log_stopping, fit, stopping)
    if switch.options_of(_NAME).log_datasets:
        safely(_NAME, "the data", _log_data, fit, named)
    is_told = safely(_NAME, "the callback", _listen, arguments, callbacks.Callback, fit=fit, rounds=rounds)
    try:
        history = yield
    finally:
        safely(_NAME, "the last epochs", rounds.flush)
    if is_told is False:
        safely(_NAME, "the epochs", _log_history, fit, history)
    if stopping is not None:
        safely(_NAME, "where it stopped", _log_stopped, fit, stopping)
    _trained[model] = _Trained(fit)
    fit.log_model(model, sample)


def _sample(data: Any) -> Sample | None:
    """Keep a few rows of a frame, an array or a tensor; data that come in batches are left to the training."""
    if not hasattr(data, "shape"):
        return None
    tensor = getattr(data, "detach", None)
    return sample_of(data if tensor is None else tensor().cpu().numpy())


def _log_arguments(fit: Fit, named: Mapping[str, Any], *, model: Any) -> None:
    """Log the arguments of ``fit``, what the model was compiled with, and as MLflow the optimizer's as ``optimizer_…``.

    The batch size is that of data that comes in batches, else Keras' own 32.
    """
    found = {name: shown(value) for name, value in named.items() if name not in _UNLOGGED}
    if found.get("batch_size") is None:
        found["batch_size"] = _batch_size(named.get("x"))
    found["model"] = type(model).__name__
    found["loss"] = _name_of(getattr(model, "loss", None))
    config = model.optimizer.get_config()
    found.update({f"optimizer_{name}": value for name, value in config.items()})
    fit.log_params(found)


def _batch_size(data: Any) -> Any:
    size = getattr(data, "batch_size", getattr(data, "_batch_size", None))
    if size is not None:
        return int(size)
    return 32 if hasattr(data, "shape") or isinstance(data, (list, tuple, dict)) else None


def _name_of(loss: Any) -> Any:
    if isinstance(loss, dict):
        return {key: _name_of(value) for key, value in loss.items()}
    if isinstance(loss, (list, tuple)):
        return [_name_of(value) for value in loss]
    return loss if loss is None or isinstance(loss, str) else getattr(loss, "name", None) or shown(loss)


def _log_data(fit: Fit, named: Mapping[str, Any]) -> None:
    fit.log_dataset(named.get("x"), named.get("y"), context="train")
    validation = named.get("validation_data")
    if isinstance(validation, (list, tuple)) and len(validation) > 1:
        fit.log_dataset(validation[0], validation[1], context="eval", name="validation_data")


def _early_stopping(given: Any, callbacks: Any) -> Any:
    several = given if isinstance(given, (list, tuple)) else getattr(given, "callbacks", (given,))
    return next((each for each in several if isinstance(each, callbacks.EarlyStopping)), None)


def _log_stopping(fit: Fit, stopping: Any) -> None:
    fit.log_params({name: getattr(stopping, name) for name in _STOPPING if hasattr(stopping, name)})


def _log_stopped(fit: Fit, stopping: Any) -> None:
    """Log the epoch that early stopping stopped at, if it did, and the one whose weights were put back."""
    if not stopping.stopped_epoch:
        return
    found = {"stopped_epoch": stopping.stopped_epoch}
    if stopping.restore_best_weights and stopping.best_weights is not None:
        found["restored_epoch"] = stopping.best_epoch
    fit.log_metrics(found)


def _log_history(fit: Fit, history: Any) -> None:
    for name, values in history.history.items():
        fit.log_series(name, values)


def _listen(arguments: Arguments, base: Any, *, fit: Fit, rounds: Rounds) -> bool:
    """Put a callback behind the user's, so that what theirs add to the metrics is there; False where that cannot be."""
    every = getattr(switch.options_of(_NAME), "log_every_n_steps", None)

    class LoggedEpochs(base):  # type: ignore[misc]
        @guarded(_NAME, "the beginning of the training")
        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
            fit.log_params({"steps": self.params.get("steps")})
            fit.log_text(f"{fit.key('model_summary')}.txt", _summary(self.model))

        if every is None:

            @guarded(_NAME, "an epoch")
            def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
                rounds.add(epoch, [(name, float(value)) for name, value in (logs or {}).items()])

        else:

            @guarded(_NAME, "a step")
            def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002
                step = int(self.model.optimizer.iterations.numpy())
                if step % every == 0:
                    rounds.add(step, [(name, float(value)) for name, value in (logs or {}).items()])

    return arguments.append_callback(LoggedEpochs())


def _summary(model: Any) -> str:
    lines: list[str] = []
    with _nothing_shown():
        model.summary(line_length=_WIDTH, print_fn=lambda line, *_, **__: lines.append(line))
    return "\n".join(lines)


@contextmanager
def _nothing_shown() -> Iterator[None]:
    """Keep from a notebook's cell what rich, with which Keras writes a summary, shows there: an empty output."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    publisher: Any = getattr(shell, "display_pub", None)
    if not hasattr(publisher, "register_hook"):  # only a kernel's has it, for each thread its own
        yield
        return
    publisher.register_hook(_swallow)
    try:
        yield
    finally:
        publisher.unregister_hook(_swallow)


def _swallow(message: object) -> None:
    """Take a message that was to be published, and give none back."""


def _watch_evaluate(call: Call) -> Generator[None, Any, None]:
    model = call.args[0]
    yield
    safely(_NAME, "the metrics of evaluate", _log_evaluated, _trained[model], model.get_metrics_result())


def _log_evaluated(trained: _Trained, metrics: Mapping[str, Any]) -> None:
    """Log ``eval_loss`` and the like; the second time at step 1."""
    count = trained.count["evaluate"]
    trained.count["evaluate"] += 1
    trained.fit.log_metrics({f"eval_{name}": float(value) for name, value in metrics.items()}, step=count)
