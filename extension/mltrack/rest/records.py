"""What waits for a server as records of JSON: new runs, points, params, tags, inputs, ends; and their batches.

Records are made beside a training loop, on a thread that shares the interpreter with it: they are small, and points
become text without a dictionary between.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from mltrack.keys import MAX_BATCH_ITEMS, MAX_BATCH_METRICS, MAX_BATCH_PARAMS, MAX_BATCH_TAGS
from mltrack.wire.runs import write_metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mltrack.entities import Metric, Param, RunTag
    from mltrack.wire.shapes import Json

POINTS = 100
"""Points in a record: what may be lost with a damaged one, and what is written in one go."""
LOG_BATCH, LOG_INPUTS = "runs/log-batch", "runs/log-inputs"
MOST_BODY = 900_000  # bytes; MLflow's server takes 1,000,000
_REST_OF_POINT = 400  # bytes of a point's JSON beside its key, with a model and a dataset


def of_points(run_id: str, metrics: Sequence[Metric]) -> bytes:
    """Give the record of some points of a run."""
    points = ",".join([_point(each) for each in metrics])
    return f'{{"run":{_quoted(run_id)},"metrics":[{points}]}}'.encode("ascii")


def of_values(
    run_id: str, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()
) -> bytes:
    """Give the record of params and tags of a run, and of points that go with them."""
    record: Json = {"run": run_id}
    if metrics:
        record["metrics"] = [write_metric(each) for each in metrics]
    if params:
        record["params"] = [{"key": each.key, "value": each.value} for each in params]
    if tags:
        record["tags"] = [{"key": each.key, "value": each.value} for each in tags]
    return json.dumps(record).encode("ascii")


def of_creation(run_id: str, body: Json) -> bytes:
    """Give the record of a run that is to be made: what ``creation.make`` is told."""
    return json.dumps({"run": run_id, "create": body}).encode("ascii")


def of_end(run_id: str, change: Json) -> bytes:
    """Give the record of a run's end: what ``runs/update`` is to change."""
    return json.dumps({"run": run_id, "end": change}).encode("ascii")


def of_inputs(run_id: str, inputs: Json) -> bytes:
    """Give the record of what a run read: what ``runs/log-inputs`` is told."""
    return json.dumps({"run": run_id, "inputs": inputs}).encode("ascii")


def _point(metric: Metric) -> str:
    value = metric.value
    if type(value) is float and value - value == 0.0 and metric.model_id is None and metric.dataset_name is None:
        key = _quoted(metric.key)
        return f'{{"key":{key},"value":{value!r},"timestamp":{metric.timestamp},"step":{metric.step}}}'
    return json.dumps(write_metric(metric))


@lru_cache(maxsize=4096)
def _quoted(text: str) -> str:
    return json.dumps(text)


@dataclass(slots=True)
class Amount:
    """How much waits, was sent, or was refused, in numbers."""

    points: int = 0
    params: int = 0
    tags: int = 0
    ends: int = 0
    inputs: int = 0
    new_runs: int = 0

    def __bool__(self) -> bool:
        return bool(self.points or self.params or self.tags or self.ends or self.inputs or self.new_runs)

    def __str__(self) -> str:
        nouns = {"new run": self.new_runs, "point": self.points, "param": self.params, "tag": self.tags}
        nouns |= {"end": self.ends, "input": self.inputs}
        told = (f"{number:,} {noun}{'' if number == 1 else 's'}" for noun, number in nouns.items() if number)
        return ", ".join(told)

    def __iadd__(self, other: Amount) -> Self:
        self.points += other.points
        self.params += other.params
        self.tags += other.tags
        self.ends += other.ends
        self.inputs += other.inputs
        self.new_runs += other.new_runs
        return self

    def __isub__(self, other: Amount) -> Self:
        self.points -= other.points
        self.params -= other.params
        self.tags -= other.tags
        self.ends -= other.ends
        self.inputs -= other.inputs
        self.new_runs -= other.new_runs
        return self


