"""Numbers, steps, times and texts: what users log, and that nothing of it stops a training."""

from __future__ import annotations

import math
import time
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.quickness import assert_costs_at_most, assert_quick

from mltrack.entities import Metric
from mltrack.exceptions import InvalidParameterError
from mltrack.values import check_metrics, make_experiment_tag, make_metric, make_metrics, make_param, make_tag, to_text

NUMBERS = {
    "int": (3, 3.0),
    "bool": (True, 1.0),
    "float": (0.1, 0.1),
    "negative zero": (-0.0, -0.0),
    "smallest": (5e-324, 5e-324),
    "2**63": (2**63, 9.223372036854775808e18),
    "2**1000": (2**1000, 2.0**1000),
    "Decimal": (Decimal("0.25"), 0.25),
    "Fraction": (Fraction(1, 4), 0.25),
    "infinity": (math.inf, math.inf),
    "minus infinity": (-math.inf, -math.inf),
    "numpy float64": (np.float64(0.5), 0.5),
    "numpy float32": (np.float32(0.5), 0.5),
    "numpy float16": (np.float16(0.5), 0.5),
    "numpy longdouble": (np.longdouble("0.5"), 0.5),
    "numpy int8": (np.int8(-3), -3.0),
    "numpy uint64": (np.uint64(2**64 - 1), 2.0**64),
    "numpy bool": (np.bool_(1), 1.0),
    "numpy 0-d": (np.array(2.5), 2.5),
    "numpy one element": (np.array([2.5]), 2.5),
    "numpy one by one": (np.array([[2]]), 2.0),
    "text": ("0.5", 0.5),
    "text with spaces": (" 1e-3 ", 0.001),
    "text of an infinity": ("-inf", -math.inf),
}
NO_NUMBERS: dict[str, Any] = {
    "text": "half",
    "no text": "",
    "text in hexadecimal": "0x10",
    "long digits": "9" * 1_000_000,
    "None": None,
    "complex": 1j,
    "numpy complex": np.complex128(1j),
    "list": [1.0],
    "array": np.array([1.0, 2.0]),
    "empty array": np.array([]),
    "array of text": np.array(["a"]),
    "datetime64": np.datetime64("2020-01-01"),
    "object": object(),
    "bytes": b"1",
    "int over any float": 10**400,
    "int over what str shows": 10**5000,
    "signalling NaN": Decimal("sNaN"),
    "long text": "x" * 1_000_000,
}


@pytest.mark.parametrize(("value", "expected"), NUMBERS.values(), ids=NUMBERS.keys())
def test_numbers_become_floats(value: Any, expected: float) -> None:
    made = make_metric("m", value).value
    assert type(made) is float
    assert (made, math.copysign(1, made)) == (expected, math.copysign(1, expected))


@pytest.mark.parametrize("value", [math.nan, np.float32("nan"), Decimal("NaN")], ids=["float", "numpy", "Decimal"])
def test_nan_is_a_number_here(value: Any) -> None:
    assert math.isnan(make_metric("m", value).value)


def test_tensors_of_one_element() -> None:
    torch = pytest.importorskip("torch")

    assert make_metric("m", torch.tensor(0.5, requires_grad=True)).value == 0.5
    assert make_metric("m", torch.tensor([3])).value == 3.0
    assert make_metric("m", 1.0, step=torch.tensor(7)).step == 7
    for tensor in (torch.tensor([1.0, 2.0]), torch.tensor(1j), torch.empty(2, device="meta")):
        with pytest.raises(InvalidParameterError, match="'m'"):
            make_metric("m", tensor)


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_what_is_no_number_is_refused_by_name_and_briefly(value: Any) -> None:
    with pytest.raises(InvalidParameterError, match="'m'") as caught:
        make_metric("m", value)
    assert len(str(caught.value)) < 300


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1))
def test_steps_and_times_are_64_bit(step: int, timestamp: int) -> None:
    made = make_metric("m", 1.0, step, timestamp)
    assert (made.step, made.timestamp) == (step, timestamp)


@pytest.mark.parametrize(
    ("step", "expected"),
    [(None, 0), (2.0, 2), (np.int64(4), 4), (np.float32(3.0), 3), (True, 1), (np.array([5]), 5)],
)
def test_steps_of_other_types(step: Any, expected: int) -> None:
    made = make_metric("m", 1.0, step).step
    assert made == expected
    assert type(made) is int


