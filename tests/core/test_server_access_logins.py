"""Passwords and tokens: which let in, for how long, how often one may be wrong, and what is kept of them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest
from argon2 import PasswordHasher
from tests.core.server_access import ANN, BOB, EVE, House, basic, bearer, cheap, make_house, password_of

from mltrack.exceptions import InvalidParameterError, MltrackError, StateError, UnauthenticatedError
from mltrack.masking import mask_text
from mltrack.server import failures, remembered
from mltrack.server.accounts import add_user, check_user_name, set_password
from mltrack.server.failures import PER_ADDRESS, PER_USER
from mltrack.server.gates import access_of, with_users
from mltrack.server.need import EXPERIMENT, Role, Thing
from mltrack.server.passwords import AT_ONCE, WAITING, Passwords, check_password
from mltrack.server.remembered import Remembered
from mltrack.server.settings import ServerSettings
from mltrack.server.store_gate import StoreGate
from mltrack.server.tokens import digest_of, is_token, new_token
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PLACE = "203.0.113.7"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = make_house(tmp_path)
    yield found
    found.close()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def gate_of(house: House) -> StoreGate:
    """Give the gate of another process of the same server."""
    return StoreGate(house.store, ServerSettings(house.store.uri, default_role="none"), passwords=cheap())


def headers(shown: Mapping[str, str]) -> dict[bytes, bytes]:
    return {name.lower().encode(): value.encode() for name, value in shown.items()}


def enters(gate: StoreGate, shown: Mapping[str, str], place: str = PLACE) -> str | None:
    """Give the user's name, or None for somebody who is not let in."""
    try:
        return gate.identify(headers(shown), place).name
    except UnauthenticatedError:
        return None


def status(house: House, shown: Mapping[str, str], query: str = "") -> int:
    return house.ask("GET", f"/api/2.0/mlflow/users/current{query}", None, shown).status


def test_tokens_let_in_until_they_are_taken_away(house: House) -> None:
    token = house.token_of(BOB, label="laptop")
    assert house.ask("GET", "/api/2.0/mlflow/users/current", None, bearer(token)).value["user"]["username"] == BOB
    assert status(house, bearer(token.upper())) == status(house, bearer(token[:-1])) == 401
    house.store.revoke_token(BOB, house.store.list_tokens(BOB)[0].id)
    house.gate.changed()  # as after a second
    assert status(house, bearer(token)) == 401


def test_tokens_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    token = house.token_of(BOB, days=1)
    assert status(house, bearer(token)) == 200
    monkeypatch.setattr("time.time", lambda: house.store.list_tokens(BOB)[0].expires_at / 1000 + 1)  # type: ignore[operator]
    assert status(house, bearer(token)) == 401


def test_a_token_counts_in_no_other_place(house: House) -> None:
    token = house.token_of(BOB)
    queries = (f"?token={token}", f"?access_token={token}", f"?Authorization=Bearer%20{token}")
    assert [status(house, {}, query) for query in queries] == [401] * 3
    shown = ({"Cookie": f"token={token}"}, {"X-Auth-Token": token}, {"Authorization": token}, basic(token, ""))
    assert [status(house, each) for each in shown] == [401] * 4


def test_the_store_has_neither_tokens_nor_passwords(house: House) -> None:
    token = house.token_of(BOB)
    assert status(house, bearer(token)) == status(house, basic(BOB)) == 200
    kept = b"".join(path.read_bytes() for path in house.store.path.parent.glob("mltrack.db*"))
    assert digest_of(token) in kept
    assert token.encode() not in kept
    assert bytes.fromhex(token[4:]) not in kept
    assert password_of(BOB).encode() not in kept
    assert is_token(token)
    assert new_token() != new_token()


def test_tokens_are_masked_wherever_they_are_written() -> None:
    token = new_token()
    for text in (token, f"https://h/?t={token}", f"'{token}'", f"Bearer {token},"):
        assert token not in mask_text(text), text


