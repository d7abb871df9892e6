"""The SQL of a search: that it finds and sorts what plain Python does, and that no text gets out of its place."""

from __future__ import annotations

import math
import operator
import re
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack.store.filter_sql import Entity, Key, OrderKey
from mltrack.store.filters import compile_search
from mltrack.store.tables import TRACKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

try:
    from pysqlite3 import dbapi2 as bundled_sqlite3
except ImportError:
    bundled_sqlite3 = sqlite3

DRIVERS = [pytest.param(driver, id=driver.sqlite_version) for driver in dict.fromkeys((sqlite3, bundled_sqlite3))]


@dataclass(frozen=True)
class Row:
    """A run as the reference evaluation sees it."""

    uuid: str
    attributes: Mapping[str, Any]
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]

    def value(self, key: Key) -> Any:
        if key.entity is Entity.METRIC:
            number = self.metrics.get(key.name, math.nan)
            return None if math.isnan(number) else number
        found = {Entity.PARAM: self.params, Entity.TAG: self.tags, Entity.ATTRIBUTE: self.attributes}[key.entity]
        return found.get(key.name)


def store(rows: Sequence[Row], driver: Any = bundled_sqlite3) -> Any:
    connection = driver.connect(":memory:")
    connection.executescript(TRACKING)
    connection.execute("CREATE VIEW current_metrics AS SELECT * FROM latest_metrics")
    connection.create_function("mltrack_casefold", 1, lambda text: None if text is None else text.casefold())
    connection.execute("INSERT INTO experiments VALUES (1, 'e', '/files', 'active', 0, 0)")
    for number, row in enumerate(rows):
        values = (number, row.uuid, *(row.attributes[name] for name in ("run_name", "user_id", "status")))
        times = (row.attributes["start_time"], row.attributes["end_time"])
        columns = "id, uuid, name, user_id, status, started_at, ended_at, experiment_id"
        connection.execute(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, 1)", values + times)
        connection.executemany("INSERT INTO params VALUES (?, ?, ?)", [(number, *pair) for pair in row.params.items()])
        connection.executemany("INSERT INTO run_tags VALUES (?, ?, ?)", [(number, *pair) for pair in row.tags.items()])
        for name, value in row.metrics.items():
            log_metric(connection, number, name, value)
    return connection


def log_metric(connection: Any, run: int, name: str, value: float) -> None:
    connection.execute("INSERT OR IGNORE INTO metric_keys (name) VALUES (?)", (name,))
    special = 1 if math.isnan(value) else 2 if value == 0 and math.copysign(1, value) < 0 else 0
    connection.execute(
        "INSERT INTO latest_metrics SELECT ?, id, 0, 0, ?, ? FROM metric_keys WHERE name = ?",
        (run, 0.0 if special else value, special, name),
    )


def search(connection: Any, filter_string: str | None, order_by: Sequence[str] | None = None) -> list[str]:
    compiled = compile_search(filter_string, order_by)
    sql = f"SELECT r.uuid FROM runs r WHERE {compiled.where} ORDER BY {compiled.order}"
    return [uuid for (uuid,) in connection.execute(sql, compiled.parameters)]


LETTERS = "aAbBéÉß%_*?[]^-\\'\" ;\n"
KEYS = ("k", "a b", "x'--")
STATUSES = ("RUNNING", "FINISHED", "FAILED")
texts = st.text(LETTERS, max_size=4)
plain_numbers = st.sampled_from([-math.inf, -1e308, -1.5, -0.0, 0.0, 5e-324, 1.0, 2.0, 1e308, math.inf])
keys = st.sampled_from(KEYS)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(0, 6))):
        uuid = f"{draw(st.integers(0, 9))}{number}"
        attributes = {
            "run_id": uuid,
            "run_name": draw(texts),
            "user_id": draw(texts),
            "status": draw(st.sampled_from(STATUSES)),
            "artifact_uri": f"/files/{uuid}/artifacts",
            "start_time": draw(st.integers(0, 3)),
            "end_time": draw(st.none() | st.integers(0, 3)),
        }
        metrics = draw(st.dictionaries(keys, plain_numbers | st.just(math.nan)))
        rows.append(Row(uuid, attributes, metrics, *draw(st.tuples(*[st.dictionaries(keys, texts)] * 2))))
    return rows


def like(text: str, pattern: str) -> bool:
    pieces = {"%": ".*", "_": "."}
    return re.fullmatch("".join(pieces.get(c, re.escape(c)) for c in pattern), text, re.DOTALL) is not None


