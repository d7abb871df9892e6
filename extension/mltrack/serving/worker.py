"""A worker of a model server: loads the model, and answers the requests that the front sends, in one thread.

It speaks with the front over the socket that is its standard input when it starts; what the model prints goes to the
server's log.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from mltrack import settings as tracking
from mltrack.serving.errors import described
from mltrack.serving.frames import ANSWERS, FAILED, MOVED, READY, REQUESTS, SETTINGS, Decoder, Message, encode
from mltrack.serving.messages import Request
from mltrack.serving.parent import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mltrack.serving.scoring import Scorer

POLL_SECONDS = 1.0
"""How often a worker looks whether its alias, stage or ``latest`` names another version by now."""

MODELS = "models:/"
_CHUNK = 1 << 20


class Channel:
    """The worker's end of the socket."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._process = os.getpid()
        self._lock = threading.Lock()  # the thread that looks after aliases writes, too

    @classmethod
    def take(cls) -> Channel:
        """Take the socket that is this process's standard input, which the model must not read."""
        descriptor = os.dup(0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        return cls(descriptor)

    def send(self, kind: bytes, parts: Sequence[bytes] = ()) -> None:
        """Send a message; a copy of this process that the model has made, and that came back from it, ends here."""
        if os.getpid() != self._process:
            os._exit(0)
        rest = memoryview(encode(kind, parts))
        with self._lock:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def messages(self) -> Iterator[Message]:
        """Give what comes in, until the front closes the socket."""
        decoder = Decoder()
        while data := os.read(self._descriptor, _CHUNK):
            yield from decoder.feed(data)


def main() -> None:
    """Work for the front that started this process, until it says or goes."""
    die_with_parent()
    channel = Channel.take()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    messages = channel.messages()
    wanted = next(messages, None)
    if wanted is None or wanted.kind != SETTINGS:
        return
    given = json.loads(wanted.parts[0])
    sys.path += [each for each in given["path"] if each not in sys.path]
    scorer = _load(channel, given)
    for message in messages:
        if message.kind == REQUESTS:
            parts = message.parts
            requests = [Request(parts[i].decode("latin-1"), parts[i + 1]) for i in range(0, len(parts), 2)]
            channel.send(ANSWERS, _parts(scorer, requests))


def _parts(scorer: Scorer, requests: Sequence[Request]) -> list[bytes]:
    return [
        part
        for answer in scorer.answer(requests)
        for part in (b"%d" % answer.status, answer.content_type.encode("latin-1"), answer.body)
    ]


def _load(channel: Channel, wanted: dict[str, Any]) -> Scorer:
    """Load the model; why that fails goes to the front, and its traceback to the log."""
    try:
        if wanted["tracking_uri"]:
            tracking.set_tracking_uri(wanted["tracking_uri"])
        if wanted["registry_uri"]:
            tracking.set_registry_uri(wanted["registry_uri"])
        place = _Place(wanted["model_uri"], wanted["pinned"])
        scorer, document = _scorer(channel, place, batching=wanted["batching"])
    except BaseException as error:
        channel.send(FAILED, [json.dumps(described(error)).encode()])
        raise
    gc.freeze()  # what the model is made of is not garbage, and need not be looked at again and again
    channel.send(READY, [json.dumps(document).encode()])
    return scorer


def _scorer(channel: Channel, place: _Place, *, batching: bool | None) -> tuple[Scorer, dict[str, Any]]:
    # What these import may be missing here, which the front is to be told of.
    from mltrack import pyfunc
    from mltrack.serving.openapi import describe
    from mltrack.serving.scoring import Scorer

    model = pyfunc.load_model(place.pinned)
    scorer = Scorer(model, batching=batching)
    if place.version:
        threading.Thread(target=place.watch, args=(channel,), name="mltrack-alias", daemon=True).start()
    return scorer, {"uri": place.pinned, "batches": scorer.batches, "openapi": describe(model)}


class _Place:
    """A model URI, and the version that it named when the model was loaded, if it may name another later."""

    def __init__(self, uri: str, pinned: str | None) -> None:
        self._uri = uri
        self.pinned, self.version = uri, ""
        if _may_move(uri):
            self.pinned = pinned or _pinned(uri)
            self.version = self.pinned.rpartition("/")[2]

    def watch(self, channel: Channel) -> None:
        """Tell the front as long as the URI names another version; what cannot be read now is read later."""
        while True:
            time.sleep(POLL_SECONDS)
            with suppress(Exception):
                version = _pinned(self._uri).rpartition("/")[2]
                if version != self.version:
                    channel.send(MOVED, [version.encode()])


def _may_move(uri: str) -> bool:
    """Say whether the version of a registered model is named by alias, stage or ``latest``."""
    if not uri.startswith(MODELS):
        return False
    rest = uri.removeprefix(MODELS).strip("/")
    return "@" in rest or ("/" in rest and not rest.rpartition("/")[2].isdecimal())


def _pinned(uri: str) -> str:
    """Give the URI of the version that another names now."""
    from mltrack.models.sources import find_version  # reads the store, which other models do without

    found = find_version(uri)
    return f"{MODELS}{found.name}/{found.version}"


if __name__ == "__main__":
    main()
