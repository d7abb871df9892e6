"""What is logged of Optuna: a study's ``optimize`` is a run, each trial a child that is active inside the objective.

What is trained and logged in an objective goes to its trial's run. Where ``ask`` and ``tell`` are called by hand a
trial becomes a run once it is told, a child of the active run if there is one.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mltrack import active, tracking
from mltrack.autologging import switch
from mltrack.autologging.calls import Call, inside, watched
from mltrack.autologging.fits import LIBRARY_TAG, Fit, key_of
from mltrack.autologging.rounds import Rounds
from mltrack.autologging.safety import guarded, safely
from mltrack.exceptions import InvalidParameterError
from mltrack.frameworks.arguments import Arguments
from mltrack.keys import MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_BATCH_TAGS, PARENT_TAG
from mltrack.values import make_metric, make_param, make_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from types import ModuleType

    from mltrack.autologging.patches import Patches
    from mltrack.entities import Metric, RunTag

Options = switch.Options

_NAME = "optuna"
_INTERMEDIATE = "intermediate_value"  # as mlflow.optuna.storage names it
_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED", "FAIL": "FAILED"}  # as there
_reported: WeakKeyDictionary[Any, Rounds] = WeakKeyDictionary()
"""Where the intermediate values of each trial that is going on are collected."""


def autolog(
    *,
    disable: bool = False,
    exclusive: bool = False,
    disable_for_unsupported_versions: bool = False,
    silent: bool = False,
    extra_tags: Mapping[str, str] | None = None,
) -> None:
    """Log Optuna's studies and trials automatically, or with ``disable`` no longer; see ``mltrack.autolog``."""
    switch.choose(_NAME, on=not disable, options=Options.of(locals()))


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:  # noqa: ARG001 - every library's signature
    """Patch Optuna once it is imported: ``Study.optimize`` and ``tell``, and ``Trial.report``."""
    study = module.study.Study
    optimize = study.optimize
    patches.wrap(study, "optimize", watched(_NAME, lambda call: _watch_optimize(call, optimize)))
    patches.wrap(study, "tell", watched(_NAME, _watch_tell))
    patches.wrap(module.trial.Trial, "report", _listening)