def ilike(text: str, pattern: str) -> bool:
    if not pattern.isascii():
        return like(text.casefold(), pattern.casefold())
    return like("".join(c.lower() if c.isascii() else c for c in text), pattern.lower())


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "LIKE": like,
    "ILIKE": ilike,
    "IN": lambda a, b: a in b,
    "NOT IN": lambda a, b: a not in b,
}
TEXT_ATTRIBUTES = ("run_id", "run_name", "status", "user_id", "artifact_uri")
NUMBER_ATTRIBUTES = ("start_time", "end_time")


def quoted(text: str) -> str:
    quote = '"' if "'" in text else "'"
    return quote + text.replace(quote, "") + quote


def unquoted(text: str) -> str:
    return quoted(text)[1:-1]


def written(key: Key) -> str:
    return key.name if key.entity is Entity.ATTRIBUTE else f"{key.entity.value}.`{key.name}`"


@st.composite
def clauses(draw: st.DrawFn) -> tuple[str, Callable[[Row], bool]]:
    """A clause as text, and as a test in Python."""
    entity = draw(st.sampled_from([Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.ATTRIBUTE]))
    is_number = entity is Entity.METRIC or (entity is Entity.ATTRIBUTE and draw(st.booleans()))
    names = NUMBER_ATTRIBUTES if is_number else TEXT_ATTRIBUTES
    key = Key(entity, draw(st.sampled_from(names) if entity is Entity.ATTRIBUTE else keys))
    if entity in (Entity.PARAM, Entity.TAG) and draw(st.booleans()):
        wanted = draw(st.booleans())
        return f"{written(key)} IS {'NOT ' * wanted}NULL", lambda row: (row.value(key) is not None) is wanted
    if is_number:
        comparator, number = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="])), draw(plain_numbers)
        literal, value = repr(number).replace("inf", "1e999"), number
        return f"{written(key)} {comparator} {literal}", comparing(key, comparator, value)
    if key.name == "run_id" and draw(st.booleans()):
        comparator, uuids = draw(st.sampled_from(["IN", "NOT IN"])), [f"{n}{m}" for n in range(5) for m in range(3)]
        return f"run_id {comparator} ({', '.join(map(quoted, uuids))})", comparing(key, comparator, uuids)
    comparator = draw(st.sampled_from(["=", "!=", "LIKE", "ILIKE"]))
    text = unquoted(draw(texts | st.sampled_from([*STATUSES, "%files%0_/%", "fin%"])))
    return f"{written(key)} {comparator} {quoted(text)}", comparing(key, comparator, text)


def comparing(key: Key, comparator: str, value: object) -> Callable[[Row], bool]:
    return lambda row: row.value(key) is not None and TESTS[comparator](row.value(key), value)


@settings(max_examples=200, deadline=None)
@given(rows=tables(), wanted=st.lists(clauses(), max_size=3))
def test_finds_what_plain_python_finds(rows: list[Row], wanted: list[tuple[str, Callable[[Row], bool]]]) -> None:
    found = search(store(rows), " AND ".join(text for text, _ in wanted))
    assert sorted(found) == sorted(row.uuid for row in rows if all(holds(row) for _, holds in wanted))


@st.composite
def sort_keys(draw: st.DrawFn) -> OrderKey:
    entity = draw(st.sampled_from([Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.ATTRIBUTE]))
    names = st.sampled_from(TEXT_ATTRIBUTES + NUMBER_ATTRIBUTES)
    return OrderKey(Key(entity, draw(names if entity is Entity.ATTRIBUTE else keys)), descending=draw(st.booleans()))


@settings(max_examples=150, deadline=None)
@given(rows=tables(), order=st.lists(sort_keys(), max_size=3))
def test_sorts_as_plain_python_sorts(rows: list[Row], order: list[OrderKey]) -> None:
    expected = sorted(sorted(rows, key=lambda row: row.uuid), key=lambda row: -row.attributes["start_time"])
    for item in reversed(order):
        having = [row for row in expected if row.value(item.key) is not None]
        missing = [row for row in expected if row.value(item.key) is None]
        expected = sorted(having, key=operator.methodcaller("value", item.key), reverse=item.descending) + missing
    written_keys = [f"{written(item.key)} {'desc' if item.descending else 'ASC'}" for item in order]
    assert search(store(rows), None, written_keys) == [row.uuid for row in expected]


def run(uuid: str, **said: Any) -> Row:
    attributes = {"run_id": uuid, "run_name": "n", "user_id": "u", "status": "RUNNING", "start_time": 0}
    attributes |= {"end_time": None, **said.pop("attributes", {})}
    return Row(uuid, attributes, **{"metrics": {}, "params": {}, "tags": {}, **said})


