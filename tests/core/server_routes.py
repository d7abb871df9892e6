"""The table of a server's routes, as tests walk it: a route's name, and a request for it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mltrack.server.table import ROUTES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.core.tracking_servers import RunningServer

    from mltrack.server.route import Route

JSON = {"Content-Type": "application/json"}
READERS = tuple(route for route in ROUTES if route.method == "GET")
WRITERS = tuple(route for route in ROUTES if route.method != "GET")
BODIES = tuple(route for route in WRITERS if route.most)
"""Those that take a body of JSON, or of bytes up to a size."""


def name_of(route: Route) -> str:
    """Give a name that is the same in every process."""
    return f"{route.method} {route.paths[0]}"


def path_of(route: Route, **named: str) -> str:
    """Give a path of a route, whose parts are named, or ``x``."""
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: named.get(match[1], "x"), route.paths[0])


def takes_json(route: Route) -> bool:
    """Say whether the body of a route is JSON."""
    return route.method != "GET" and bool(route.most) and route.answer is not None


def request_of(route: Route, values: Mapping[str, Any]) -> tuple[str, bytes | None]:
    """Give the path, with its query, and the body of a request with these values."""
    path = path_of(route, **{name: value for name, value in values.items() if isinstance(value, str)})
    if route.method != "GET":
        return path, json.dumps(values).encode() if takes_json(route) else b""
    return f"{path}?{urlencode(values, doseq=True)}", None


def known_things(server: RunningServer) -> dict[str, Any]:
    """Make one of each kind of things, and give what fields of requests may name then."""
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    server.post("runs/log-metric", run_id=run_id, key="loss", value=1.0, timestamp=1)
    server.post("registered-models/create", name="m")
    model = server.post("logged-models", experiment_id="0")["model"]["info"]["model_id"]
    server.post("model-versions/create", name="m", source=f"models:/{model}", model_id=model)
    path = f"0/{run_id}/artifacts/a.txt"
    runs = {"run_id": run_id, "run_uuid": run_id, "run_ids": [run_id], "metric_key": "loss", "key": "k", "path": path}
    return {**runs, "experiment_id": "0", "experiment_ids": ["0"], "model_id": model, "name": "m", "version": "1"}
