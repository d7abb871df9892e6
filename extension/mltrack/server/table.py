"""The one table of all routes, and the check that none leaves anything open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.server import (
    artifacts,
    experiments,
    health,
    inputs,
    logged,
    logged_models,
    metrics,
    model_aliases,
    model_versions,
    own_calls,
    registered_models,
    runs,
    searches,
)
from mltrack.server.message import Message
from mltrack.server.need import Need, Role
from mltrack.server.permissions import ROUTES as PERMISSION_ROUTES
from mltrack.server.users import ROUTES as USER_ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.server.route import Route

ROUTES: tuple[Route, ...] = (
    *own_calls.ROUTES,
    *health.ROUTES,
    *USER_ROUTES,
    *PERMISSION_ROUTES,
    *experiments.ROUTES,
    *runs.ROUTES,
    *logged.ROUTES,
    *metrics.ROUTES,
    *inputs.ROUTES,
    *searches.ROUTES,
    *logged_models.ROUTES,
    *artifacts.ROUTES,
    *registered_models.ROUTES,
    *model_aliases.ROUTES,
    *model_versions.ROUTES,
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""HEAD is answered where GET is, and OPTIONS everywhere."""


def check_table(routes: Sequence[Route] = ROUTES) -> None:
    """Refuse a table in which a route does not say what it takes and gives, who may use it, or its limits.

    Raises
    ------
    TypeError
        The message names the route.
    """
    seen: set[tuple[str, str]] = set()
    for route in routes:
        for is_wrong, fault in _faults(route):
            if is_wrong:
                raise TypeError(f"The route {route.method} {route.path} {fault}.")
        for path in route.paths:
            if (route.method, path) in seen:
                raise TypeError(f"The route {route.method} {path} is there twice.")
            seen.add((route.method, path))


def _faults(route: Route) -> Iterator[tuple[bool, str]]:
    """Say what may be wrong with a route, and whether it is; what comes later may rely on what came before."""
    streams, reads, need = route.most is None or route.answer is None, route.method == "GET", route.need
    yield route.method not in METHODS, f"has a method that is none of {', '.join(METHODS)}"
    yield not (route.path and route.bases), "has no path"
    yield not _is_message(route.request), "declares no request"
    yield route.answer is not None and not _is_message(route.answer), "declares no answer"
    yield not callable(route.work), "does nothing"
    yield not isinstance(need, Need), "does not declare who may use it"
    roles = [each for each in (need, *need.also) if each.role > Role.NONE]
    yield any(each.of is None for each in roles), "needs a role, and does not say of what"
    yield need.is_open and bool(roles or need.is_admin or need.is_filtered), "is open, and needs something"
    yield route.most is None and reads, "declares no size"
    yield (
        route.most is not None and not (route.most == 0 if reads else route.most > 0),
        "declares a size that cannot be",
    )
    yield route.seconds is None and not streams, "declares no time"
    yield route.seconds is not None and not route.seconds > 0, "declares a time that cannot be"


def _is_message(said: object) -> bool:
    return isinstance(said, type) and issubclass(said, Message)
