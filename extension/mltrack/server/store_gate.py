"""The gate of a server with users: who they are, and what each may do, by what the store has of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mltrack.exceptions import PermissionDeniedError, UnauthenticatedError
from mltrack.server.accounts import read_role
from mltrack.server.credentials import NOBODY, Credentials
from mltrack.server.failures import Failures
from mltrack.server.gate import User
from mltrack.server.need import EXPERIMENT, REGISTERED_MODEL, Role, Thing
from mltrack.server.passwords import Passwords
from mltrack.server.remembered import Remembered

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mltrack.server.call import Call
    from mltrack.server.need import Need
    from mltrack.server.settings import ServerSettings
    from mltrack.store.access_protocol import AccessStore

LONGEST_KEY = 1000
"""Characters of an object's name or id; what is longer is not there."""
_WHOSE = {EXPERIMENT: "experiment", REGISTERED_MODEL: "registered model"}


class StoreGate:
    """Decides by users, tokens and roles of a store.

    ``settings.default_role`` is what everybody may do with what no role was given of; administrators may do all.
    """

    def __init__(self, store: AccessStore, settings: ServerSettings, *, passwords: Passwords | None = None) -> None:
        self.store = store
        self.passwords = passwords or Passwords()
        self._default = read_role(settings.default_role)
        self._remembered = Remembered(store.access_version)
        self._credentials = Credentials(store, self._remembered, self.passwords, Failures(store))

    def identify(self, headers: Mapping[bytes, bytes], client: str) -> User:
        """Tell who asks; see ``Credentials.user``."""
        return self._credentials.user(headers, client)

    def recent(self, headers: Mapping[bytes, bytes]) -> User | None:
        """Tell who asks without asking the store, where that was found within the last second, else give None."""
        return self._credentials.recent(headers)

    def check_password(self, name: str, password: str) -> None:
        """Raise UnauthenticatedError unless that is a user's password, who asks already as that user."""
        self._credentials.check_password(name, password, f"user:{name}")

    def check(self, need: Need, call: Call) -> None:
        """Raise MltrackError PERMISSION_DENIED (403) when the caller has not what the route needs."""
        user = call.user
        if need.is_open:
            return
        if user is None:
            raise UnauthenticatedError(NOBODY)
        if user.is_admin:
            return
        if need.is_admin:
            raise PermissionDeniedError("Only an administrator may do that.")
        for each in (need, *need.also):
            for thing in each.of(call) if each.of else ():
                self.require(user, thing, each.role)

    def require(self, user: User | None, thing: Thing, role: Role) -> None:
        """Raise PERMISSION_DENIED (403) unless somebody has a role of an object, if that is there at all."""
        found = self._roled(thing)
        if found is None or self._role(user, found, role) >= role:
            return
        if not self.store.has_thing(*found):
            return
        raise PermissionDeniedError(
            f"You need the role {role.name.lower()} of the {_WHOSE[found.kind]} {found.key[:80]!r} for that; "
            "somebody who manages it, or an administrator, can give it to you."
        )

    def role(self, user: User | None, thing: Thing) -> Role:
        """Give what somebody may do with an object."""
        found = self._roled(thing)
        return self._default if found is None else self._role(user, found, Role.MANAGE)

    def role_of(self, name: str, thing: Thing) -> Role:
        """Give what a user may do with an object, by the user's name."""
        found = self.store.get_user(name)
        return self.role(User(found.id, found.name, found.is_admin), thing)

    def changed(self) -> None:
        """Forget what was remembered of users and roles: this process changed some."""
        self._remembered.forget()

    def _role(self, user: User | None, thing: Thing, wanted: Role) -> Role:
        if user is None:
            return Role.NONE
        if user.is_admin:
            return Role.MANAGE
        given = self._remembered.find(
            (user.id, thing),
            lambda: self.store.given_role(user.id, *thing),
            lets_in=lambda found: self._effective(found) >= wanted,
        )
        return self._effective(given)

    def _effective(self, given: int | None) -> Role:
        return self._default if given is None else Role(given)

    def readable(self, user: User | None, kind: str) -> Collection[str] | None:
        """Give the keys of all objects of a kind that somebody may read; None for all there are."""
        if user is None:
            return frozenset()
        if user.is_admin:
            return None
        # Exactly: somebody who made an object must find it, whichever process is asked.
        return self._remembered.exact(
            (user.id, kind), lambda: self.store.readable_keys(user.id, kind, default=self._default)
        )

    def made(self, user: User | None, thing: Thing) -> None:
        """Note that somebody made an object, and so may manage it."""
        if user is not None:
            self.store.give_role(user.name, *thing, Role.MANAGE)
            self.changed()

    def renamed(self, thing: Thing, name: str) -> None:
        """Let what was given of a registered model follow its new name, as it does in the store."""
        del thing, name
        self.changed()

    def deleted(self, thing: Thing) -> None:
        """Forget what was given of an object that is gone for good, as the store has."""
        del thing
        self.changed()

    def _roled(self, thing: Thing) -> Thing | None:
        """Give the object whose roles count for another; None when it is not there."""
        if not _may_be_there(thing.key):
            return None
        if thing.kind in _WHOSE:
            return thing
        owner = self._remembered.find(
            thing, lambda: self.store.experiment_of(*thing), lets_in=lambda found: found is not None
        )
        return Thing(EXPERIMENT, owner) if owner is not None else None


def _may_be_there(key: str) -> bool:
    if len(key) > LONGEST_KEY or "\0" in key:
        return False
    return key.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in key)
