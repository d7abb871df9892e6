"""Tracking URIs of servers and databases: their one spelling, what is shown of them, and where they go."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.core.fake_servers import fake_server, says

import mltrack
from mltrack import config, settings
from mltrack.cli.program import main
from mltrack.doctor import examine
from mltrack.exceptions import InvalidParameterError
from mltrack.importers.destination import destination
from mltrack.projects.launch import run_variables
from mltrack.rest.records import Amount
from mltrack.rest.store import RestStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("said", "uri"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000"),
        ("HTTP://Lab.Example/Team/", "http://lab.example/Team"),
        ("https://me:p%40ss@lab.example", "https://me:p%40ss@lab.example"),
        ("http://[::1]:5000/", "http://[::1]:5000"),
        ("postgresql://me:x@h/db", "postgresql://me:x@h/db"),
        ("mltrack+postgresql://h/db", "postgresql://h/db"),
        ("mltrack+sqlite:////a/b.db", "sqlite:////a/b.db"),
    ],
)
def test_the_one_spelling(said: str, uri: str) -> None:
    assert config.tracking_uri(said) == uri
    assert config.tracking_uri(uri) == uri
    mltrack.set_tracking_uri(said)
    assert mltrack.get_tracking_uri() == uri


@pytest.mark.parametrize(
    "said",
    [
        "http://",
        "http:///x",
        "http://h:port",
        "http://h:70000",
        "http://[::1",
        "http://h?a=1",
        "http://h/#x",
        "http://h h",
        "http://h\r\nX: 1",
    ],
)
def test_what_is_no_address(said: str) -> None:
    with pytest.raises(InvalidParameterError, match="no address of a server"):
        mltrack.set_tracking_uri(said)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("http://me:hunter2@h/x", "http://me:[masked]@h/x"),
        ("http://me:a@b@h", "http://me:[masked]@h"),
        ("postgresql://me:x@h/db", "postgresql://me:[masked]@h/db"),
        ("http://h:80/x", "http://h:80/x"),
        ("sqlite:////a/b@c.db", "sqlite:////a/b@c.db"),
    ],
)
def test_no_password_is_shown(uri: str, shown: str) -> None:
    assert config.shown_uri(uri) == shown


def test_the_environment_names_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_TRACKING_URI", "http://me:pw@127.0.0.1:9/")
    assert mltrack.get_tracking_uri() == "http://me:pw@127.0.0.1:9"
    store = settings.get_store()
    assert isinstance(store, RestStore)
    assert store.uri == "http://127.0.0.1:9"
    assert settings.uri_of(store) == "http://me:pw@127.0.0.1:9"
    assert settings.get_registry() is store
    assert mltrack.MltrackClient("http://me:pw@127.0.0.1:9")._store is store


def test_children_are_told_the_server() -> None:
    found = run_variables("r", "1", "http://me:pw@h")
    assert found["MLTRACK_TRACKING_URI"] == found["MLFLOW_TRACKING_URI"] == "http://me:pw@h"
    assert run_variables("r", "1", "postgresql://h/d")["MLFLOW_TRACKING_URI"] == "mltrack+postgresql://h/d"


@pytest.mark.parametrize("words", [["db", "check"], ["db", "backup", "x.db"], ["db", "vacuum"], ["gc", "-y"]])
def test_commands_for_files_say_so(words: list[str]) -> None:
    done = CliRunner().invoke(main, ["--store", "http://me:hunter2@127.0.0.1:9", *words])
    assert done.exit_code == 1
    assert "--store" in done.output
    assert "hunter2" not in done.output
    assert "Traceback" not in done.output


def test_an_import_says_that_it_needs_a_file(tmp_path: Path) -> None:
    del tmp_path
    with pytest.raises(InvalidParameterError, match="mltrack server"), destination("http://127.0.0.1:9"):
        pass


def test_the_doctor_looks_at_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_TRACKING_PASSWORD", "hunter2")
    with fake_server(says('{"mltrack": {"version": "9\\u001b[2J"}}')) as server:
        monkeypatch.setenv("MLTRACK_TRACKING_URI", server.url.replace("//", "//me:hunter2@"))
        found = examine()
    text = "\n".join(each.text for each in found)
    assert any(each.good and "mltrack 9\\x1b[2J, it answers" in each.text for each in found)
    assert "hunter2" not in text
    assert "MLTRACK_TRACKING_PASSWORD=[masked]" in text


def test_the_doctor_says_what_is_still_to_be_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [
        SimpleNamespace(server="http://lab.example", amount=Amount(points=1001, params=1), process=None),
        SimpleNamespace(server="http://other.example", amount=Amount(), process=7),
    ]
    monkeypatch.setattr("mltrack.rest.syncing.spool_status", lambda: waiting)
    assert [each.text for each in examine() if "still" in each.text] == [
        "still to be sent to http://lab.example: 1,001 points, 1 param; `mltrack sync` sends it",
        "still to be sent to http://other.example: something damaged; process 7 sends it",
    ]


def test_the_doctor_says_that_a_server_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLTRACK_HTTP_REQUEST_MAX_RETRIES", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and it does not listen; nobody else can
        mltrack.set_tracking_uri(f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert any(each.good is False and "cannot be reached" in each.text for each in examine())