@dataclass(slots=True)
class Batch:
    """What one request takes: points, params and tags of a run, or that it is made, or its end, or what it read."""

    run_id: str
    metrics: list[Json] = field(default_factory=list)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    create: Json | None = None
    end: Json | None = None
    inputs: Json | None = None
    size: int = 200

    @property
    def amount(self) -> Amount:
        """How much it holds."""
        alone = (int(each is not None) for each in (self.end, self.inputs, self.create))
        return Amount(len(self.metrics), len(self.params), len(self.tags), *alone)

    @property
    def is_whole(self) -> bool:
        """Whether nothing goes with it, and it has no parts."""
        return any(each is not None for each in (self.create, self.end, self.inputs))

    @property
    def count(self) -> int:
        """The number of all its points, params and tags."""
        return len(self.metrics) + len(self.params) + len(self.tags)

    @property
    def path(self) -> str:
        """Where it is sent."""
        return "runs/update" if self.end is not None else LOG_INPUTS if self.inputs is not None else LOG_BATCH

    def body(self) -> Json:
        """Give the request."""
        return {"run_id": self.run_id, **(self.end or self.inputs or self._values())}

    def record(self, **more: str) -> bytes:
        """Give it as one record, with some more fields."""
        alone = {"create": self.create, "end": self.end, "inputs": self.inputs}
        given = {name: each for name, each in alone.items() if each is not None}
        return json.dumps({"run": self.run_id, **self._values(), **given, **more}).encode("ascii")

    def _values(self) -> Json:
        found: Json = {}
        if self.metrics:
            found["metrics"] = self.metrics
        for name, pairs in (("params", self.params), ("tags", self.tags)):
            if pairs:
                found[name] = [{"key": key, "value": value} for key, value in pairs.items()]
        return found

    def halves(self) -> tuple[Batch, Batch]:
        """Give two batches of the same, for finding what in it is refused: points of one key stay together first."""
        if not self.metrics or self.params or self.tags:
            texts = [("params", *each) for each in self.params.items()] + [
                ("tags", *each) for each in self.tags.items()
            ]
            if self.metrics:
                return Batch(self.run_id, self.metrics), _of_texts(self.run_id, texts)
            middle = len(texts) // 2
            return _of_texts(self.run_id, texts[:middle]), _of_texts(self.run_id, texts[middle:])
        keys = sorted({each["key"] for each in self.metrics})
        if len(keys) > 1:
            first = set(keys[: len(keys) // 2])
            parts = [[each for each in self.metrics if (each["key"] in first) is wanted] for wanted in (True, False)]
        else:
            middle = len(self.metrics) // 2
            parts = [self.metrics[:middle], self.metrics[middle:]]
        return Batch(self.run_id, parts[0]), Batch(self.run_id, parts[1])

    def take(self, name: str, item: Json) -> bool:
        """Put a point, param or tag in; False when there is no room, or a param has another value here already."""
        if name == "metrics":
            return self._take_point(item)
        pairs, most = (self.params, MAX_BATCH_PARAMS) if name == "params" else (self.tags, MAX_BATCH_TAGS)
        key, value = item["key"], item["value"]
        known = pairs.get(key)
        if known == value:
            return True
        if known is not None:
            if name == "params":
                return False
            pairs[key] = value  # of a tag that is set twice the later value stays
            self.size += len(json.dumps(value))
            return self.size < MOST_BODY
        size = len(json.dumps(key)) + len(json.dumps(value)) + 20
        if len(pairs) >= most or not self._has_room(size):
            return False
        pairs[key] = value
        self.size += size
        return True

    def _take_point(self, item: Json) -> bool:
        key = item["key"]
        size = _REST_OF_POINT + len(key) * (1 if key.isascii() else 6) + len(str(item.get("dataset_name", ""))) * 6
        if len(self.metrics) >= MAX_BATCH_METRICS or not self._has_room(size):
            return False
        self.metrics.append(item)
        self.size += size
        return True

    def _has_room(self, size: int) -> bool:
        return self.count < MAX_BATCH_ITEMS and (self.size + size < MOST_BODY or not self.count)


def _of_texts(run_id: str, texts: Iterable[tuple[str, str, str]]) -> Batch:
    batch = Batch(run_id)
    for kind, key, value in texts:
        (batch.params if kind == "params" else batch.tags)[key] = value
    return batch


def batches(records: Iterable[Json]) -> list[Batch]:
    """Put records into requests; each run's in their order, an end after all that came before it."""
    of_runs: dict[str, list[Batch]] = {}
    for record in records:
        run_id = record.get("run")
        if not isinstance(run_id, str):
            continue
        found = of_runs.setdefault(run_id, [])
        if isinstance(record.get("create"), dict):
            found.append(Batch(run_id, create=record["create"]))
        for name in ("metrics", "params", "tags"):
            for item in _items(record, name):
                _put(found, run_id, name, item)
        for name in ("inputs", "end"):
            if isinstance(record.get(name), dict):
                found.append(Batch(run_id, **{name: record[name]}))
    return [batch for found in of_runs.values() for batch in found]


def _put(found: list[Batch], run_id: str, name: str, item: Json) -> None:
    if found and not found[-1].is_whole and found[-1].take(name, item):
        return
    batch = Batch(run_id)
    batch.take(name, item)
    found.append(batch)


def _items(record: Json, name: str) -> Iterator[Json]:
    """Give the items of a record; what other programs wrote into the file is passed over."""
    values: Any = record.get(name)
    for each in values if isinstance(values, list) else ():
        if not (isinstance(each, dict) and isinstance(each.get("key"), str)):
            continue
        if name == "metrics" or isinstance(each.get("value"), str):
            yield each


def read(record: bytes) -> Json:
    """Give what a record says."""
    found: Json = json.loads(record)
    return found


def amount_of(record: Json) -> Amount:
    """Give how much is in a record."""
    points, params, tags = (sum(1 for _ in _items(record, name)) for name in ("metrics", "params", "tags"))
    alone = (int(isinstance(record.get(name), dict)) for name in ("end", "inputs", "create"))
    return Amount(points, params, tags, *alone)
