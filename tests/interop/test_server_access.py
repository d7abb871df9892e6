"""A server with users, asked by the real mlflow: names and passwords, tokens, roles; and what its processes write."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.server_access import basic, bearer
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.server.accounts import add_token, add_user
from mltrack.server.failures import PER_USER
from mltrack.server.passwords import Passwords
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"
SCRIPT = Path(__file__).with_name("server_access_calls.py")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    found = SqliteStore(tmp_path_factory.mktemp("server") / "mltrack.db")
    for name in ("root", "ann", "bob"):
        add_user(found, Passwords(), name=name, password=PASSWORD)
    yield found
    found.close()


@pytest.fixture(scope="module")
def server(store: SqliteStore) -> Iterator[RunningServer]:
    with running_server(store.path.parent, "--workers", "2", "--default-role", "none") as found:
        yield found


@pytest.fixture(scope="module")
def told(server: RunningServer, store: SqliteStore, mlflow_python: str, tmp_path_factory: Any) -> dict[str, Any]:
    token = add_token(store, "bob").text
    words = [mlflow_python, str(SCRIPT), server.url, PASSWORD, token, str(tmp_path_factory.mktemp("downloads"))]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_who_shows_nothing_or_what_is_wrong_is_refused(told: dict[str, Any]) -> None:
    assert (told["nobody"], told["wrong"]) == ("UNAUTHENTICATED", "UNAUTHENTICATED")


def test_a_stranger_sees_nothing(told: dict[str, Any]) -> None:
    assert told["stranger"] == ["PERMISSION_DENIED", "PERMISSION_DENIED", "PERMISSION_DENIED", 0, [], [], True]


def test_roles_count_at_once(told: dict[str, Any]) -> None:
    seen = [1, ["of ann"], ["model of ann"], False]
    assert told["reader"] == ["done", "PERMISSION_DENIED", "PERMISSION_DENIED", *seen]
    assert told["editor"] is None


def test_administrators(told: dict[str, Any]) -> None:
    assert told["users"] == "PERMISSION_DENIED"
    assert (told["made"], told["admin"], told["eve"], told["changed"]) == ("eve", True, ["done", None], "done")


def test_what_is_taken_away_is_gone_from_every_process_soon(server: RunningServer, store: SqliteStore) -> None:
    made = add_token(store, "bob")
    path = "/api/2.0/mlflow/users/current"
    assert {server.ask("GET", path, **bearer(made.text)).status for _ in range(30)} == {200}
    store.revoke_token("bob", made.stored.id)
    deadline = time.monotonic() + 120
    while {server.ask("GET", path, **bearer(made.text)).status for _ in range(20)} != {401}:
        assert time.monotonic() < deadline


def test_too_many_wrong_passwords_are_counted_over_all_processes(server: RunningServer) -> None:
    path = "/api/2.0/mlflow/users/current"
    answers = [server.ask("GET", path, **basic("ann", f"wrong {n}")).status for n in range(14)]
    assert answers == [401] * answers.count(401) + [429] * answers.count(429)
    assert answers.count(401) == PER_USER


def test_nothing_of_credentials_is_in_the_log(server: RunningServer, store: SqliteStore) -> None:
    token = add_token(store, "bob").text
    for shown in (bearer(token), bearer(token[:-1]), basic("bob", PASSWORD), basic("bob", "my own secret")):
        server.ask("POST", f"/api/2.0/mlflow/runs/log-metric?token={token}", {"key": token}, **shown)
        server.ask("GET", f"/nowhere/{token}", **shown)
    written = server.log.read_text()
    assert [
        each for each in (token, PASSWORD, "my own secret", basic("bob", PASSWORD)["Authorization"]) if each in written
    ] == []
