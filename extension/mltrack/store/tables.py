"""The store's tables, a script of statements for each migration; ``SCRIPTS`` in their order makes a new store.

Ids are integers inside; the hexadecimal and decimal texts that MLflow's users see are made at the edge. Times are
milliseconds since 1970, UTC. SQLite keeps NaN as NULL and -0.0 as 0.0, so ``special`` says which float a row means:
0 the one in ``value``, 1 NaN, 2 negative zero.
"""

from __future__ import annotations

import re

from mltrack.store.access_tables import ACCESS

TRACKING = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE experiments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    artifact_location TEXT NOT NULL,
    lifecycle_stage TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE TABLE experiment_tags (
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (experiment_id, key)
) WITHOUT ROWID;
CREATE TABLE environments (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    document BLOB NOT NULL
);
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    user_id TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'RUNNING'
        CHECK (status IN ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED')),
    lifecycle_stage TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    deleted_at INTEGER,
    -- 1 while points are only in metrics; 0 once latest_metrics has the last of each key
    live INTEGER NOT NULL DEFAULT 1,
    -- the process that writes the run, as process.Owner text; NULL when a client made it for others
    owner TEXT,
    environment_id INTEGER REFERENCES environments (id)
);
CREATE INDEX runs_by_start ON runs (experiment_id, started_at, uuid);
CREATE INDEX runs_open ON runs (id) WHERE status = 'RUNNING';
CREATE INDEX runs_live ON runs (id) WHERE live = 1;
CREATE TABLE run_tags (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
) WITHOUT ROWID;
CREATE TABLE params (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
) WITHOUT ROWID;
CREATE TABLE metric_keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE metrics (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES metric_keys (id),
    step INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    value REAL NOT NULL,
    special INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, key_id, step, timestamp, value, special)
) WITHOUT ROWID;
CREATE TABLE latest_metrics (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES metric_keys (id),
    step INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    value REAL NOT NULL,
    special INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
CREATE TABLE artifacts (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, path)
) WITHOUT ROWID;
CREATE TABLE failures (
    run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    message TEXT NOT NULL,
    traceback TEXT NOT NULL
);
CREATE TABLE captured_names (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('param', 'metric')),
    name TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('bound', 'read', 'option')),
    line INTEGER,
    "column" INTEGER,
    end_line INTEGER,
    end_column INTEGER,
    PRIMARY KEY (run_id, kind, name)
) WITHOUT ROWID;
"""

NOTEBOOKS = """
-- Sources, outputs and manifests by what they hold: a cell that did not change is kept once.
CREATE TABLE blobs (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    encoding TEXT NOT NULL CHECK (encoding IN ('raw', 'zlib')),
    data BLOB NOT NULL
);
-- One kernel from its start to its end; its executions are an append-only log, and a run's snapshot is a prefix of it.
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    kernel_id TEXT,
    notebook_path TEXT,
    language_info TEXT NOT NULL DEFAULT '{}',
    started_at INTEGER NOT NULL
);
CREATE TABLE executions (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    cell_id TEXT,
    execution_count INTEGER,
    source_id INTEGER NOT NULL REFERENCES blobs (id),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    status TEXT NOT NULL CHECK (status IN ('running', 'ok', 'error', 'interrupted')),
    metadata TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (session_id, seq)
) WITHOUT ROWID;
-- What an execution had shown by the time execution as_of was under way: later cells may update earlier displays.
CREATE TABLE outputs (
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    as_of INTEGER NOT NULL,
    blob_id INTEGER NOT NULL REFERENCES blobs (id),
    PRIMARY KEY (session_id, seq, as_of)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    run_id INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    session_id INTEGER NOT NULL REFERENCES sessions (id),
    seq INTEGER NOT NULL,
    cell_key TEXT NOT NULL,
    how TEXT NOT NULL,
    manifest_id INTEGER REFERENCES blobs (id)
);
CREATE INDEX snapshots_by_cell ON snapshots (cell_key, run_id);
"""

INPUTS = """
-- Where a run's artifacts lie when that is not below its experiment's, as for runs that came from another tracker.
ALTER TABLE runs ADD COLUMN artifact_place TEXT;
CREATE TABLE datasets (
    id INTEGER PRIMARY KEY,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source TEXT NOT NULL,
    "schema" TEXT,
    profile TEXT,
    UNIQUE (experiment_id, name, digest)
);
CREATE TABLE run_inputs (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    dataset_id INTEGER NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    PRIMARY KEY (run_id, dataset_id)
) WITHOUT ROWID;
CREATE INDEX run_inputs_by_dataset ON run_inputs (dataset_id, run_id);
CREATE TABLE input_tags (
    run_id INTEGER NOT NULL,
    dataset_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, dataset_id, key),
    FOREIGN KEY (run_id, dataset_id) REFERENCES run_inputs (run_id, dataset_id) ON DELETE CASCADE
) WITHOUT ROWID;
"""

MODELS = """
CREATE TABLE logged_models (
    id INTEGER PRIMARY KEY,
    uuid TEXT NOT NULL UNIQUE,
    experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    model_type TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'READY', 'FAILED')),
    status_message TEXT,
    lifecycle_stage TEXT NOT NULL DEFAULT 'active' CHECK (lifecycle_stage IN ('active', 'deleted')),
    -- the id as MLflow's users see it: the run may have been deleted, or be in no store of ours
    source_run_id TEXT,
    artifact_place TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE INDEX logged_models_by_time ON logged_models (experiment_id, created_at);
