"""Tables among the artifacts: rows that are added to, and the tables of several runs read as one DataFrame."""

from __future__ import annotations

import io
import json
import warnings
from typing import TYPE_CHECKING, Any

from mltrack.artifacts.run_files import ArtifactWarning, RunFiles
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.frames import to_frame
from mltrack.keys import LOGGED_ARTIFACTS_TAG
from mltrack.store.artifacts import SafePath, safe_path
from mltrack.store.pages import Search
from mltrack.values import make_tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from mltrack.entities import Run
    from mltrack.store.protocol import Store

_PAGE = 1000


def table_frame(data: Any, path: SafePath) -> pd.DataFrame:
    """Make a DataFrame of what shall be logged as a table, or refuse it.

    Raises
    ------
    InvalidParameterError
        When it is neither a DataFrame nor a dictionary, or the file is neither .json nor .parquet.
    """
    import pandas as pd  # heavy, needed for tables only

    if path.ending not in ("json", "parquet"):
        raise InvalidParameterError(f"log_table writes .json and .parquet files; got {path.text!r}.")
    if not isinstance(data, (dict, pd.DataFrame)):
        raise InvalidParameterError(f"log_table needs a DataFrame or a dictionary; got a {type(data).__name__}.")
    try:
        return data if isinstance(data, pd.DataFrame) else pd.DataFrame(data)
    except ValueError:  # all values are scalars: one row
        return pd.DataFrame([data])


def add_rows(store: Store, run_id: str, path: SafePath, frame: pd.DataFrame) -> None:
    """Write a table, below the rows that are there, and note its place in the tag ``mlflow.loggedArtifacts``."""
    import pandas as pd  # heavy, needed for tables only

    files = RunFiles(store, run_id)
    try:
        earlier = read_table(files, path)
    except NotFoundError:
        pass
    else:
        frame = pd.concat([earlier, frame], ignore_index=True)
    if path.ending == "parquet":
        target = io.BytesIO()
        frame.to_parquet(target)
        content = target.getvalue()
    else:
        content = frame.to_json(orient="split", index=False, double_precision=15, force_ascii=False).encode()
    files.write(path, content)
    _note(store, run_id, path)


def read_table(files: RunFiles, path: SafePath) -> pd.DataFrame:
    """Read a table of a run; NotFoundError when there is none."""
    import pandas as pd  # heavy, needed for tables only

    content = files.read(path)
    if path.ending == "parquet":
        return pd.read_parquet(io.BytesIO(content))
    try:
        document = json.loads(content)
        return pd.DataFrame(document["data"], columns=document["columns"])
    except (ValueError, KeyError, TypeError):
        raise InvalidParameterError(f"The artifact {path.text!r} is no table: it lacks columns and data.") from None


def read_tables(
    store: Store,
    experiment_id: str,
    artifact_file: str,
    *,
    run_ids: Sequence[str] | None = None,
    extra_columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read one table of several runs, default all of an experiment, newest first, one below the other.

    ``extra_columns`` are columns of ``search_runs``, such as ``run_id`` or ``params.lr``; where the table has a column
    of that name, the new one gets an underscore behind it.

    Raises
    ------
    NotFoundError
        When no run has such a table.
    """
    import pandas as pd  # heavy, needed for tables only

    path = safe_path(artifact_file)
    runs = [run for run in _candidates(store, experiment_id) if _has_table(run, path)]
    if run_ids:
        runs = [run for run in runs if run.info.run_id in run_ids]
        if len(runs) < len(set(run_ids)):
            message = f"{len(set(run_ids)) - len(runs)} of the runs have no table {path.text!r} and were left out."
            warnings.warn(message, ArtifactWarning, stacklevel=4)
    if not runs:
        raise NotFoundError(f"No run of experiment {experiment_id} has a table {path.text!r}.")
    facts = to_frame(runs)
    frames = []
    for row, run in enumerate(runs):
        frame = read_table(RunFiles(store, run.info.run_id), path)
        for column in extra_columns or ():
            if column not in facts:
                raise InvalidParameterError(f"{column!r} is no column of search_runs; these are: {list(facts)[:30]}.")
            frame[f"{column}_" if column in frame else column] = facts[column].iloc[row]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _candidates(store: Store, experiment_id: str) -> Iterator[Run]:
    condition, token = f"tags.`{LOGGED_ARTIFACTS_TAG}` LIKE '%table%'", None
    while True:
        page = store.search_runs(Search((experiment_id,), condition, max_results=_PAGE, page_token=token))
        yield from page.rows
        token = page.token
        if token is None:
            return


def _tables(text: str | None) -> list[Any]:
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _entry(path: SafePath) -> dict[str, str]:
    return {"path": path.text, "type": "table"}


def _has_table(run: Run, path: SafePath) -> bool:
    return _entry(path) in _tables(run.data.tags.get(LOGGED_ARTIFACTS_TAG))


def _note(store: Store, run_id: str, path: SafePath) -> None:
    noted = _tables(store.get_run(run_id).data.tags.get(LOGGED_ARTIFACTS_TAG))
    if _entry(path) not in noted:
        store.log_batch(run_id, tags=[make_tag(LOGGED_ARTIFACTS_TAG, json.dumps([*noted, _entry(path)]))])
