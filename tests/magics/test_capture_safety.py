"""Capture touches nothing of the user's: hostile values, large ones, and what it keeps alive."""

from __future__ import annotations

import gc
import sys
import types
import weakref
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.quickness import assert_costs_at_most

from mltrack_magics.capture import Captured, plan_cell, take_after, take_before

if TYPE_CHECKING:
    from collections.abc import Callable


def run(source: str, namespace: dict[str, Any]) -> Captured:
    plan = plan_cell(source)
    before = take_before(plan, namespace)
    exec(source, namespace)
    return take_after(plan, before, namespace)


def params(captured: Captured) -> dict[str, object]:
    return {value.name: value.value for value in captured.params}


def metrics(captured: Captured) -> dict[str, object]:
    return {value.name: value.value for value in captured.metrics}


RAN: list[str] = []


def bomb(*_arguments: object) -> Any:
    RAN.append("the user's code")
    raise AssertionError("the user's code ran")


HOOKS = (
    "__repr__ __str__ __eq__ __ne__ __hash__ __len__ __iter__ __bool__ __float__ __int__ __index__ __format__"
    " __getattribute__ item"
)
HOSTILE: dict[str, type] = {
    base.__name__: type(f"Hostile{base.__name__}", (base,), dict.fromkeys(HOOKS.split(), bomb))
    for base in (object, float, int, str, list, dict, tuple, set, Decimal, Fraction, np.float64, np.ndarray)
}


class HostileMeta(type):
    __hash__ = bomb
    __eq__ = bomb
    __getattribute__ = bomb


class Spoof:
    __module__ = "numpy"
    __name__ = "float64"
    __class__ = float  # type: ignore[assignment]
    item = bomb


def of_hostile_type() -> object:
    return object.__new__(HostileMeta("M", (), {}))  # type: ignore[arg-type]


def hostile_values() -> list[tuple[str, Callable[[], object]]]:
    made: list[tuple[str, Callable[[], object]]] = [
        (name, lambda kind=kind, name=name: kind((1,)) if name == "ndarray" else kind())  # type: ignore[misc]
        for name, kind in HOSTILE.items()
    ]
    return [*made, ("metaclass", of_hostile_type), ("spoof", Spoof)]


@pytest.mark.parametrize("make", [make for _, make in hostile_values()], ids=[name for name, _ in hostile_values()])
def test_no_code_of_the_user_runs(make: Callable[[], object]) -> None:
    source = "y = make()\nz = [1]\nz[0] = x\nx\nn = 1\nif k: n = 2\nn2 = x"
    RAN.clear()
    captured = run(source, {"make": make, "x": make(), "n": make(), "z": make(), "k": 0})
    assert RAN == []
    assert (params(captured), metrics(captured)) == ({"k": "0", "n": "1"}, {})


def cyclic() -> list[Any]:
    made: list[Any] = [1]
    made.append(made)
    return made


BIG: dict[str, object] = {
    "cycle": cyclic(),
    "wide": list(range(10**6)),
    "text": "x" * 10**6,
    "huge": 10**200_000,
    "empties": [[] for _ in range(10**5)],
    "fraction": Fraction(10**50_000, 3),
    "array": np.zeros(10**6),
}


@pytest.mark.parametrize("value", BIG.values(), ids=BIG.keys())
def test_large_values_are_left_out_at_once(value: object) -> None:
    """As soon as small ones; to look at a million values, or at all digits, takes hundreds of times as long."""
    source = "xs = [1, 2]\nexec('xs = value')\nprint(value is None)\ny = value.__class__ and value\nw = (value, 0)[0]"
    plan = plan_cell(source)
    ran: list[dict[str, object]] = [{"value": value}, {"value": [1]}]
    before = take_before(plan, ran[0])
    exec(source, ran[0])
    assert take_after(plan, before, ran[0]) == Captured()
    exec(source, ran[1])

    def look(namespace: dict[str, object]) -> None:
        take_after(plan, take_before(plan, namespace), namespace)

    assert_costs_at_most(20, lambda: look(ran[1]), lambda: look(ran[0]))


def test_a_list_that_is_made_cyclic() -> None:
    assert run("xs = [[1]]\nxs[0] = xs", {}) == Captured()


class Model:
    pass


@pytest.mark.parametrize(
    "make",
    [Model, lambda: np.ones(3), lambda: np.array(1.5), lambda: {1.5}],
    ids=["object", "array", "scalar array", "set"],
)
def test_before_keeps_no_object_alive(make: Callable[[], Any]) -> None:
    namespace = {"model": make(), "used": make()}
    plan = plan_cell("print(used)\nmodel = used = None")
    references = [weakref.ref(value) for value in namespace.values()]
    before = take_before(plan, namespace)
    namespace.clear()
    gc.collect()
    assert [reference() for reference in references] == [None, None]
    assert "model" in before.marks


class Tensor:
    """What the code asks of a tensor of torch, which is too large a library to test with."""

    def __init__(self, value: object, *, ndim: int = 0, attached: bool = True) -> None:
        self.value, self.ndim, self.attached = value, ndim, attached

    def detach(self) -> Tensor:
        return Tensor(self.value, ndim=self.ndim, attached=False)

    def item(self) -> object:
        if self.attached or self.value is None:
            raise RuntimeError("requires grad")
        return self.value


def test_tensors_of_no_dimensions(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "a = T(0.5)\nb = T(2)\nc = T(True)\nd = T(1.5, ndim=1)\ne = T(None)\nf = T2(1)"
    namespace = {"T": Tensor, "T2": type("Tensor", (Tensor,), {"item": bomb})}
    assert metrics(run(source, dict(namespace))) == {}
    torch = types.ModuleType("torch")
    torch.Tensor = Tensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert metrics(run(source, dict(namespace))) == {"a": 0.5, "b": 2.0}
