"""What is logged of the Hugging Face Trainer: its arguments, the model's config, and what it logs itself.

Metrics have the names and steps that the Trainer's own reports have; those of ``evaluate`` and ``predict`` after the
training go to the same run.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mltrack.autologging import switch
from mltrack.autologging.calls import Call, followed, watched
from mltrack.autologging.rounds import Rounds
from mltrack.autologging.safety import guarded, safely

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import ModuleType

    from mltrack.autologging.fits import Fit
    from mltrack.autologging.patches import Patches


@dataclasses.dataclass(frozen=True, slots=True)
class Options(switch.Options):
    """The options of the Trainer's logging; models, which are large, are not logged unless asked for, as by MLflow."""

    log_models: bool = False


_NAME = "transformers"
_ALWAYS = frozenset(
    {
        *("learning_rate", "num_train_epochs", "max_steps", "per_device_train_batch_size", "weight_decay", "seed"),
        *("per_device_eval_batch_size", "gradient_accumulation_steps", "lr_scheduler_type", "warmup_steps", "optim"),
        *("max_grad_norm", "adam_beta1", "adam_beta2", "adam_epsilon", "fp16", "bf16"),
    }
)
_NEVER = frozenset({"hub_token", "push_to_hub_token", "report_to", "run_name", "logging_dir", "project", "trackio"})
_CONFIG = (
    *("model_type", "architectures", "_name_or_path", "vocab_size", "hidden_size", "num_hidden_layers", "d_model"),
    *("num_attention_heads", "num_key_value_heads", "intermediate_size", "max_position_embeddings", "hidden_act"),
    *("n_layer", "n_head", "n_embd", "hidden_dropout_prob", "attention_probs_dropout_prob", "problem_type"),
)
_fits: WeakKeyDictionary[Any, Fit] = WeakKeyDictionary()
"""The last training of each trainer, for its evaluations."""


def autolog(  # noqa: PLR0913, PLR0917 - MLflow's signature
    log_input_examples: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    log_model_signatures: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    log_models: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    log_datasets: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    exclusive: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    disable_for_unsupported_versions: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    silent: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log the trainings of the Hugging Face Trainer, or with ``disable`` no longer; see ``mltrack.autolog``."""
    switch.choose(_NAME, on=not disable, options=Options.of(locals()))


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:
    """Patch the module of the Trainer, which is imported at its first use: ``train``, ``evaluate`` and ``predict``."""
    if module_name == "transformers.trainer":
        trainer, base = module.Trainer, module.TrainerCallback
        patches.wrap(trainer, "train", watched(_NAME, lambda call: _watch_train(call, base)))
        patches.wrap(trainer, "evaluate", followed(_NAME, _watch_evaluate, _is_known))
        patches.wrap(trainer, "predict", followed(_NAME, _watch_predict, _is_known))


def _is_known(args: tuple[Any, ...]) -> bool:
    return args[0] in _fits


def _watch_train(call: Call, base: Any) -> Generator[None, Any, None]:
    trainer = call.args[0]
    if not trainer.is_world_process_zero():
        return  # the first of the processes that train together logs for all
    fit = call.begin_fit(name=_run_name(trainer.args))
    rounds = Rounds(fit)
    callback = safely(_NAME, "the callback", _listen, trainer, base, fit=fit, rounds=rounds)
    try:
        yield
    finally:
        safely(_NAME, "the callback's removal", _remove, trainer, callback)
        safely(_NAME, "the last points", rounds.flush)
    _fits[trainer] = fit
    safely(_NAME, "the best checkpoint", _log_best, fit, trainer.state)
    fit.log_model(trainer.model)


def _run_name(arguments: Any) -> str | None:
    """Give the name that the user chose; before version 5 it is the output folder otherwise."""
    name = getattr(arguments, "run_name", None)
    return None if name == arguments.output_dir else name


def _listen(trainer: Any, base: Any, *, fit: Fit, rounds: Rounds) -> Any:
    """Put a callback behind the user's."""

    class LoggedSteps(base):  # type: ignore[misc]
        @guarded(_NAME, "the beginning of the training")
        def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
            _log_settings(fit, args, more.get("model"))

        @guarded(_NAME, "what is logged of a step")
        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
            rounds.add(state.global_step, [(name, value) for name, value in more["logs"].items() if _is_number(value)])

    callback = LoggedSteps()
    trainer.callback_handler.callbacks.append(callback)
    return callback


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or getattr(value, "ndim", 1) == 0


def _remove(trainer: Any, callback: Any) -> None:
    handler = trainer.callback_handler
    handler.callbacks[:] = [each for each in handler.callbacks if each is not callback]


def _log_settings(fit: Fit, arguments: Any, model: Any) -> None:
    fit.log_params({**_config_of(model), **_chosen(arguments)})
    if model is None:
        return
    from mltrack.frameworks.pytorch.summary import counts_of, summary_of  # beside torch, which is loaded by now

    fit.log_params({"model": type(model).__name__, **counts_of(model)})
    fit.log_text(f"{fit.key('model_summary')}.txt", summary_of(model))


def _config_of(model: Any) -> dict[str, Any]:
    config = getattr(model, "config", None)
    found = {name: getattr(config, name, None) for name in _CONFIG}
    return {name.lstrip("_"): value for name, value in found.items() if value not in (None, "")}


def _chosen(arguments: Any) -> dict[str, Any]:
    """Give the arguments that most trainings are about, and those of the other hundred that are no defaults."""
    defaults = {
        each.name: each.default_factory() if each.default_factory is not dataclasses.MISSING else each.default
        for each in dataclasses.fields(arguments)
    }
    sanitized = arguments.to_sanitized_dict()
    return {
        name: value
        for name, value in sanitized.items()
        if name in _ALWAYS or (name not in _NEVER and name in defaults and not _is_default(value, defaults[name]))
    }


def _is_default(value: Any, default: Any) -> bool:
    """Compare as texts: what is sanitized is a number, a text, or the text of the rest."""
    return value is None or str(value) == str(default) or value == getattr(default, "value", default)


def _log_best(fit: Fit, state: Any) -> None:
    if state.best_model_checkpoint:
        fit.set_tags({"best_model_checkpoint": state.best_model_checkpoint})
    if state.best_metric is not None:
        fit.log_metrics({"best_metric": float(state.best_metric)}, step=getattr(state, "best_global_step", None) or 0)


def _watch_evaluate(call: Call) -> Generator[None, Any, None]:
    trainer = call.args[0]
    metrics = yield
    safely(_NAME, "the metrics of evaluate", _log_evaluated, trainer, metrics)


def _watch_predict(call: Call) -> Generator[None, Any, None]:
    trainer = call.args[0]
    output = yield
    safely(_NAME, "the metrics of predict", _log_evaluated, trainer, output.metrics)


def _log_evaluated(trainer: Any, metrics: Mapping[str, Any] | None) -> None:
    _fits[trainer].log_metrics(metrics or {}, step=trainer.state.global_step)
