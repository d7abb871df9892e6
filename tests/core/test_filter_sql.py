"""The SQL of a search: that it finds and sorts what plain Python does, and that no text gets out of its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.core.filter_texts import filters, quoted, written
from tests.core.run_rows import (
    DRIVERS,
    LETTERS,
    NUMBER_ATTRIBUTES,
    STATUSES,
    TEXT_ATTRIBUTES,
    keys,
    run,
    search,
    store,
    tables,
    texts,
)
from tests.quickness import assert_quick

from mltrack.exceptions import InvalidParameterError
from mltrack.store import run_search
from mltrack.store.filter_sql import SqlWriter
from mltrack.store.filter_tree import Entity, Key, OrderKey
from mltrack.store.filters import parse_filter, parse_order
from mltrack.store.search_tables import RUN_TABLES

if TYPE_CHECKING:
    from tests.core.filter_texts import Filter
    from tests.core.run_rows import Row

EACH_DRIVER = pytest.mark.parametrize("driver", [pytest.param(each, id=each.sqlite_version) for each in DRIVERS])
LIMITS = st.sampled_from([(2_000, 20_000), (0, 20_000), (0, 1), (0, 0), (1, 2)])


@settings(max_examples=300)
@given(rows=tables(), wanted=filters, limits=LIMITS)
def test_finds_what_plain_python_finds(rows: list[Row], wanted: Filter, limits: tuple[int, int]) -> None:
    text, holds = wanted
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_search, "FEW", limits[0])
        patch.setattr(run_search, "MOST", limits[1])
        found = search(store(rows), text)
    assert sorted(found) == sorted(row.uuid for row in rows if holds(row))


@st.composite
def sort_keys(draw: st.DrawFn) -> OrderKey:
    entity = draw(st.sampled_from([Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.ATTRIBUTE]))
    names = st.sampled_from(TEXT_ATTRIBUTES + NUMBER_ATTRIBUTES)
    return OrderKey(Key(entity, draw(names if entity is Entity.ATTRIBUTE else keys)), descending=draw(st.booleans()))


def sorted_by_python(rows: list[Row], order: list[OrderKey]) -> list[str]:
    found = sorted(sorted(rows, key=lambda row: row.uuid), key=lambda row: -row.attributes["start_time"])
    for item in reversed(order):
        having = [row for row in found if row.values(item.key)]
        missing = [row for row in found if not row.values(item.key)]
        found = sorted(having, key=lambda row: row.values(item.key), reverse=item.descending) + missing
    return [row.uuid for row in found]


@settings(max_examples=200)
@given(rows=tables(), order=st.lists(sort_keys(), max_size=3), wanted=st.none() | filters, limits=LIMITS)
def test_sorts_as_plain_python_sorts_on_every_page(
    rows: list[Row], order: list[OrderKey], wanted: Filter | None, limits: tuple[int, int]
) -> None:
    text, holds = wanted or ("", lambda _: True)
    expected = sorted_by_python([row for row in rows if holds(row)], order)
    words = [f"{written(item.key)} {'desc' if item.descending else 'ASC'}" for item in order]
    connection = store(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_search, "FEW", limits[0])
        patch.setattr(run_search, "MOST", limits[1])
        for count in range(len(rows) + 2):
            assert search(connection, text, words, count) == expected[:count]


@EACH_DRIVER
@pytest.mark.parametrize("is_live", [False, True])
@pytest.mark.parametrize("few", [0, 2_000])
def test_nan_and_missing_come_last_both_ways_and_infinities_are_numbers(
    driver: Any, is_live: bool, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_search, "FEW", few)
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.5, "e": -0.0}
    rows = [run(name, metrics={"m": value}, is_live=is_live) for name, value in values.items()]
    connection = store([*rows, run("f")], driver)
    assert search(connection, None, ["metrics.m"]) == ["c", "e", "d", "b", "a", "f"]
    assert search(connection, None, ["metrics.m DESC"]) == ["b", "d", "e", "c", "a", "f"]
    assert search(connection, "metrics.m != 0.5") == ["b", "c", "e"]
    assert search(connection, "NOT metrics.m = 0.5") == ["a", "b", "c", "e", "f"]
    assert search(connection, "metrics.m = 1e999") == ["b"]
    assert search(connection, f"metrics.m < {'9' * 400}") == ["c", "d", "e"]


def test_equal_starts_have_one_order() -> None:
    rows = [run(uuid, attributes={"start_time": start}) for uuid, start in [("c", 1), ("a", 1), ("d", 2), ("b", 1)]]
    for order in (None, ["status DESC"], ["start_time DESC"], ["metrics.m"], ["params.p DESC"]):
        assert search(store(rows), None, order) == ["d", "a", "b", "c"]
    assert search(store(rows), None, ["start_time"]) == ["a", "b", "c", "d"]
    assert search(store(rows), None, ["run_id DESC"]) == ["d", "c", "b", "a"]


def test_an_end_that_is_not_there_comes_last_both_ways() -> None:
    rows = [run(uuid, attributes={"end_time": end}) for uuid, end in [("a", None), ("b", 2), ("c", 1)]]
    assert search(store(rows), None, ["end_time"]) == ["c", "b", "a"]
    assert search(store(rows), None, ["end_time DESC"]) == ["b", "c", "a"]
    assert search(store(rows), "NOT end_time > 1") == ["a", "c"]


def test_what_is_joined_by_or_is_asked_in_full() -> None:
    rows = [
        run(uuid, params={"p": uuid}, attributes={"status": status})
        for uuid, status in zip("abc", STATUSES, strict=True)
    ]
    connection = store(rows)
    assert search(connection, "(params.p != 'a' AND status = 'FAILED') OR params.p = 'b'") == ["b", "c"]
    assert search(connection, "(params.p != 'a' AND status = 'FAILED') OR run_name = 'none'") == ["c"]
    assert search(connection, "(params.p = 'a' OR params.p = 'b') AND (status = 'FINISHED' OR tags.t = 'x')") == ["b"]


def test_like_knows_no_escape_and_no_glob() -> None:
    values = {"a": "50%", "b": "[ab]", "c": "a*?", "d": "A", "e": "x]y", "f": "\U0001f600"}
    connection = store([run(name, params={"p": value}) for name, value in values.items()])
    assert search(connection, "params.p LIKE '[ab]'") == ["b"]
    assert search(connection, "params.p LIKE '%*?'") == ["c"]
    assert search(connection, "params.p LIKE 'a'") == []
    assert search(connection, "params.p ILIKE 'a'") == ["d"]
    assert search(connection, "params.p LIKE '%]_'") == ["e"]
    assert search(connection, "params.p LIKE '_'") == ["d", "f"]
    assert search(connection, "params.p LIKE '50\\%'") == []


CASES = [
    ("É", "é", True),
    ("É", "e", False),
    ("STRASSE", "straße", True),
    ("Straße", "STRAßE", True),
    ("ÀB", "%b", True),
]


@pytest.mark.parametrize(("value", "pattern", "found"), CASES)
def test_ilike_takes_all_letters_cases_as_one(value: str, pattern: str, found: bool) -> None:
    connection = store([run("a", tags={"t": value})])
    assert search(connection, f"tags.t ILIKE '{pattern}'") == ["a"] * found
    assert search(connection, f"tags.t NOT ILIKE '{pattern}'") == ["a"] * (not found)


def written_in_sql(filter_string: str, order_by: list[str] | None = None) -> tuple[str, dict[str, object]]:
    writer = SqlWriter(RUN_TABLES)
    text = writer.condition(parse_filter(filter_string)) + writer.order(parse_order(order_by))
    return text, writer.parameters


def test_a_pattern_says_each_percent_once() -> None:
    assert set(written_in_sql("tags.x LIKE 'a%%%_%%'")[1].values()) == {"x", "a*?*"}
    assert set(written_in_sql("tags.x ILIKE '%%é%%'")[1].values()) == {"x", "%é%"}


def test_an_artifact_uri_is_made_of_the_experiments_place_and_the_run() -> None:
    connection = store([run("a"), run("b"), run("c"), run("d")])
    connection.execute("UPDATE runs SET artifact_place = 's3://bucket/c' WHERE uuid = 'c'")
    connection.execute("UPDATE runs SET artifact_place = 'mlartifacts/d' WHERE uuid = 'd'")
    assert search(connection, "artifact_uri = '/files/b/artifacts'") == ["b"]
    assert search(connection, "artifact_uri LIKE 's3:%'") == ["c"]
    assert search(connection, "artifact_uri = '/base/mlartifacts/d'") == ["d"]
    assert search(connection, None, ["artifact_uri DESC"]) == ["c", "b", "a", "d"]


def test_a_metric_is_compared_as_the_float_that_was_stored() -> None:
    connection = store([run("a", metrics={"m": float(123456789012345678)})])
    assert search(connection, "metrics.m = 123456789012345678 AND metrics.m <= 123456789012345678") == ["a"]
    assert search(connection, "metrics.m BETWEEN 123456789012345678 AND 123456789012345678") == ["a"]


@given(value=st.floats(allow_nan=False, allow_infinity=False))
@example(value=0.1)
@example(value=1e22)
def test_a_param_equals_the_number_that_it_was_written_from(value: float) -> None:
    connection = store([run("a", params={"p": repr(value)})])
    assert search(connection, f"params.p = {value!r} AND params.p BETWEEN {value!r} AND {value!r}") == ["a"]
    assert search(connection, f"params.p != {value!r} OR params.p > {value!r} OR params.p < {value!r}") == []


def contents(connection: Any) -> dict[str, list[Any]]:
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


HOSTILE = ["' OR 1=1 --", "'; DROP TABLE runs; --", "/* */", ":v1", "x' UNION SELECT 1", "?1", "{0.__class__}", "%(x)s"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_a_value_or_refused(text: str) -> None:
    connection = store([run("a", params={text: text}, metrics={text: 1.0}, code=[text]), run("b", params={"p": "q"})])
    before = contents(connection)
    assert search(connection, f'params.`{text}` = "{text}"') == ["a"]
    assert search(connection, f'params.`{text}` LIKE "{text}" AND metrics.`{text}` > 0') == ["a"]
    assert search(connection, f'tags.`{text}` IS NULL AND run_id NOT IN ("{text}")') == ["a", "b"]
    assert search(connection, None, [f"metrics.`{text}` DESC", f"params.`{text}`"]) == ["a", "b"]
    for wrong in (text, f"params.p = {text}", f"params.p = 'q{text}", f"metrics.x > 1 {text}"):
        with pytest.raises(InvalidParameterError):
            search(connection, wrong)
        with pytest.raises(InvalidParameterError):
            search(connection, None, [wrong])
    assert contents(connection) == before


@given(value=texts, key=st.text(LETTERS.replace("\n", ""), min_size=1, max_size=5))
def test_no_text_of_a_user_is_in_the_sql(value: str, key: str) -> None:
    text = "tags.`{0}` LIKE {1} AND metrics.`{0}` > 1 AND code MATCH {2}"
    word = quoted(f"x{''.join(key.split())}")
    other = written_in_sql(text.format(key, quoted(value), word), [f"params.`{key}`"])
    assert other[0] == written_in_sql(text.format("k", "'v'", "'w'"), ["params.`k`"])[0]


LARGEST = [
    " AND ".join(["tags.a = 'b'"] * 100),
    " AND ".join(["metrics.m > 0"] * 100),
    " OR ".join(["params.p = 1 AND tags.a = 'b'"] * 49 + ["tags.a = 'b'"]),
    "NOT (" * 20 + "tags.a = 'b'" + ")" * 20,
    "run_id IN (" + "'a', " * 999 + "'a')",
    " AND ".join(["run_id IN (" + "'a'," * 20 + "'a')"] * 100),
    "metrics.m < 99999999999999999999 AND start_time < 99999999999999999999",
    "tags.big LIKE '" + "%a" * 499 + "%b'",
    "tags.big ILIKE '" + "%A" * 499 + "b'",
    "tags.big ILIKE '" + "%É_" * 300 + "'",
    "tags.a LIKE '" + "\U0001f600[" * 500 + "'",
    "tags.a ILIKE '" + "\u0390" * 1_000 + "'",
    "tags.big LIKE '(a+)+$'",
    "tags.a = 'b' OR code MATCH '" + "a* " * 99 + "'",
]


@EACH_DRIVER
@pytest.mark.parametrize("text", LARGEST, ids=lambda value: value[:20])
def test_the_largest_searches_run_at_once(driver: Any, text: str) -> None:
    tags = {"a": "b", "big": "a" * 1_000_000}
    connection = store([run("a", tags=tags, metrics={"m": 1.0}, code=["alpha"])], driver)
    # Some 20 ms; SQLite's own LIKE takes hours for one of the patterns.
    found = assert_quick(lambda: search(connection, text, ["metrics.m", "tags.big", "params.p"] * 3), 5)
    assert found == ([] if "LIKE" in text else ["a"])
