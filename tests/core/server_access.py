"""A server with users in this process, what its users have made, and a request of every route about that.

The requests are generated from the table of routes: fields of the same name get the same value everywhere, so that a
new route is asked about as soon as it is there. A field of a name that is not known here needs a value in ``_known``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from argon2 import PasswordHasher
from tests.core.http_answers import Answer
from tests.core.server_calls import own_values_of
from tests.core.server_routes import path_of

from mltrack.config import STORE_FILE
from mltrack.entities import Dataset, DatasetInput, LoggedModelInput, Metric, Param, RunTag
from mltrack.server.accounts import add_token, add_user
from mltrack.server.app import Application
from mltrack.server.need import EXPERIMENT, REGISTERED_MODEL, Role
from mltrack.server.passwords import Passwords
from mltrack.server.places import Places
from mltrack.server.service import Service
from mltrack.server.settings import ServerSettings
from mltrack.server.store_gate import StoreGate
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewLoggedModel, NewModelVersion
from mltrack.store.protocol import NewRun
from mltrack.store.sqlite import SqliteStore
from mltrack.wire.own_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.server.route import Route

ROOT, ANN, BOB, EVE = "root", "ann", "bob", "eve"
"""The administrator, who made the objects, and two others, of whom one has made some, too."""
HOST = "127.0.0.1"
MARK = "annprivate"
"""In every text of Ann's that a request about it does not say itself."""
SHUT = (403, 404)
UNWATCHED = ("failed_logins", "meta")


