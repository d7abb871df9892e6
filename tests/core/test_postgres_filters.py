"""Searches in PostgreSQL: that they find and sort what plain Python does, as those in SQLite."""

from __future__ import annotations

import math
import time
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.core import postgres_server
from tests.core.filter_texts import filters, written
from tests.core.run_rows import KEYS, filled, keys, run, search, store, tables
from tests.core.test_filter_sql import CASES, HOSTILE, LARGEST, LIMITS, sort_keys, sorted_by_python
from tests.core.test_run_groups import assert_close, check, near, numbers, summary

from mltrack.exceptions import InvalidParameterError
from mltrack.store import run_search
from mltrack.store.groups import Grouping, find_groups
from mltrack.store.locator import Locator
from mltrack.store.pages import Search
from mltrack.store.postgres.connection import PostgresConnection, set_up
from mltrack.store.postgres.groups import PostgresGroupReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.core.filter_texts import Filter
    from tests.core.run_rows import Row

    from mltrack.store.filter_tree import OrderKey
    from mltrack.store.summaries import RunGroup

    Fill = Callable[[Sequence[Row]], Any]

pytestmark = pytest.mark.slow
MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def fill() -> Iterator[Fill]:
    """Gives a connection to a store that has these runs, numbered from 1, and nothing else."""
    raw = postgres_server.cluster().connect(postgres_server.shared())
    set_up(raw)

    def make(rows: Sequence[Row]) -> PostgresConnection:
        postgres_server.empty(postgres_server.shared())
        return filled(PostgresConnection(raw), rows)  # type: ignore[no-any-return]

    yield make
    raw.close()


@MANY
@given(rows=tables(), wanted=filters, limits=LIMITS)
def test_finds_what_plain_python_finds(fill: Fill, rows: list[Row], wanted: Filter, limits: tuple[int, int]) -> None:
    text, holds = wanted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_search, "FEW", limits[0])
        patch.setattr(run_search, "MOST", limits[1])
        found = search(fill(rows), text)
    assert sorted(found) == sorted(row.uuid for row in rows if holds(row))


@MANY
@given(rows=tables(), order=st.lists(sort_keys(), max_size=3), wanted=st.none() | filters, limits=LIMITS)
def test_sorts_as_plain_python_sorts_on_every_page(
    fill: Fill, rows: list[Row], order: list[OrderKey], wanted: Filter | None, limits: tuple[int, int]
) -> None:
    text, holds = wanted or ("", lambda _: True)
    expected = sorted_by_python([row for row in rows if holds(row)], order)
    words = [f"{written(item.key)} {'desc' if item.descending else 'ASC'}" for item in order]
    connection = fill(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_search, "FEW", limits[0])
        patch.setattr(run_search, "MOST", limits[1])
        for count in range(len(rows) + 2):
            assert search(connection, text, words, count) == expected[:count]


@pytest.mark.parametrize("is_live", [False, True])
@pytest.mark.parametrize("few", [0, 2_000])
def test_nan_and_missing_come_last_both_ways_and_infinities_are_numbers(
    fill: Fill, is_live: bool, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_search, "FEW", few)
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.5, "e": -0.0}
    connection = fill([*[run(name, metrics={"m": value}, is_live=is_live) for name, value in values.items()], run("f")])
    assert search(connection, None, ["metrics.m"]) == ["c", "e", "d", "b", "a", "f"]
    assert search(connection, None, ["metrics.m DESC"]) == ["b", "d", "e", "c", "a", "f"]
    assert search(connection, "metrics.m != 0.5") == ["b", "c", "e"]
    assert search(connection, "NOT metrics.m = 0.5") == ["a", "b", "c", "e", "f"]
    assert search(connection, "metrics.m = 1e999") == ["b"]
    assert search(connection, f"metrics.m < {'9' * 400}") == ["c", "d", "e"]


