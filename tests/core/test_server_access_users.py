"""Looking after users, tokens and roles: on the command line, and over the wire under MLflow's names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from tests.core.command_line import call, done, parsed, refused
from tests.core.server_access import ANN, BOB, EVE, ROOT, House, basic, bearer, json_request, make_house, password_of

from mltrack.cli import main
from mltrack.server.tokens import digest_of, is_token
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse battery"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = make_house(tmp_path)
    yield found
    found.close()


def users(house: House, *words: str) -> tuple[str, ...]:
    """Give the words of a command about the users of a store."""
    return ("server", "users", *words, "--backend-store-uri", house.store.uri)


def typed(words: tuple[str, ...], password: str) -> Result:
    return CliRunner().invoke(main, list(words), input=f"{password}\n")


def test_the_first_user_is_an_administrator_and_makes_the_store(tmp_path: Path) -> None:
    words = ("--backend-store-uri", f"sqlite:///{tmp_path / 'team.db'}")
    assert "There is no store" in refused("server", "users", "list", *words)
    made = typed(("server", "users", "add", "first", *words), PASSWORD)
    assert (made.exit_code, made.stdout) == (0, "Made the administrator 'first'.\n")
    assert "must be started again" in made.stderr
    store = SqliteStore(tmp_path / "team.db")
    assert [(each.name, each.is_admin) for each in store.list_users()] == [("first", True)]
    store.close()
    for password, said in (("short", "12 to 512"), ("", "pipe one line in")):
        found = typed(("server", "users", "add", "second", *words), password)
        assert (found.exit_code, said in found.stderr) == (1, True), found.stderr
    assert "no name of a user" in typed(("server", "users", "add", "a:b", *words), PASSWORD).stderr


@pytest.mark.slow
def test_a_password_is_read_and_no_argument(house: House) -> None:
    before = house.store.get_user(BOB).password
    assert call(*users(house, "password", BOB, PASSWORD)).exit_code == 2
    assert house.store.get_user(BOB).password == before
    token = done(*users(house, "token", BOB))
    assert "1 token of that user still let in" in typed(users(house, "password", BOB), PASSWORD).stdout
    house.gate.changed()
    for shown in (basic(BOB, PASSWORD), bearer(token.strip())):
        assert house.ask("GET", "/api/2.0/mlflow/users/current", None, shown).status == 200
    assert house.ask("GET", "/api/2.0/mlflow/users/current", None, basic(BOB)).status == 401
    assert "no user 'nobody'" in typed(users(house, "password", "nobody"), PASSWORD).stderr


def test_tokens_on_the_command_line(house: House) -> None:
    text = done(*users(house, "token", BOB, "--label", "laptop", "--days", "2")).strip()
    assert is_token(text)
    login = house.store.find_token(digest_of(text))
    assert login is not None
    assert login.user.name == BOB
    other = parsed(*users(house, "token", BOB))
    assert is_token(other.pop("token"))
    listed = parsed(*users(house, "tokens", BOB))
    assert [each["label"] for each in listed] == ["laptop", ""]
    assert listed[0]["expires_at"] - listed[0]["created_at"] == pytest.approx(2 * 86_400_000, abs=60_000)
    assert listed[1] == other
    assert "laptop" in done(*users(house, "tokens", BOB))
    assert text not in json.dumps(listed)
    done(*users(house, "revoke-token", BOB, str(listed[0]["id"])))
    assert house.store.find_token(digest_of(text)) is None
    assert "has no token 99" in refused(*users(house, "revoke-token", BOB, "99"))
    assert "has no token" in refused(*users(house, "revoke-token", ANN, str(other["id"])))
    assert "a hundred years" in refused(*users(house, "token", BOB, "--days", "-1"))
    assert "one line" in refused(*users(house, "token", BOB, "--label", "a\nb"))


def test_roles_on_the_command_line(house: House) -> None:
    experiment, model = house.owned[ANN]["experiment_id"], house.owned[ANN]["name"]
    done(*users(house, "grant", EVE, "edit", "-x", experiment))
    assert parsed(*users(house, "grant", EVE, "none", "--model", model)) == [
        {"username": EVE, "permission": "edit", "resource_type": "experiment", "resource_id": experiment},
        {"username": EVE, "permission": "none", "resource_type": "registered_model", "resource_id": model},
    ]
    assert len(parsed(*users(house, "roles"))) == 6  # with what Ann and Bob have made
    assert done(*users(house, "roles", EVE)).splitlines()[1].split() == [EVE, "edit", "experiment", experiment]
    done(*users(house, "revoke", EVE, "-x", experiment))
    assert len(parsed(*users(house, "roles", EVE))) == 1
    assert "no experiment '99'" in refused(*users(house, "grant", EVE, "read", "-x", "99"))
    assert "no registered model 'x'" in refused(*users(house, "grant", EVE, "read", "-m", "x"))
    assert "no user 'nobody'" in refused(*users(house, "grant", "nobody", "read", "-x", "0"))
    assert "exactly one" in refused(*users(house, "grant", EVE, "read"), code=2)
    assert "owner" in refused(*users(house, "grant", EVE, "owner", "-x", "0"), code=2)


def test_users_on_the_command_line(house: House) -> None:
    assert [each["username"] for each in parsed(*users(house, "list"))] == [ANN, BOB, EVE, ROOT]
    assert "argon2" not in done(*users(house, "list")) + json.dumps(parsed(*users(house, "list")))
    done(*users(house, "admin", EVE))
    done(*users(house, "admin", ROOT, "--off"))
    assert [each["username"] for each in parsed(*users(house, "list")) if each["is_admin"]] == [EVE]
    assert "only administrator" in refused(*users(house, "remove", EVE))
    done(*users(house, "remove", BOB))
    assert house.store.given_roles(user=BOB) == []
    assert "no user 'bob'" in refused(*users(house, "remove", BOB))


def send(house: House, who: str, line: str, /, **fields: Any) -> tuple[int, Any]:
    """Send a request of somebody's; a GET has its fields in the line."""
    method, path = line.split(" ")
    base = f"/api/{3 if path.startswith('users/permissions') else 2}.0/mlflow/"
    body, kind = (None, {}) if method == "GET" else json_request(fields)
    found = house.ask(method, base + path, body, basic(who) | kind)
    return found.status, found.value