@cache
def cheap() -> Passwords:
    """Hashes that take no time: of one pass, in 8 KiB."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def password_of(name: str) -> str:
    return f"{name} has a password"


def basic(name: str, password: str | None = None) -> dict[str, str]:
    said = f"{name}:{password_of(name) if password is None else password}"
    return {"Authorization": f"Basic {base64.b64encode(said.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class House:
    """A server, its store, and what its users have made."""

    store: SqliteStore
    app: Application
    gate: StoreGate
    runner: asyncio.Runner
    owned: dict[str, dict[str, str]]

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request as one that came from this machine."""
        return self.runner.run(_ask(self.app, (method, path), body, headers or {}))

    def send(self, route: Route, values: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Send a request of a route."""
        path, body, own = request_of(route, values)
        return self.ask(route.method, path, body, {**own, **headers})

    def token_of(self, name: str, **options: Any) -> str:
        """Make a token."""
        return add_token(self.store, name, **options).text

    def give(self, name: str, role: Role | None) -> None:
        """Give a user a role of all that Ann has, and take that of others."""
        for kind, key in ((EXPERIMENT, "experiment_id"), (REGISTERED_MODEL, "name")):
            self.store.give_role(name, kind, self.owned[ANN][key], role)
        self.gate.changed()  # as after a second

    def rows(self) -> dict[str, Any]:
        """Give all that the store has, but for what logging in changes."""
        return self.store._database.read(_all_rows)

    def close(self) -> None:
        self.app.close()
        self.runner.close()
        self.store.close()


def _all_rows(connection: Any) -> dict[str, Any]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    names = [name for (name,) in found if name not in UNWATCHED and not name.startswith("code_index")]
    return {name: sorted(map(repr, connection.execute(f"SELECT * FROM {name}"))) for name in names}


def make_house(folder: Path, *, default_role: str = "none", **settings: Any) -> House:
    """Make a server whose users Ann and Bob have made one object of each kind; it is made once, and copied."""
    template, owned = _furnished()
    shutil.copytree(template.name, folder, dirs_exist_ok=True)
    return open_house(SqliteStore(folder / STORE_FILE), owned, default_role=default_role, **settings)


def open_house(
    store: SqliteStore, owned: dict[str, dict[str, str]], *, default_role: str = "none", **more: Any
) -> House:
    """Make a server of a store in which its users have made objects."""
    settings = ServerSettings(store.uri, has_users=True, default_role=default_role, **more)
    gate = StoreGate(store, settings, passwords=cheap())
    app = Application(Service(settings, store, gate, Places(settings)))
    return House(store, app, gate, asyncio.Runner(), owned)


@cache
def _furnished() -> tuple[TemporaryDirectory[str], dict[str, dict[str, str]]]:
    folder = TemporaryDirectory(prefix="mltrack-house-")
    store = SqliteStore(Path(folder.name) / STORE_FILE)
    owned = furnish(store)
    store.close()
    return folder, owned


def furnish(store: SqliteStore) -> dict[str, dict[str, str]]:
    """Make the users of a store, and what they have."""
    for name in (ROOT, ANN, BOB, EVE):
        add_user(store, cheap(), name=name, password=password_of(name))
    return {name: _furnish(store, name) for name in (ANN, BOB)}


def _furnish(store: SqliteStore, name: str) -> dict[str, str]:
    mark = MARK if name == ANN else "public"
    experiment = store.create_experiment(f"of {name}")
    run = store.create_run(NewRun(experiment, f"{mark} run", 1, tags=(RunTag("k", mark),))).run_id
    store.log_batch(run, metrics=[Metric("m", 1.5, 1, step) for step in (1, 2)], params=[Param("p", mark)])
    store.log_inputs(run, [DatasetInput(Dataset(f"{mark} data", "d1", "local", "{}"))])
    model = store.create_logged_model(NewLoggedModel(experiment, f"{mark}-model", params={"p": mark}, tags={"k": mark}))
    store.finalize_logged_model(model.model_id, "READY")
    for folder in (store.artifact_folder(run), store.logged_model_folder(model.model_id)):
        folder.put(safe_path("a.txt"), BytesIO(mark.encode()))
    registered = store.create_registered_model(f"model of {name}", tags={"k": mark}, description=mark).name
    store.create_model_version(NewModelVersion(registered, f"models:/{model.model_id}", None, model.model_id))
    store.log_inputs(run, models=[LoggedModelInput(model.model_id)])
    store.set_registered_model_alias(registered, "best", "1")
    for kind, key in ((EXPERIMENT, experiment), (REGISTERED_MODEL, registered)):
        store.give_role(name, kind, key, Role.MANAGE)
    ids = {"experiment_id": experiment, "run_id": run, "model_id": model.model_id, "name": registered}
    return ids | {"experiment_name": f"of {name}"}


OBJECTS = {
    *("experiment_id", "experiment_ids", "experiment_name", "run_id", "run_ids", "source_run_id", "model_id", "models"),
    *("name", "source", "metrics", "resource_id", "wanted", "end", "ended", "new", "path"),
}
"""Fields that name an object."""


def values_of(route: Route, owned: Mapping[str, str]) -> dict[str, Any]:
    """Give a value of each field of a route's request that is needed or names an object."""
    own = CALLS.get(route.path.removeprefix("calls/"))
    if own is not None:
        return own.write_arguments(own_values_of(own.name, owned))
    known, fields = _known(route, owned), route.request.model_fields
    wanted = {name: each for name, each in fields.items() if each.is_required() or name in OBJECTS or name in known[1]}
    missing = sorted(wanted.keys() - known[0].keys())
    assert not missing, (
        f"{route.method} {route.path} has fields of which tests/core/server_access.py knows no value: {missing}"
    )
    return {each.alias or name: known[0][name] for name, each in wanted.items()}


def _known(route: Route, owned: Mapping[str, str]) -> tuple[dict[str, Any], frozenset[str]]:
    """Give the values by field, and the fields that are wanted though they may be left out."""
    run, model, experiment, name = (owned[each] for each in ("run_id", "model_id", "experiment_id", "name"))
    values: dict[str, Any] = {
        "experiment_id": experiment,
        "experiment_ids": [experiment],
        "experiment_name": owned["experiment_name"],
        "run_id": run,
        "run_ids": [run],
        "source_run_id": run,
        "model_id": model,
        "models": [{"model_id": model}],
        "name": name,
        "version": "1",
        "alias": "best",
        "new_name": "another name",
        "stage": "Staging",
        "key": "k",
        "value": "1",
        "timestamp": 3,
        "metric_key": "m",
        "max_results": 10,
        "status": "FINISHED",
        "source": f"models:/{model}",
        "artifact_directory_path": "",
        "model_json": MODEL_JSON,
        "tags": [],
        "params": [],
        "metrics": [{"key": "m2", "value": 1, "timestamp": 1, "model_id": model}],
        "username": ROOT,
        "password": "another password",
        "is_admin": False,
        "permission": "READ",
        "resource_type": EXPERIMENT,
        "resource_id": experiment,
        "path": f"{experiment}/{run}/artifacts/a.txt",
    }
    values |= _OF_ROUTES.get((route.method, route.path), {})
    if "run_id" in route.request.model_fields or "version" in route.request.model_fields:
        values["path"] = "a.txt"  # below the run's or version's own root
    if route.path == "metrics/get-history-bulk":
        values["run_id"] = [run]
    if route.path == "artifacts" and route.method == "GET":
        values["path"] = f"{experiment}/{run}/artifacts"
    if route.path == "model-versions/create":
        values["run_id"] = None
    if route.path == "runs/create":
        values["run_id"] = None
    return values, _WANTED.get(route.path, frozenset())


MODEL_JSON = json.dumps({"artifact_path": "a", "flavors": {}, "run_id": "r", "utc_time_created": "2026-01-01"})
_OF_ROUTES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "experiments/create"): {"name": "new one"},
    ("POST", "registered-models/create"): {"name": "new one"},
    ("POST", "logged-models"): {"name": "new-one"},
    ("POST", "users/create"): {"username": "new.one"},
    ("POST", "runs/log-metric"): {"key": "m3"},
    ("POST", "runs/log-parameter"): {"key": "p2"},
    ("PATCH", "logged-models/{model_id}"): {"status": "LOGGED_MODEL_READY"},
    ("POST", "experiments/permissions/create"): {"username": EVE},
    ("POST", "registered-models/permissions/create"): {"username": EVE},
    ("GET", "registered-models/permissions/get"): {"username": EVE},
}
_WANTED = {"runs/log-batch": frozenset(("metrics",)), "runs/log-inputs": frozenset(("models",))}