def _listening(original: Any) -> Any:
    """Collect what is reported of a trial that is logged."""

    @functools.wraps(original)
    def report(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        rounds = _reported.get(args[0]) if args and _reported else None
        if rounds is not None:
            safely(_NAME, "an intermediate value", _take, rounds, *args[1:], **kwargs)
        return result

    return report


def _take(rounds: Rounds, value: Any, step: Any) -> None:
    if not rounds.at(int(step)):  # of two for one step Optuna keeps the first
        rounds.add(int(step), [(_INTERMEDIATE, float(value))])


def _watch_optimize(call: Call, optimize: Any) -> Generator[None, Any, None]:
    study, named = call.args[0], Arguments(optimize, call).named()
    fit = call.begin_fit(name=_name_of(study))
    safely(_NAME, "the study's params", _log_study, fit, study, named)
    trials = _Trials(fit, study)
    func, callbacks = named["func"], named.get("callbacks")
    call.args = (study,)
    call.kwargs = {
        **{name: value for name, value in named.items() if name != "self"},
        "func": trials.objective(func) if callable(func) else func,
        "callbacks": _First(trials.finish, callbacks),
    }
    try:
        yield
    except BaseException as error:
        trials.close(error)
        raise
    trials.close(None)


def _name_of(study: Any) -> str | None:
    """Give a study's name; None for one that Optuna made of random digits, where an invented one reads better."""
    name = str(study.study_name)
    return None if name.startswith("no-name-") else name


def _log_study(fit: Fit, study: Any, named: Mapping[str, Any]) -> None:
    fit.log_params(
        {
            "study_name": study.study_name,
            "direction": _directions(study),
            "sampler": type(study.sampler).__name__,
            "pruner": type(study.pruner).__name__,
            **{name: named.get(name) for name in ("n_trials", "timeout", "n_jobs")},
        }
    )


def _directions(study: Any) -> str:
    return ", ".join(each.name.lower() for each in study.directions)


class _First:
    """Callbacks with one of ours in front, and behind it whatever the user gave, asked anew for each trial."""

    def __init__(self, first: Callable[..., Any], rest: Iterable[Callable[..., Any]] | None) -> None:
        self._first = first
        self._rest = rest

    def __iter__(self) -> Iterator[Callable[..., Any]]:
        yield self._first
        yield from self._rest or ()


class _Trials:
    """The trials of one call of ``optimize``, in whatever threads, and their runs."""

    def __init__(self, fit: Fit, study: Any) -> None:
        self._fit = fit
        self._study = study
        self._lock = threading.Lock()
        self._open: dict[int, tuple[active.ActiveRun, Rounds]] = {}
        self._names: list[str] = safely(_NAME, "the names of the values", _value_names, study) or ["value"]
        self._best: float | None = safely(_NAME, "the best value so far", _best_value, study)
        self._ended = 0

    def objective(self, func: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Give the user's objective, called with its trial's run active and with what it trains logged to that."""

        @functools.wraps(func, updated=())
        def call_objective(trial: Any) -> Any:
            safely(_NAME, "the beginning of a trial", self._begin, trial)
            with inside(None):
                return func(trial)

        return call_objective

    def _begin(self, trial: Any) -> None:
        if not self._fit.is_logged:
            return
        tags = {PARENT_TAG: self._fit.run_id, LIBRARY_TAG: _NAME}
        run = tracking.begin(f"trial {trial.number}", experiment_id=self._fit.experiment_id, tags=tags)
        rounds = Rounds(Fit(_NAME, run, switch.options_of(_NAME), number=1, owned=False))
        with self._lock:
            self._open[trial.number] = run, rounds
        _reported[trial] = rounds

    @guarded(_NAME, "the end of a trial")
    def finish(self, study: Any, frozen: Any) -> None:
        """End the run of a trial that Optuna has finished; it is Optuna's callback."""
        if frozen.state.name == "COMPLETE" and len(self._names) == 1:
            step = self._count(frozen.value, smallest=study.direction.name != "MAXIMIZE")
        else:
            step = self._count()
        try:
            self._end(frozen, _STATUS.get(frozen.state.name, "FAILED"))
        finally:
            if step is not None:
                self._fit.log_metrics({"best_value": frozen.value}, step=step)

    def _count(self, value: float | None = None, *, smallest: bool = True) -> int | None:
        """Count a trial that has ended; gives its number among them, from 0, if its value is better than all before.

        Both at once: of two threads whose trials end in one moment, the one with the better value has the later step,
        and so the last point.
        """
        with self._lock:
            number, best = self._ended, self._best
            self._ended += 1
            if value is None or (best is not None and (value >= best if smallest else value <= best)):
                return None
            self._best = value
            return number

    def _end(self, frozen: Any, status: str) -> None:
        with self._lock:
            run, rounds = self._open.pop(frozen.number, (None, None))
        if run is not None and rounds is not None:
            try:
                rounds.flush()
                _write(run, frozen, self._names, with_steps=not len(rounds))
            finally:
                run.end(run, status)

    def close(self, error: BaseException | None) -> None:
        """End the runs of trials that ended in an exception, and log the study's best."""
        for number in list(self._open):
            safely(_NAME, "the end of a trial", self._end_late, number, active.status_after(error))
        safely(_NAME, "the best trial", self._log_best)

    def _end_late(self, number: int, status: str) -> None:
        frozen = next(each for each in self._study.get_trials(deepcopy=False) if each.number == number)
        self._count()
        self._end(frozen, status if frozen.state.name == "FAIL" else _STATUS.get(frozen.state.name, status))

    def _log_best(self) -> None:
        if len(self._names) > 1:
            numbers = ", ".join(str(trial.number) for trial in self._study.best_trials)
            self._fit.set_tags({"best_trials": numbers})
            return
        best = _best_trial(self._study)
        if best is None:
            return
        if best.value != self._best:  # by the constraints of the study, or another process found it
            self._fit.log_metrics({"best_value": best.value}, step=self._ended)
        self._fit.log_params({f"best_{name}": value for name, value in best.params.items()})
        self._fit.set_tags({"best_trial": best.number})


def _value_names(study: Any) -> list[str]:
    count = len(study.directions)
    return list(study.metric_names or (["value"] if count == 1 else [f"value_{place}" for place in range(count)]))


def _best_trial(study: Any) -> Any:
    """Give a study's best trial; None where it has none yet, or has several values to be the best in."""
    try:
        return study.best_trial
    except (ValueError, RuntimeError):
        return None


def _best_value(study: Any) -> float | None:
    best = _best_trial(study)
    return None if best is None else best.value


def _watch_tell(call: Call) -> Generator[None, Any, None]:
    study, trial = call.args[0], call.args[1] if len(call.args) > 1 else call.kwargs.get("trial")
    number = getattr(trial, "number", trial)
    told = call.kwargs.get("skip_if_finished") and study.get_trials(deepcopy=False)[number].state.is_finished()
    frozen = yield
    if told:
        return
    outer = active.current_run()
    parent = {} if outer is None else {PARENT_TAG: outer.info.run_id}
    tags = {LIBRARY_TAG: _NAME, "study_name": study.study_name, **parent}
    place = None if outer is None else outer.info.experiment_id
    run = tracking.begin(f"trial {frozen.number}", experiment_id=place, tags=tags)
    try:
        _write(run, frozen, _value_names(study), with_steps=True)
    finally:
        run.end(run, _STATUS.get(frozen.state.name, "FAILED"))


def _write(run: active.ActiveRun, frozen: Any, names: Sequence[str], *, with_steps: bool) -> None:
    """Write what is known of a finished trial, in one transaction where it fits into one."""
    metrics = _metrics(frozen, names, with_steps=with_steps)
    for start in range(MAX_BATCH_METRICS, len(metrics), MAX_BATCH_METRICS):
        run.store.log_batch(run.info.run_id, metrics=metrics[start : start + MAX_BATCH_METRICS])
    _write_batch(run, metrics[:MAX_BATCH_METRICS], frozen.params, _tags(frozen))


def _write_batch(
    run: active.ActiveRun, metrics: Sequence[Metric], params: Mapping[str, Any], tags: Sequence[RunTag]
) -> None:
    """Write a batch; a param that the objective logged with another value is called ``trial_NAME``."""
    made = [make_param(key_of(name), value) for name, value in params.items()][:MAX_BATCH_PARAMS]
    try:
        run.store.log_batch(run.info.run_id, metrics=metrics, params=made, tags=tags)
    except InvalidParameterError:
        known = run.store.get_run(run.info.run_id).data.params
        made = [
            make_param(f"trial_{each.key}", each.value) if known.get(each.key, each.value) != each.value else each
            for each in made
        ]
        run.store.log_batch(run.info.run_id, metrics=metrics, params=made, tags=tags)


def _metrics(frozen: Any, names: Sequence[str], *, with_steps: bool) -> list[Metric]:
    values = dict(zip(names, frozen.values or (), strict=False))
    made = [make_metric(key_of(name), value) for name, value in values.items()]
    if with_steps:
        made += [make_metric(_INTERMEDIATE, value, step) for step, value in frozen.intermediate_values.items()]
    return made


def _tags(frozen: Any) -> list[RunTag]:
    """Make the tags of a trial, named as by Optuna's own callback for MLflow."""
    found = {
        "number": frozen.number,
        "state": frozen.state.name,
        "datetime_start": str(frozen.datetime_start),
        "datetime_complete": str(frozen.datetime_complete),
        **{f"{name}_distribution": str(each) for name, each in frozen.distributions.items()},
        **frozen.user_attrs,
    }
    return [make_tag(key_of(name), value) for name, value in found.items()][:MAX_BATCH_TAGS]
