"""Where a server says that artifacts lie: what is opened of it, and what a hostile one cannot reach."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import pytest
from tests.core.fake_servers import fake_server, raw, says

from mltrack.artifacts.served import source_of_place
from mltrack.exceptions import InvalidParameterError, NotFoundError, ServerUnavailableError, StoreError
from mltrack.rest.address import Address
from mltrack.rest.artifact_places import folder_at, path_on_server, source_of
from mltrack.rest.http_folder import HttpFolder
from mltrack.rest.store import RestStore
from mltrack.rest.transport import Transport
from mltrack.store.artifact_folder import FileRecord, read_whole
from mltrack.store.artifacts import safe_path
from mltrack.store.local_artifacts import LocalFolder

if TYPE_CHECKING:
    from pathlib import Path

RUN, MODEL = "a" * 32, "m-" + "b" * 32
HERE, THERE = "http://127.0.0.1:5000/team", "https://lab.invalid"


@pytest.mark.parametrize(
    ("uri", "place", "path"),
    [
        (HERE, f"mlflow-artifacts:/1/{RUN}/artifacts", f"1/{RUN}/artifacts"),
        (HERE, f"mlflow-artifacts:///1/{RUN}/artifacts/", f"1/{RUN}/artifacts"),
        (HERE, f"mlflow-artifacts://127.0.0.1:5000/1/{RUN}/artifacts", f"1/{RUN}/artifacts"),
        (THERE, "mlflow-artifacts://lab.invalid/1/x", "1/x"),
        (THERE, "mlflow-artifacts://lab.invalid:443/1/x", "1/x"),
        (HERE, "http://127.0.0.1:5000/team/api/2.0/mlflow-artifacts/artifacts/1/a%20b", "1/a b"),
        (HERE, "s3://bucket/1/x", None),
        (HERE, "/srv/mlruns/1/x", None),
        (HERE, "file:///srv/mlruns/1/x", None),
    ],
)
def test_what_goes_through_the_server(uri: str, place: str, path: str | None) -> None:
    assert path_on_server(Address.of(uri), place) == path


@pytest.mark.parametrize(
    "place",
    [
        "mlflow-artifacts://evil.invalid/1/x",
        "mlflow-artifacts://127.0.0.1:5001/1/x",
        "mlflow-artifacts://u:p@127.0.0.1:5000/1/x",
        "mlflow-artifacts://127.0.0.1:x/1",
        "http://evil.invalid/api/2.0/mlflow-artifacts/artifacts/1/x",
        "https://127.0.0.1:5000/team/api/2.0/mlflow-artifacts/artifacts/1/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/1/../../x",
        "mlflow-artifacts:/1//x",
        "mlflow-artifacts:/1/\x1b[2J",
    ],
)
def test_other_servers_and_ways_out_are_refused(place: str) -> None:
    with pytest.raises(StoreError) as caught:
        path_on_server(Address.of(HERE), place)
    assert "\x1b" not in str(caught.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "mlruns" / "1").mkdir(parents=True)
    return tmp_path / "mlruns"


@pytest.mark.parametrize("scheme", ["", "file:", "file://"])
@pytest.mark.parametrize(("owner", "below"), [(RUN, f"1/{RUN}/artifacts"), (MODEL, f"1/models/{MODEL}/artifacts")])
def test_a_server_on_this_machine_may_name_its_folder(root: Path, scheme: str, owner: str, below: str) -> None:
    folder = folder_at(Transport(HERE), f"{scheme}{root}/{below}", owner=owner)
    assert isinstance(folder, LocalFolder)
    assert folder.local_path() == root / below


@pytest.mark.parametrize(
    "below",
    [
        "",
        "1",
        f"1/{RUN}",
        f"1/{RUN}/artifacts/more",
        f"1/{'c' * 32}/artifacts",
        f"../{RUN}/artifacts",
        f"1/../../{RUN}/artifacts",
        f"nowhere/at/all/of/it/{RUN}/artifacts",
        f"1/models/{RUN}/artifacts/x",
    ],
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_other_folders_of_this_machine_are_refused(root: Path, scheme: str, below: str) -> None:
    with pytest.raises(StoreError):
        folder_at(Transport(HERE), f"{scheme}{root}/{below}", owner=RUN)


@pytest.mark.parametrize("place", ["/etc", "~/.ssh", "file:///etc/passwd", "C:\\x", "", "ftp://x/y", "file://host/x"])
@pytest.mark.parametrize("uri", [HERE, THERE])
def test_no_server_names_just_any_folder(uri: str, place: str) -> None:
    with pytest.raises(StoreError):
        folder_at(Transport(uri), place, owner=RUN)


def test_a_server_elsewhere_has_no_folder_here(root: Path) -> None:
    with pytest.raises(StoreError, match="--serve-artifacts"):
        folder_at(Transport(THERE), f"{root}/1/{RUN}/artifacts", owner=RUN)


def test_a_run_of_a_hostile_server_touches_no_file(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("mine")
    info = {"run_id": RUN, "experiment_id": "1", "artifact_uri": f"file://{tmp_path}"}
    with fake_server(says(json.dumps({"run": {"info": info}}))) as server:
        store = RestStore(server.url)
        with pytest.raises(StoreError, match="not touched"):
            store.artifact_folder(RUN)
        model = {"info": {"model_id": MODEL, "artifact_uri": str(tmp_path)}}
    with fake_server(says(json.dumps({"model": model}))) as server, pytest.raises(StoreError, match="not touched"):
        RestStore(server.url).logged_model_folder(MODEL)
    assert [each.name for each in tmp_path.iterdir()] == ["secret.txt"]


@pytest.mark.parametrize(
    ("place", "source"),
    [
        (f"mlflow-artifacts:/1/{RUN}/artifacts/model", f"runs:/{RUN}/model"),
        (f"mlflow-artifacts:/1/models/{MODEL}/artifacts", f"models:/{MODEL}"),
        (f"s3://bucket/1/{RUN}/artifacts/a/b", f"runs:/{RUN}/a/b"),
        (f"/srv/mlruns/1/models/{MODEL}/artifacts", f"models:/{MODEL}"),
        ("s3://bucket/model", "s3://bucket/model"),
        (f"runs:/{RUN}/x", f"runs:/{RUN}/x"),
        (f"models:/{MODEL}", f"models:/{MODEL}"),
    ],
)
def test_what_a_version_is_made_of(place: str, source: str) -> None:
    assert source_of(Address.of(HERE), place) == source


@pytest.mark.parametrize("place", ["/home/me/model", "file:///home/me/model", "http://evil.invalid/model", "model", ""])
def test_a_version_made_of_this_machines_files_is_refused(place: str) -> None:
    with pytest.raises(StoreError):
        source_of(Address.of(HERE), place)


def test_places_of_no_run_have_no_source() -> None:
    assert source_of_place(f"x/{RUN}/artifacts") is None
    assert source_of_place(f"x/{MODEL}/artifacts/part") is None
    assert source_of_place("x/../artifacts/y") is None


# Folders


def folder(url: str) -> HttpFolder:
    return HttpFolder(Transport(url), f"1/{RUN}/artifacts")


class _Once(io.RawIOBase):
    """A stream that is read once, and knows not how long it is."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def read(self, size: int = -1, /) -> bytes:
        return self._content.read(size)


