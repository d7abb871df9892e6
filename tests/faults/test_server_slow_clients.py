"""A server that hundreds of slow clients hold on to answers the others."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import psutil
import pytest
from tests.core.serving_models import wait_for
from tests.core.tracking_servers import running_server
from tests.faults.slow_clients import SlowClients

from mltrack.server.connection import LIMITS

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 500


@pytest.mark.slow
def test_five_hundred_slow_clients(tmp_path: Path) -> None:
    """Headers are waited for 15 seconds; bodies for longer, and both keep nobody from an answer."""
    with running_server(tmp_path) as server:
        before = psutil.Process(server.process.pid).memory_info().rss
        done = threading.Event()
        clients = SlowClients(server.port, COUNT)
        thread = threading.Thread(target=lambda: asyncio.run(clients.run(done.is_set)))
        thread.start()
        try:
            wait_for(lambda: clients.begun == COUNT, seconds=180)
            for number in range(100):
                assert server.ask("GET", "/health").body == b"OK"
                assert server.post("experiments/create", name=str(number))
            # Those whose headers were slow are gone.
            wait_for(lambda: clients.open <= COUNT // 2, seconds=LIMITS.header_timeout + 120)
            assert clients.answered > COUNT * 9 // 20, "they were told so"
            assert server.ask("GET", "/health").status == 200
        finally:
            done.set()
            thread.join(120)
        assert not thread.is_alive()
        assert psutil.Process(server.process.pid).memory_info().rss - before < 64 << 20
