"""``mltrack ui``: a store or server that is not there is said, before anything is started for it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.core.command_line import refused

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_store_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "no.db"
    assert f"There is no store at {path}" in refused("ui", "-p", "0", "--backend-store-uri", str(path))
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as deaf:  # it has the port, so that nobody else gets it, and does not listen
        deaf.bind(("127.0.0.1", 0))
        port = deaf.getsockname()[1]
        said = refused("ui", "-p", "0", "--backend-store-uri", f"http://127.0.0.1:{port}", code=3)
    assert f"http://127.0.0.1:{port} cannot be reached" in said