CREATE INDEX logged_models_by_run ON logged_models (source_run_id);
CREATE TABLE logged_model_tags (
    model_id INTEGER NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
) WITHOUT ROWID;
CREATE TABLE logged_model_params (
    model_id INTEGER NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
) WITHOUT ROWID;
CREATE TABLE logged_model_metrics (
    model_id INTEGER NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES metric_keys (id),
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    value REAL NOT NULL,
    special INTEGER NOT NULL DEFAULT 0,
    dataset_name TEXT NOT NULL DEFAULT '',
    dataset_digest TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (model_id, key_id, run_id, step, timestamp, value, special, dataset_name, dataset_digest)
) WITHOUT ROWID;
CREATE TABLE run_models (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    model_id INTEGER NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('input', 'output')),
    step INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, role, model_id, step)
) WITHOUT ROWID;
CREATE TABLE registered_models (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL DEFAULT '',
    -- the highest version there ever was: a number is not given twice
    last_version INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE TABLE registered_model_tags (
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (model_id, key)
) WITHOUT ROWID;
CREATE TABLE model_versions (
    id INTEGER PRIMARY KEY,
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    user_id TEXT NOT NULL DEFAULT '',
    stage TEXT NOT NULL DEFAULT 'None' CHECK (stage IN ('None', 'Staging', 'Production', 'Archived')),
    source TEXT NOT NULL DEFAULT '',
    source_run_id TEXT NOT NULL DEFAULT '',
    logged_model_id TEXT,
    status TEXT NOT NULL DEFAULT 'READY',
    status_message TEXT NOT NULL DEFAULT '',
    run_link TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (model_id, version)
);
CREATE TABLE model_version_tags (
    version_id INTEGER NOT NULL REFERENCES model_versions (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (version_id, key)
) WITHOUT ROWID;
CREATE TABLE model_aliases (
    model_id INTEGER NOT NULL REFERENCES registered_models (id) ON DELETE CASCADE,
    alias TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (model_id, alias)
) WITHOUT ROWID;
"""

SEARCH = """
-- The names of params and of runs' tags, numbered as metric_keys numbers those of metrics. Params and tags are written
-- by points.write_params and points.write_tags, which make the numbers.
CREATE TABLE text_keys (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
INSERT INTO text_keys (name) SELECT key FROM params UNION SELECT key FROM run_tags;
ALTER TABLE params RENAME TO named_params;
CREATE TABLE params (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES text_keys (id),
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
INSERT INTO params SELECT p.run_id, k.id, p.value FROM named_params p JOIN text_keys k ON k.name = p.key;
DROP TABLE named_params;
CREATE INDEX params_by_value ON params (key_id, value);
ALTER TABLE run_tags RENAME TO named_tags;
CREATE TABLE run_tags (
    run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES text_keys (id),
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key_id)
) WITHOUT ROWID;
INSERT INTO run_tags SELECT t.run_id, k.id, t.value FROM named_tags t JOIN text_keys k ON k.name = t.key;
DROP TABLE named_tags;
CREATE INDEX run_tags_by_value ON run_tags (key_id, value);
-- With special in it, the index says all that a search asks of a metric.
CREATE INDEX latest_metrics_by_value ON latest_metrics (key_id, value, special);
-- The order of a page of runs; with the stage in it, the index is enough to count them.
DROP INDEX runs_by_start;
CREATE INDEX runs_newest ON runs (experiment_id, started_at DESC, uuid, lifecycle_stage);
CREATE INDEX runs_by_name ON runs (name);
-- The words of executed sources: rowid is the blob's number; the text itself stays in the blob alone.
CREATE VIRTUAL TABLE code_index USING fts5(source, content='', tokenize="unicode61 remove_diacritics 0 tokenchars '_'");
CREATE INDEX executions_by_source ON executions (source_id);
CREATE INDEX snapshots_by_session ON snapshots (session_id, seq);
"""

MODEL_FILES = """
CREATE TABLE logged_model_files (
    model_id INTEGER NOT NULL REFERENCES logged_models (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (model_id, path)
) WITHOUT ROWID;
-- A file that another model of the experiment has is not stored again.
CREATE INDEX logged_model_files_by_digest ON logged_model_files (digest, size);
-- What a version was when it was registered: the digest of its files, the source behind one that is another version,
-- and as JSON where they came from, so that this is known when the run or that version is gone.
ALTER TABLE model_versions ADD COLUMN digest TEXT;
ALTER TABLE model_versions ADD COLUMN origin TEXT;
ALTER TABLE model_versions ADD COLUMN provenance TEXT;
CREATE INDEX model_versions_by_run ON model_versions (source_run_id);
CREATE INDEX model_versions_by_logged_model ON model_versions (logged_model_id);
"""

MIGRATIONS = (
    ("m001_tracking", TRACKING),
    ("m002_notebooks", NOTEBOOKS),
    ("m003_inputs", INPUTS),
    ("m004_models", MODELS),
    ("m005_search", SEARCH),
    ("m006_model_files", MODEL_FILES),
    ("m007_access", ACCESS),
)
"""By their names, which ``schema`` has too."""
SCRIPTS = tuple(script for _, script in MIGRATIONS)
TABLES = tuple(dict.fromkeys(re.findall(r"(?m)^CREATE TABLE (\w+)", "".join(SCRIPTS))))
"""All tables but the index of executed code."""


def statements(script: str) -> list[str]:
    """Split a script, so that it can run inside an open transaction (``executescript`` would commit it)."""
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("--")]
    return [statement for statement in "\n".join(lines).split(";") if statement.strip()]
