"""Several processes at one model registry: no version's number is given twice, no alias names two, no note is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.core.logged import log_model
from tests.core.scripts import start_script

from mltrack.client import MltrackClient
from mltrack.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES, VERSIONS = 3, 25
CODE = f"""
import sys
import mltrack
from mltrack.client import MltrackClient
from mltrack.registry import register_model
from mltrack.store import connection, opening
connection.BUSY_SECONDS = opening.BUSY_SECONDS = 120  # one that holds the lock may stand still for a while
mltrack.set_tracking_uri("mltrack.db")
client = MltrackClient()
print("ready", flush=True)
source = sys.stdin.readline().strip()
made = []
for number in range({VERSIONS}):
    version = register_model(source, "m").version  # the first ones all find that there is no such model yet
    made.append(version)
    client.set_registered_model_alias("m", "champion", version)
    client.transition_model_version_stage("m", version, "Production", archive_existing_versions=True)
    if number % 5 == 4:
        client.delete_model_version("m", made[-2])
print(*made)
"""


def test_versions_aliases_and_stages_of_several_processes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "mltrack.db")
    model_id = log_model(store)
    started = [start_script(CODE, folder=tmp_path) for _ in range(PROCESSES)]
    for each in started:
        assert each.stdout is not None
        each.stdout.readline()
    made: list[int] = []
    for each in started:
        assert each.stdin is not None
        each.stdin.write(f"models:/{model_id}\n")
        each.stdin.flush()
    for each in started:
        told, problems = each.communicate(timeout=300)
        assert each.returncode == 0, problems
        made += map(int, told.split())
    assert sorted(made) == list(range(1, PROCESSES * VERSIONS + 1))
    client = MltrackClient(store.uri)
    left = client.search_model_versions("name = 'm'")
    assert len(left) == PROCESSES * VERSIONS * 4 // 5
    assert [each.current_stage for each in left].count("Production") <= 1
    assert sum("champion" in each.aliases for each in left) <= 1
    noted = json.loads(store.get_logged_model(model_id).tags["mlflow.modelVersions"])
    assert sorted(int(each["version"]) for each in noted) == sorted(made)
    assert {each.digest for each in left} == {left[0].digest}


def test_a_rename_in_between_breaks_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "mltrack.db")
    source = f"models:/{log_model(store)}"
    client, other = MltrackClient(store.uri), MltrackClient(str(tmp_path / "mltrack.db"))
    client.create_registered_model("m")
    client.create_model_version("m", source)
    other.rename_registered_model("m", "n")
    assert client.create_model_version("n", source).version == "2"
    assert {each.name for each in client.search_model_versions()} == {"n"}
