"""Artifacts behind a tracking server: files up and down, what their headers say, and that no path leads elsewhere."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.core.http_answers import API
from tests.core.server_files import PROXY, Owners, get, make_owners, names, put, send_part, tree
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.settings import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

AJAX = "/ajax-api/2.0/mlflow"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's, in one where nothing else is: what leads out of it would be seen there."""
    found = tmp_path_factory.mktemp("alone") / "server"
    found.mkdir()
    return found


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningServer]:
    with running_server(folder) as found:
        yield found


@pytest.fixture(scope="module")
def owners(server: RunningServer) -> Owners:
    made = make_owners(server, "artifacts")
    assert put(server, f"{made.run_root}/kept.txt", b"kept").status == 200
    assert put(server, f"{made.model_root}/kept.txt", b"kept").status == 200
    return made


@pytest.mark.parametrize("root", ["run_root", "model_root"])
@pytest.mark.parametrize(
    "content", [b"", b"x", b"\r\n\x00" * 100_000, bytes(range(256)) * 8192], ids=lambda each: str(len(each))
)
def test_a_file_goes_up_and_comes_down(server: RunningServer, owners: Owners, root: str, content: bytes) -> None:
    path = f"{getattr(owners, root)}/dir {len(content)}/ü #?%41.bin"
    answer = put(server, path, content)
    assert (answer.status, answer.body) == (200, b"{}")
    found = get(server, path)
    assert (found.status, found.body == content, found.headers["content-length"]) == (200, True, str(len(content)))
    assert names(server, path.rpartition("/")[0]) == {"ü #?%41.bin": len(content)}
    store = open_store(server.store_uri)
    records = store.artifact_records(owners.run) if root == "run_root" else store.logged_model_records(owners.model)
    name = path.removeprefix(getattr(owners, root) + "/")
    assert records[name] == (len(content), hashlib.sha256(content).hexdigest())


def test_a_file_in_chunks_of_any_size_goes_up(server: RunningServer, owners: Owners) -> None:
    with send_part(server, f"{owners.run_root}/chunked", Transfer_Encoding="chunked") as connection:
        for size in (1, 7, 70_000, 300_000):
            connection.sendall(b"%x\r\n%b\r\n" % (size, b"a" * size))
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
    assert get(server, f"{owners.run_root}/chunked").body == b"a" * 370_008


def test_a_file_is_written_over(server: RunningServer, owners: Owners) -> None:
    path = f"{owners.run_root}/over.txt"
    for content in (b"first", b"the second, which is longer", b""):
        assert put(server, path, content).status == 200
        assert get(server, path).body == content


def test_a_head_tells_the_length_alone(server: RunningServer, owners: Owners) -> None:
    answer = server.ask("HEAD", f"{PROXY}/artifacts/{owners.run_root}/kept.txt")
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "4", b"")


