"""What a store keeps of users, tokens, roles and failed logins; over each kind of store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.core.server_access import ANN, BOB, ROOT, SHUT, basic, furnish, open_house, values_of
from tests.core.server_routes import name_of
from tests.core.test_server_access import CLOSED, mixed, of_objects

from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, MltrackError, NotFoundError
from mltrack.server.need import EXPERIMENT, EXPERIMENT_NAME, LOGGED_MODEL, REGISTERED_MODEL, RUN, Role
from mltrack.store.access_protocol import GivenRole
from mltrack.store.model_protocol import NewLoggedModel
from mltrack.store.protocol import NewRun

if TYPE_CHECKING:
    from mltrack.store.sqlite import SqliteStore

DAY = 86_400_000


def test_users(store: SqliteStore) -> None:
    assert not store.has_users()
    first, second = store.add_user("ann", "hash"), store.add_user("bob", "hash")
    assert (first.is_admin, second.is_admin, store.has_users()) == (True, False, True)
    with pytest.raises(AlreadyExistsError, match="user 'bob' already"):
        store.add_user("bob", "other")
    assert store.find_user("Bob") is None
    assert store.find_user("bob") == store.get_user("bob") == second
    store.set_password("bob", "new")
    store.renew_hash(second.id, old="hash", new="late")
    assert store.get_user("bob").password == "new"
    store.renew_hash(second.id, old="new", new="renewed")
    assert store.get_user("bob").password == "renewed"
    assert [each.name for each in store.list_users()] == ["ann", "bob"]
    for missing in (store.get_user, store.remove_user, store.list_tokens):
        with pytest.raises(NotFoundError, match="no user 'nobody'"):
            missing("nobody")


def test_tokens_go_with_their_user(store: SqliteStore) -> None:
    for name in ("ann", "bob"):
        store.add_user(name, "hash")
    made = store.add_token("bob", b"\0digest\xff", label="l", expires_at=5)
    login = store.find_token(b"\0digest\xff")
    assert login is not None
    assert (login.user.name, login.digest, login.expires_at) == ("bob", b"\0digest\xff", 5)
    assert store.list_tokens("bob") == [made]
    assert store.find_token(b"other") is None
    with pytest.raises(NotFoundError, match="no token"):
        store.revoke_token("ann", made.id)
    store.remove_user("bob")
    assert store.find_token(b"\0digest\xff") is None
    store.add_user("bob", "hash")
    assert store.list_tokens("bob") == []


def test_the_number_of_a_token_is_never_given_again(store: SqliteStore) -> None:
    store.add_user("ann", "hash", is_admin=True)
    first = store.add_token("ann", b"first")
    store.revoke_token("ann", first.id)
    assert store.add_token("ann", b"second").id > first.id


def test_roles(store: SqliteStore) -> None:
    for name in ("ann", "bob"):
        store.add_user(name, "hash")
    bob = store.get_user("bob").id
    experiment, model = store.create_experiment("e"), store.create_registered_model("m").name
    assert store.given_role(bob, EXPERIMENT, experiment) is None
    for kind, key, role in ((EXPERIMENT, experiment, Role.EDIT), (REGISTERED_MODEL, model, Role.NONE)):
        store.give_role("bob", kind, key, Role.READ)
        store.give_role("bob", kind, key, role)
        assert store.given_role(bob, kind, key) == role
        assert store.given_roles(thing=(kind, key)) == [GivenRole("bob", kind, key, role)]
    assert len(store.given_roles(user="bob")) == len(store.given_roles()) == 2
    readable = {
        (kind, default): store.readable_keys(bob, kind, default=default)
        for kind in (EXPERIMENT, REGISTERED_MODEL)
        for default in (Role.NONE, Role.READ)
    }
    assert readable == {
        (EXPERIMENT, Role.NONE): {experiment},
        (EXPERIMENT, Role.READ): None,
        (REGISTERED_MODEL, Role.NONE): set(),
        (REGISTERED_MODEL, Role.READ): set(),
    }
    store.give_role("bob", REGISTERED_MODEL, model, None)
    assert store.readable_keys(bob, REGISTERED_MODEL, default=Role.READ) is None
    for kind, key in ((EXPERIMENT, "99"), (EXPERIMENT, "x"), (EXPERIMENT, "9" * 30), (REGISTERED_MODEL, "M")):
        assert store.given_role(bob, kind, key) is None
        assert not store.has_thing(kind, key)
        with pytest.raises(NotFoundError, match="There is no"):
            store.give_role("bob", kind, key, Role.READ)
    with pytest.raises(InvalidParameterError, match="has no roles"):
        store.give_role("bob", "prompt", "x", Role.READ)


def test_the_experiment_of_a_thing(store: SqliteStore) -> None:
    experiment = store.create_experiment("an experiment")
    run = store.create_run(NewRun(experiment, "r", 1)).run_id
    model = store.create_logged_model(NewLoggedModel(experiment)).model_id
    store.set_run_lifecycle(run, "deleted")
    store.delete_logged_model(model)
    for kind, key in ((RUN, run), (LOGGED_MODEL, model), (EXPERIMENT_NAME, "an experiment")):
        assert store.experiment_of(kind, key) == experiment
        assert store.experiment_of(kind, "another") is None


def test_every_change_is_told_by_the_version(store: SqliteStore) -> None:
    seen = [store.access_version()]

    def changed() -> bool:
        seen.append(store.access_version())
        return seen[-1] != seen[-2]

    for name in ("ann", "bob"):
        store.add_user(name, "hash")
        assert changed()
    store.create_registered_model("m")
    token = store.add_token("bob", b"digest")
    assert changed()
    store.give_role("bob", EXPERIMENT, "0", Role.EDIT)
    assert changed()
    store.create_run(NewRun("0", "r", 1))
    store.note_failed_login([b"x"], within_ms=DAY)
    assert not changed()
    for change in (
        lambda: store.give_role("bob", EXPERIMENT, "0", None),
        lambda: store.set_admin("bob", is_admin=True),
        lambda: store.set_password("bob", "other"),
        lambda: store.revoke_token("bob", token.id),
        lambda: store.rename_registered_model("m", "n"),
        lambda: store.delete_registered_model("n"),
        lambda: store.remove_user("bob"),
    ):
        change()
        assert changed()


def test_failed_logins_are_counted_for_a_while(store: SqliteStore) -> None:
    one, other = b"\0one", b"\xffother"
    assert store.failed_logins([one, other], within_ms=DAY) == [0, 0]
    assert [store.note_failed_login(who, within_ms=DAY) for who in ([one], [one, other])] == [[1], [2, 1]]
    assert store.failed_logins([one, other], within_ms=DAY) == [2, 1]
    store.note_failed_login([other], within_ms=DAY)
    for _ in range(2):
        store.take_back_failed_login([other, b"nobody"])
    assert store.failed_logins([one, other], within_ms=DAY) == [2, 0]
    store.note_failed_login([other], within_ms=DAY)
    store.forget_failed_logins(one)
    assert store.failed_logins([one, other], within_ms=DAY) == [0, 1]
    assert store.failed_logins([other], within_ms=-DAY) == [0]  # which began before then
    store.note_failed_login([one], within_ms=-DAY)
    assert store.failed_logins([one, other], within_ms=DAY) == [1, 0]


def test_two_administrators_who_remove_each_other(store: SqliteStore) -> None:
    for round_ in range(5):
        names = [f"a{round_}", f"b{round_}"]
        for name in names:
            store.add_user(name, "hash", is_admin=True)
        for each in store.list_users():
            if each.name not in names:
                store.remove_user(each.name)

        def remove(name: str) -> bool:
            try:
                store.remove_user(name)
            except InvalidParameterError:
                return False
            return True

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(remove, names)) == [False, True]
        assert len([each for each in store.list_users() if each.is_admin]) == 1


@pytest.mark.slow
def test_the_table_of_routes_over_each_kind_of_store(store: SqliteStore) -> None:
    house = open_house(store, furnish(store))
    open_to_bob = []
    for route in filter(of_objects, CLOSED):
        anns, bobs = values_of(route, house.owned[ANN]), values_of(route, house.owned[BOB])
        for name, values in (("all", anns), *mixed(bobs, anns)):
            found = house.send(route, values, basic(BOB))
            if found.status not in ((*SHUT, 200, 400) if route.need.is_filtered else SHUT):
                open_to_bob.append((name_of(route), name, found))
    assert open_to_bob == []
    house.give(BOB, Role.READ)
    readers = [route for route in CLOSED if route.method == "GET" and route.need.role == Role.READ]
    for name in (BOB, ROOT):
        answers = {
            name_of(route): house.send(route, values_of(route, house.owned[ANN]), basic(name)) for route in readers
        }
        assert {each: found for each, found in answers.items() if found.status not in (200, 501)} == {}
    house.app.close()
    house.runner.close()


def test_errors_of_a_store_without_users_are_told(store: SqliteStore) -> None:
    with pytest.raises(MltrackError, match="mltrack server users list"):
        store.get_user("x" * 200)
