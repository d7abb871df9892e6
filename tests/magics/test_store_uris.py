"""What the extension says of a store that is no file, and what a tracked cell takes for the store's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import mltrack
from mltrack_magics import effects, extension

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("http://me:hunter2@127.0.0.1:9/team", "server http://me:[masked]@127.0.0.1:9/team"),
        ("postgresql://me:hunter2@127.0.0.1:9/db", "database postgresql://me:[masked]@127.0.0.1:9/db"),
        ("new.db", "new store "),
    ],
)
def test_the_greeting_names_the_store_and_asks_nothing(uri: str, said: str) -> None:
    mltrack.set_tracking_uri(uri)
    line = extension._greeting()
    assert said in line
    assert "hunter2" not in line


def test_what_waits_for_a_server_is_the_stores_own(tmp_path: Path) -> None:
    mltrack.set_tracking_uri("http://127.0.0.1:9")
    assert effects._own_places() == [str(tmp_path / "user")]
    mltrack.set_tracking_uri("a.db")
    assert str(tmp_path / "mlartifacts") in effects._own_places()
