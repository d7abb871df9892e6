"""A plain loop while it goes on: which optimizer's step a loss belongs to, and which of them become points.

The loss of a step is the sum of what ``backward`` was called on since the last one, under the same name: with gradients
accumulated over several batches that is the value that the step made smaller. Where the step calls a closure, again
and again as LBFGS does, it is the first one's value, as ``step`` returns it.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from mltrack.autologging import switch
from mltrack.autologging.fits import Fit, begin_fit
from mltrack.autologging.safety import guarded, safely
from mltrack.entities import Metric
from mltrack.frameworks.pytorch import NAME
from mltrack.frameworks.pytorch.loss_names import name_at
from mltrack.frameworks.pytorch.modules import module_trained_by, parameters_of
from mltrack.frameworks.pytorch.optimizers import optimizer_params
from mltrack.frameworks.pytorch.summary import counts_of, summary_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.active import ActiveRun
    from mltrack.frameworks.pytorch.loss_names import Place

WRITE_SECONDS = 0.2
ALL_STEPS = 1000
"""So many first steps all become points; then every second, and half as many with each doubling of the steps."""
MOST_PARTS = 256
"""After so many losses without an optimizer's step the loop is taken for one that updates its parameters itself."""
_loops: dict[tuple[str, int], Loop] = {}


def loop_of(run: ActiveRun) -> Loop:
    """Give what this thread trains while the run is active."""
    key = run.info.run_id, threading.get_ident()
    loop = _loops.get(key)
    if loop is None:
        loop = _loops[key] = Loop()

        def close() -> None:
            _loops.pop(key, None)
            loop.close()

        run.before_end(close)
    return loop


class Training:
    """The steps of one optimizer, and the points of their losses."""

    def __init__(self, fit: Fit) -> None:
        self.fit = fit
        self._steps = 0
        self._keys: dict[str, str] = {}
        self._waiting: list[tuple[str, Any, int, int]] = []
        self._last: dict[str, tuple[str, Any, int, int]] = {}
        self._next_write = 0.0

    def add(self, losses: Mapping[str, Any]) -> None:
        """Take the losses of the next step; it becomes a point if it is one that is wanted, or the last."""
        now, step = time.time(), self._steps
        self._steps += 1
        is_wanted = step % (1 << (step // ALL_STEPS).bit_length()) == 0
        for name, value in losses.items():
            key = self._keys.get(name) or self._keys.setdefault(name, self.fit.key(name))
            point = (key, value, int(now * 1000), step)
            if is_wanted:
                self._waiting.append(point)
                self._last.pop(key, None)
            else:
                self._last[key] = point
        if is_wanted and (now >= self._next_write or now < self._next_write - WRITE_SECONDS):
            self._next_write = now + WRITE_SECONDS
            self.flush()

    def flush(self) -> None:
        """Write what waits; a value on another device is waited for only now."""
        waiting, self._waiting = self._waiting, []
        self.fit.write_points([Metric(key, float(value), when, step) for key, value, when, step in waiting])

    def close(self) -> None:
        """Write the last of all."""
        self._waiting += self._last.values()
        self._last = {}
        self.flush()


class Loop:
    """What one thread trains while one run is active."""

    def __init__(self) -> None:
        self._trainings: WeakKeyDictionary[Any, Training | None] = WeakKeyDictionary()
        self._all: list[Training] = []
        self._without_optimizer: Training | None = None
        self._names: dict[Place, str] = {}
        self._parts: dict[str, list[Any]] = {}
        self._last: weakref.ref[Any] | None = None
        self._is_ours = _is_first_process()

    def take(self, place: Place, values: Sequence[Any]) -> None:
        """Note the losses that ``backward`` was called on at a place of the code."""
        if not self._is_ours:
            return
        name = self._names.get(place)
        if name is None:
            name = self._names[place] = name_at(place)
        if name not in self._parts and self._without_optimizer is not None:
            self._without_optimizer.add({name: sum(values)})
            return
        parts = self._parts.setdefault(name, [])
        parts.append(sum(values))
        if len(parts) >= MOST_PARTS:
            self._go_on_without_optimizer()

    def step(self, optimizer: Any, *, with_closure: bool) -> None:
        """Give the losses noted so far to an optimizer that has made a step."""
        if not self._is_ours:
            return
        parts, self._parts = self._parts, {}
        self._without_optimizer = None
        if optimizer not in self._trainings:
            self._trainings[optimizer] = self._begin(optimizer, is_due=bool(parts))
        training = self._trainings[optimizer]
        self._last = weakref.ref(optimizer)
        if training is not None:
            training.add({name: values[0] if with_closure else sum(values) for name, values in parts.items()})

    def drop(self) -> None:
        """Forget losses whose step was skipped, as AMP's scaler does after an overflow."""
        self._parts.clear()

    def _begin(self, optimizer: Any, *, is_due: bool) -> Training | None:
        last = None if self._last is None else self._last()
        if not is_due and last is not None and parameters_of(last)[0] is parameters_of(optimizer)[0]:
            return None  # it has the last one inside it, which made the step
        fit = self._begin_fit()
        if fit is None:
            return None
        safely(NAME, "the optimizer", lambda: fit.log_params(optimizer_params(optimizer)))
        module = safely(NAME, "the module", module_trained_by, optimizer)
        safely(NAME, "the module's summary", _log_module, fit, optimizer, module)
        return self._added(Training(fit))

    def _begin_fit(self) -> Fit | None:
        fit = begin_fit(NAME, replace(switch.options_of(NAME), exclusive=False))
        return fit if fit.is_logged else None

    def _added(self, training: Training) -> Training:
        self._all.append(training)
        return training

    def _go_on_without_optimizer(self) -> None:
        """Take each loss for a step of its own."""
        parts, self._parts = self._parts, {}
        fit = self._begin_fit()
        if fit is None:
            self._is_ours = False
            return
        self._without_optimizer = self._added(Training(fit))
        for place in range(max(map(len, parts.values()))):
            self._without_optimizer.add({name: each[place] for name, each in parts.items() if place < len(each)})

    @guarded(NAME, "the last losses")
    def close(self) -> None:
        """Write the last losses of all trainings."""
        if self._parts and not self._all:
            self._go_on_without_optimizer()
        for training in self._all:
            safely(NAME, "the last losses of an optimizer", training.close)


def _log_module(fit: Fit, optimizer: Any, module: Any) -> None:
    trained = sum(each.numel() for each in parameters_of(optimizer) if each.requires_grad)
    if module is None:
        fit.log_params({"trainable_parameters": trained})
        return
    fit.log_params({"model": type(module).__name__, **counts_of(module), "trainable_parameters": trained})
    fit.log_text(f"{fit.key('model_summary')}.txt", summary_of(module))


def _is_first_process() -> bool:
    """Tell whether this is the process that logs, of several that train one model together."""
    distributed = getattr(sys.modules["torch"], "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return True
    return bool(distributed.get_rank() == 0)
