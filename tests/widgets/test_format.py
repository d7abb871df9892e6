"""How numbers, durations, times, ids and long texts are written."""

from __future__ import annotations

import math
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack import plain_text
from mltrack_widgets import format as written

NAN, INF = math.nan, math.inf
NOON = int(datetime(2026, 11, 21, 12).astimezone().timestamp() * 1_000)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97368421, "0.9737"),
        (0.00001234567, "1.235e-05"),
        (12343.7, "12340"),
        (12345, "12345"),
        (20, "20"),
        (1.0, "1"),
        (0.5, "0.5"),
        (0.97, "0.97"),
        (99.999, "100"),
        (9.99999, "10"),
        (0.000123456, "0.0001235"),
        (-3.14159, "-3.142"),
        (1234567.8, "1235000"),
        (1.5e300, "1.5e+300"),
        (1e-320, "1e-320"),
        (-0.0, "0"),
        (True, "1"),
        (NAN, "nan"),
        (INF, "inf"),
        (-INF, "-inf"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert written.number(value) == text


@given(st.floats(-1e308, 1e308))
def test_a_number_is_right_to_four_digits(value: float) -> None:
    text = written.number(value)
    assert float(text) == pytest.approx(value, rel=5.1e-4, abs=5e-324)


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [
        (111 / 114, 110 / 114, "↑ 0.0088"),
        (0.9737, 0.99, "↓ 0.0163"),
        (1.0, 0.9737, "↑ 0.026"),
        (12345.6, 12342.4, "↑ 3.2"),
        (20.0, 5.0, "↑ 15"),
        (0.5, 0.5, "="),
        (NAN, 0.5, ""),
        (0.5, NAN, ""),
        (INF, INF, ""),
        (1e-9, 2e-9, "↓ 1e-09"),
    ],
)
def test_difference(new: float, old: float, text: str) -> None:
    assert written.difference(new, old) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (-5, "0 ms"),
        (340, "340 ms"),
        (999, "999 ms"),
        (1_200, "1.2 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min 00 s"),
        (185_000, "3 min 05 s"),
        (3_599_600, "1 h 00 min"),
        (2 * HOUR + 7 * MINUTE, "2 h 07 min"),
        (3 * DAY + 4 * HOUR, "3 d 04 h"),
    ],
)
def test_duration(milliseconds: int, text: str) -> None:
    assert written.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (0, "just now"),
        (59_000, "just now"),
        (-30_000, "just now"),
        (3 * MINUTE, "3 min ago"),
        (2 * HOUR, "2 h ago"),
        (DAY - 1, "23 h ago"),
        (DAY, "yesterday"),
        (DAY + 11 * HOUR, "yesterday"),
        (DAY + 13 * HOUR, "2026-11-19"),
        (-2 * HOUR, written.exact_time(NOON + 2 * HOUR)),
    ],
)
def test_relative_time(ago: int, text: str) -> None:
    assert written.relative_time(NOON - ago, NOON) == text


@pytest.mark.parametrize("moment", [10**15, -(10**15), 10**30], ids=str)
def test_a_time_outside_the_calendar_is_still_written(moment: int) -> None:
    assert written.exact_time(moment) == f"{moment} ms"
    assert written.relative_time(-abs(moment), NOON) == f"{-abs(moment)} ms"


@pytest.mark.parametrize(
    ("text", "width", "cut"),
    [("short", 8, "short"), ("123456789", 9, "123456789"), ("1234567890", 9, "1234…7890"), ("abcdef", 2, "a…")],
)
def test_middle_cut(text: str, width: int, cut: str) -> None:
    assert written.middle_cut(text, width) == cut


@given(st.text(max_size=60), st.integers(1, 30))
def test_a_cut_text_is_no_longer_than_asked(text: str, width: int) -> None:
    assert len(written.middle_cut(text, width)) <= width


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ((), ""),
        ((1.0,), "▄"),
        ((2.0, 2.0), "▄▄"),
        ((0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), "▁▂▃▄▅▆▇█"),
        ((0.0, NAN, 1.0), "▁·█"),
        ((NAN, NAN), "··"),
        ((0.0, INF, -INF, 1.0), "▁█▁█"),
        ((-1.7e308, 1.7e308), "▁█"),
        ((5e-324, 0.0), "█▁"),
    ],
    ids=str,
)
def test_sparkline(values: tuple[float, ...], bars: str) -> None:
    assert written.sparkline(values) == bars


@given(st.lists(st.floats(), max_size=200), st.integers(1, 40))
def test_a_sparkline_takes_any_series(values: list[float], bars: int) -> None:
    assert len(written.sparkline(values, bars)) == min(len(values), bars, 20)


@given(st.text())
def test_printable_text_is_one_line_without_escapes(text: str) -> None:
    shown = plain_text.printable(text)
    assert not {"\x1b", "\n", "\r", "\t", "\x00", "\u202e", "\u2028"} & set(shown)
    assert len(shown.splitlines()) <= 1
    shown.encode()


def test_printable_spells_escapes_out() -> None:
    assert plain_text.printable("a\x1b[31m\nb") == "a\\x1b[31m\\nb"


@pytest.mark.parametrize(
    ("text", "plain"),
    [("\x1b[1;31mred\x1b[0m", "red"), ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"), ("[31m", "[31m")],
)
def test_strip_ansi(text: str, plain: str) -> None:
    assert written.strip_ansi(text) == plain


@pytest.mark.parametrize(
    ("text", "shown"), [("0.010000000000000002", "0.01"), ("0.5", "0.5"), ("1.0", "1.0"), ("rbf", "rbf"), ("", "")]
)
def test_param_value(text: str, shown: str) -> None:
    assert written.param_value(text) == shown


@pytest.mark.parametrize(
    ("count", "text"),
    [(None, ""), (0, "0 B"), (999, "999 B"), (1_234, "1.2 kB"), (999_999, "1.0 MB"), (5 * 10**12, "5.0 TB")],
)
def test_size(count: int | None, text: str) -> None:
    assert written.size(count) == text


def test_ids_and_counts() -> None:
    assert written.short_id("8f3a91c2d4e5f607") == "8f3a91c2"
    assert (written.count(1, "cell"), written.count(2, "cell")) == ("1 cell", "2 cells")
