"""Random runs for tests of the search: as values that plain Python evaluates, and as rows of a store in memory."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from mltrack.store.code_index import index_source
from mltrack.store.filter_tree import Entity
from mltrack.store.filters import parse_filter, parse_order
from mltrack.store.locator import Locator
from mltrack.store.notebooks import Blob
from mltrack.store.pages import Search
from mltrack.store.points import encode
from mltrack.store.run_search import RunFinder
from mltrack.store.tables import SCRIPTS, statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack.store.filter_tree import Key

try:
    from pysqlite3 import dbapi2 as bundled_sqlite3
except ImportError:
    bundled_sqlite3 = sqlite3

DRIVERS = tuple(dict.fromkeys((sqlite3, bundled_sqlite3)))
LETTERS = "aAbBéÉß%_*?[]^-\\'\" ;\n"
KEYS = ("k", "a b", "x'--")
STATUSES = ("RUNNING", "FINISHED", "FAILED")
NUMERALS = ("1", "2.5", "1e1", " 2 ", "-0", ".5", "5.", "+3", "0x10", "inf", "nan", "1_0", "", "2 x", "9" * 25, "1e400")
SOURCES = ("alpha beta", "beta.gamma(delta_e)", "Alpha = 1", "import gamma\nbeta", "# äö alphabet")
TEXT_ATTRIBUTES = ("run_id", "run_name", "status", "user_id", "artifact_uri")
NUMBER_ATTRIBUTES = ("start_time", "end_time")


@dataclass(frozen=True)
class Row:
    """A run as the reference evaluation sees it; datasets are (name, digest, context or None)."""

    uuid: str
    attributes: Mapping[str, Any]
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]
    datasets: Sequence[tuple[str, str, str | None]] = ()
    code: Sequence[str] | None = None
    is_live: bool = False

    def values(self, key: Key) -> list[Any]:
        """All values that the run has of a key: none where it lacks it."""
        if key.entity is Entity.DATASET:
            place = ("name", "digest", "context").index(key.name)
            return [dataset[place] for dataset in self.datasets if dataset[place] is not None]
        if key.entity is Entity.METRIC:
            number = self.metrics.get(key.name, math.nan)
            return [] if math.isnan(number) else [number]
        kept = {Entity.PARAM: self.params, Entity.TAG: self.tags, Entity.ATTRIBUTE: self.attributes}[key.entity]
        return [kept[key.name]] if kept.get(key.name) is not None else []


def run(uuid: str, **said: Any) -> Row:
    attributes = {"run_id": uuid, "run_name": "n", "user_id": "u", "status": "RUNNING", "start_time": 0}
    attributes |= {"end_time": None, "artifact_uri": f"/files/{uuid}/artifacts", **said.pop("attributes", {})}
    return Row(uuid, attributes, **{"metrics": {}, "params": {}, "tags": {}, **said})


def store(rows: Sequence[Row], driver: Any = bundled_sqlite3) -> Any:
    """Put runs into a new store in memory, which is given as a connection; the runs are numbered from 1."""
    connection = driver.connect(":memory:", isolation_level=None)
    for script in SCRIPTS:
        for statement in statements(script):
            connection.execute(statement)
    connection.create_function("mltrack_casefold", 1, lambda text: None if text is None else text.casefold())
    return filled(connection, rows)


def filled(connection: Any, rows: Sequence[Row]) -> Any:
    """Put runs into a store that is empty."""
    connection.execute("INSERT INTO experiments VALUES (1, 'e', '/files', 'active', 0, 0)")
    for number, row in enumerate(rows, 1):
        values = (number, row.uuid, *(row.attributes[name] for name in ("run_name", "user_id", "status")))
        times = (row.attributes["start_time"], row.attributes["end_time"], int(row.is_live))
        columns = "id, uuid, name, user_id, status, started_at, ended_at, live, experiment_id"
        connection.execute(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)", values + times)
        put_texts(connection, "params", number, row.params)
        put_texts(connection, "run_tags", number, row.tags)
        for name, value in row.metrics.items():
            put_metric(connection, number, name, value, is_live=row.is_live)
        put_datasets(connection, number, row.datasets)
        put_code(connection, number, row.code)
    return connection


def put_texts(connection: Any, table: str, number: int, texts: Mapping[str, str]) -> None:
    for key, value in texts.items():
        connection.execute("INSERT INTO text_keys (name) VALUES (?) ON CONFLICT DO NOTHING", (key,))
        query = f"INSERT INTO {table} SELECT ?, id, ? FROM text_keys WHERE name = ?"
        connection.execute(query, (number, value, key))


def put_metric(connection: Any, number: int, name: str, value: float, *, is_live: bool) -> None:
    connection.execute("INSERT INTO metric_keys (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    points = [(5, 0, 99.0), (5, 1, value)]  # the second counts: its time is later
    for step, time, each in points if is_live else points[1:]:
        connection.execute(
            f"INSERT INTO {'metrics' if is_live else 'latest_metrics'}"
            " SELECT ?, id, ?, ?, ?, ? FROM metric_keys WHERE name = ?",
            (number, step, time, *encode(each), name),
        )


def put_datasets(connection: Any, number: int, datasets: Sequence[tuple[str, str, str | None]]) -> None:
    for place, (name, digest, context) in enumerate(datasets):
        dataset = number * 10 + place
        columns = (dataset, name, f"{digest}", "code", "{}")
        # Two of one name and digest are one dataset to a store; here they lie in experiments of their own.
        query = "INSERT INTO datasets (id, experiment_id, name, digest, source_type, source) VALUES (?, ?, ?, ?, ?, ?)"
        connection.execute(query, (dataset, -dataset, *columns[1:]))
        connection.execute("INSERT INTO run_inputs VALUES (?, ?)", (number, dataset))
        if context is not None:
            tag = (number, dataset, "mlflow.data.context", context)
            connection.execute("INSERT INTO input_tags VALUES (?, ?, ?, ?)", tag)


def put_code(connection: Any, number: int, code: Sequence[str] | None) -> None:
    """Make a session of its own for the run, whose log goes on after the run's snapshot."""
    if code is None:
        return
    connection.execute("INSERT INTO sessions (id, uuid, started_at) VALUES (?, ?, 0)", (number, str(number)))
    for seq, source in enumerate([*code, "later_word"], 1):
        blob = Blob.of(source)
        query = "INSERT INTO blobs (digest, size, encoding, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        connection.execute(query, (blob.digest, blob.size, blob.encoding, blob.data))
        (source_id,) = connection.execute("SELECT id FROM blobs WHERE digest = ?", (blob.digest,)).fetchone()
        index_source(connection, source_id)
        query = "INSERT INTO executions (session_id, seq, source_id, started_at, status) VALUES (?, ?, ?, 0, 'ok')"
        connection.execute(query, (number, seq, source_id))
    snapshot = (number, number, len(code), "cell", "test")
    connection.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, NULL)", snapshot)