@pytest.mark.parametrize("driver", DRIVERS)
def test_nan_and_missing_come_last_both_ways_and_infinities_are_numbers(driver: Any) -> None:
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 0.5, "e": -0.0}
    connection = store([run(name, metrics={"m": value}) for name, value in values.items()] + [run("f")], driver)
    assert search(connection, None, ["metrics.m"]) == ["c", "e", "d", "b", "a", "f"]
    assert search(connection, None, ["metrics.m DESC"]) == ["b", "d", "e", "c", "a", "f"]
    assert search(connection, "metrics.m != 0.5") == ["b", "c", "e"]
    assert search(connection, "metrics.m = 1e999") == ["b"]
    assert search(connection, f"metrics.m < {'9' * 400}") == ["c", "d", "e"]


def test_equal_starts_have_one_order() -> None:
    rows = [run(uuid, attributes={"start_time": start}) for uuid, start in [("c", 1), ("a", 1), ("d", 2), ("b", 1)]]
    assert search(store(rows), None) == ["d", "a", "b", "c"]
    assert search(store(rows), None, ["status DESC"]) == ["d", "a", "b", "c"]


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
    assert search(store([run("a", tags={"t": value})]), f"tags.t ILIKE '{pattern}'") == ["a"] * found


def test_a_pattern_says_each_percent_once() -> None:
    assert set(compile_search("tags.x LIKE 'a%%%_%%'", None).parameters.values()) == {"x", "a*?*"}
    assert set(compile_search("tags.x ILIKE '%%é%%'", None).parameters.values()) == {"x", "%é%"}


def test_an_artifact_uri_is_made_of_the_experiments_place_and_the_run() -> None:
    connection = store([run("a"), run("b")])
    assert search(connection, "artifact_uri = '/files/b/artifacts'") == ["b"]
    assert search(connection, None, ["artifact_uri DESC"]) == ["b", "a"]


def test_a_metric_is_compared_as_the_float_that_was_stored() -> None:
    connection = store([run("a", metrics={"m": float(123456789012345678)})])
    assert search(connection, "metrics.m = 123456789012345678 AND metrics.m <= 123456789012345678") == ["a"]


def contents(connection: Any) -> dict[str, list[Any]]:
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")]
    return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


HOSTILE = ["' OR 1=1 --", "'; DROP TABLE runs; --", "/* */", ":k1", "x' UNION SELECT 1", "?1", "{0.__class__}", "%(x)s"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_a_value_or_refused(text: str) -> None:
    connection = store([run("a", params={text: text}, metrics={text: 1.0}), run("b", params={"p": "q"})])
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


@settings(deadline=None)
@given(value=texts, key=st.text(LETTERS.replace("\n", ""), min_size=1, max_size=5))
def test_no_text_of_a_user_is_in_the_sql(value: str, key: str) -> None:
    plain = compile_search("tags.`k` LIKE 'v' AND metrics.`k` > 1", ["params.`k`"])
    other = compile_search(f"tags.`{key}` LIKE {quoted(value)} AND metrics.`{key}` > 1", [f"params.`{key}`"])
    assert (other.where, other.order) == (plain.where, plain.order)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "text",
    [
        " AND ".join(["tags.a = 'b'"] * 100),
        " AND ".join(["metrics.m > 0"] * 100),
        "run_id IN (" + "'a', " * 999 + "'a')",
        " AND ".join(["run_id IN (" + "'a'," * 20 + "'a')"] * 100),
        "metrics.m < 99999999999999999999 AND start_time < 99999999999999999999",
        "tags.big LIKE '" + "%a" * 499 + "%b'",
        "tags.big ILIKE '" + "%A" * 499 + "b'",
        "tags.big ILIKE '" + "%É_" * 300 + "'",
        "tags.a LIKE '" + "\U0001f600[" * 500 + "'",
        "tags.a ILIKE '" + "\u0390" * 1_000 + "'",
        "tags.big LIKE '(a+)+$'",
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_the_largest_searches_run_at_once(driver: Any, text: str) -> None:
    connection = store([run("a", tags={"a": "b", "big": "a" * 1_000_000}, metrics={"m": 1.0})], driver)
    seconds = []
    for _ in range(3):  # the best of three: other work on the machine is not what is measured
        started = time.thread_time()
        found = search(connection, text, ["metrics.m", "tags.big", "params.p"] * 3)
        seconds.append(time.thread_time() - started)
        assert found == ([] if "LIKE" in text else ["a"])
    assert min(seconds) < 0.1