def test_users_over_the_wire(house: House) -> None:
    status, made = send(house, ROOT, "POST users/create", username="new", password=PASSWORD)
    assert (status, made["user"]["username"], made["user"]["is_admin"]) == (200, "new", False)
    assert send(house, ROOT, "POST users/create", username="new", password=PASSWORD)[0] == 400
    assert send(house, ROOT, "GET users/get?username=new") == (200, made)
    assert send(house, BOB, "GET users/get?username=new")[0] == 403
    assert send(house, BOB, "GET users/current")[1]["user"]["username"] == BOB
    assert [each["username"] for each in send(house, ROOT, "GET users/list")[1]["users"]] == [
        ANN,
        BOB,
        EVE,
        "new",
        ROOT,
    ]
    assert send(house, ROOT, "PATCH users/update-admin", username="new", is_admin=True) == (200, {})
    house.store.set_admin("new", is_admin=False)
    assert send(house, ROOT, "DELETE users/delete", username="new") == (200, {})
    assert send(house, ROOT, "GET users/get?username=new")[0] == 404
    assert send(house, ROOT, "DELETE users/delete", username=ROOT)[0] == 400


def test_passwords_over_the_wire(house: House) -> None:
    line, new = "PATCH users/update-password", {"username": BOB, "password": PASSWORD}
    assert send(house, ANN, line, **new)[0] == 403
    assert send(house, BOB, line, **new)[0] == 400
    assert send(house, BOB, line, **new, current_password="wrong")[0] == 400
    assert send(house, BOB, line, **new, current_password=password_of(BOB)) == (200, {})
    assert send(house, BOB, "GET users/current")[0] == 401
    assert send(house, ROOT, line, username=BOB, password=password_of(BOB)) == (200, {})
    assert send(house, BOB, "GET users/current")[0] == 200


@pytest.mark.parametrize("kind", ["experiment", "registered_model"])
def test_permissions_over_the_wire(house: House, kind: str) -> None:
    """Ann, who manages her objects, says what Eve may do: as clients of 3.17 ask, and as those before it do."""
    name, key = {"experiment": ("experiment_id", "experiment_id"), "registered_model": ("name", "name")}[kind]
    thing = house.owned[ANN][key]
    new = {"username": EVE, "resource_type": kind, "resource_id": thing}
    path = f"users/permissions/get?username={EVE}&resource_type={kind}&resource_id={thing}".replace(" ", "%20")
    assert send(house, ANN, f"GET {path}") == (200, {"allowed": False, "permission": "NO_PERMISSIONS"})
    assert send(house, ANN, "POST users/permissions/grant", **new, permission="EDIT") == (200, {})
    assert send(house, ANN, f"GET {path}") == (200, {"allowed": True, "permission": "EDIT"})
    assert send(house, EVE, "POST users/permissions/grant", **new, permission="MANAGE")[0] == 403
    assert send(house, ANN, "POST users/permissions/revoke", **new) == (200, {})
    older, fields = f"{kind.replace('_', '-')}s/permissions", {name: thing, "username": EVE}
    status, made = send(house, ANN, f"POST {older}/create", **fields, permission="READ")
    user_id = house.store.get_user(EVE).id
    assert (status, made) == (200, {f"{kind}_permission": {name: thing, "user_id": user_id, "permission": "READ"}})
    assert send(house, ANN, f"POST {older}/create", **fields, permission="READ")[0] == 400
    assert send(house, ANN, f"PATCH {older}/update", **fields, permission="NO_PERMISSIONS") == (200, {})
    query = f"{name}={thing}&username={EVE}".replace(" ", "%20")
    status, found = send(house, ANN, f"GET {older}/get?{query}")
    assert found[f"{kind}_permission"]["permission"] == "NO_PERMISSIONS"
    assert send(house, ANN, f"DELETE {older}/delete", **fields) == (200, {})
    assert send(house, ANN, f"GET {older}/get?{query}")[0] == 404
    assert send(house, ANN, "POST users/permissions/grant", **new, permission="OWNER")[0] == 400
    assert (
        send(house, ANN, "POST users/permissions/grant", **new | {"resource_type": "prompt"}, permission="READ")[0]
        == 400
    )