def test_nothing_of_credentials_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token, secret = house.token_of(BOB), "my secret password"
    for shown in (bearer(token), bearer(new_token()), basic(BOB), basic(BOB, secret), basic(secret, "x")):
        status(house, shown, f"?token={token}")
    shown = basic(BOB) | {"Content-Type": "application/json"}
    for body in (b"{", token.encode(), b'{"run_id": 5}'):
        house.ask("POST", "/api/2.0/mlflow/runs/log-metric", body, shown)
    written = caplog.text + repr(house.store.list_users()) + repr(house.gate)
    found = [
        each for each in (token, secret, password_of(BOB), "argon2", shown["Authorization"][6:]) if each in written
    ]
    assert found == []


def test_a_changed_password_or_a_removed_user_is_out(house: House) -> None:
    gate = gate_of(house)
    token = house.token_of(BOB)
    assert enters(gate, basic(BOB)) == enters(gate, bearer(token)) == BOB
    set_password(house.store, cheap(), name=BOB, password="another password")
    gate.changed()
    assert [enters(gate, each) for each in (basic(BOB), basic(BOB, "another password"), bearer(token))] == [
        None,
        BOB,
        BOB,
    ]
    house.store.remove_user(BOB)
    gate.changed()
    assert [enters(gate, each) for each in (basic(BOB, "another password"), bearer(token))] == [None, None]


def test_what_is_remembered_lasts_a_second_where_it_lets_in_and_no_time_where_it_does_not() -> None:
    clock, answers, reads = Clock(), {"k": 1, "version": 1}, []
    memory = Remembered(lambda: answers["version"], clock=clock)

    def read() -> int:
        reads.append(1)
        return answers["k"]

    def find() -> int:
        return memory.find("k", read, lets_in=lambda found: found > 0)

    assert [find(), find(), memory.recent("k"), len(reads)] == [1, 1, 1, 1]
    answers.update(k=0, version=2)
    assert [find(), len(reads)] == [1, 1]
    clock.now += remembered.BELIEVED_SECONDS
    assert memory.recent("k") is None
    assert [find(), find(), len(reads)] == [0, 0, 3]
    answers.update(k=2)
    assert [find(), find(), len(reads)] == [2, 2, 4]
    clock.now += remembered.BELIEVED_SECONDS
    assert [find(), len(reads)] == [2, 4]  # nothing was changed meanwhile


def test_what_was_read_before_a_change_is_not_remembered_after_it() -> None:
    version, clock = [1], Clock()
    memory = Remembered(lambda: version[0], clock=clock)

    def read_slowly() -> str:
        version[0] += 1
        clock.now += remembered.BELIEVED_SECONDS
        memory.find("other", lambda: "new", lets_in=bool)  # another thread's, which finds the change
        return "old"

    assert memory.find("k", read_slowly, lets_in=bool) == "old"
    assert memory.recent("k") is None


def test_another_process_learns_what_was_changed(house: House) -> None:
    one, other = gate_of(house), gate_of(house)
    anns = Thing(EXPERIMENT, house.owned[ANN]["experiment_id"])
    bob = one.identify(headers(basic(BOB)), PLACE)
    assert one.role(bob, anns) == other.role(bob, anns) == Role.NONE
    house.store.give_role(BOB, *anns, Role.EDIT)
    assert one.role(bob, anns) == other.role(bob, anns) == Role.EDIT  # what is given counts at once
    assert other.readable(bob, EXPERIMENT) == {anns.key, house.owned[BOB]["experiment_id"]}
    made = house.store.create_experiment("by one process")
    one.made(bob, Thing(EXPERIMENT, made))
    assert made in (other.readable(bob, EXPERIMENT) or ())