def test_like_knows_no_escape_and_no_glob(fill: Fill) -> None:
    values = {"a": "50%", "b": "[ab]", "c": "a*?", "d": "A", "e": "x]y", "f": "\U0001f600", "g": "a\\b"}
    connection = fill([run(name, params={"p": value}) for name, value in values.items()])
    for text, found in [
        ("LIKE '[ab]'", "b"),
        ("LIKE '%*?'", "c"),
        ("LIKE 'a'", ""),
        ("ILIKE 'a'", "d"),
        ("LIKE '%]_'", "e"),
        ("LIKE '_'", "df"),
        ("LIKE '50\\%'", ""),
        ("LIKE 'a\\b'", "g"),
        ("ILIKE 'A\\_'", "g"),
        ("NOT LIKE 'a%'", "abdef"),
    ]:
        assert "".join(search(connection, f"params.p {text}")) == found, text


@pytest.mark.parametrize(("value", "pattern", "found"), CASES)
def test_ilike_takes_all_letters_cases_as_one(fill: Fill, value: str, pattern: str, found: bool) -> None:
    connection = fill([run("a", tags={"t": value})])
    assert search(connection, f"tags.t ILIKE '{pattern}'") == ["a"] * found
    assert search(connection, f"tags.t NOT ILIKE '{pattern}'") == ["a"] * (not found)


def test_the_database_folds_every_letter_as_python_does(fill: Fill) -> None:
    letters = [each for each in map(chr, range(1, 0x110000)) if unicodedata.category(each) not in ("Cs", "Cn")]
    text = "-".join(letters)  # a sigma at a word's end is another one
    assert fill([]).ask("SELECT mltrack_casefold(%s)", (text,)) == [(text.casefold(),)]
    assert fill([]).ask("SELECT mltrack_casefold(%s)", (None,)) == [(None,)]


