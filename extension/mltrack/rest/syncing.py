"""What ended processes could not send to their servers: how much it is, and sending it now (``mltrack sync``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

from mltrack import config, settings
from mltrack.exceptions import MltrackError
from mltrack.process import Owner
from mltrack.rest.dispatch import Dispatch, Refusal
from mltrack.rest.records import Amount, amount_of
from mltrack.rest.spool import Spool, files, refused_file
from mltrack.rest.spool_file import REFUSED_SUFFIX, Damage, SpoolView, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mltrack.rest.transport import Transport

SECONDS = 60.0
"""That one request may take here, where nobody trains."""


@dataclass(slots=True)
class Waiting:
    """A file of what waits for a server: how much, of which runs, and what of it was damaged or refused before.

    ``process`` is the number of the process that is sending it, None when that is gone.
    """

    path: Path
    server: str
    process: int | None
    amount: Amount
    runs: frozenset[str]
    damaged: tuple[Damage, ...] = ()
    refused: Amount = field(default_factory=Amount)

    @property
    def is_telling(self) -> bool:
        """Whether there is anything to say of it."""
        return bool(self.amount or self.damaged or self.refused)

    @property
    def refused_path(self) -> Path:
        """Where what was refused of it is kept."""
        return refused_file(self.path)


@dataclass(slots=True)
class Synced:
    """What became of such a file: what was sent and refused, what is left of it, and why."""

    file: Waiting
    sent: Amount = field(default_factory=Amount)
    refused: list[Refusal] = field(default_factory=list)
    problem: str = ""

    @property
    def left(self) -> Amount:
        """How much of it waits on."""
        found = Amount()
        found += self.file.amount
        found -= self.sent
        for each in self.refused:
            found -= each.amount
        return found

    @property
    def is_good(self) -> bool:
        """Whether all of it arrived, or its own process sends it."""
        return not (self.refused or self.file.damaged or (self.problem and self.file.process is None))


def spool_status() -> list[Waiting]:
    """Give the files in which something waits, was damaged or was refused, the oldest first; nothing is changed."""
    return [each for each in _all() if each.is_telling]


def sync(make_transport: Callable[[str], Transport]) -> Iterator[Synced]:
    """Send what waits, server by server, and say of each file what became of it.

    Where a server is chosen, only that one is sent to, and none where credentials are set but no server is: they are
    for one server, and are shown to no other.
    """
    chosen = _chosen_server()
    for server, group in groupby(sorted(_all(), key=lambda each: each.server), key=lambda each: each.server):
        problem = "" if _may_send(server, chosen) else "it waits for another server than the chosen one; give --store"
        transport = None if problem else make_transport(_with_user(server, chosen))
        for file in group:
            found = Synced(file, problem=problem)
            if transport is not None and file.path.suffix != REFUSED_SUFFIX:
                _send(found, transport)
                problem = "" if file.process is not None else found.problem
                transport = None if problem else transport
            if file.is_telling:
                yield found


def _all() -> list[Waiting]:
    found = [_look(path) for path in files()]
    known = {each.refused_path for each in found if each}
    found += [_look_aside(path) for path in files(suffix=REFUSED_SUFFIX) if path not in known]
    return [each for each in found if each]


def _send(found: Synced, transport: Transport) -> None:
    file = found.file
    if file.process is not None:
        found.problem = f"process {file.process} is sending it"
        return
    spool = Spool(file.server)
    if not spool.take(file.path):
        found.problem = "another process has begun to send it"
        return
    dispatch = Dispatch(spool, transport)
    try:
        while (sent := dispatch.step(SECONDS)) is not None:
            found.sent += sent.amount
            found.refused += sent.refused
    except MltrackError as error:
        found.problem = str(error)
    finally:
        spool.leave()


def _chosen_server() -> str | None:
    uri = settings.state.uri or config.TRACKING_URI.get() or ""
    return uri if config.is_server(uri) else None


def _may_send(server: str, chosen: str | None) -> bool:
    if chosen is not None:
        return config.without_user(config.server_uri(chosen)) == server
    return not any(each.get() for each in (config.USERNAME, config.PASSWORD, config.TOKEN))


def _with_user(server: str, chosen: str | None) -> str:
    return server if chosen is None else chosen


def _look(path: Path) -> Waiting | None:
    try:
        file = SpoolView(path)
    except OSError:
        return None
    try:
        return _read(path, file)
    finally:
        file.close()


def _read(path: Path, file: SpoolView) -> Waiting:
    amounts: list[tuple[int, str, Amount]] = []
    damaged: list[Damage] = []
    sent, is_free, head = 0, False, {}
    for each in file.read(0):
        if isinstance(each, Damage):
            damaged.append(each)
        elif "spool" in each.payload:
            head, is_free = each.payload, file.is_left(each.payload, is_free=file.is_free())
        elif "left" in each.payload:
            is_free = True
        elif "sent" in each.payload:
            sent = int(each.payload["sent"])
        elif "run" in each.payload:
            amounts.append((each.end, str(each.payload["run"]), amount_of(each.payload)))
    total = Amount()
    waiting = [(run_id, amount) for end, run_id, amount in amounts if end > sent]
    for _, amount in waiting:
        total += amount
    owner = Owner.parse(text_of(head, "owner"))
    process = None if is_free or owner is None else owner.pid
    kept = tuple(each for each in damaged if each.end > sent and not (each.is_tail and process is not None))
    runs = frozenset(run_id for run_id, _ in waiting)
    aside = _look_aside(refused_file(path))
    return Waiting(path, text_of(head, "server"), process, total, runs, kept, aside.refused if aside else Amount())


def _look_aside(path: Path) -> Waiting | None:
    """Look at a file of what was refused."""
    try:
        file = SpoolView(path)
    except OSError:
        return None
    server, total = "", Amount()
    for each in file.read(0):
        if isinstance(each, Damage):
            continue
        if "spool" in each.payload:
            server = text_of(each.payload, "server")
        elif "run" in each.payload:
            total += amount_of(each.payload)
    file.close()
    return Waiting(path, server, None, Amount(), frozenset(), refused=total)
