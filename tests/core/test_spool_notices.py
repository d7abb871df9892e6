"""What a server refused is said by the next call, however early the sender's threads were done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.core.spooled import new_run, new_sender, points, shared_server, wait_for

from mltrack.backlog import StoreWarning
from mltrack.entities import Metric
from mltrack.rest.notices import Notices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.rest.sender import Sender

REFUSED = [*points(2), Metric("loss", 0.5, -1, 2)]
"""Points of which one has a time that no server takes."""


@pytest.fixture
def sender() -> Iterator[Sender]:
    made = new_sender(shared_server().url)
    yield made
    made.close()


def is_sent(sender: Sender, run: str) -> bool:
    return not sender._keeper.has_news() and sender._unsent(run) is None


def test_a_flush_that_finds_nothing_to_send_says_what_was_refused(sender: Sender) -> None:
    run = new_run(shared_server())
    sender.send(run, REFUSED)
    wait_for(lambda: is_sent(sender, run))
    with pytest.warns(StoreWarning, match="refused some"):
        assert sender.flush(run, 60)


def test_what_was_refused_waits_to_be_said_before_it_counts_as_sent(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    once, sent_before = Notices.once, []

    def noting(self: Notices, kind: str, text: str) -> None:
        sent_before.append(is_sent(sender, run))
        once(self, kind, text)

    monkeypatch.setattr(Notices, "once", noting)
    run = new_run(shared_server())
    sender.send(run, REFUSED)
    with pytest.warns(StoreWarning, match="refused some"):
        assert sender.flush(run, 60)
    assert sent_before == [False]