def test_too_many_wrong_passwords_of_a_user(house: House) -> None:
    one, other = gate_of(house), gate_of(house)
    assert enters(one, basic(BOB)) == BOB
    assert [
        enters(gate, basic(BOB, "wrong"), f"10.0.0.{n}") for n in range(PER_USER // 2) for gate in (one, other)
    ] == [None] * PER_USER
    for gate, shown in ((one, basic(BOB, "wrong")), (other, basic(BOB))):
        with pytest.raises(MltrackError, match="Too many failed logins") as caught:
            gate.identify(headers(shown), PLACE)
        assert caught.value.get_http_status_code() == 429
    assert enters(one, basic(BOB)) == BOB  # whose password was found right before
    assert enters(other, bearer(house.token_of(BOB))) == BOB
    assert enters(other, basic(EVE)) == EVE
    pass_a_minute(house)
    assert enters(other, basic(BOB)) == BOB


def pass_a_minute(house: House) -> None:
    def set_back(connection: Any) -> None:
        connection.execute("UPDATE failed_logins SET since = since - ?", (failures.WITHIN_MS,))

    house.store._database.write(set_back)


@pytest.mark.parametrize("place", [PLACE, "2001:db8:1:2::{n}", "::ffff:203.0.113.7"])
def test_too_many_failures_of_an_address(house: House, place: str) -> None:
    gate = gate_of(house)
    wrong = [basic(f"nobody{n}") for n in range(PER_ADDRESS)]
    assert [enters(gate, each, place.format(n=n)) for n, each in enumerate(wrong)] == [None] * PER_ADDRESS
    with pytest.raises(MltrackError, match="Too many"):
        gate.identify(headers(basic(BOB)), place.format(n=99))
    assert [enters(gate, bearer(each), place) for each in (new_token(), house.token_of(BOB))] == [None, BOB]
    assert enters(gate, basic(BOB), "198.51.100.1") == BOB
    pass_a_minute(house)
    assert enters(gate, basic(EVE), place.format(n=99)) == EVE


def test_the_right_password_begins_the_count_anew(house: House) -> None:
    gate = gate_of(house)
    for place in ("198.51.100.1", "198.51.100.2", "198.51.100.3"):
        assert [enters(gate, basic(BOB, "wrong"), place) for _ in range(PER_USER - 1)] == [None] * (PER_USER - 1)
        set_password(house.store, cheap(), name=BOB, password=password_of(BOB))  # so that it is looked at again
        gate.changed()
        assert enters(gate, basic(BOB)) == BOB


class Holding(PasswordHasher):
    """Looks at no password before it may."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.let_go = threading.Event()
        self.looked_at: list[object] = []

    def verify(self, *given: Any) -> Any:
        self.looked_at.append(given)
        assert self.let_go.wait(120)
        return super().verify(*given)


def test_tries_that_come_at_once_are_no_more_than_others(house: House) -> None:
    """Of three processes, each of which looks at some passwords while others wait."""
    hashers = [Holding() for _ in range(3)]
    rooms = [Passwords(each) for each in hashers]
    settings = ServerSettings(house.store.uri, default_role="none")
    gates = [StoreGate(house.store, settings, passwords=each) for each in rooms]
    found: list[str | None] = []

    def guess(gate: StoreGate, number: int) -> None:
        try:
            found.append(enters(gate, basic(BOB, f"guess {number}"), f"10.0.0.{number}"))
        except MltrackError as error:
            found.append(error.error_code)

    threads = [threading.Thread(target=guess, args=(gates[n % 3], n)) for n in range(3 * (AT_ONCE + WAITING))]
    for each in threads:
        each.start()
    while any(each._room._value for each in rooms):  # until all have come
        threading.Event().wait(0.001)
    for hasher in hashers:
        hasher.let_go.set()
    for each in threads:
        each.join(120)
    assert (found.count(None), found.count("REQUEST_LIMIT_EXCEEDED")) == (PER_USER, len(threads) - PER_USER)
    assert sum(len(each.looked_at) for each in hashers) == PER_USER
    with pytest.raises(MltrackError, match="Too many failed logins"):
        gates[0].identify(headers(basic(BOB)), PLACE)


class Counting(PasswordHasher):
    """Counts how often a password is looked at."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.looked_at: list[str] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:  # noqa: A002 - argon2 calls it so
        self.looked_at.append(str(hash).partition(",p=")[0])
        return super().verify(hash, password)


def test_an_unknown_user_costs_what_a_known_one_does_and_a_right_password_only_once(house: House) -> None:
    counting = Counting()
    gate = StoreGate(house.store, ServerSettings("x"), passwords=Passwords(counting))
    for shown in (basic(BOB, "wrong"), basic("nobody"), basic(BOB), basic(BOB)):
        enters(gate, shown)
    assert len(counting.looked_at) == 3
    assert len(set(counting.looked_at)) == 1  # of the same cost


def test_hashes_are_made_anew_when_their_cost_is_another(house: House) -> None:
    dearer = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    gate, before = StoreGate(house.store, ServerSettings("x"), passwords=dearer), house.store.get_user(BOB).password
    assert dearer.is_outdated(before)
    assert [enters(gate, basic(BOB)) for _ in range(2)] == [BOB, BOB]
    after = house.store.get_user(BOB).password
    assert not dearer.is_outdated(after)
    house.store.renew_hash(2, old=before, new="of an old password")
    assert house.store.get_user(BOB).password == after


def test_few_passwords_are_looked_at_at_a_time() -> None:
    let_go, refused = threading.Event(), []

    class Slow(PasswordHasher):
        def verify(self, *_: object) -> Any:
            let_go.wait(120)
            return True

    passwords = Passwords(Slow(time_cost=1, memory_cost=8, parallelism=1))
    waiting = [threading.Thread(target=passwords.is_right, args=(None, "x")) for _ in range(AT_ONCE + WAITING)]
    for each in waiting:
        each.start()
    while passwords._room._value:  # until all have come
        threading.Event().wait(0.001)
    with pytest.raises(MltrackError, match="Too many log in") as caught:
        passwords.is_right(None, "x")
    refused.append(caught.value.error_code)
    let_go.set()
    for each in waiting:
        each.join(120)
    assert refused == ["REQUEST_LIMIT_EXCEEDED"]
    assert passwords.is_right(None, "x") is False


@pytest.mark.parametrize(
    "password", ["short", "x" * 513, "aaaaaaaaaaaaaa", "Some.One@example", "a line\nand another"], ids=range(5)
)
def test_passwords_that_are_none(password: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        check_password(password, user="some.one@example")
    assert password not in str(caught.value)


def test_letters_that_look_alike_are_the_same_in_a_password(tmp_path: Path) -> None:
    made = cheap().make("größe und weite")
    assert cheap().is_right(made, "größe und weite")
    assert not cheap().is_right(made, "grosse und weite")


@pytest.mark.parametrize("name", ["", "a:b", " a", "a ", "a  b", "a\nb", "a/b", "x" * 101, "\u202eann"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidParameterError, match="no name of a user"):
        check_user_name(name)


def test_a_server_for_others_needs_users(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "mltrack.db")
    near, far = (ServerSettings(store.uri, host=host) for host in ("127.0.0.1", "0.0.0.0"))
    assert not with_users(near).has_users
    with pytest.raises(StateError, match=r"no users.*mltrack server users add NAME"):
        with_users(far)
    assert add_user(store, cheap(), name="first", password="a long password").is_admin
    assert with_users(near).has_users
    assert with_users(far).has_users
    with pytest.raises(InvalidParameterError, match="no file or database"):
        access_of(object(), "http://u:secret@h")  # type: ignore[arg-type]


def test_there_is_always_an_administrator(house: House) -> None:
    store = house.store
    with pytest.raises(InvalidParameterError, match="only administrator"):
        store.remove_user("root")
    with pytest.raises(InvalidParameterError, match="only administrator"):
        store.set_admin("root", is_admin=False)
    store.set_admin(BOB, is_admin=True)
    store.remove_user("root")
    assert [each.name for each in store.list_users() if each.is_admin] == [BOB]
