"""Who may use which route on which object, over the whole table of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.core.server_access import ANN, BOB, MARK, OBJECTS, ROOT, SHUT, House, basic, bearer, make_house, values_of
from tests.core.server_routes import name_of

from mltrack.server.need import Need, Role
from mltrack.server.table import ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mltrack.server.route import Route

CLOSED = tuple(route for route in ROUTES if not route.need.is_open)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    found = make_house(tmp_path_factory.mktemp("house"))
    yield found
    found.close()


def needs(need: Need) -> list[Role]:
    return [need.role, *(each.role for each in need.also)]


def of_objects(route: Route) -> bool:
    """Say whether a route is about objects of users, by its need or by what it chooses."""
    return route.need.is_filtered or any(role > Role.NONE for role in needs(route.need))


def test_who_may_use_a_route_is_as_it_is_meant_to_be() -> None:
    """A route that all may use, or all users, is named here, so that none comes to be so by mistake."""
    assert {name_of(route) for route in ROUTES if route.need.is_open} == {"GET /health"}
    free = {route.path for route in CLOSED if not of_objects(route) and not route.need.is_admin}
    assert free == {
        *("/version", "/metrics", "/openapi.json", "server-info", "calls/version"),
        *("experiments/create", "registered-models/create"),
        *("users/get", "users/current", "users/update-password"),
    }


def test_without_credentials_every_route_is_shut(house: House) -> None:
    """Nothing of a request is looked at before who sends it: not even whether it makes sense."""
    before = house.rows()
    wrong = []
    for route in CLOSED:
        for path in route.paths:
            for headers in ({}, {"Content-Type": "application/json"}):
                found = house.ask(route.method, path, b"{", headers)
                if (found.status, found.headers.get("www-authenticate")) != (401, 'Basic realm="mltrack"'):
                    wrong.append((route.method, path, found))
    assert wrong == []
    assert house.rows() == before


@pytest.mark.parametrize(
    "shown",
    [
        *({"Authorization": each} for each in ("Basic", "Bearer", "Bearer x", "Basic !", "Basic Ym9i", "Digest x")),
        *(basic(BOB, "wrong"), basic("nobody"), basic("", ""), basic(BOB, "")),
        *(bearer(f"mlt_{'0' * 64}"), {"Authorization": "Basic " + "A" * 5000}, {"X-Api-Key": "x"}),
    ],
    ids=range(13),
)
def test_with_wrong_credentials_a_route_is_shut(house: House, shown: dict[str, str]) -> None:
    found = house.ask("GET", f"/api/2.0/mlflow/runs/get?run_id={house.owned[BOB]['run_id']}", None, shown)
    assert (found.status, found.value["error_code"]) == (401, "UNAUTHENTICATED")


def mixed(own: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give requests in which one field that names an object is another's, and all other fields are one's own."""
    for name in other:
        if name in OBJECTS and own.get(name) != other[name]:
            yield name, {**own, name: other[name]}


def asked_for_anothers(house: House) -> list[Any]:
    """Let Bob ask every route for what is Ann's, as a whole and with one field of hers among his own.

    Gives what he reached; nothing may be changed.
    """
    before, reached = house.rows(), []
    for route in filter(of_objects, CLOSED):
        anns, bobs = values_of(route, house.owned[ANN]), values_of(route, house.owned[BOB])
        for name, values in (("all", anns), *mixed(bobs, anns)):
            found = house.send(route, values, basic(BOB))
            shows = MARK.encode() in found.body
            if shows or found.status not in ((*SHUT, 200, 400) if route.need.is_filtered else SHUT):
                reached.append((name_of(route), name, found.status, found.body[:200]))
    assert house.rows() == before
    return reached


def test_nobody_reaches_what_is_anothers(house: House) -> None:
    assert asked_for_anothers(house) == []


def test_administrators_need_no_role(house: House) -> None:
    readers = [route for route in CLOSED if route.method == "GET" and of_objects(route)]
    answers = {name_of(route): house.send(route, values_of(route, house.owned[ANN]), basic(ROOT)) for route in readers}
    assert {name: found for name, found in answers.items() if found.status not in (200, 404, 501)} == {}


def test_users_cannot_use_what_is_for_administrators(house: House) -> None:
    before = house.rows()
    admins = [route for route in CLOSED if route.need.is_admin]
    assert admins
    for route in admins:
        assert house.send(route, values_of(route, house.owned[ANN]), basic(ANN)).status == 403, name_of(route)
    assert house.rows() == before


PARTS = ("tag", "alias", "permissions", "artifacts", "runs", "logged-models", "model-versions")


def when(route: Route) -> int:
    """Put off routes that take something away, the smaller things first."""
    if route.method != "DELETE" and not route.path.endswith(("delete", "rename", "revoke")):
        return 0
    return next((number for number, part in enumerate(PARTS, 1) if part in route.path), len(PARTS) + 1)


@pytest.mark.parametrize("role", [Role.READ, Role.EDIT, Role.MANAGE], ids=lambda role: role.name)
def test_a_role_lets_in_where_it_should_and_nowhere_else(tmp_path: Path, role: Role) -> None:
    house = make_house(tmp_path)
    house.give(BOB, role)
    wrong, others = [], {}
    for route in sorted(filter(of_objects, CLOSED), key=when):
        found = house.send(route, values_of(route, house.owned[ANN]), basic(BOB))
        may = max(needs(route.need)) <= role
        if (found.status == 403) == may:
            wrong.append((name_of(route), found))
        if may and found.status != 200:
            others[route.path] = found
    house.close()
    assert wrong == []
    # The requests are such as are taken, so that it was not their form that shut them out before.
    not_there = {"experiments/restore", "registered-models/delete"}
    assert {path: found for path, found in others.items() if found.status != 501 and path not in not_there} == {}
