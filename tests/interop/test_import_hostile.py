"""Foreign stores that mean harm: their paths, ids, texts and YAML."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.interop.foreign_stores import RUN, add_run, change, make_database, make_old_folder
from tests.interop.imported import described, rows, run_ids
from tests.quickness import assert_quick

from mltrack.exceptions import InvalidParameterError
from mltrack.importers import import_mlflow
from mltrack.importers.artifact_places import ArtifactPlaces
from mltrack.importers.fitting import fitting_key
from mltrack.keys import check_key
from mltrack.masking import MASK
from mltrack.plain_yaml import read_yaml
from mltrack.store.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    (tmp_path / "ours").mkdir()
    return SqliteStore(tmp_path / "ours" / "mltrack.db")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder of the user's that a store must not lay its hands on."""
    (tmp_path / "home" / "artifacts").mkdir(parents=True)
    (tmp_path / "home" / "id_rsa").write_text("PRIVATE")
    (tmp_path / "home" / "artifacts" / "id_rsa").write_text("PRIVATE")
    return tmp_path / "home"


def copied(store: SqliteStore) -> list[str]:
    return [
        path.read_text() for path in store.path.parent.rglob("*") if path.is_file() and "mltrack.db" not in path.name
    ]


@pytest.mark.parametrize(
    "uri",
    [
        "{}",
        "{}/artifacts",
        "file://{}",
        "file://{}/artifacts",
        "file://localhost{}",
        "../home",
        "../home/artifacts",
        "./../home/artifacts/../artifacts",
        "mlflow-artifacts:/../home/artifacts",
        "mlflow-artifacts:/%2e%2e/home",
        "mlflow-artifacts://host/../../home/artifacts",
        "$HOME/artifacts",
        "~",
        "//host/share/" + RUN + "/artifacts",
        "\\\\host\\share\\" + RUN + "\\artifacts",
        "file://host/share/" + RUN + "/artifacts",
        "C:\\Users",
        "x\0y",
        "/" * 5000,
        "",
    ],
)
def test_no_other_folder_is_taken_for_artifacts(uri: str, secret: Path, store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    database = make_database(tmp_path / "theirs" / "mlflow.db")
    add_run(database, artifact_uri=uri.format(secret))
    import_mlflow(database, store=store)
    assert described(store, RUN)["files"] == {}
    assert copied(store) == []


def test_a_run_that_calls_itself_as_a_folder_of_the_users(secret: Path, store: SqliteStore, tmp_path: Path) -> None:
    database = make_database(tmp_path / "mlflow.db")
    add_run(database, "../home", artifact_uri=f"{secret}/artifacts")
    summary = import_mlflow(database, store=store)
    assert (run_ids(store), copied(store)) == (set(), [])
    assert summary.skipped["runs with an id that is none"] == 1


def test_links_are_not_followed(secret: Path, store: SqliteStore, tmp_path: Path) -> None:
    root = make_old_folder(tmp_path / "mlruns")
    run = root / "0" / RUN
    (run / "artifacts" / "link.txt").symlink_to(secret / "id_rsa")
    (run / "artifacts" / "folder").symlink_to(secret)
    (run / "params" / "stolen").symlink_to(secret / "id_rsa")
    (run / "tags" / "folder").symlink_to(secret)
    os.mkfifo(run / "artifacts" / "pipe")
    os.mkfifo(run / "metrics" / "pipe")
    other = root / "0" / ("b" * 32)
    other.mkdir()
    (other / "meta.yaml").write_text(f"run_uuid: {'b' * 32}\nstatus: 3\nartifact_uri: {other}/artifacts\n")
    (other / "artifacts").symlink_to(secret)
    (root / "0" / ("c" * 32)).symlink_to(run)
    summary = import_mlflow(root, store=store)
    assert described(store, RUN)["files"].keys() == {"model.txt"}
    assert described(store, RUN)["params"] == {"alpha": "0.1"}
    assert described(store, "b" * 32)["files"] == {}
    assert copied(store) == ["a model"]
    assert summary.skipped["links, pipes and devices among the artifacts"] == 3


@pytest.mark.parametrize("name", ["con.txt", "trailing.", "back\\slash", "new\nline", "x\u202egnp.exe"])
def test_files_with_hostile_names_are_left_out(name: str, store: SqliteStore, tmp_path: Path) -> None:
    root = make_old_folder(tmp_path / "mlruns")
    (root / "0" / RUN / "artifacts" / name).write_text("x")
    summary = import_mlflow(root, store=store)
    assert described(store, RUN)["files"].keys() == {"model.txt"}
    assert summary.skipped["files with a name that cannot be kept"] == 1


def test_served_and_remote_artifacts(store: SqliteStore, tmp_path: Path) -> None:
    database = make_database(tmp_path / "mlflow.db")
    uris = {
        "a": f"mlflow-artifacts:/5/{'a' * 32}/artifacts",
        "b": f"mlflow-artifacts://server:5000/5/{'b' * 32}/artifacts",
        "c": f"s3://bucket/5/{'c' * 32}/artifacts",
        "d": f"dbfs:/5/{'d' * 32}/artifacts",
        "e": f"s3://user:password@bucket/5/{'e' * 32}/artifacts",
        "f": f"/moved/away/5/{'f' * 32}/artifacts",
    }
    for letter, uri in uris.items():
        add_run(database, letter * 32, artifact_uri=uri)
        served = tmp_path / "destination" / "5" / (letter * 32) / "artifacts"
        served.mkdir(parents=True)
        (served / f"{letter}.txt").write_text(letter)
    first = import_mlflow(database, store=store)
    assert first.skipped == {
        "artifact folders that were not found": 3,
        "remote artifact folders, which stay where they are": 1,
        "artifact folders at places that mltrack cannot open": 2,
    }
    assert store.get_run("c" * 32).info.artifact_uri == uris["c"]
    assert not any("password" in note for note in first.notes)
    import_mlflow(database, artifacts=tmp_path / "destination", store=store)
    assert [described(store, x * 32)["files"] for x in "abf"] == [{f"{x}.txt": x.encode().hex()} for x in "abf"]
    assert rows(store, "SELECT count(*) FROM artifacts") == [(3,)]


def test_secrets_are_masked_and_counted(store: SqliteStore, tmp_path: Path) -> None:
    database = make_database(tmp_path / "mlflow.db")
    add_run(database)
    token = "ghp_" + "Ab1" * 12
    change(
        database,
        f"INSERT INTO params VALUES ('password', 'hunter2hunter2', '{RUN}'), ('max_tokens', '5', '{RUN}')",
        f"INSERT INTO params VALUES ('command', 'git clone https://me:{token}@host/x', '{RUN}')",
        f"INSERT INTO tags VALUES ('note', 'use {token}', '{RUN}')",
        f"INSERT INTO experiment_tags VALUES ('note', 'use {token}', 5)",
        f"UPDATE runs SET name = 'run with {token}'",
    )
    summary = import_mlflow(database, store=store)
    run = described(store, RUN)
    assert (run["params"]["password"], run["params"]["max_tokens"]) == (MASK, "5")
    assert run["params"]["command"].endswith("@host/x")
    assert token not in str(run)
    assert token not in str(store.get_experiment("5"))
    assert summary.masked == 5
    assert token.encode() not in b"".join(path.read_bytes() for path in store.path.parent.glob("mltrack.db*"))


def test_what_is_beyond_our_limits_is_cut_and_told(store: SqliteStore, tmp_path: Path) -> None:
    database = make_database(tmp_path / "mlflow.db")
    add_run(database)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("INSERT INTO params VALUES ('long', ?, ?)", ("x" * 9000, RUN))
        connection.execute("INSERT INTO params VALUES (?, 'v', ?)", ("k" * 300, RUN))
        connection.execute("INSERT INTO params VALUES (NULL, NULL, ?)", (RUN,))
        connection.execute("INSERT INTO params VALUES ('bytes', ?, ?)", (b"\xff\xfe", RUN))
        connection.execute("INSERT INTO metrics VALUES ('acc@1', 'text', 'text', ?, 'x', NULL)", (RUN,))
        connection.execute("INSERT INTO runs (run_uuid, experiment_id, status) VALUES (?, 5, 'ODD')", ("b" * 32,))
        connection.execute("INSERT INTO runs (run_uuid, experiment_id) VALUES (NULL, 5)")
        connection.commit()
    summary = import_mlflow(database, store=store)
    run = described(store, RUN)
    assert (len(run["params"]["long"]), run["params"]["k" * 250], run["params"]["bytes"]) == (6000, "v", "\\xff\\xfe")
    assert run["history"] == {"acc_1": [("0.0", 0, 0)]}
    odd = described(store, "b" * 32)
    assert (odd["status"], odd["run_name"], odd["start_time"]) == ("FAILED", "b" * 8, 0)
    assert summary.skipped["texts cut to the length that the store keeps"] == 1
    assert summary.skipped["values with a name that cannot be kept"] == 1
    assert summary.skipped["runs with an id that is none"] == 1
    assert any("'acc@1' is kept as 'acc_1'" in note for note in summary.notes)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['touch marker']",
        "a: !!js/function 'x'",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "a: &a {k: v}\nb: {<<: *a}",
        "[" * 5000,
        "a: " * 5000,
        "a: 2020-13-99",
        "a: \x00",
        "x" * (17 << 20),
        "{" * 40 + "}" * 40,
    ],
    ids=["python", "js", "aliases", "merge", "deep", "colons", "date", "nul", "long", "nested"],
)
def test_yaml_that_means_harm_is_refused_at_once(text: str, tmp_path: Path) -> None:
    def refused() -> None:
        with pytest.raises(InvalidParameterError):
            read_yaml(text, "meta.yaml")

    assert_quick(refused, 10)
    assert not (tmp_path / "marker").exists()


@given(st.text(max_size=400))
def test_a_fitted_key_is_a_key(key: str) -> None:
    fitted = fitting_key(key)
    if fitted is not None:
        assert check_key(fitted, "metric") == fitted
        assert fitting_key(fitted) == fitted


@given(
    st.text(alphabet=st.sampled_from("./\\%2e:~$ab"), max_size=40), st.sampled_from(["", "file:", "mlflow-artifacts:/"])
)
def test_a_place_is_never_outside_what_is_named_so(path: str, scheme: str) -> None:
    place = ArtifactPlaces(Path("/nowhere")).find(scheme + path, RUN)
    assert place.folder is None
