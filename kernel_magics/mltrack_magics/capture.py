"""What a tracked cell's parameters and metrics are: its plan, with the namespace before and after it ran.

Values are looked at by their exact type alone: builtin ones, and those of the few libraries named here. Nothing of the
user's is compared, printed or converted, as that would run code of the user's, which may take long, print or raise.
"""

from __future__ import annotations

import math
import sys
import weakref
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mltrack.entities import CapturedName
from mltrack.provenance.cell_literals import TEXT_LIMIT, literal_text
from mltrack.provenance.cell_names import inner_source, plan_cell, structure_digest
from mltrack.provenance.cell_plan import Binding, CellPlan, How, Place

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "SHELL_NAMES",
    "Before",
    "Captured",
    "CapturedValue",
    "CellPlan",
    "inner_source",
    "is_type_of",
    "plan_cell",
    "structure_digest",
    "take_after",
    "take_before",
]


@dataclass(frozen=True, slots=True)
class CapturedValue:
    """A param's text or a metric's number, and where it comes from."""

    name: str
    value: object
    where: CapturedName


@dataclass(frozen=True, slots=True)
class Captured:
    """The parameters and metrics of one execution of a cell."""

    params: tuple[CapturedValue, ...] = ()
    metrics: tuple[CapturedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Before:
    """The namespace before a cell ran, as far as its plan asks: it keeps no object alive but small numbers and texts.

    ``texts`` holds the scalars that the cell reads; ``marks`` tells for each name that it binds which object it was.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Identity:
    """An object that can neither be kept nor be referred to weakly."""

    number: int


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How one name of the plan came out of the cell."""

    name: str
    bindings: tuple[Binding, ...]
    value: object
    changed: bool
    failed_line: int | None

    def ran(self, binding: Binding) -> bool:
        """Tell whether the cell surely got past a binding."""
        return self.failed_line is None or self.changed or binding.end_line < self.failed_line

    def captured(self, kind: str, value: object, binding: Binding | None) -> CapturedValue:
        """Return a value with its place in the cell; without a binding it was read."""
        span = None if binding is None else binding.span
        if span is None:
            return CapturedValue(self.name, value, CapturedName(kind, self.name, "bound" if binding else "read"))
        place = (span.line, span.column, span.end_line, span.end_column)
        return CapturedValue(self.name, value, CapturedName(kind, self.name, "bound", *place))


_MISSING = object()

# A name bound in one of these ways anywhere in the cell is no value of the run.
_NEVER = frozenset({How.LOOP, How.IMPORT, How.DEFINITION, How.WITH, How.EXCEPT})
SHELL_NAMES = frozenset({"In", "Out", "exit", "quit", "get_ipython", "open", "display"})

# Python keeps one object for each small number: it is the same one before and after, bound anew or not.
_SHARED_INTEGERS = range(-5, 1025)

_NUMPY_SCALARS = (
    *("bool", "bool_", "str_", "half", "single", "double", "longdouble", "float16", "float32", "float64"),
    *("byte", "short", "intc", "int_", "long", "longlong", "int8", "int16", "int32", "int64"),
    *("ubyte", "ushort", "uintc", "uint", "ulong", "ulonglong", "uint8", "uint16", "uint32", "uint64"),
)
_TENSORS = (
    ("torch", "Tensor"),
    ("torch.nn.parameter", "Parameter"),
    ("jax._src.array", "ArrayImpl"),
    ("tensorflow.python.framework.ops", "EagerTensor"),
)


def take_before(plan: CellPlan, namespace: Mapping[str, object]) -> Before:
    """Note what the namespace holds of the plan's names, before the cell runs."""
    texts = {name: _scalar_text(namespace.get(name, _MISSING)) for name in plan.reads if _is_capturable(name, plan)}
    bound = [name for name in plan.bindings if name in namespace and _is_capturable(name, plan)]
    return Before(
        {name: text for name, text in texts.items() if text is not None},
        {name: _mark(namespace[name]) for name in bound},
    )


def take_after(
    plan: CellPlan, before: Before, namespace: Mapping[str, object], *, failed_line: int | None = None
) -> Captured:
    """Return the parameters and metrics of a cell that ran.

    ``failed_line`` is the line of the cell's own statement, not of a function in it, at which an exception was raised:
    then only what this execution surely bound counts.
    """
    params = []
    metrics = []
    for name in dict.fromkeys([*plan.reads, *plan.bindings]):
        value = namespace.get(name, _MISSING)
        bindings = plan.bindings.get(name, ())
        deleted = any(binding.how is How.DELETED for binding in bindings)
        if not _is_capturable(name, plan) or (deleted and value is _MISSING):
            continue
        changed = _has_changed(before.marks.get(name, _MISSING), value)
        kept = tuple(binding for binding in bindings if binding.how is not How.DELETED)
        outcome = _Outcome(name, kept, value, changed, failed_line)
        params.append(_param(outcome, before.texts.get(name), read_surely=plan.reads.get(name, False)))
        metrics.append(_metric(outcome))
    return Captured(tuple(filter(None, params)), tuple(filter(None, metrics)))


def _is_capturable(name: str, plan: CellPlan) -> bool:
    if name.startswith("_") or name in SHELL_NAMES:
        return False
    return all(binding.how not in _NEVER for binding in plan.bindings.get(name, ()))


def _param(outcome: _Outcome, text_before: str | None, *, read_surely: bool) -> CapturedValue | None:
    if read_surely and text_before is not None:
        return outcome.captured("param", text_before, None)
    binding = _literal_in_effect(outcome)
    if binding is not None:
        return outcome.captured("param", _literal_param(outcome.value), binding)
    # Read after a binding that may not have run: it did not when the object is the one from before.
    if text_before is not None and not outcome.changed:
        return outcome.captured("param", text_before, None)
    return None


def _literal_in_effect(outcome: _Outcome) -> Binding | None:
    """Return the last binding whose literal is the value the name ended with, if it is bound to literals alone."""
    if any(binding.how is not How.LITERAL or binding.place is Place.LOOP for binding in outcome.bindings):
        return None
    text = literal_text(outcome.value)
    if text is None:
        return None
    found = (binding for binding in reversed(outcome.bindings) if binding.literal == text and outcome.ran(binding))
    return next(found, None)


def _literal_param(value: object) -> str | None:
    return value if type(value) is str else literal_text(value)


def _metric(outcome: _Outcome) -> CapturedValue | None:
    computed = _computed_bindings(outcome.bindings)
    if not computed or not _was_bound(outcome):
        return None
    number = _metric_number(outcome.value)
    return None if number is None else outcome.captured("metric", number, computed[-1])


def _computed_bindings(bindings: tuple[Binding, ...]) -> list[Binding]:
    """Return the bindings that make a name a metric's.

    A name that starts as a literal and takes another's value in a loop is a running best. What only functions of the
    cell bind, by ``global``, is theirs.
    """
    hows = {binding.how for binding in bindings}
    if hows <= {How.INNER}:
        return []
    return [
        binding
        for binding in bindings
        if binding.how in (How.COMPUTED, How.INNER)
        or (binding.how is How.ALIAS and binding.place is Place.LOOP and How.LITERAL in hows)
    ]


def _was_bound(outcome: _Outcome) -> bool:
    if outcome.changed:
        return True
    if outcome.failed_line is not None:
        return any(binding.place is Place.TOP and outcome.ran(binding) for binding in outcome.bindings)
    if any(binding.place is not Place.BRANCH for binding in outcome.bindings):
        return True
    # All bindings are in branches, and the object is the one from before: none of them ran, unless it is a shared one.
    return type(outcome.value) is int and outcome.value in _SHARED_INTEGERS


def _mark(value: object) -> object:
    """Return what tells an object from the one that follows it, without keeping a large one alive."""
    if _is_small(value):
        return value
    try:
        return weakref.ref(value)
    except TypeError:
        return _Identity(id(value))


def _is_small(value: object) -> bool:
    """Tell whether a value is a scalar that costs nothing to keep.

    An address alone does not tell two floats apart: in a loop the next one often takes the place of the last but one.
    """
    kind = type(value)
    if kind is str or kind is int:
        return sys.getsizeof(value) <= 4 * TEXT_LIMIT
    return kind is float or kind is bool or value is None or _is_exact_number(value) or _is_numpy_scalar(value)


def _has_changed(mark: object, value: object) -> bool:
    if type(mark) is weakref.ReferenceType:
        return mark() is not value
    if type(mark) is _Identity:
        return mark.number != id(value)
    return mark is not value


def _scalar_text(value: object) -> str | None:
    """Return the text of a scalar that the cell reads, or None for what is no scalar or too long."""
    if _is_numpy(value):
        value = _numpy_value(value)
    if type(value) is str:
        return value if len(value) <= TEXT_LIMIT else None
    if _is_exact_number(value):
        return _short_number(value)
    is_builtin = value is None or type(value) is bool or type(value) is int or type(value) is float
    return literal_text(value) if is_builtin else None


def _short_number(value: object) -> str | None:
    try:
        text = str(value)
    except ValueError:  # more digits than Python writes
        return None
    return text if len(text) <= TEXT_LIMIT else None


def _metric_number(value: object) -> float | None:
    """Return a computed number as a float; None for what is no number, a bool, or too large for a float."""
    if _is_numpy(value):
        value = _numpy_value(value)
    elif _is_tensor(value):
        value = _tensor_value(value)
    if type(value) is float:
        return value
    if type(value) is not int and not _is_exact_number(value):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (OverflowError, ValueError):  # ValueError: a signalling NaN
        return None
    # Decimal("1e400") is finite, and infinite as a float.
    return number if math.isfinite(number) or not _is_finite(value) else None


def _is_finite(value: Any) -> bool:
    return not is_type_of(value, "decimal", "Decimal") or bool(value.is_finite())


def _is_exact_number(value: object) -> bool:
    """Tell whether a value is a ``Decimal`` or a ``Fraction``."""
    return is_type_of(value, "decimal", "Decimal") or is_type_of(value, "fractions", "Fraction")


def is_type_of(value: object, module: str, name: str) -> bool:
    """Tell whether a value's exact type is one of a library's, which is not imported to ask."""
    found = sys.modules.get(module)
    # By identity: a comparison or a hash of a type may run its metaclass. A module of another type may be a lazy one.
    return type(found) is ModuleType and vars(found).get(name) is type(value)


def _is_numpy(value: object) -> bool:
    """Tell whether a value is a scalar of numpy, or an array of no dimensions that holds one."""
    if not is_type_of(value, "numpy", "ndarray"):
        return _is_numpy_scalar(value)
    return value.ndim == 0 and value.dtype.kind in "biufU"  # type: ignore[attr-defined]


def _is_numpy_scalar(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    kind = type(value)
    return type(numpy) is ModuleType and any(vars(numpy).get(name) is kind for name in _NUMPY_SCALARS)


def _numpy_value(value: Any) -> object:
    item = value.item()
    # a long double has no Python type of its own: its item is itself
    return float(item) if is_type_of(item, "numpy", "longdouble") else item


def _is_tensor(value: object) -> bool:
    return any(is_type_of(value, module, name) for module, name in _TENSORS)


def _tensor_value(value: Any) -> object:
    """Return what a tensor of no dimensions holds, detached from its graph."""
    try:
        if value.ndim != 0:
            return None
        if is_type_of(value, "tensorflow.python.framework.ops", "EagerTensor"):
            return _numpy_value(value.numpy())
        return (value.detach() if hasattr(value, "detach") else value).item()
    except Exception:  # a device that failed, a buffer that was given away: whatever the library says, no metric
        return None
