"""A PostgreSQL of this machine for tests: one for all of a process's tests, with a new database for each."""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

import psycopg

from mltrack.store.postgres import database as database_module
from mltrack.store.postgres import pool
from mltrack.store.postgres.store import PostgresStore

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 120
# Users wait for five seconds, for which a server of a busy machine may stand still.
database_module.PATIENCE_SECONDS = float(SECONDS)
pool._SESSION = pool._SESSION.replace("lock_timeout = '5s'", f"lock_timeout = '{SECONDS}s'")
USER, PASSWORD = "mltrack", "p@ss/word 1"
_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql@*/bin")
# Sorted as people read, unlike our own columns: what forgets its collation shows.
_INITDB = ("-N", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale-provider=icu", "--icu-locale=en-US")
_FAST = ("fsync=off", "full_page_writes=off", "max_wal_size=256MB", "autovacuum=off")
_SURE = ("fsync=on",)


@lru_cache(maxsize=1)
def binaries() -> Path:
    """The folder of the newest PostgreSQL of this machine."""
    found = [Path(each).parent for pattern in _PLACES for each in Path("/").glob(f"{pattern[1:]}/initdb")]
    named = shutil.which("initdb")
    if not found and not named:
        raise FileNotFoundError("PostgreSQL is not installed: `apt-get install postgresql`.")
    return max(found) if found else Path(str(named)).parent


def as_other_user() -> tuple[str, ...]:
    """How to start what refuses to run as root, and dies with this process."""
    if os.geteuid() != 0:
        return ("setpriv", "--pdeathsig", "QUIT")
    user = pwd.getpwnam(_owner())
    identity = (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    return ("setpriv", *identity, "--pdeathsig", "QUIT")


def _owner() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise FileNotFoundError("There is no user postgres or nobody to run PostgreSQL as.")


class Cluster:
    """A server in a folder of its own, on a socket there and on a free port of 127.0.0.1 (with a password)."""

    def __init__(self, *, is_sure: bool = False, options: tuple[str, ...] = ()) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mltrack-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.port = 0
        self._options = (*(_SURE if is_sure else _FAST), *options)
        self._process: subprocess.Popen[bytes] | None = None
        self.environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        if os.geteuid() == 0:
            os.chown(self.folder, *pwd.getpwnam(_owner())[2:4])
        with (self.folder / "initdb.log").open("wb") as log:
            command = [*as_other_user(), str(binaries() / "initdb"), *_INITDB, "-D", str(self.data)]
            subprocess.run(
                command, check=True, stdout=log, stderr=log, env=self.environment, cwd=self.folder, timeout=300
            )
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(rules)
        atexit.register(self.remove)
        self._begin()
        with self.connect() as connection:
            connection.execute(f"CREATE ROLE {USER} LOGIN CREATEDB PASSWORD '{PASSWORD}'")

    def _begin(self) -> None:
        """Start the server for the first time, on a port that nobody has taken by then."""
        while True:
            self.port = free_port()
            try:
                self.start()
            except psycopg.OperationalError:
                if b"could not bind" not in (self.folder / "server.log").read_bytes():
                    raise
                (self.folder / "server.log").unlink()
            else:
                return

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [
            *(f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}"),
            *("max_connections=60", "shared_buffers=64MB", "logging_collector=off", *self._options),
        ]
        command = [*as_other_user(), str(binaries() / "postgres"), "-D", str(self.data)]
        for each in settings:
            command += ["-c", each]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment, cwd=self.folder)
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Send the server a signal (INT: end all sessions; KILL with all its children) and wait for its end."""
        if self._process is None:
            return
        if how == signal.SIGKILL:
            self.kill()
            return
        self._process.send_signal(how)
        self._process.wait(SECONDS)
        self._process = None

    def kill(self) -> None:
        """Kill -9 the server and every process of it, as a power failure would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)  # so that it starts no others meanwhile
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in (self._process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(SECONDS)
        self._process = None
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        with contextlib.suppress(Exception):
            self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser, each statement for itself."""
        address = {"host": str(self.folder), "port": self.port, "dbname": database, "user": "postgres"}
        return psycopg.connect(**address, autocommit=True, connect_timeout=60)  # type: ignore[arg-type]

    def uri(self, database: str) -> str:
        """The address of a database by the socket, which asks for no password."""
        place = f"host={quote(str(self.folder), safe='')}&port={self.port}"
        return f"postgresql://{USER}@/{database}?{place}&connect_timeout={SECONDS}"

    def tcp_uri(self, database: str, password: str = PASSWORD) -> str:
        """The address of a database by the network."""
        place = f"127.0.0.1:{self.port}/{database}?connect_timeout={SECONDS}"
        return f"postgresql://{USER}:{quote(password, safe='')}@{place}"

    def create(self, template: str = "template0") -> str:
        """Make a database and give its name."""
        name = f"t{uuid4().hex[:12]}"
        self._rid_of_users(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, with whoever is connected to it."""
        self._rid_of_users(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def _rid_of_users(self, statement: str) -> None:
        """Run a statement that nobody may use the database for: the server gives sessions five seconds to end."""
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                with self.connect() as connection:
                    connection.execute(statement)
            except psycopg.errors.ObjectInUse:
                if time.monotonic() > deadline:
                    raise
            else:
                return


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, below those that the system gives to whoever names none.

    Of those, another process might be given it until a server listens on it, or while that is started again.
    """
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@lru_cache(maxsize=1)
def cluster() -> Cluster:
    """The server of this process's tests, started at the first call."""
    return Cluster()


@lru_cache(maxsize=1)
def template() -> str:
    """A database that has the store's tables, for others to be copied from."""
    name = cluster().create()
    PostgresStore(cluster().uri(name), artifact_root="/nonexistent/mlartifacts").close()
    return name


@lru_cache(maxsize=1)
def shared() -> str:
    """A database that one test after the other empties and uses."""
    return cluster().create(template())


@contextlib.contextmanager
def new_store(folder: Path) -> Iterator[PostgresStore]:
    """Give an empty store, with its artifacts below a folder; it is another test's afterwards."""
    empty(shared(), str(folder / "mlartifacts"))
    store = PostgresStore(cluster().uri(shared()), artifact_root=str(folder / "mlartifacts"))
    yield store
    store.close()


def empty(database: str, artifact_root: str = "/nonexistent/mlartifacts") -> None:
    """Make a store's database as new; removing rows takes a tenth of the time that making tables does."""
    with cluster().connect(database) as connection:
        connection.execute(_emptying(database))
        connection.execute("INSERT INTO meta VALUES ('store_id', %s), ('created_at', '1')", (uuid4().hex,))
        connection.execute("INSERT INTO experiments VALUES (0, 'Default', %s, 'active', 1, 1)", (f"{artifact_root}/0",))


@contextlib.contextmanager
def changed(statement: str, undo: str = "", *, database: str = "postgres") -> Iterator[None]:
    """Change something of the server as its superuser, and change it back."""
    with cluster().connect(database) as connection:
        connection.execute(statement)
    try:
        yield
    finally:
        if undo:
            with cluster().connect(database) as connection:
                connection.execute(undo)


@lru_cache
def _emptying(database: str) -> bytes:
    query = "SELECT c.relname, c.relkind = 'S' FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace"
    with cluster().connect(database) as connection:
        found = connection.execute(f"{query} AND c.relkind IN ('r', 'S') ORDER BY 1").fetchall()
    kept = [(name, is_counter) for name, is_counter in found if name != "mltrack_migrations"]
    texts = [f"ALTER SEQUENCE {name} RESTART" if is_counter else f"DELETE FROM {name}" for name, is_counter in kept]
    return ";".join(texts).encode()


@contextlib.contextmanager
def own_store(artifact_root: str = "/nonexistent/mlartifacts") -> Iterator[PostgresStore]:
    """Give a store in a database of its own, which is removed afterwards."""
    name = cluster().create(template())
    store = PostgresStore(cluster().uri(name), artifact_root=artifact_root)
    yield store
    store.close()
    cluster().drop(name)