def search(
    connection: Any, filter_string: str | None, order_by: Sequence[str] | None = None, count: int = 1000
) -> list[str]:
    """Give the ids of the first ``count`` runs."""
    order = parse_order(order_by)
    finder = RunFinder(connection, Search(("1",)), order, bound=Locator("/base").bound)
    numbers = finder.first(parse_filter(filter_string), count)
    return [connection.execute("SELECT uuid FROM runs WHERE id = ?", (number,)).fetchone()[0] for number in numbers]


texts = st.text(LETTERS, max_size=4)
plain_numbers = st.sampled_from([-math.inf, -1e308, -1.5, -0.0, 0.0, 5e-324, 1.0, 2.0, 1e308, math.inf])
keys = st.sampled_from(KEYS)
datasets = st.tuples(texts, texts, st.none() | texts)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    """Up to six runs."""
    rows = []
    for number in range(draw(st.integers(0, 6))):
        uuid = f"{draw(st.integers(0, 9))}{number}"
        attributes = {
            "run_name": draw(texts),
            "user_id": draw(texts),
            "status": draw(st.sampled_from(STATUSES)),
            "start_time": draw(st.integers(0, 3)),
            "end_time": draw(st.none() | st.integers(0, 3)),
        }
        row = run(
            uuid,
            attributes=attributes,
            metrics=draw(st.dictionaries(keys, plain_numbers | st.just(math.nan))),
            params=draw(st.dictionaries(keys, texts | st.sampled_from(NUMERALS))),
            tags=draw(st.dictionaries(keys, texts)),
            datasets=draw(st.lists(datasets, max_size=2)),
            code=draw(st.none() | st.lists(st.sampled_from(SOURCES), max_size=3)),
            is_live=draw(st.booleans()),
        )
        rows.append(row)
    return rows
