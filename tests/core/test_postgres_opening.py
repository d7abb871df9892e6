"""Opening a PostgreSQL database as a store: new, old, newer, of others, and why it cannot be."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.core import postgres_server
from tests.core.postgres_server import PASSWORD, cluster

from mltrack.exceptions import (
    MltrackError,
    StoreBusyError,
    StoreError,
    StoreFormatError,
    StoreVersionError,
)
from mltrack.store import schema
from mltrack.store.postgres.store import PostgresStore
from mltrack.store.postgres.uri import libpq_uri, masked
from mltrack.store.tables import MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostgresStore]:
    with postgres_server.new_store(tmp_path) as made:
        yield made


@pytest.fixture
def empty() -> Iterator[str]:
    """The name of a database without tables."""
    name = cluster().create()
    yield name
    cluster().drop(name)


@pytest.mark.parametrize(
    "scheme", ["postgresql", "postgres", "postgresql+psycopg2", "postgresql+psycopg", "POSTGRESQL"]
)
def test_the_forms_of_an_address(scheme: str) -> None:
    assert libpq_uri(f"{scheme}://u:p@h/d") == "postgresql://u:p@h/d"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://u:p%40ss@h:1/d", "postgresql://u:[masked]@h:1/d"),
        ("postgresql+psycopg2://u:a:b@h/d?x=1", "postgresql+psycopg2://u:[masked]@h/d?x=1"),
        (
            "postgresql://h/d?user=u&password=p&sslpassword=q",
            "postgresql://h/d?user=u&password=[masked]&sslpassword=[masked]",
        ),
        ("postgresql://:p@/d", "postgresql://:[masked]@/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_passwords_are_never_shown(uri: str, shown: str) -> None:
    assert masked(uri) == shown


def test_an_empty_database_becomes_a_store_by_the_same_migrations(empty: str) -> None:
    with closing(PostgresStore(cluster().uri(empty), artifact_root="/x/mlartifacts")) as store:
        assert store.get_experiment("0").artifact_location == "/x/mlartifacts/0"
    with cluster().connect(empty) as connection:
        found = connection.execute("SELECT version, name FROM mltrack_migrations ORDER BY version").fetchall()
    assert found == list(enumerate([each.name for each in schema.migrations.pending(_no_migrations())], 1))
    assert [name for _, name in found] == [name for name, _ in MIGRATIONS]


def _no_migrations() -> Any:
    import sqlite_utils

    return sqlite_utils.Database(memory=True)


def test_processes_that_open_a_new_database_at_once_make_one_store(empty: str) -> None:
    program = (
        "import sys; from mltrack.store.postgres.store import PostgresStore;"
        "store = PostgresStore(sys.argv[1]); print(store.create_experiment(sys.argv[2]))"
    )
    uri = cluster().uri(empty)
    started = [
        subprocess.Popen([sys.executable, "-c", program, uri, f"e{number}"], stdout=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    made = sorted(process.communicate(timeout=postgres_server.SECONDS)[0].strip() for process in started)
    assert made == ["1", "2", "3", "4"]


def test_an_older_store_is_brought_up_to_date(empty: str) -> None:
    PostgresStore(cluster().uri(empty)).close()
    with cluster().connect(empty) as connection:
        name = MIGRATIONS[-1][0]
        assert name == "m007_access"
        connection.execute("DROP TABLE users, tokens, experiment_roles, registered_model_roles, failed_logins")
        connection.execute("DELETE FROM mltrack_migrations WHERE name = %s", (name,))
    with closing(PostgresStore(cluster().uri(empty))) as store:
        assert store.list_users() == []


def test_a_newer_store_is_left_alone(empty: str) -> None:
    PostgresStore(cluster().uri(empty)).close()
    with cluster().connect(empty) as connection:
        connection.execute("INSERT INTO mltrack_migrations VALUES (99, 'm099', 0)")
    with pytest.raises(StoreVersionError, match="schema 99"):
        PostgresStore(cluster().uri(empty))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (("alembic_version", "experiments", "runs"), "of MLflow's"),
        (("users", "orders"), "of another program \\(users\\)"),
    ],
)
def test_the_tables_of_others_are_left_alone(empty: str, tables: tuple[str, ...], message: str) -> None:
    with cluster().connect(empty) as connection:
        for name in tables:
            connection.execute(f"CREATE TABLE {name} (x int)")
    with pytest.raises(StoreFormatError, match=message):
        PostgresStore(cluster().uri(empty))
    with cluster().connect(empty) as connection:
        (count,) = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() or (0,)
    assert count == len(tables)


def test_a_store_may_have_a_schema_of_its_own(empty: str) -> None:
    with cluster().connect(empty) as connection:
        connection.execute(f"CREATE TABLE runs (x int); CREATE SCHEMA mine AUTHORIZATION {postgres_server.USER}")
    uri = f"{cluster().uri(empty)}&options=-csearch_path%3Dmine"
    with closing(PostgresStore(uri)) as store:
        assert store.count_runs() == 0


def test_a_database_that_cannot_keep_every_letter_is_refused() -> None:
    with cluster().connect() as connection:
        connection.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreFormatError, match="keeps texts as LATIN1"):
        PostgresStore(cluster().uri("latin"))
    cluster().drop("latin")


def test_a_schema_of_the_store_says_it_all(store: PostgresStore) -> None:
    query = (
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name NOT LIKE 'mltrack%'"
    )
    assert store._database.read(lambda connection: connection.execute(query).fetchall()) == []


def no_server() -> str:
    return f"postgresql://u:{PASSWORD.replace(' ', '%20').replace('@', '%40').replace('/', '%2F')}@127.0.0.1:9/x"


REFUSED: list[tuple[Callable[[str], str], type[MltrackError], str]] = [
    (lambda name: cluster().tcp_uri(name, "wrong secret"), StoreError, "refused to let us in"),
    (lambda _: cluster().tcp_uri("nowhere"), StoreError, "is not there: .* Make the database first"),
    (lambda _: no_server(), StoreBusyError, "cannot be reached"),
    (lambda _: "postgresql://[h/x", StoreError, "no address of a PostgreSQL database"),
]


@pytest.mark.parametrize(("address", "error", "message"), REFUSED)
def test_why_a_database_cannot_be_opened(
    empty: str, address: Callable[[str], str], error: type[MltrackError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        PostgresStore(address(empty))
    assert str(caught.value).count("Is the server running") == (1 if error is StoreBusyError else 0)
    for secret in (PASSWORD, "p%40ss", "wrong secret", "wrong%20secret"):
        assert secret not in str(caught.value)


def test_by_the_network_with_a_password(empty: str) -> None:
    with closing(PostgresStore(cluster().tcp_uri(empty))) as store:
        assert store.count_runs() == 0
