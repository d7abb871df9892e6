"""What a column of the run table is about: an attribute, a param, a metric or a tag, named as searches name them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.card_rows import telling_metrics, telling_params_of
from mltrack_widgets.run_table import MOST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mltrack.entities import Run
    from mltrack.store.summaries import RunKeys

ATTRIBUTE, PARAM, METRIC, TAG = "attribute", "params", "metrics", "tags"
KINDS = (ATTRIBUTE, PARAM, METRIC, TAG)
# The table's attributes, and how a search's order names them (empty: it cannot).
ATTRIBUTES = MappingProxyType(
    {
        "status": "status",
        "name": "run_name",
        "id": "run_id",
        "experiment": "",
        "started": "start_time",
        "ended": "end_time",
        "duration": "",
        "user": "user_id",
    }
)
_SPELLINGS = {order: name for name, order in ATTRIBUTES.items() if order} | {name: name for name in ATTRIBUTES}
_LEFT_OVER_AND = re.compile(r"\s+and\s*\Z", re.IGNORECASE)
# What stands for any one character in LIKE, where a text has both kinds of quotes and cannot be written.
_ANY = "_"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that runs have: ``kind`` is one of ``KINDS``."""

    kind: str
    name: str

    @property
    def key(self) -> str:
        """How a user names it: ``params.C``, ``status``."""
        return f"{self.kind}.{self.name}" if self.kind in KINDS[1:] else self.name

    @property
    def words(self) -> str:
        """What a header stands for: ``param C``."""
        return f"{self.kind[:-1]} {self.name}" if self.kind in KINDS[1:] else self.name

    @property
    def sought(self) -> str:
        """How a search names it; empty when it cannot."""
        if self.kind == ATTRIBUTE:
            return ATTRIBUTES[self.name]
        quote = next((mark for mark in '`"' if mark not in self.name), "")
        return f"{self.kind}.{quote}{self.name}{quote}" if quote else ""

    @property
    def order_key(self) -> str:
        """What the store's parser makes of ``sought``."""
        return ATTRIBUTES[self.name] if self.kind == ATTRIBUTE else self.key


def field_of(key: str) -> Field:
    """Read a column's name: ``status``, ``params.C``, ``metrics.loss``, ``tags.stage``.

    Raises
    ------
    InvalidParameterError
        When it is none of these.

    """
    kind, dot, name = key.removeprefix("attributes.").partition(".")
    if dot and name and kind in KINDS[1:]:
        return Field(kind, name)
    if not dot and kind in _SPELLINGS:
        return Field(ATTRIBUTE, _SPELLINGS[kind])
    raise InvalidParameterError(
        f"There is no column {key[:80]!r}; name one as params.C, metrics.loss, tags.stage, or {', '.join(ATTRIBUTES)}."
    )


def usual_fields(runs: Sequence[Run]) -> tuple[Field, ...]:
    """Choose columns for these runs: who and when, the params that vary, then the metrics; at most 12 of each."""
    several = len({run.info.experiment_id for run in runs}) > 1
    attributes = ["status", "name", *(["experiment"] if several else []), "started", "duration"]
    params = [Field(PARAM, name) for name in varying_params(runs)][:MOST_COLUMNS]
    return (*(Field(ATTRIBUTE, name) for name in attributes), *params, *usual_metrics(_metrics(runs)))


def usual_metrics(names: Iterable[str]) -> tuple[Field, ...]:
    """Choose at most 12 metrics, those that say most first."""
    return tuple(Field(METRIC, name) for name in telling_metrics(dict.fromkeys(names, 0.0))[:MOST_COLUMNS])


def varying_params(runs: Sequence[Run]) -> list[str]:
    """Give the params that are not the same in all of several runs, those that say most first."""
    values = [run.data.params for run in runs]
    names = telling_params_of(runs)
    return [name for name in names if len(runs) == 1 or len({each.get(name) for each in values}) > 1]


def all_fields(keys: RunKeys) -> list[Field]:
    """List everything that could be a column, in the order of the kinds."""
    named = ((PARAM, keys.params), (METRIC, telling_metrics(dict.fromkeys(keys.metrics, 0.0))), (TAG, keys.tags))
    return [Field(ATTRIBUTE, name) for name in ATTRIBUTES] + [
        Field(kind, name) for kind, names in named for name in names
    ]


def narrowed(filter_string: str, field: Field, value: str | None) -> str:
    """Give the filter of those runs that also have this value of a param or tag (None: have none).

    A text with both kinds of quotes can only be described; more runs than those that have it may match.

    Raises
    ------
    InvalidParameterError
        When a search cannot name the field.

    """
    if not field.sought:
        raise InvalidParameterError(f"A search cannot name {field.key!r}, which holds all kinds of quotes.")
    clause = f"{field.sought} {_sameness(value)}"
    # An AND may be left over at the end of a filter, and not before a closing parenthesis.
    others = _LEFT_OVER_AND.sub("", filter_string).strip()
    return f"({others}) AND {clause}" if others else clause


def natural(value: str) -> tuple[bool, float, str]:
    """Give what sorts texts that read as numbers by these, before all others."""
    try:
        number = float(value)
    except ValueError:
        return (True, 0.0, value)
    return (math.isnan(number), 0.0 if math.isnan(number) else number, value)


def _sameness(value: str | None) -> str:
    if value is None:
        return "IS NULL"
    for quote in "'\"":
        if quote not in value:
            return f"= {quote}{value}{quote}"
    return f"LIKE '{value.replace(chr(39), _ANY)}'"


def _metrics(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.data.metrics))
