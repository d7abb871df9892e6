"""What is not installed is said, with what brings it, before anything is begun."""

from __future__ import annotations

import sys

import pytest
from tests.core.command_line import call, refused

SERVER = ("argon2", "fastapi", "httptools", "prometheus_client", "pydantic", "uvicorn")


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        *((name, "server -p 0", "server") for name in SERVER),
        ("argon2", "server users add ann", "server"),
        ("argon2", "server users list", "server"),
        ("uvicorn", "models serve -m models:/a/1", "serve"),
        ("voila", "ui", "ui"),
        ("psycopg", "--store postgresql://127.0.0.1:1/x runs", "postgres"),
        ("psycopg", "db migrate mltrack.db postgresql://127.0.0.1:1/x", "postgres"),
    ],
)
def test_a_library_that_is_not_there(missing: str, words: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("experiments", "create", "--experiment-name", "a").exit_code == 0  # so that there is a store
    for name in [
        each for each in sys.modules if each.startswith((f"{missing}.", "mltrack.ui", "mltrack.store.postgres"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    said = refused(*words.split())
    assert f"jupyter-mltrack[{extra}]" in said
    assert "Traceback" not in said
