"""What a filter and an order may name, a table for each kind of rows: the entities, the attributes, their spellings.

The names are MLflow's; what may be said of them is a superset of what MLflow takes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from mltrack.store.filter_tree import (
    CODE_COMPARATORS,
    NULL_COMPARATORS,
    NUMBER_COMPARATORS,
    TEXT_COMPARATORS,
    Entity,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.store.filter_tree import Key

_PARAM_NUMBERS = tuple(each for each in NUMBER_COMPARATORS if each not in TEXT_COMPARATORS)
_METRICS = dict.fromkeys(("metrics", "metric"), Entity.METRIC)
_PARAMS = dict.fromkeys(("params", "param", "parameters", "parameter"), Entity.PARAM)
_TAGS = dict.fromkeys(("tags", "tag"), Entity.TAG)
_ATTRIBUTES = dict.fromkeys(("attributes", "attribute", "attr"), Entity.ATTRIBUTE)
# MLflow keeps prompts among the registered models, and asks for the others by this tag, which they lack.
_NO_PROMPT = {"mlflow.prompt.is_prompt": "false"}
DATASET_KEYS = ("name", "digest", "context")


class ValueKind(StrEnum):
    """What a key is compared with."""

    TEXT = "text"
    NUMBER = "number"
    EITHER = "either"  # a param: a text in quotes, or a bare number
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property that every row has: its usual name, and whether a filter and an order may name it."""

    name: str
    kind: ValueKind
    filters: bool = True
    orders: bool = True


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a search over one kind of rows may name: entities and attributes, by each of their spellings."""

    noun: str
    entities: Mapping[str, Entity]
    attributes: Mapping[str, Attribute]
    ordered: tuple[Entity, ...] = (Entity.ATTRIBUTE,)
    # Tags that a row without them counts as having, with this value, when it is asked for by = or !=.
    absent: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def kind(self, key: Key) -> ValueKind:
        """Say what a key is compared with."""
        if key.entity is Entity.ATTRIBUTE:
            return self.attributes[key.name].kind
        special = {Entity.METRIC: ValueKind.NUMBER, Entity.PARAM: ValueKind.EITHER, Entity.CODE: ValueKind.WORDS}
        return special.get(key.entity, ValueKind.TEXT)

    def comparators(self, key: Key) -> tuple[str, ...]:
        """List the comparators that a key takes."""
        kind = self.kind(key)
        if kind is ValueKind.NUMBER:
            return NUMBER_COMPARATORS
        if kind is ValueKind.WORDS:
            return CODE_COMPARATORS
        nullable = NULL_COMPARATORS if key.entity in (Entity.PARAM, Entity.TAG) else ()
        return (*TEXT_COMPARATORS, *(_PARAM_NUMBERS if kind is ValueKind.EITHER else ()), *nullable)


def _text(name: str, *spellings: str, orders: bool = True) -> dict[str, Attribute]:
    return dict.fromkeys((name, *spellings), Attribute(name, ValueKind.TEXT, orders=orders))


def _number(name: str, *spellings: str) -> dict[str, Attribute]:
    return dict.fromkeys((name, *spellings), Attribute(name, ValueKind.NUMBER))


def _order(name: str, *spellings: str) -> dict[str, Attribute]:
    return dict.fromkeys((name, *spellings), Attribute(name, ValueKind.NUMBER, filters=False))


RUNS = Grammar(
    "run",
    entities={
        **_METRICS,
        **_PARAMS,
        **_TAGS,
        **_ATTRIBUTES,
        "run": Entity.ATTRIBUTE,
        **dict.fromkeys(("datasets", "dataset"), Entity.DATASET),
        "code": Entity.CODE,
    },
    attributes={
        **_text("run_id"),
        **_text("run_name", "run name", "Run name", "Run Name"),
        **_text("status"),
        **_text("user_id"),
        **_text("artifact_uri"),
        **_number("start_time", "created", "Created"),
        **_number("end_time"),
    },
    ordered=(Entity.METRIC, Entity.PARAM, Entity.TAG, Entity.ATTRIBUTE),
)

EXPERIMENTS = Grammar(
    "experiment",
    entities={**_TAGS, **_ATTRIBUTES},
    attributes={
        **_text("name"),
        **_text("experiment_id"),
        **_number("creation_time"),
        **_number("last_update_time"),
    },
)

REGISTERED_MODELS = Grammar(
    "registered model",
    entities={**_TAGS, **_ATTRIBUTES},
    attributes={
        **_text("name"),
        **_order("last_updated_timestamp", "timestamp"),
    },
    absent=_NO_PROMPT,
)

MODEL_VERSIONS = Grammar(
    "model version",
    entities={**_TAGS, **_ATTRIBUTES},
    attributes={
        **_text("name"),
        **_text("run_id", orders=False),
        **_text("source_path", orders=False),
        **_number("version_number"),
        **_order("creation_timestamp"),
        **_order("last_updated_timestamp"),
    },
    absent=_NO_PROMPT,
)

LOGGED_MODELS = Grammar(
    "logged model",
    entities={**_METRICS, **_PARAMS, **_TAGS, **_ATTRIBUTES},
    attributes={
        **_text("name"),
        **_text("model_id"),
        **_text("model_type"),
        **_text("status"),
        **_text("source_run_id"),
        **_number("creation_timestamp", "creation_time", "creation_timestamp_ms"),
        **_number("last_updated_timestamp", "last_updated_time", "last_updated_timestamp_ms"),
    },
    ordered=(Entity.METRIC, Entity.ATTRIBUTE),
)
