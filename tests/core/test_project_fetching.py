"""Where projects come from: folders as they are, clones and archives in folders that go, and nothing of them run."""

from __future__ import annotations

import functools
import http.server
import os
import tempfile
import threading
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.git_projects import PROJECT, commit, git, make_bare, make_repository, served, write

from mltrack.exceptions import ExecutionError
from mltrack.projects.addresses import check_version, without_credentials
from mltrack.projects.fetching import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary folders are made; nothing may be left there."""
    place = tmp_path / "scratch"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield place
    assert list(place.iterdir()) == []


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """What hostile addresses would make if anything of them were run."""
    place = tmp_path / "marker"
    yield place
    assert not place.exists()


@pytest.mark.parametrize("form", ["{}", "file://{}", "'{}'"])
def test_a_local_folder_is_used_where_it_is(form: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "a folder", {"MLproject": PROJECT})
    with fetch(form.format(folder)) as project:
        assert project.folder == folder
        assert (project.uri, project.is_own, project.is_temporary) == (str(folder), True, False)
        assert (project.commit, project.repository, project.branch) == (None, None, None)


def test_a_relative_path_is_made_whole(tmp_path: Path) -> None:
    write(tmp_path / "here" / "sub", {"MLproject": PROJECT})
    with fetch("here#sub") as project:
        assert project.uri == f"{tmp_path}/here#sub"
        assert project.folder == tmp_path / "here" / "sub"


def test_a_folder_in_a_checkout_has_its_commit_and_address(tmp_path: Path) -> None:
    checkout = make_repository(tmp_path / "repository", {"sub/MLproject": PROJECT, ".gitignore": "made/\n"})
    git(checkout, "remote", "add", "origin", "https://me:hunter22secret@example.org/p.git")
    head = git(checkout, "rev-parse", "HEAD")
    for uri in (checkout, f"{checkout}#sub", checkout / "sub"):
        with fetch(str(uri)) as project:
            assert (project.commit, project.repository) == (head, "https://example.org/p.git")
    (checkout / "made").mkdir()
    with fetch(str(checkout / "made")) as project:
        assert project.commit is None  # the checkout ignores it


def test_a_version_of_a_local_checkout_is_cloned_and_the_files_stay(tmp_path: Path) -> None:
    checkout = make_repository(tmp_path / "repository", {"text": "1", "sub/text": "1"})
    first = git(checkout, "rev-parse", "HEAD")
    git(checkout, "tag", "-a", "v1", "-m", "one")
    git(checkout, "branch", "side")
    last = commit(checkout, {"text": "2", "sub/text": "2"})
    (checkout / "text").write_text("not committed")
    names = {"trunk": "trunk", "side": "side", "v1": "v1", "first": first, "short": first[:10]}
    for name, version in names.items():
        with fetch(f"{checkout}#sub", version) as project:
            assert (project.folder / "text").read_text() == ("2" if name == "trunk" else "1")
            assert project.commit == (last if name == "trunk" else first)
            assert project.branch == (name if name in ("trunk", "side") else None)
            assert (project.is_own, project.is_temporary) == (True, True)
            kept = project.folder
        assert not kept.exists()
    assert (checkout / "text").read_text() == "not committed"
    assert git(checkout, "rev-parse", "HEAD") == last


def test_a_version_is_gits_alone(tmp_path: Path) -> None:
    write(tmp_path / "plain", {"MLproject": PROJECT})
    zipped(tmp_path / "p.zip", {"MLproject": PROJECT})
    for uri in ("plain", "p.zip"):
        with (
            pytest.raises(ExecutionError, match="Setting a version is only supported for Git project URIs"),
            fetch(uri, "v1"),
        ):
            pass


@pytest.mark.parametrize("version", ["nothing", "0" * 40, "abcdef0"])
def test_an_unknown_version_is_named(version: str, tmp_path: Path) -> None:
    checkout = make_repository(tmp_path / "repository")
    with pytest.raises(ExecutionError, match=f"Unable to checkout version '{version}'"), fetch(str(checkout), version):
        pass


def test_a_repository_is_cloned_from_a_server(tmp_path: Path) -> None:
    checkout = make_repository(tmp_path / "work", {"sub/MLproject": PROJECT})
    first = git(checkout, "rev-parse", "HEAD")
    git(checkout, "tag", "v1")
    last = commit(checkout, {"sub/text": "2"})
    make_bare(checkout, tmp_path / "served" / "p.git")
    with served(tmp_path / "served") as address:
        uri = f"{address}/p.git"
        with fetch(f"{uri}#sub") as project:
            assert (project.commit, project.branch, project.repository) == (last, None, uri)
            assert (project.uri, project.is_own) == (f"{uri}#sub", False)
            assert (project.folder / "text").read_text() == "2"
            assert git(project.folder, "rev-list", "--count", "HEAD") == "1"  # no history was fetched
            assert project.root is not None
            assert project.root.stat().st_mode & 0o777 == 0o755
            assert project.root.parent.stat().st_mode & 0o777 == 0o700
        for version, found, branch in (("v1", first, None), ("trunk", last, "trunk"), (first, first, None)):
            with fetch(uri, version) as project:
                assert (project.commit, project.branch) == (found, branch)
        with pytest.raises(ExecutionError, match="Unable to checkout version 'v2'"), fetch(uri, "v2"):
            pass
        with pytest.raises(ExecutionError, match="Could not find subdirectory nowhere"), fetch(f"{uri}#nowhere"):
            pass


def test_a_bare_repository_is_cloned_and_not_the_users_own(tmp_path: Path) -> None:
    bare = make_bare(make_repository(tmp_path / "work"), tmp_path / "p.git")
    with fetch(f"file://{bare}") as project:
        assert (project.folder / "main.py").exists()
        assert (project.is_own, project.is_temporary) == (False, True)


@pytest.mark.slow
def test_submodules_come_along(tmp_path: Path) -> None:
    inner = make_repository(tmp_path / "inner", {"inside": "yes"})
    make_bare(inner, tmp_path / "served" / "inner.git")
    outer = make_repository(tmp_path / "outer")
    with served(tmp_path / "served") as address:
        git(outer, "submodule", "--quiet", "add", f"{address}/inner.git", "direct")
        git(outer, "config", "--file", ".gitmodules", "submodule.direct.url", "../inner.git")
        commit(outer)
        make_bare(outer, tmp_path / "served" / "outer.git")
        with fetch(f"{address}/outer.git") as project:
            assert (project.folder / "direct" / "inside").read_text() == "yes"


@pytest.mark.slow
@pytest.mark.parametrize("address", ["ext::sh -c 'touch% {}'", "file://{}", "/{}", "-u./{}"])
def test_a_submodule_with_a_transport_that_runs_programs_is_refused(address: str, tmp_path: Path, marker: Path) -> None:
    inner = make_repository(tmp_path / "inner")
    outer = make_repository(tmp_path / "outer")
    git(outer, "submodule", "--quiet", "add", str(inner), "inner")
    git(outer, "config", "--file", ".gitmodules", "submodule.inner.url", address.format(marker))
    commit(outer)
    with pytest.raises(ExecutionError, match="A submodule has the address"), fetch(str(outer), "trunk"):
        pass


def test_a_submodules_command_is_refused(tmp_path: Path, marker: Path) -> None:
    outer = make_repository(tmp_path / "outer")
    text = f'[submodule "x"]\n\tpath = x\n\turl = https://example.org/x\n\tupdate = "!touch {marker}"\n'
    commit(outer, {".gitmodules": text})
    with pytest.raises(ExecutionError, match="is not run"), fetch(str(outer), "trunk"):
        pass


def test_no_hook_of_the_users_templates_or_settings_runs(
    tmp_path: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = make_repository(tmp_path / "work")
    hooks = tmp_path / "templates" / "hooks"
    hooks.mkdir(parents=True)
    for name in ("post-checkout", "reference-transaction", "fsmonitor"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[init]\n templateDir = {hooks.parent}\n[core]\n hooksPath = {hooks}\n fsmonitor = {hooks / 'fsmonitor'}\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))  # as inside of a hook
    with fetch(str(checkout), "trunk") as project:
        assert (project.folder / "main.py").exists()
    with fetch(str(checkout)) as project:
        assert project.commit


HOSTILE = [
    *("ext::sh -c touch% MARKER", "ext::touch", "fd::7", "fd::7/foo", "transport::https://example.org/p"),
    *("--upload-pack=touch MARKER", "-u./x", "--", "", "ssh://-oProxyCommand=touch%20MARKER/p", "git@-oProxy:p"),
    *("-oProxyCommand=x:p", "git@host:-x", "host:--upload-pack=x", "git+ext://x", "file+https://example.org/p"),
    *("https:///p", "https://-x/p", "ftp://example.org/p", "s3://bucket/p", "s3://bucket/p.zip", "file://host/p.zip"),
    *("p\x00q", "https://example.org/p\nq", "git@host:p\x1b[31m", "a:b", "nothing here"),
    *("file:///no/such/folder", "no/such/archive.zip", "https://example.org/a b", "rsync://example.org/p"),
    *("https://[::1/p", "https://[bad/p.zip"),
]


@pytest.mark.parametrize("uri", HOSTILE, ids=map(ascii, HOSTILE))
def test_an_address_that_could_run_anything_is_refused(uri: str, marker: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("subprocess.Popen", None)  # no program is even started
    with pytest.raises(ExecutionError), fetch(uri.replace("MARKER", str(marker))):
        pass


@pytest.mark.parametrize("sub", ["..", "a/../..", "./a", "/etc", "a.b", "\\..", "c:x", "out"])
def test_a_subdirectory_stays_inside(sub: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "p", {"MLproject": PROJECT, "a/b": ""})
    (folder / "out").symlink_to(tmp_path)
    refusal = "not allowed in project subdirectory|no path inside the project|leads out of it"
    with pytest.raises(ExecutionError, match=refusal), fetch(f"{folder}#{sub}"):
        pass


VERSIONS = [
    "-x",
    "--upload-pack=x",
    "+main",
    "a:b",
    "a b",
    "a..b",
    "HEAD~1",
    "a^",
    "@{0}",
    "",
    "a\n",
    "x*",
    "a\\b",
    "a/",
]


@pytest.mark.parametrize("version", VERSIONS, ids=map(ascii, VERSIONS))
def test_a_version_is_a_name_and_nothing_else(version: str, tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match="is no commit, branch or tag"):
        check_version(version)


def test_names_of_versions_that_are_in_use_go() -> None:
    for version in ("main", "v1.0.2", "feature/a-b_c", "1234abcd", "release@2", "näme", "a+b"):
        assert check_version(version) == version


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://user:pass@example.org/p.git", "https://example.org/p.git"),
        ("https://ghp_abcdefghijklmnopqrstuvwxyz0123456789@example.org/p", "https://example.org/p"),
        ("git@example.org:a/p.git", "git@example.org:a/p.git"),
        ("ssh://git@example.org:22/p", "ssh://git@example.org:22/p"),
        ("/home/me/p", "/home/me/p"),
    ],
)
def test_credentials_are_left_out(address: str, shown: str) -> None:
    assert without_credentials(address) == shown


def test_no_credential_is_in_a_message(tmp_path: Path) -> None:
    uri = "http://me:S3cretPassw0rd@127.0.0.1:9/p.git"
    with pytest.raises(ExecutionError) as caught, fetch(uri):
        pass
    assert "S3cret" not in str(caught.value)


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_an_archive_is_unpacked_into_a_folder_that_goes(tmp_path: Path) -> None:
    zipped(tmp_path / "p.zip", {"top/MLproject": PROJECT, "top/main.py": "1", "top/deep/a": "2"})
    for uri in ("p.zip#top", f"file://{tmp_path}/p.zip#top"):
        with fetch(uri) as project:
            assert (project.folder / "deep" / "a").read_text() == "2"
            assert (project.is_own, project.is_temporary, project.commit) == (False, True, None)
            kept = project.folder
        assert not kept.exists()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, sends some askers elsewhere, and breaks off one answer."""

    def do_GET(self) -> None:
        if self.path.startswith("/to-file"):
            self._answer(302, Location="file:///etc/passwd")
        elif self.path.startswith("/to-zip"):
            self._answer(302, Location="/p.zip")
        elif self.path.startswith("/cut"):
            self._answer(200, Content_Length="1000000")
        else:
            super().do_GET()

    def _answer(self, status: int, **fields: str) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def log_message(self, *given: Any) -> None:
        pass