@pytest.mark.parametrize("content", [b"", b"hello", b"x" * 3_000_000])
@pytest.mark.parametrize("kind", [io.BytesIO, _Once])
def test_a_file_is_sent_with_its_length(kind: Any, content: bytes) -> None:
    with fake_server(says("")) as server:
        record = folder(server.url).put(safe_path("a b/ü%2e.txt"), kind(content))
        (asked,) = server.asked
    assert record == FileRecord.of(content)
    assert asked.body == content
    assert asked.headers["content-length"] == str(len(content))
    assert asked.target == f"/api/2.0/mlflow-artifacts/artifacts/1/{RUN}/artifacts/a%20b/%C3%BC%252e.txt"


def test_a_file_is_sent_again_when_the_server_fails() -> None:
    with fake_server(says("", 500), says("", 503), says("")) as server:
        source = io.BytesIO(b"12345")
        source.seek(2)
        assert folder(server.url).put(safe_path("a"), source).size == 3
        assert [each.body for each in server.asked] == [b"345"] * 3
    with fake_server(says("", 500)) as server, pytest.raises(ServerUnavailableError):
        folder(server.url).put(safe_path("a"), io.BytesIO(b"1"))


@pytest.mark.parametrize("content", [b"other", b"longer than it", b"x"])
def test_a_file_that_is_not_what_was_expected_is_not_sent_whole(content: bytes) -> None:
    with fake_server(says("")) as server:
        with pytest.raises(StoreError):
            folder(server.url).put(safe_path("a"), cast("BinaryIO", _Once(content)), expected=FileRecord.of(b"hello"))
        assert all(len(each.body) < 5 for each in server.asked)


def test_what_a_folder_lists() -> None:
    files = [
        {"path": "b.txt", "is_dir": False, "file_size": "3"},
        {"path": "a", "is_dir": True},
        {"path": "empty"},
        *({"path": name} for name in ("../x", "/etc", "a/b", "", "\u202ex", "..", "con")),
    ]
    with fake_server(says(json.dumps({"files": files}))) as server:
        found = folder(server.url).entries(safe_path("sub"))
    assert [(each.path, each.is_dir, each.file_size) for each in found] == [
        ("sub/a", True, None),
        ("sub/b.txt", False, 3),
        ("sub/empty", False, 0),
    ]


def test_a_file_is_read_as_a_stream() -> None:
    with fake_server(says(b"hello")) as server:
        with folder(server.url).open(safe_path("a")) as reader:
            assert reader.read(2) == b"he"
            assert reader.read() == b"llo"
        assert read_whole(folder(server.url), safe_path("a")) == b"hello"
    missing = says('{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}', 404)
    with fake_server(missing) as server, pytest.raises(NotFoundError):  # noqa: SIM117 - as it is used
        with folder(server.url).open(safe_path("a")):
            pass


@pytest.mark.parametrize("amount", [0, 10])
def test_a_file_that_is_not_read_to_its_end_is_not_taken_for_the_next_answer(amount: int) -> None:
    with fake_server(says(b"x" * 100_000), says('{"a": 1}')) as server:
        transport = Transport(server.url)
        with HttpFolder(transport, "1").open(safe_path("a")) as reader:
            assert len(reader.read(amount)) == amount
        assert transport.call("GET", "runs/get") == {"a": 1}


def test_a_file_that_is_cut_short_is_an_error() -> None:
    cut = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    with fake_server(cut) as server, pytest.raises(ServerUnavailableError):
        read_whole(folder(server.url), safe_path("a"))


def test_too_much_is_not_deleted() -> None:
    with pytest.raises(InvalidParameterError, match="too much"):
        HttpFolder(Transport(HERE), "1").delete()