class Hostile:
    """An object that nothing can be shown of."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


NO_STEPS = [2**63, -(2**63) - 1, 1.5, math.nan, math.inf, "1", 1j, np.array([1, 2]), 10**5000, Hostile(), [1] * 10**6]


@pytest.mark.parametrize("step", NO_STEPS, ids=lambda step: type(step).__name__)
def test_what_is_no_step_is_refused(step: Any) -> None:
    with pytest.raises(InvalidParameterError, match="The step of metric 'm'") as caught:
        make_metric("m", 1.0, step)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("timestamp", [-1, 2**63, 0.5, "now", math.nan, Hostile()])
def test_what_is_no_time_is_refused(timestamp: Any) -> None:
    with pytest.raises(InvalidParameterError, match="timestamp"):
        make_metric("m", 1.0, 0, timestamp)


@pytest.mark.parametrize("timestamp", [0, 253402300800000, 2**63 - 1, 1e12], ids=["0", "year 10000", "last", "float"])
def test_any_time_from_1970_is_kept(timestamp: Any) -> None:
    assert make_metric("m", 1.0, 0, timestamp).timestamp == timestamp


def test_points_that_are_right_are_kept_as_they_are() -> None:
    point = Metric("m", 1.0, 5, 2)
    loose: Any = Metric("m", "0.5", 5.0, np.int64(3))  # type: ignore[arg-type]
    scalar: Any = np.float32(0.5)
    kept = check_metrics([point, loose, Metric("n", scalar, 5)])
    assert kept[0] is point
    assert kept[1:] == [Metric("m", 0.5, 5, 3), Metric("n", 0.5, 5, 0)]
    assert [type(each.value) for each in kept] == [float, float, float]


WRONG_POINTS: dict[str, Any] = {
    "key": ("a\0", 1.0, 5, 0),
    "key of no text": (5, 1.0, 5, 0),
    "value": ("m", None, 5, 0),
    "time": ("m", 1.0, -1, 0),
    "large time": ("m", 1.0, 2**63, 0),
    "true step": ("m", 1.0, 5, 2**63),
    "step": ("m", 1.0, 5, 1.5),
}


@pytest.mark.parametrize("fields", WRONG_POINTS.values(), ids=WRONG_POINTS.keys())
def test_points_that_are_wrong_are_found(fields: Any) -> None:
    with pytest.raises(InvalidParameterError):
        check_metrics([Metric("m", 1.0, 5), Metric(*fields)])


@given(st.dictionaries(st.sampled_from("abc"), st.floats() | st.integers(-9, 9)), st.integers(0, 9), st.integers(0, 9))
def test_several_metrics_are_made_as_one_is(values: dict[str, float], step: int, timestamp: int) -> None:
    single = [make_metric(key, value, step, timestamp) for key, value in values.items()]
    assert repr(make_metrics(values, step, timestamp)) == repr(single)


def test_several_metrics_share_their_time() -> None:
    assert len({point.timestamp for point in make_metrics(dict.fromkeys("abcdef", 1))}) == 1
    for values, step, timestamp in (({"a\0": 1.0}, 0, 1), ({"a": 1.0, "": 1.0}, 0, 1), ({"a": 1.0}, 2**63, 1)):
        with pytest.raises(InvalidParameterError):
            make_metrics(values, step, timestamp)


def test_an_experiments_tag_is_refused_rather_than_cut() -> None:
    assert make_experiment_tag("k", "x" * 20_000).value == "x" * 20_000
    with pytest.raises(InvalidParameterError, match="20001 characters"):
        make_experiment_tag("k", "x" * 20_001)
    assert make_experiment_tag("password", "hunter2x").value == "[masked]"


def test_the_time_is_now_by_default() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= make_metric("m", 1.0).timestamp <= time.time_ns() // 1_000_000


class Raising:
    def __str__(self) -> str:
        raise ValueError("nothing to say")

    __repr__ = __str__


class Quitting:
    def __str__(self) -> str:
        raise SystemExit

    __repr__ = __str__


class Slow:
    def __str__(self) -> str:
        time.sleep(10)
        return "done"

    __repr__ = __str__


class Long:
    def __str__(self) -> str:
        return "x" * 50_000_000

    __repr__ = __str__


class NotText:
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]  # noqa: PLE0307 - a wrong class, as there are


def cyclic() -> dict[str, Any]:
    found: dict[str, Any] = {"a": 1}
    found["self"] = found
    return found


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


HARD_TEXTS = {
    "raising": (Raising(), "str() raised ValueError"),
    "quitting": (Quitting(), "str() raised SystemExit"),
    "slow": (Slow(), "took over 50 ms"),
    "no text": (NotText(), "str() raised TypeError"),
    "long": (Long(), "cut: 50000000 characters"),
    "cyclic": (cyclic(), "..."),
    "deep": (deep(), "[[["),
    "big int": (10**5000, "<int of"),
    "big int in a list": ([10**5000], ""),
    "list with a raising item": ([1, Raising()], "[1, <Raising instance"),
    "list with a slow item": ([1, Slow()], "took over 50 ms"),
    "long list": (list(range(10**6)), "[0, 1, 2"),
    "long texts in a list": (["x" * 10**6] * 150, "xxx"),
    "array": (np.arange(10**6), "[     0      1"),
    "long text": ("y" * 10**6, "cut: 1000000 characters"),
}


@pytest.mark.parametrize(("value", "part"), HARD_TEXTS.values(), ids=HARD_TEXTS.keys())
@pytest.mark.parametrize("make", [make_param, make_tag])
def test_texts_are_made_in_bounded_time_and_length(
    make: Any, value: Any, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "took over" not in part:
        monkeypatch.setattr("mltrack.values.TEXT_SECONDS", 60)
    text = assert_quick(lambda: make("k", value).value, 10, clock=time.process_time)  # 0.3 s, for the long one
    assert part in text
    assert len(text) <= (6000 if make is make_param else 8000)


def test_of_a_long_list_only_the_beginning_is_written() -> None:
    value, _ = HARD_TEXTS["long list"]
    assert_costs_at_most(0.2, lambda: str(value), lambda: make_tag("k", value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (0.1, "0.1"),
        (True, "True"),
        (None, "None"),
        ("a b", "a b"),
        ("", ""),
        ([1, "a"], "[1, 'a']"),
        ({"a": (1, 2)}, "{'a': (1, 2)}"),
        (np.float32(0.5), "0.5"),
        (Decimal("1.10"), "1.10"),
        (b"x", "b'x'"),
    ],
)
def test_plain_values_are_their_text(value: Any, text: str) -> None:
    assert make_param("p", value).value == to_text(value) == text


def test_the_longest_values_are_whole() -> None:
    assert make_param("p", "x" * 6000).value == "x" * 6000
    assert make_tag("t", "x" * 8000).value == "x" * 8000
    assert make_param("p", "x" * 6001).value.endswith("… [cut: 6001 characters]")


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\ud83d" * 7000])
def test_lone_surrogates_become_something_a_store_holds(text: str) -> None:
    made = make_param("p", text).value
    made.encode()
    assert "\\ud" in made
    assert len(made) <= 6000


@given(st.text())
def test_any_text_can_be_kept(text: str) -> None:
    make_param("p", text).value.encode()


TOKEN = "ghp_" + "a1B2c3D4e5" * 4  # no one's


@pytest.mark.parametrize("make", [make_param, make_tag])
@pytest.mark.parametrize(
    ("key", "value"),
    [("note", f"use {TOKEN}"), ("api_key", "hunter22"), ("config", {"url": f"https://me:{TOKEN}@host"})],
    ids=["in the text", "by the key", "in a container"],
)
def test_secrets_are_masked(make: Any, key: str, value: Any) -> None:
    text = make(key, value).value
    assert TOKEN not in text
    assert "hunter22" not in text
    assert "[masked]" in text


def test_a_secret_at_the_place_of_the_cut_is_masked() -> None:
    assert "ghp_" not in make_param("p", "x " * 2980 + TOKEN + " y" * 3000).value


def test_keys_that_only_sound_secret_are_kept() -> None:
    assert make_param("max_tokens", 512).value == "512"
    assert make_param("tokenizer", "bpe").value == "bpe"
