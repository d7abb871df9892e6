"""Where the store keeps what searches ask about, for each kind of rows; the row itself is always ``r``."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from mltrack.store.filter_tree import Entity
from mltrack.store.grammars import EXPERIMENTS, LOGGED_MODELS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS
from mltrack.store.page_tokens import MAX_RESULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.grammars import Grammar


@dataclass(frozen=True, slots=True)
class Place:
    """Where values of one key lie: tables, the column of the row they belong to, the value, and what picks the key.

    ``last`` goes behind a reading of the one value that a row is sorted by, where it may have several.
    """

    tables: str
    owner: str
    value: str
    condition: str = "TRUE"
    last: str = ""


@dataclass(frozen=True, slots=True)
class SearchTables:
    """The SQL of one kind of rows: its table, its attributes, and where its keys lie.

    The tables and conditions of ``places`` may hold ``{key}``, which becomes the bound name. ``order`` is the whole
    order when none was asked for; ``tie`` is what follows an order that was; ``most`` is the largest page.
    """

    grammar: Grammar
    table: str
    attributes: Mapping[str, str]
    places: Mapping[Entity, tuple[Place, ...]]
    order: str
    tie: str
    most: int = MAX_RESULTS
    nullable: tuple[str, ...] = ()
    datasets: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))


# Whether a place goes through a server that is in front of the store (see Locator).
_BELOW = "(:{root} <> '' AND substr({{place}} || '/', 1, length(:{root})) = :{root})"
_DIRECT, _DESTINATION = (_BELOW.format(root=each) for each in ("direct", "destination"))
_IS_SERVED = f":served = 1 AND NOT {_DIRECT} AND ({{place}} NOT LIKE '%://%' OR {_DESTINATION})"
# A place that is relative is below the store's own folder, which is bound as :base.
_ARTIFACT_URI = f"""
(SELECT CASE WHEN {_IS_SERVED.format(place="f.place")}
THEN 'mlflow-artifacts:/' || CAST(r.experiment_id AS TEXT) || '/' || r.uuid || '/artifacts' ELSE f.place END
FROM (SELECT CASE WHEN p.place LIKE '/%' OR p.place LIKE '%://%' THEN p.place ELSE :base || '/' || p.place END AS place
FROM (SELECT coalesce(r.artifact_place, e.artifact_location || '/' || r.uuid || '/artifacts') AS place
FROM experiments e WHERE e.id = r.experiment_id) p) f)
"""
# By its place on a server's machine no version is found there: only what callers gave themselves.
_SOURCE = f"""
CASE WHEN r.source NOT LIKE 'runs:/%' AND r.source NOT LIKE 'models:/%' AND r.source NOT LIKE 'mlflow-artifacts:/%'
AND {_IS_SERVED.format(place="r.source")} THEN '' ELSE r.source END
"""
_TEXT_KEY = "{alias}.key_id = (SELECT id FROM text_keys WHERE name = {{key}})"
_KEY_NUMBER = "(SELECT id FROM metric_keys WHERE name = {key})"
_METRIC_KEY = f"m.key_id = {_KEY_NUMBER} AND m.special <> 1"
# The last point of a run that is under way; only its metrics table has it (see points).
LAST_OF_LIVE = """AND (m.step, m.timestamp, m.value, m.special) = (SELECT l.step, l.timestamp, l.value, l.special
FROM metrics l WHERE l.run_id = m.run_id AND l.key_id = m.key_id
ORDER BY l.step DESC, l.timestamp DESC, l.value DESC, l.special DESC LIMIT 1)"""
LIVE_METRIC = Place(
    f"runs o CROSS JOIN metrics m ON m.run_id = o.id AND m.key_id = {_KEY_NUMBER} {LAST_OF_LIVE}",
    "o.id",
    "m.value",
    "o.live = 1 AND m.special <> 1",
)


def _texts(table: str, owner: str) -> tuple[Place, ...]:
    return (Place(f"{table} t", f"t.{owner}", "t.value", "t.key = {key}"),)


RUN_TABLES = SearchTables(
    RUNS,
    "runs r",
    attributes={
        "run_id": "r.uuid",
        "run_name": "r.name",
        "status": "r.status",
        "user_id": "r.user_id",
        "artifact_uri": _ARTIFACT_URI,
        "start_time": "r.started_at",
        "end_time": "r.ended_at",
    },
    nullable=("end_time",),
    places={
        Entity.METRIC: (Place("latest_metrics m", "m.run_id", "m.value", _METRIC_KEY), LIVE_METRIC),
        Entity.PARAM: (Place("params p", "p.run_id", "p.value", _TEXT_KEY.format(alias="p")),),
        Entity.TAG: (Place("run_tags p", "p.run_id", "p.value", _TEXT_KEY.format(alias="p")),),
    },
    datasets={
        "name": Place("run_inputs i JOIN datasets d ON d.id = i.dataset_id", "i.run_id", "d.name"),
        "digest": Place("run_inputs i JOIN datasets d ON d.id = i.dataset_id", "i.run_id", "d.digest"),
        "context": Place("input_tags t", "t.run_id", "t.value", "t.key = 'mlflow.data.context'"),
    },
    order="r.started_at DESC, r.uuid",
    tie="r.started_at DESC, r.uuid",
)

EXPERIMENT_TABLES = SearchTables(
    EXPERIMENTS,
    "experiments r",
    attributes={
        "name": "r.name",
        "experiment_id": "CAST(r.id AS TEXT)",
        "creation_time": "r.created_at",
        "last_update_time": "r.updated_at",
    },
    places={Entity.TAG: _texts("experiment_tags", "experiment_id")},
    order="r.created_at DESC, r.id",
    tie="r.id DESC",
)

REGISTERED_MODEL_TABLES = SearchTables(
    REGISTERED_MODELS,
    "registered_models r",
    attributes={"name": "r.name", "last_updated_timestamp": "r.updated_at"},
    places={Entity.TAG: _texts("registered_model_tags", "model_id")},
    order="r.name",
    most=1_000,
    tie="r.name",
)

MODEL_VERSION_TABLES = SearchTables(
    MODEL_VERSIONS,
    "model_versions r JOIN registered_models n ON n.id = r.model_id",
    attributes={
        "name": "n.name",
        "run_id": "r.source_run_id",
        "source_path": _SOURCE,
        "version_number": "r.version",
        "creation_timestamp": "r.created_at",
        "last_updated_timestamp": "r.updated_at",
    },
    places={Entity.TAG: _texts("model_version_tags", "version_id")},
    order="r.updated_at DESC, n.name, r.version DESC",
    most=200_000,
    tie="r.updated_at DESC, n.name, r.version DESC",
)

LOGGED_MODEL_TABLES = SearchTables(
    LOGGED_MODELS,
    "logged_models r",
    attributes={
        "name": "r.name",
        "model_id": "r.uuid",
        "model_type": "r.model_type",
        "status": "r.status",
        "source_run_id": "r.source_run_id",
        "creation_timestamp": "r.created_at",
        "last_updated_timestamp": "r.updated_at",
    },
    nullable=("source_run_id",),
    places={
        Entity.METRIC: (
            Place(
                "logged_model_metrics m",
                "m.model_id",
                "m.value",
                _METRIC_KEY,
                "ORDER BY m.timestamp DESC, m.step DESC, m.run_id LIMIT 1",
            ),
        ),
        Entity.PARAM: _texts("logged_model_params", "model_id"),
        Entity.TAG: _texts("logged_model_tags", "model_id"),
    },
    order="r.created_at DESC, r.uuid",
    tie="r.created_at DESC, r.uuid",
)
