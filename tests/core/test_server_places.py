"""Where a tracking server keeps artifacts, and who opens them there: by each of its options."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from tests.core import s3_server
from tests.core.http_answers import API
from tests.core.server_files import PROXY, make_owners
from tests.core.server_in_process import ServerInProcess

from mltrack.exceptions import InvalidParameterError
from mltrack.server.artifact_paths import read_proxied
from mltrack.server.downloads import content_type, disposition
from mltrack.server.leftovers import sweep
from mltrack.server.places import Places
from mltrack.server.service import Service
from mltrack.server.settings import ServerSettings
from mltrack.store.artifacts import safe_path
from mltrack.store.model_protocol import NewModelVersion
from mltrack.store.pages import Search
from mltrack.store.protocol import NewRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from mltrack.store.sqlite import SqliteStore


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerInProcess]:
    with closing(ServerInProcess(tmp_path_factory.mktemp("server"))) as found:
        yield found


def location(server: ServerInProcess, experiment: str) -> str:
    found: str = server.get(f"experiments/get?experiment_id={experiment}")["experiment"]["artifact_location"]
    return found


def test_by_default_files_lie_beside_the_store(tmp_path: Path) -> None:
    with closing(ServerInProcess(tmp_path)) as server:
        owners = make_owners(server, "default")
        assert location(server, owners.experiment) == f"mlflow-artifacts:/{owners.experiment}"
        server.ask("PUT", f"{PROXY}/artifacts/{owners.run_root}/a", b"a")
        assert (tmp_path / "mlartifacts" / owners.run_root / "a").read_bytes() == b"a"
        for place, found in ((f"mlflow-artifacts:/{owners.run_root}", 1), (str(tmp_path / "mlartifacts"), 0)):
            asked = {"experiment_ids": [owners.experiment], "filter": f"attributes.artifact_uri LIKE '{place}%'"}
            assert len(server.post("runs/search", **asked).get("runs", ())) == found


def test_a_destination_is_for_new_experiments_and_for_those_that_are_empty(tmp_path: Path) -> None:
    with closing(ServerInProcess(tmp_path)) as server:
        before = make_owners(server, "before")
        server.ask("PUT", f"{PROXY}/artifacts/{before.run_root}/a", b"a")
    elsewhere = tmp_path / "elsewhere"
    for _ in range(2):
        with closing(ServerInProcess(tmp_path, artifacts_destination=str(elsewhere))) as server:
            assert server.ask("GET", f"{PROXY}/artifacts/{before.run_root}/a").body == b"a"
    with closing(ServerInProcess(tmp_path, artifacts_destination=str(elsewhere))) as server:
        after = make_owners(server, "after")
        run = server.post("runs/create", experiment_id="0")["run"]["info"]
        assert run["artifact_uri"] == f"mlflow-artifacts:/0/{run['run_id']}/artifacts"
        for root in (after.run_root, after.model_root, f"0/{run['run_id']}/artifacts", before.run_root):
            assert server.ask("PUT", f"{PROXY}/artifacts/{root}/b", b"b").status == 200
            assert location(server, root.partition("/")[0]).startswith("mlflow-artifacts:/")
            place = tmp_path / "mlartifacts" if root == before.run_root else elsewhere
            assert (place / root / "b").read_bytes() == b"b"


def test_a_root_of_the_callers_is_opened_by_them(tmp_path: Path) -> None:
    with closing(ServerInProcess(tmp_path, default_artifact_root="s3://bucket/of/theirs")) as server:
        owners = make_owners(server, "direct")
        assert location(server, owners.experiment) == f"s3://bucket/of/theirs/{owners.experiment}"
        run = server.get(f"runs/get?run_id={owners.run}")["run"]["info"]
        assert run["artifact_uri"] == f"s3://bucket/of/theirs/{owners.run_root}"
        model = server.get(f"logged-models/{owners.model}")["model"]["info"]
        assert model["artifact_uri"] == f"s3://bucket/of/theirs/{owners.model_root}"
        server.post("registered-models/create", name="m")
        said = {"name": "m", "source": f"{run['artifact_uri']}/model", "run_id": owners.run}
        assert server.post("model-versions/create", **said)["model_version"]["source"] == said["source"]
        found = server.get("model-versions/get-download-uri?name=m&version=1")
        assert found == {"artifact_uri": said["source"]}


def test_without_serving_nothing_goes_through_the_server(tmp_path: Path) -> None:
    root = tmp_path / "shared"
    with closing(ServerInProcess(tmp_path, serve_artifacts=False, default_artifact_root=str(root))) as server:
        owners = make_owners(server, "unserved")
        place = str(root / owners.run_root)
        assert server.get(f"runs/get?run_id={owners.run}")["run"]["info"]["artifact_uri"] == place
        for method, path in (("GET", "x"), ("PUT", "x"), ("DELETE", "x")):
            answer = server.ask(
                method, f"{PROXY}/artifacts/{owners.run_root}/{path}", b"x" if method == "PUT" else None
            )
            assert (answer.status, answer.value["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
        assert server.ask("GET", f"{PROXY}/artifacts?path={owners.run_root}").status == 404
        (root / owners.run_root).mkdir(parents=True)
        (root / owners.run_root / "a.txt").write_text("a")
        assert [each["path"] for each in server.get(f"artifacts/list?run_id={owners.run}")["files"]] == ["a.txt"]
        server.post("registered-models/create", name="m")
        said = {"name": "m", "source": f"{place}/model", "run_id": owners.run}
        assert server.post("model-versions/create", **said)["model_version"]["source"] == f"{place}/model"
        said["source"] = str(root / owners.experiment / ("0" * 32) / "artifacts" / "model")
        assert server.ask("POST", f"{API}/model-versions/create", said).status == 400


@pytest.mark.slow
def test_files_of_an_object_store_go_through_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    place = f"s3://{s3_server.BUCKET}/{tmp_path.name}"
    assert s3_server.client()
    with closing(ServerInProcess(tmp_path, artifacts_destination=f"{place}/")) as server:
        owners = make_owners(server, "object store")
        assert location(server, owners.experiment) == f"mlflow-artifacts:/{owners.experiment}"
        for path in ("a.txt", "b/c.txt", "b/d#?%41.txt"):
            assert (
                server.ask(
                    "PUT",
                    f"{PROXY}/artifacts/{owners.run_root}/{quote(path)}",
                    path.encode(),
                ).status
                == 200
            )
        assert s3_server.objects(f"{tmp_path.name}/{owners.run_root}/") == {
            each: each.encode() for each in ("a.txt", "b/c.txt", "b/d#?%41.txt")
        }
        listed = server.get(f"artifacts/list?run_id={owners.run}&path=b")["files"]
        assert [each["path"] for each in listed] == ["b/c.txt", "b/d#?%41.txt"]
        assert server.ask("GET", f"{PROXY}/artifacts/{owners.run_root}/b/c.txt").body == b"b/c.txt"
        assert server.ask("DELETE", f"{PROXY}/artifacts/{owners.run_root}/b").status == 200
        assert list(s3_server.objects(f"{tmp_path.name}/{owners.run_root}/")) == ["a.txt"]
        server.post("registered-models/create", name="m")
        hidden = f"{place}/{owners.run_root}/model"
        answer = server.ask("POST", f"{API}/model-versions/create", {"name": "m", "source": hidden})
        assert answer.status == 400
        settings = ServerSettings(server.store_uri, artifacts_destination=place)
        sweep(Service(settings, server.store, None, Places(settings)))  # type: ignore[arg-type] # it asks no gate


@pytest.mark.parametrize(
    ("location", "taken"),
    [
        ("s3://bucket/of/mine", True),
        *((each, False) for each in ("/", "/tmp/x", "file:///tmp/x", "relative", "~/x", "http://169.254.169.254/x")),
        *(
            (each, False)
            for each in ("ftp://x/y", "memory://x", "s3://", "s3://b/../c", "s3://b/x#../y", "s3://u:p@b/x")
        ),
        *((each, False) for each in ("s3://b/" + "x" * 3000, "runs:/x", "models:/x", "mlflow-artifacts:/0")),
    ],
)
def test_a_caller_chooses_no_place_of_the_server(server: ServerInProcess, location: str, taken: bool) -> None:
    answer = server.ask("POST", f"{API}/experiments/create", {"name": location[:99], "artifact_location": location})
    assert answer.status == (200 if taken else 400), answer
    if taken:
        found = server.get(f"experiments/get?experiment_id={answer.value['experiment_id']}")["experiment"]
        assert found["artifact_location"] == location


def test_an_object_store_of_a_caller_is_shown_and_never_opened(server: ServerInProcess) -> None:
    made = make_owners(server, "of mine", artifact_location="s3://bucket-of-mine/x")
    root = f"s3://bucket-of-mine/x/{made.run}/artifacts"
    assert server.get(f"runs/get?run_id={made.run}")["run"]["info"]["artifact_uri"] == root
    assert server.get(f"artifacts/list?run_id={made.run}") == {"root_uri": root}
    path = f"{PROXY}/artifacts/{made.run_root}/x"
    for answer in (server.ask("GET", path), server.ask("PUT", path, b"x")):
        assert (answer.status, "do not go through this server" in answer.value["message"]) == (400, True)
    assert server.ask("GET", f"/get-artifact?run_id={made.run}&path=x").status == 400


def test_nobody_chooses_the_places_of_others() -> None:
    places = Places(ServerSettings("x", artifacts_destination="s3://bucket/root"))
    for location in ("s3://bucket/root", "s3://bucket/root/1", "s3://bucket", "s3://bucket/root/"):
        with pytest.raises(InvalidParameterError, match="files of others"):
            places.chosen(location)
    assert places.chosen("s3://bucket/rooted") == "s3://bucket/rooted"
    assert places.is_served("s3://bucket/root/1/x")
    assert not places.is_own("s3://bucket/rooted/1/x")


@pytest.mark.parametrize("place", ["http://x/y", "s3://", "mlflow-artifacts:/x", "a/../b", "/"])
def test_a_server_is_not_started_with_a_place_that_is_none(place: str) -> None:
    for settings in ({"artifacts_destination": place}, {"default_artifact_root": place}):
        with pytest.raises(InvalidParameterError):
            Places(ServerSettings("x", **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "1", "1/x", "models/m-1/artifacts/x", "1/models/artifacts/x", "x/y/artifacts/z"])
def test_a_path_of_nobody_is_of_nobody(text: str) -> None:
    if text:
        assert read_proxied(text) is None


@pytest.mark.parametrize(
    ("name", "sent_as"),
    [
        *((f"page.{ending}", "text/plain; charset=utf-8") for ending in ("html", "HTM", "svg", "js", "xml")),
        *((f"text.{ending}", "text/plain; charset=utf-8") for ending in ("txt", "py", "yaml", "md", "log", "css")),
        ("MLmodel", "text/plain; charset=utf-8"),
        ("table.csv", "text/csv; charset=utf-8"),
        ("picture.PNG", "image/png"),
        ("some.json", "application/json"),
        ("paper.pdf", "application/pdf"),
        ("model.pkl", "application/octet-stream"),
        ("nothing", "application/octet-stream"),
        ("video.mp4", "application/octet-stream"),
        ("page.html.gz", "application/octet-stream"),
    ],
)
def test_no_browser_runs_what_is_sent(name: str, sent_as: str) -> None:
    # A gzipped page has a page's type, and no Content-Encoding goes with it.
    found = content_type(safe_path(name))
    assert found == sent_as or (name.endswith(".gz") and found.startswith("text/plain"))


def test_a_name_outside_ascii_is_kept() -> None:
    assert disposition("ü.txt") == "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%BC.txt"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"default_artifact_root": "s3://bucket/of/theirs"},
        {"artifacts_destination": "s3://bucket/of/ours"},
        {"default_artifact_root": "s3://bucket/of/theirs", "artifacts_destination": "/srv/files"},
        {"default_artifact_root": "/srv/shared", "artifacts_destination": "s3://bucket/of/ours"},
        {"serve_artifacts": False},
    ],
    ids=lambda each: ", ".join(each) or "default",
)
def test_searches_find_places_as_callers_see_them(store: SqliteStore, tmp_path: Path, settings: dict[str, Any]) -> None:
    roots = ("s3://bucket/of/theirs", "s3://bucket/of/ours", "s3://bucket/of/ours2", "/srv/shared", "/srv/files")
    made = [store.create_experiment(f"at {each}", artifact_location=f"{each}/1") for each in roots]
    runs = [store.create_run(NewRun(each, "run", 1)).run_id for each in ("0", *made)]
    store.create_registered_model("m")
    named = f"runs:/{runs[0]}/model"
    sources = [named, "s3://bucket/of/ours/m", "s3://bucket/m", str(tmp_path / "model"), "mlflow-artifacts:/0/a"]
    for number, each in enumerate(sources, start=1):
        store.create_model_version(NewModelVersion("m", named, run_id=runs[0]))
        _set_source(store, number, each)
    places = Places(ServerSettings("sqlite:///unused.db", **settings))
    if places.served:
        store.show_as_served(places.served)
    seen = {each: places.of_run(store.get_run(each)).info.artifact_uri for each in runs}
    columns = store.run_columns(Search(("0", *made)), ["attributes.artifact_uri"])
    assert dict(zip(columns.run_ids, columns.columns["attributes.artifact_uri"], strict=True)) == seen
    for run, place in seen.items():
        page = store.search_runs(Search(("0", *made), f"attributes.artifact_uri = '{place}'"))
        assert [each.info.run_id for each in page.rows] == [run]
    hidden = {each for each in sources if each.startswith(("s3:", "/")) and places.is_served(each)}
    for each in sources:
        found = store.search_model_versions(Search((), f"source_path = '{each}'")).rows
        assert [version.source for version in found] == ([] if each in hidden else [each])
    inside = f"attributes.artifact_uri LIKE '%{tmp_path}%'"
    assert bool(store.count_matching(Search(("0",), inside), most=1)) is not places.is_serving


def _set_source(store: SqliteStore, version: int, source: str) -> None:
    """Give a version a source that only MLflow's stores have, from where it can have been imported."""
    query = "UPDATE model_versions SET source = ? WHERE version = ?"
    store._database.write(lambda connection: connection.execute(query, (source, version)))
