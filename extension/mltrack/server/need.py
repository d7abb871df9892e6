"""Who may use a route: the role that it needs, and of which objects."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mltrack.server.call import Call

EXPERIMENT, REGISTERED_MODEL = "experiment", "registered_model"
"""The kinds of objects that roles are given of."""
EXPERIMENT_NAME, RUN, LOGGED_MODEL = "experiment_name", "run", "logged_model"
"""Kinds that belong to an experiment, whose roles count; an experiment by its name is one of them."""


class Role(IntEnum):
    """What somebody may do with an object; each role has what those before it have."""

    NONE = 0
    READ = 1
    EDIT = 2
    MANAGE = 3


class Thing(NamedTuple):
    """An object: an experiment by its id or name, a run or logged model by its id, a registered model by its name.

    Roles are given of experiments and registered models.
    """

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Need:
    """What a caller needs for a route.

    ``of`` gives the objects that the request is about; None: any user may. Where what is found is to be chosen by what
    a caller may read, ``is_filtered`` says that the handler asks ``call.gate`` itself. ``also`` are needs beside this
    one, as where a run is edited and a logged model of another experiment is read.
    """

    role: Role = Role.NONE
    of: Callable[[Call], Iterable[Thing]] | None = None
    is_open: bool = False
    is_filtered: bool = False
    is_admin: bool = False
    also: tuple[Need, ...] = ()

    def __and__(self, other: Need) -> Need:
        """Need what both need."""
        return replace(self, also=(*self.also, other))


OPEN = Need(is_open=True)
"""Everybody, also without credentials."""
USER = Need()
"""Every user."""
FILTERED = Need(is_filtered=True)
"""Every user, who is answered with what that user may read."""
ADMIN = Need(is_admin=True)
"""Administrators."""


def reads(of: Callable[[Call], Iterable[Thing]]) -> Need:
    """Need to read these objects."""
    return Need(Role.READ, of)


def edits(of: Callable[[Call], Iterable[Thing]]) -> Need:
    """Need to edit these objects."""
    return Need(Role.EDIT, of)


def manages(of: Callable[[Call], Iterable[Thing]]) -> Need:
    """Need to manage these objects."""
    return Need(Role.MANAGE, of)