def test_an_archive_is_downloaded(tmp_path: Path) -> None:
    zipped(tmp_path / "p.zip", {"MLproject": PROJECT})
    handler = functools.partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        for name in ("p.zip", "to-zip.zip"):
            with fetch(f"{address}/{name}") as project:
                assert (project.folder / "MLproject").read_text() == PROJECT
                assert project.uri == f"{address}/{name}"
        for name, said in (("no.zip", "404"), ("to-file.zip", "file:"), ("cut.zip", "ended after 0 of 1,000,000")):
            with pytest.raises(ExecutionError, match=said), fetch(f"{address}/{name}"):
                pass
        server.shutdown()


def test_what_fails_inside_removes_the_folder(tmp_path: Path) -> None:
    zipped(tmp_path / "p.zip", {"MLproject": PROJECT})
    with pytest.raises(ZeroDivisionError), fetch("p.zip"):
        _ = 1 / 0  # the fixture sees that nothing is left


@pytest.mark.parametrize("change", ["folder open", "file open", "above open", "another's"])
def test_a_folder_that_others_can_change_is_not_ones_own(change: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "above" / "p", {"MLproject": PROJECT, "main.py": ""})
    with fetch(str(folder)) as project:
        assert project.is_own
    if change == "another's":
        if os.getuid():
            pytest.skip("only root gives files away")
        os.chown(folder / "main.py", 12345, -1)
    else:
        place = {"folder open": folder, "file open": folder / "main.py", "above open": folder.parent}[change]
        place.chmod(0o777)
    with fetch(str(folder)) as project:
        assert not project.is_own