NUMBERS = ["1", " 1 ", "+1.", "-.5", "1e3", "1E-3", "1e400", "-1e400", "1e-400", "0e99999", "1e99999", "-1e-99999"]
NUMBERS += ["1e", "", ".", "e5", "nan", "inf", "0x10", "1_000", "1 2", "١", "9007199254740993", "0" * 6000 + "1"]
NUMBERS += ["1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "2.4e-324", "1\n"]
LIMITS_OF_NUMBERS = [
    "-1e999",
    "-1",
    "0",
    "0.001",
    "1",
    "1000",
    "9007199254740992",
    "9007199254740993",
    "1e308",
    "1e999",
]


@pytest.mark.parametrize("comparator", ["=", "!=", "<", "<=", ">", ">="])
def test_texts_are_numbers_as_they_are_in_sqlite(fill: Fill, comparator: str) -> None:
    rows = [run(f"r{place:02}", params={"p": text}) for place, text in enumerate(NUMBERS)]
    ours, theirs = store(rows), fill(rows)  # SQLite's, and PostgreSQL's
    for limit in LIMITS_OF_NUMBERS:
        text = f"params.p {comparator} {limit}"
        assert search(theirs, text) == search(ours, text), text


@MANY
@given(value=st.floats(allow_nan=False, allow_infinity=False))
@example(value=0.1)
@example(value=1e22)
@example(value=5e-324)
def test_a_param_equals_the_number_that_it_was_written_from(fill: Fill, value: float) -> None:
    connection = fill([run("a", params={"p": repr(value)})])
    assert search(connection, f"params.p = {value!r} AND params.p BETWEEN {value!r} AND {value!r}") == ["a"]
    assert search(connection, f"params.p != {value!r} OR params.p > {value!r} OR params.p < {value!r}") == []


def test_an_artifact_uri_is_made_of_the_experiments_place_and_the_run(fill: Fill) -> None:
    connection = fill([run("a"), run("b"), run("c"), run("d")])
    connection.execute("UPDATE runs SET artifact_place = 's3://bucket/c' WHERE uuid = 'c'")
    connection.execute("UPDATE runs SET artifact_place = 'mlartifacts/d' WHERE uuid = 'd'")
    assert search(connection, "artifact_uri = '/files/b/artifacts'") == ["b"]
    assert search(connection, "artifact_uri LIKE 's3:%'") == ["c"]
    assert search(connection, "artifact_uri = '/base/mlartifacts/d'") == ["d"]
    assert search(connection, None, ["artifact_uri DESC"]) == ["c", "b", "a", "d"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_a_value_or_refused(fill: Fill, text: str) -> None:
    connection = fill([run("a", params={text: text}, metrics={text: 1.0}, code=[text]), run("b", params={"p": "q"})])
    assert search(connection, f'params.`{text}` = "{text}"') == ["a"]
    assert search(connection, f'params.`{text}` LIKE "{text}" AND metrics.`{text}` > 0') == ["a"]
    assert search(connection, f'tags.`{text}` IS NULL AND run_id NOT IN ("{text}")') == ["a", "b"]
    assert search(connection, None, [f"metrics.`{text}` DESC", f"params.`{text}`"]) == ["a", "b"]
    for wrong in (text, f"params.p = {text}", f"params.p = 'q{text}", f"metrics.x > 1 {text}"):
        with pytest.raises(InvalidParameterError):
            search(connection, wrong)


def test_long_texts_are_found_and_sorted_though_indexes_have_their_beginnings(fill: Fill) -> None:
    long = "é" * 4_000
    rows = [run(f"{place}", params={"p": f"{long}{end}"}) for place, end in enumerate("cab")]
    connection = fill([*rows, run("s", params={"p": "é"}, attributes={"run_name": long})])
    assert search(connection, f"params.p = '{long}a'") == ["1"]
    assert search(connection, f"params.p IN ('{long}c', 'é')") == ["0", "s"]
    assert search(connection, f"run_name = '{long}'") == ["s"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_search, "FEW", 0)  # by the index
        assert search(connection, None, ["params.p"]) == ["s", "1", "2", "0"]
        assert search(connection, None, ["params.p DESC"]) == ["0", "2", "1", "s"]


@pytest.mark.parametrize("text", LARGEST, ids=lambda value: value[:20])
def test_the_largest_searches_run_soon(fill: Fill, text: str) -> None:
    tags = {"a": "b", "big": "a" * 1_000_000}
    connection = fill([run("a", tags=tags, metrics={"m": 1.0}, code=["alpha"])])
    started = time.monotonic()
    found = search(connection, text, ["metrics.m", "tags.big", "params.p"] * 3)
    assert found == ([] if "LIKE" in text else ["a"])
    assert time.monotonic() - started < 60  # a minute is for a loaded machine: hours are what must not be


def grouped(connection: Any, key: str, text: str = "") -> list[RunGroup]:
    grouping = Grouping(key, KEYS, 1_000)
    return find_groups(connection, Search(("1",), text), grouping, Locator("/base"), reader=PostgresGroupReader)


@MANY
@given(rows=tables(), wanted=st.none() | filters, place=st.sampled_from(["params", "tags"]), name=keys)
def test_groups_are_what_plain_python_finds(
    fill: Fill, rows: list[Row], wanted: Filter | None, place: str, name: str
) -> None:
    text, holds = wanted or ("", lambda _: True)
    check(grouped(fill(rows), f"{place}.`{name}`", text), [row for row in rows if holds(row)], place, name)


@MANY
@given(values=st.lists(numbers, min_size=1, max_size=8) | near, live=st.integers(0, 3), has_value=st.booleans())
@example(values=[1e6, 1e6 + 0.3, 1e6 + 1.0], live=0, has_value=True)
@example(values=[1e308, -1e308, 5e-324], live=0, has_value=True)
@example(values=[1e-200, 2e-200, 5e-324], live=1, has_value=True)
@example(values=[1.7976931348623157e308, -1.7976931348623157e308, 1e-7], live=0, has_value=True)
def test_means_and_spreads_do_not_suffer_from_rounding(
    fill: Fill, values: list[float], live: int, has_value: bool
) -> None:
    params = {"k": "x"} if has_value else {}
    rows = [
        run(f"{place}", params=params, metrics={"k": value}, is_live=place < live) for place, value in enumerate(values)
    ]
    (group,) = grouped(fill(rows), "params.k")
    # Beside the largest floats, the smallest lose digits: one scale is for all values of a group.
    size = max(map(abs, values)) * (1 if live else 1e-300) + 1e-100
    assert_close(group.metrics["k"], summary(values), size)
