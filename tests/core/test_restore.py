"""``mltrack.restore``: a run's notebook as a new file, trusted by Jupyter only where this user recorded it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary

import mltrack
from mltrack.config import user_folder
from mltrack.exceptions import AlreadyExistsError, InvalidParameterError, NotFoundError
from mltrack.keys import SEAL_TAG
from mltrack.rerunning.restore import restore_notebook
from mltrack.rerunning.seals import set_seal
from mltrack.settings import get_store
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = {"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script>1</script>", "text/plain": "x"}}
NO_RUN = "0" * 32


@pytest.fixture(autouse=True)
def notary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


def tracked(path: Path | None = None) -> str:
    """A run of one cell that showed a script, below a cell of the file that did not run and that holds one, too."""
    run_id = mltrack.start_run(run_name="baseline").info.run_id
    mltrack.end_run()
    outputs = Blob.of(json.dumps([SCRIPT]))
    source = Blob.of("1 + 1")
    entries = [{"type": "code", "id": "a", "source": source.digest.hex(), "metadata": {"trusted": True}}]
    entries.append({"type": "code", "id": "b", "source": source.digest.hex(), "outputs": outputs.digest.hex()})
    manifest = {"cells": entries, "metadata": {"signature": "s"}, "path": str(path) if path else None}
    execution = ExecutionWrite(1, source, 1, "a", 1, 2, "ok", "{}", outputs)
    blobs = (source, outputs)
    write = SnapshotWrite(Session("k", 1), 1, "id:a", "how", [execution], Blob.of(json.dumps(manifest)), blobs)
    get_store().save_snapshot(run_id, write)
    return run_id


def seal(run_id: str) -> None:
    set_seal(get_store(), run_id, [(1, Blob.of("1 + 1").digest, Blob.of(json.dumps([SCRIPT])).digest)])


def is_trusted(path: Path) -> bool:
    return bool(NotebookNotary().check_signature(nbformat.read(path, as_version=4)))


def shown(path: Path) -> list[list[dict[str, Any]]]:
    return [[each["data"] for each in cell["outputs"]] for cell in json.loads(path.read_text())["cells"]]


def test_the_file_is_named_after_the_notebook_and_the_run_and_numbered(tmp_path: Path) -> None:
    run_id = tracked(tmp_path / "digits.ipynb")
    found = [mltrack.restore("baseline") for _ in range(3)]
    stem = f"digits-{run_id[:8]}"
    assert found == [tmp_path / name for name in (f"{stem}.ipynb", f"{stem}-2.ipynb", f"{stem}-3.ipynb")]
    document = nbformat.read(found[0], as_version=4)
    nbformat.validate(document)
    assert [cell["source"] for cell in document["cells"]] == ["1 + 1", "1 + 1"]


def test_a_notebook_whose_folder_is_gone_goes_here(tmp_path: Path) -> None:
    run_id = tracked(tmp_path / "gone" / "digits.ipynb")
    assert mltrack.restore(run_id) == tmp_path / f"digits-{run_id[:8]}.ipynb"


def test_one_that_had_no_file_has_a_name(tmp_path: Path) -> None:
    run_id = tracked()
    assert mltrack.restore(run_id[:6]).name == f"notebook-{run_id[:8]}.ipynb"


def test_a_place_can_be_named(tmp_path: Path) -> None:
    run_id = tracked()
    (tmp_path / "folder").mkdir()
    assert mltrack.restore(run_id, "copy").name == "copy.ipynb"
    assert mltrack.restore(run_id, tmp_path / "folder").parent == tmp_path / "folder"


def test_no_file_is_written_over(tmp_path: Path) -> None:
    run_id = tracked()
    (tmp_path / "mine.ipynb").write_text("mine")
    with pytest.raises(AlreadyExistsError, match="left as it is"):
        mltrack.restore(run_id, "mine.ipynb")
    assert (tmp_path / "mine.ipynb").read_text() == "mine"


def test_what_cannot_be_written_or_is_not_there_is_said(tmp_path: Path) -> None:
    run_id = tracked()
    with pytest.raises(InvalidParameterError, match="cannot be written"):
        mltrack.restore(run_id, tmp_path / "no" / "folder.ipynb")
    with pytest.raises(NotFoundError, match="no run named"):
        mltrack.restore(NO_RUN)
    with mltrack.start_run() as run:
        pass
    with pytest.raises(NotFoundError, match="no notebook"):
        mltrack.restore(run.info.run_id)


def test_the_users_own_is_trusted_and_holds_no_script_of_cells_that_did_not_run(tmp_path: Path) -> None:
    run_id = tracked()
    seal(run_id)
    path, trusted = restore_notebook(run_id)
    assert (trusted, is_trusted(path)) == (True, True)
    assert shown(path) == [[SCRIPT["data"]], [{"text/plain": "x"}]]


def forged(run_id: str) -> None:
    get_store().log_batch(run_id, tags=[mltrack.entities.RunTag(SEAL_TAG, "0" * 64)])


def changed(run_id: str) -> None:
    seal(run_id)
    outputs = Blob.of("[]")
    write = SnapshotWrite(Session("k", 1), 1, "id:a", "how", [ExecutionWrite(1, outputs, 1, outputs=outputs)])
    get_store().save_snapshot(run_id, write)


def another_user(run_id: str) -> None:
    seal(run_id)
    shutil.rmtree(user_folder())


def another_run(run_id: str) -> None:
    other = tracked()
    seal(other)
    found = get_store().get_run(other).data.tags[SEAL_TAG]
    get_store().log_batch(run_id, tags=[mltrack.entities.RunTag(SEAL_TAG, found)])


def unsealed(run_id: str) -> None:
    assert SEAL_TAG not in get_store().get_run(run_id).data.tags


STRANGE = {"no-seal": unsealed, "forged": forged, "another-run": another_run, "another-user": another_user}


@pytest.mark.parametrize("make_strange", [*STRANGE.values(), changed], ids=[*STRANGE, "changed"])
def test_any_other_is_not_trusted(make_strange: Any) -> None:
    run_id = tracked()
    make_strange(run_id)
    path, trusted = restore_notebook(run_id)
    assert (trusted, is_trusted(path)) == (False, False)
    document = json.loads(path.read_text())
    assert "signature" not in document["metadata"]
    assert all("trusted" not in cell["metadata"] for cell in document["cells"])
