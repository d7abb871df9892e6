"""System metrics: a thread for each run that wants them samples the machine's use into ``system/…`` metrics.

Off unless ``start_run(log_system_metrics=True)``, ``%%track_run --system-metrics``, ``MLTRACK_SYSTEM_METRICS=true`` or
``enable_system_metrics_logging`` asks for it. The step is the number of the point. A run gets a last sample at its end,
so that the shortest has one.
"""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING

from mltrack import config
from mltrack.exceptions import InvalidParameterError
from mltrack.keys import check_key
from mltrack.settings import state
from mltrack.values import make_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mltrack.active import ActiveRun
    from mltrack.system_sample import Sampler

PREFIX = "system/"
DEFAULT_INTERVAL = 10.0
END_SECONDS = 5.0
"""A run's end waits so long for a write of the thread's that is under way; the store waits no longer for its lock."""

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
_monitors: dict[str, Monitor] = {}


def enable_system_metrics_logging() -> None:
    """Sample the machine's use during every run to come, here and in the processes this one starts."""
    config.SYSTEM_METRICS.set("true")


def disable_system_metrics_logging() -> None:
    """Sample it only during the runs that ask for it themselves."""
    config.SYSTEM_METRICS.set("false")


def set_system_metrics_sampling_interval(interval: float | None) -> None:
    """Set the seconds between two samples of the runs to come; None for the default of 10."""
    _set(config.SYSTEM_METRICS_INTERVAL, interval, _interval)


def set_system_metrics_samples_before_logging(samples: int | None) -> None:
    """Set how many samples make one point, their mean, in the runs to come; None for the default of 1."""
    _set(config.SYSTEM_METRICS_SAMPLES, samples, _samples)


def set_system_metrics_node_id(node_id: str | None) -> None:
    """Name this machine among several of one run: its metrics are ``system/NODE/…``; None for no name."""
    _set(config.SYSTEM_METRICS_NODE, node_id, _prefix)


def _set(variable: config.Variable, value: object, check: Callable[[], object]) -> None:
    before = variable.get()
    variable.set(None if value is None else str(value))
    try:
        check()
    except InvalidParameterError:
        variable.set(before)
        raise


def watch(run: ActiveRun, *, wanted: bool | None) -> None:
    """Begin to sample for a run, when it wants that or, with None, when the environment does.

    What keeps it from being done is a warning.
    """
    try:
        if (wanted is None and not _is_on()) or wanted is False or run.info.run_id in _monitors:
            return
        monitor = Monitor(run)
        _monitors[run.info.run_id] = monitor
        monitor.start()
    except Exception as error:  # no run is lost for them
        warnings.warn(f"System metrics are not sampled: {error}", stacklevel=3)


def finish(run_id: str) -> None:
    """Take a run's last sample and end its thread; nothing happens where there is none."""
    monitor = _monitors.pop(run_id, None)
    if monitor is not None:
        monitor.finish()


class Monitor:
    """The thread of one run."""

    def __init__(self, run: ActiveRun) -> None:
        from mltrack.system_sample import Sampler  # needed only where somebody asked for system metrics

        self._store = run.store
        self._run_id = run.info.run_id
        self._interval, self._samples, self._prefix = _interval(), _samples(), _prefix()
        steps = [each.step for each in run.data.latest if each.key.startswith(self._prefix)]
        self._step = max(steps, default=-1) + 1  # a run that was taken up again goes on where it was
        self._waiting: list[Mapping[str, float]] = []
        self._ended = threading.Event()
        self._sampler: Sampler = Sampler()
        self._thread = threading.Thread(target=self._work, name="mltrack-system-metrics", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def finish(self) -> None:
        """End the thread, and write a last point, of what it had taken and one sample more."""
        self._ended.set()
        self._thread.join(END_SECONDS)
        self._take(at_least=1)

    def _work(self) -> None:
        self._sampler.find_gpus()
        while not self._ended.wait(self._interval):
            if not self._take(at_least=self._samples):
                return

    def _take(self, *, at_least: int) -> bool:
        """Sample, and write a point when there are enough samples; False when the run takes no more."""
        try:
            self._waiting.append(self._sampler.sample())
            if len(self._waiting) >= at_least:
                point, self._waiting = _mean(self._waiting), []
                metrics = make_metrics({self._prefix + name: value for name, value in point.items()}, self._step)
                self._step += 1
                state.backlog.do(self._store.log_batch, self._run_id, metrics=metrics)
        except Exception:  # the run was deleted, or the store closed for good
            return False
        return True


def _mean(samples: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Give the mean of each figure to one decimal, as MLflow does; of the network's, the last."""
    from mltrack.system_sample import NETWORK  # loaded with the sampler that took them

    names = dict.fromkeys(name for sample in samples for name in sample)
    values = {name: [sample[name] for sample in samples if name in sample] for name in names}
    return {name: found[-1] if name in NETWORK else round(sum(found) / len(found), 1) for name, found in values.items()}


def _is_on() -> bool:
    text = (config.SYSTEM_METRICS.get() or "false").lower()
    if text not in _TRUE + _FALSE:
        raise InvalidParameterError(f"{config.SYSTEM_METRICS.name} must be true or false; it is {text!r}.")
    return text in _TRUE


def _interval() -> float:
    return _number(config.SYSTEM_METRICS_INTERVAL, DEFAULT_INTERVAL, float)


def _samples() -> int:
    return int(_number(config.SYSTEM_METRICS_SAMPLES, 1, int))


def _number(variable: config.Variable, default: float, kind: type[int | float]) -> float:
    text = variable.get()
    try:
        number = default if text is None else kind(text)
    except ValueError:
        number = 0
    if not 0 < number <= threading.TIMEOUT_MAX:
        raise InvalidParameterError(f"{variable.name} must be a number above 0; it is {text!r}.")
    return number


def _prefix() -> str:
    node = config.SYSTEM_METRICS_NODE.get()
    return check_key(f"{PREFIX}{node}", "system metric") + "/" if node else PREFIX


def _forget_parent() -> None:
    """In a forked child: the threads are the parent's."""
    _monitors.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forget_parent)