def request_of(route: Route, values: Mapping[str, Any]) -> tuple[str, bytes | None, dict[str, str]]:
    """Give the path, the body and the headers of a request."""
    said = {name: each for name, each in values.items() if each is not None}
    named = {name: each for name, each in said.items() if "{" + name in route.paths[0]}
    path = path_of(route, **{name: str(each) for name, each in named.items()})
    rest = {name: each for name, each in said.items() if name not in named}
    if route.method == "GET" or route.answer is None:
        return f"{path}?{urlencode(rest, doseq=True)}", None if route.method == "GET" else b"hello", {}
    return path, *json_request(rest)


def json_request(fields: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Give the body of a request, and the header that says what it is."""
    return json.dumps(fields).encode(), {"Content-Type": "application/json"}


async def _ask(app: Any, line: tuple[str, str], body: bytes | None, headers: Mapping[str, str]) -> Answer:
    path, _, query = line[1].partition("?")
    sent: dict[str, Any] = {"headers": [], "body": b""}
    given = {"Host": f"{HOST}:5000", "Content-Length": str(len(body or b"")), **headers}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": line[0],
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "scheme": "http",
        "client": (HOST, 50_000),
        "server": (HOST, 5000),
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
    }
    waiting = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        await asyncio.sleep(3600)
        raise AssertionError("nobody hangs up")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.update(status=message["status"], headers=message["headers"])
        else:
            sent["body"] += message.get("body", b"")

    await app(scope, receive, send)
    return Answer(sent["status"], {name.decode(): value.decode() for name, value in sent["headers"]}, sent["body"])