@pytest.mark.parametrize("ranges", ["bytes=0-1", "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 5_000, 2))], ids=len)
def test_ranges_are_passed_over(server: RunningServer, owners: Owners, ranges: str) -> None:
    answer = get(server, f"{owners.run_root}/kept.txt", Range=ranges)
    assert (answer.status, answer.body, answer.headers["accept-ranges"]) == (200, b"kept", "none")


def test_a_download_is_an_attachment_in_a_sandbox(server: RunningServer, owners: Owners) -> None:
    name = 'a"; filename=evil.html'
    assert put(server, f"{owners.run_root}/{name}", b"<script>alert(1)</script>").status == 200
    for path in (
        f"{PROXY}/artifacts/{owners.run_root}/{quote(name)}",
        f"/get-artifact?run_id={owners.run}&path={quote(name)}",
        f"{AJAX}/get-artifact?run_uuid={owners.run}&path={quote(name)}",
    ):
        headers = server.ask("GET", path).headers
        assert headers["content-type"] == "text/plain; charset=utf-8"
        assert headers["content-disposition"].startswith('attachment; filename="a__ filename=evil.html"; filename*=')
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]


def test_lists_are_as_mlflow_has_them(server: RunningServer, owners: Owners) -> None:
    put(server, f"{owners.run_root}/lists/sub/b.txt", b"bb")
    put(server, f"{owners.run_root}/lists/a.txt", b"a")
    put(server, f"{owners.model_root}/lists/a.txt", b"a")
    whole = server.get(f"artifacts/list?run_id={owners.run}&path=lists")
    assert whole == {
        "root_uri": f"mlflow-artifacts:/{owners.run_root}",
        "files": [
            {"path": "lists/a.txt", "is_dir": False, "file_size": 1},
            {"path": "lists/sub", "is_dir": True},
        ],
    }
    for path in ("lists/a.txt", "not-there"):
        assert "files" not in server.get(f"artifacts/list?run_uuid={owners.run}&path={path}")
        assert names(server, f"{owners.run_root}/{path}") == {}
    assert names(server, f"{owners.run_root}/lists") == {"a.txt": 1, "sub": None}
    assert names(server, "") == names(server, owners.experiment) == {}
    folders = server.get(f"logged-models/{owners.model}/artifacts/directories?artifact_directory_path=lists")
    assert folders == {
        "root_uri": f"mlflow-artifacts:/{owners.model_root}",
        "files": [{"path": "lists/a.txt", "is_dir": False, "file_size": 1}],
    }


def test_what_is_deleted_is_gone_and_forgotten(server: RunningServer, owners: Owners) -> None:
    for root in (owners.run_root, owners.model_root):
        for name in ("gone/a.txt", "gone/b/c.txt", "gone.txt", "gone0"):
            put(server, f"{root}/{name}", b"x")
        for path, status in (("gone", 200), ("gone.txt", 200), ("gone", 404), ("never", 404)):
            assert server.ask("DELETE", f"{PROXY}/artifacts/{root}/{path}").status == status
        assert get(server, f"{root}/gone/a.txt").status == 404
        assert get(server, f"{root}/gone0").body == b"x"
    store = open_store(server.store_uri)
    known = [*store.artifact_records(owners.run), *store.logged_model_records(owners.model)]
    assert [name for name in known if name.startswith("gone")] == ["gone0", "gone0"]


def test_parts_and_signed_addresses_are_not_implemented(server: RunningServer, owners: Owners) -> None:
    for verb in ("create", "complete", "abort"):
        answer = server.ask("POST", f"{PROXY}/mpu/{verb}/{owners.run_root}/a.bin", {"path": "a.bin", "num_parts": 2})
        assert (answer.status, answer.value["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert server.ask("GET", f"{PROXY}/presigned/{owners.run_root}/kept.txt").status == 501


TIMES = ((".", "/", "%5c"), ("%2e", "%2f", "%5c"), ("%252e", "%252f", "%255c"), ("%25252e", "%25252f", "%25255c"))
HOSTILE = {
    **{
        f"{text} encoded {times} times": "".join(
            {".": dot, "/": slash, "\\": back}.get(letter, letter) for letter in text
        )
        for times, (dot, slash, back) in enumerate(TIMES)
        for text in ("../../etc/passwd", "a/../../b", "..", "a/..", "a/./b", "\\..\\..\\x", "a\\b", "..\\/x")
    },
    **{
        name: quote(name, safe="/%")
        for name in ("/etc/passwd", "//host/x", "a//b", "a/", "C:\\x", "C:x", "CON", "a./b")
    },
    "UNC": "%5c%5chost%5cshare",
    "file": "file%3A///etc/passwd",
    "NUL": "a%00b",
    "newline": "a%0ab",
    "escape": "a%1b[31m",
    "right to left": quote("a\u202etxt.exe"),
    "trailing space": "a%20",
    "long part": "a" * 256,
    "long": "/".join(["a" * 100] * 11),
    "query of old": "x%3Fa=/../../y",
    "fragment": "x%23/../../y",
    "unfinished": f".mltrack-{'0' * 16}",
    "encoded six times": "%2525252525252e%2525252525252e/x",
}
VERBS: dict[str, Callable[[Owners, str], tuple[str, str, Any]]] = {
    "get": lambda owners, path: ("GET", f"{PROXY}/artifacts/{owners.run_root}/{path}", None),
    "get of a model": lambda owners, path: ("GET", f"{PROXY}/artifacts/{owners.model_root}/{path}", None),
    "put": lambda owners, path: ("PUT", f"{PROXY}/artifacts/{owners.run_root}/{path}", b"hostile"),
    "put on a model": lambda owners, path: ("PUT", f"{PROXY}/artifacts/{owners.model_root}/{path}", b"hostile"),
    "put at the root": lambda _, path: ("PUT", f"{PROXY}/artifacts/{path}", b"hostile"),
    "delete": lambda owners, path: ("DELETE", f"{PROXY}/artifacts/{owners.run_root}/{path}", None),
    "delete at the root": lambda _, path: ("DELETE", f"{PROXY}/artifacts/{path}", None),
    "list": lambda owners, path: ("GET", f"{PROXY}/artifacts?path={owners.run_root}/{path}", None),
    "list of a run": lambda owners, path: ("GET", f"{API}/artifacts/list?run_id={owners.run}&path={path}", None),
    "list of a model": lambda owners, path: (
        *("GET", f"{API}/logged-models/{owners.model}/artifacts/directories?artifact_directory_path={path}"),
        None,
    ),
    "get of a run": lambda owners, path: ("GET", f"/get-artifact?run_id={owners.run}&path={path}", None),
    "upload": lambda owners, path: ("POST", f"{AJAX}/upload-artifact?run_uuid={owners.run}&path={path}", b"hostile"),
    **{
        f"{verb} in parts": lambda owners, path, verb=verb: (  # type: ignore[misc]
            *("POST", f"{PROXY}/mpu/{verb}/{owners.run_root}/{path}"),
            {"path": "x", "num_parts": 1},
        )
        for verb in ("create", "complete", "abort")
    },
    "signed": lambda owners, path: ("GET", f"{PROXY}/presigned/{owners.run_root}/{path}", None),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_path_leads_out(server: RunningServer, owners: Owners, folder: Path, verb: str) -> None:
    before = tree(folder.parent)
    wrong = {}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
        for name, payload in HOSTILE.items():
            method, path, body = VERBS[verb](owners, payload)
            content = body if isinstance(body, (bytes, type(None))) else b"{}"
            headers = {} if isinstance(body, (bytes, type(None))) else {"Content-Type": "application/json"}
            connection.request(method, path, content, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 400 and (name, answer.status) != ("newline", 404):  # of no page
                wrong[name] = answer.status
    assert wrong == {}
    assert tree(folder.parent) == before


def test_empty_paths_and_roots_are_not_removed(server: RunningServer, owners: Owners, folder: Path) -> None:
    before = tree(folder)
    for path in ("", "/", ".", owners.run_root, f"{owners.run_root}/", owners.model_root):
        assert server.ask("DELETE", f"{PROXY}/artifacts/{path}").status == 400
    for path in (
        owners.experiment,
        f"{owners.experiment}/{owners.run}",
        f"{owners.experiment}/models",
        "0",
        "mltrack.db",
    ):
        assert server.ask("DELETE", f"{PROXY}/artifacts/{path}").status == 404
    assert tree(folder) == before


def test_what_looks_like_a_way_out_and_is_none_is_a_name(server: RunningServer, owners: Owners) -> None:
    for name in ("100%", "a%20b", "%", "a..b", "...a", "%zz", "a&b=c", "run~1", "{7*7}", "<b>"):
        path = f"{owners.run_root}/odd/{name}"
        assert put(server, path, name.encode()).status == 200, name
        assert get(server, path).body == name.encode()
        assert server.ask("DELETE", f"{PROXY}/artifacts/{quote(path)}").status == 200


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
@pytest.mark.parametrize("name", ["a%ff", "a%c3", "%ed%a0%80", "kept.txt%0a", "%0akept.txt", "a%0d%0ab"])
def test_a_name_that_another_would_be_read_as_is_none(server: RunningServer, owners: Owners, name: str) -> None:
    """Bytes that are no UTF-8 would all be read as the same letter, and a line's end at a path's end as nothing."""
    before = names(server, owners.run_root)
    path = f"{PROXY}/artifacts/{owners.run_root}/{name}"
    answers = [server.ask("PUT", path, b"x"), server.ask("GET", path), server.ask("DELETE", path)]
    assert [each.status for each in answers] in ([400] * 3, [404] * 3)
    assert names(server, owners.run_root) == before
    assert get(server, f"{owners.run_root}/kept.txt").body == b"kept"


def test_links_are_not_followed(server: RunningServer, owners: Owners, folder: Path) -> None:
    secret = folder / "secret"
    secret.mkdir()
    (secret / "x").write_text("secret")
    root = folder / "mlartifacts" / owners.run_root
    (root / "linked").symlink_to(secret)
    (root / "link.txt").symlink_to(secret / "x")
    os.mkfifo(root / "pipe")
    try:
        assert [get(server, f"{owners.run_root}/{each}").status for each in ("linked/x", "link.txt", "pipe")] == [
            400,
            400,
            404,
        ]
        assert put(server, f"{owners.run_root}/linked/new", b"x").status == 400
        assert put(server, f"{owners.run_root}/link.txt", b"x").status == 400
        assert not {"linked", "link.txt", "pipe"} & set(names(server, owners.run_root))
        assert server.ask("DELETE", f"{PROXY}/artifacts/{owners.run_root}/linked/x").status == 400
        assert tree(secret) == {"x": b"secret"}
    finally:
        for each in ("linked", "link.txt", "pipe"):
            (root / each).unlink()


def test_files_are_of_whom_they_are_said_to_be(server: RunningServer, owners: Owners) -> None:
    other = make_owners(server, "other")
    for path in (
        f"{other.experiment}/{owners.run}/artifacts/kept.txt",
        f"{other.experiment}/models/{owners.model}/artifacts/kept.txt",
        f"{owners.experiment}/{'0' * 32}/artifacts/kept.txt",
        f"{owners.experiment}/models/m-{'0' * 32}/artifacts/kept.txt",
        f"{owners.experiment}/{owners.run}/kept.txt",
        f"{owners.experiment}/{owners.run[:-1]}/artifacts/kept.txt",
    ):
        assert get(server, path).status == put(server, path, b"x").status == 404, path
        assert server.ask("DELETE", f"{PROXY}/artifacts/{path}").status == 404


def test_nothing_is_added_to_a_deleted_run(server: RunningServer) -> None:
    made = make_owners(server, "deleted")
    put(server, f"{made.run_root}/a", b"a")
    server.post("runs/delete", run_id=made.run)
    assert put(server, f"{made.run_root}/b", b"b").status == 400
    assert names(server, made.run_root) == {"a": 1}
    assert get(server, f"{made.run_root}/a").body == b"a"
    assert server.ask("DELETE", f"{API}/logged-models/{made.model}").status == 200
    assert put(server, f"{made.model_root}/b", b"b").status == 404


def test_a_page_sends_a_file_but_no_form_does(server: RunningServer, owners: Owners) -> None:
    path = f"{AJAX}/upload-artifact?run_uuid={owners.run}&path=from/page.txt"
    assert server.ask("POST", path, b"page", Content_Type="application/octet-stream").status == 200
    assert get(server, f"{owners.run_root}/from/page.txt").body == b"page"
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        assert server.ask("POST", path, b"form", Content_Type=kind).status == 415
    assert server.ask("POST", f"{path}2", bytes(10 * 2**20 + 1)).status == 413
    assert names(server, f"{owners.run_root}/from") == {"page.txt": 4}


def test_a_compressed_body_is_refused(server: RunningServer, owners: Owners) -> None:
    for headers in ({"Content_Encoding": "gzip"}, {"Transfer_Encoding": "gzip, chunked"}):
        with send_part(server, f"{owners.run_root}/zipped", b"0\r\n\r\n", **headers) as connection:
            assert connection.recv(20)[9:12] in (b"415", b"400")
    assert "zipped" not in names(server, owners.run_root)


@pytest.mark.parametrize(
    ("headers", "parts"),
    [
        ({"Content_Length": "1000000"}, [b"x" * 500_000]),
        ({"Transfer_Encoding": "chunked"}, [b"7a120\r\n", b"x" * 500_000, b"\r\n"]),
        ({"Transfer_Encoding": "chunked"}, [b"186a0\r\n", b"x" * 100_000, b"\r\nnonsense"]),
    ],
    ids=["length", "chunks", "nonsense"],
)
def test_an_upload_that_is_cut_off_leaves_nothing(
    server: RunningServer, owners: Owners, folder: Path, headers: dict[str, str], parts: list[bytes]
) -> None:
    root = folder / "mlartifacts" / owners.run_root
    with suppress(ConnectionError), send_part(server, f"{owners.run_root}/kept.txt", *parts, **headers) as connection:
        wait_for(lambda: any(root.glob(".mltrack-*")) or b"nonsense" in parts[-1])
        connection.shutdown(1)
    wait_for(lambda: not any(root.glob(".mltrack-*")))
    assert get(server, f"{owners.run_root}/kept.txt").body == b"kept"


@pytest.mark.parametrize("size", [10, 3 * 2**20])
@pytest.mark.parametrize("root", ["run_root", "model_root"])
def test_a_file_that_was_changed_is_never_served_as_whole(
    server: RunningServer, owners: Owners, folder: Path, root: str, size: int
) -> None:
    path = f"{getattr(owners, root)}/changed-{size}"
    assert put(server, path, b"a" * size).status == 200
    place = folder / "mlartifacts" / path
    place.write_bytes(b"a" * (size - 1) + b"b")
    if size < 1000:
        answer = get(server, path)
        assert (answer.status, answer.value["error_code"]) == (400, "INVALID_STATE")
    else:
        with pytest.raises(http.client.IncompleteRead):
            get(server, path)
    place.write_bytes(b"a" * (size + 1))
    assert get(server, path).value["error_code"] == "INVALID_STATE"
    assert put(server, path, b"new").status == 200
    assert get(server, path).body == b"new"


def test_a_file_that_nobody_recorded_is_served_as_it_is(server: RunningServer, owners: Owners, folder: Path) -> None:
    (folder / "mlartifacts" / owners.run_root / "by hand.txt").write_text("by hand")
    assert get(server, f"{owners.run_root}/by hand.txt").body == b"by hand"


def test_a_file_is_no_folder(server: RunningServer, owners: Owners) -> None:
    put(server, f"{owners.run_root}/a-folder/x", b"x")
    assert get(server, f"{owners.run_root}/a-folder").status == 404
    assert put(server, f"{owners.run_root}/a-folder", b"x").status == 400
    assert put(server, f"{owners.run_root}/kept.txt/x", b"x").status == 400


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
