"""The calls that only mltrack's server knows: one table of their names, arguments and answers, for both its sides."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from mltrack.entities import (
    CapturedName,
    DatasetInput,
    FileInfo,
    LoggedModel,
    Metric,
    Param,
    Run,
    RunTag,
)
from mltrack.exceptions import InvalidParameterError
from mltrack.run_facts import CellEnd, RunFacts
from mltrack.store.artifact_folder import FileRecord
from mltrack.store.artifacts import SafePath
from mltrack.store.model_protocol import KnownSource, NewModelVersion
from mltrack.store.news import NewsQuery, RunNews
from mltrack.store.notebooks import Blob, Snapshot, SnapshotWrite
from mltrack.store.pages import Page, Search
from mltrack.store.protocol import EndedRun, Failure
from mltrack.store.summaries import Attempts, Curve, CurveQuery, RunColumns, RunGroup, RunKeys
from mltrack.wire.codec import CHECKS, declare, shape_of

if TYPE_CHECKING:
    from mltrack.wire.scalars import Shape

PATH = "calls"
"""Where the calls are, below ``/api/2.0/mltrack``."""
MOST_TEXT = 64 << 20
"""Bytes of one source or of one cell's outputs."""
_MANY, _VERY_MANY = 10_000, 100_000


@dataclass(frozen=True, slots=True)
class OwnCall:
    """One call: the types of its arguments by name, and of its answer.

    ``bounds`` are the most that whole numbers may be, and the most that lists may hold, by the argument's name, or
    that of one of its fields (``wanted.points``). ``is_write`` says that it changes something, ``is_large`` that its
    arguments may be.
    """

    name: str
    arguments: Mapping[str, Any]
    answer: Any
    bounds: Mapping[str, int] = field(default_factory=dict)
    is_write: bool = False
    is_large: bool = False

    @property
    def shapes(self) -> dict[str, Shape]:
        """How each argument is written and read."""
        return {name: shape_of(each) for name, each in self.arguments.items()}

    def write_arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give arguments as JSON has them."""
        return {name: shape.write(values[name]) for name, shape in self.shapes.items()}

    def read_arguments(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Read arguments; InvalidParameterError for what is none, and for what is too large."""
        found = {name: shape.read(said.get(name), name) for name, shape in self.shapes.items()}
        for place, most in self.bounds.items():
            _check_bound(found, place, most)
        return found

    def write_answer(self, value: Any) -> Any:
        """Give an answer as JSON has it."""
        return shape_of(self.answer).write(value)

    def read_answer(self, said: Any) -> Any:
        """Read an answer; InvalidParameterError for what is none."""
        return shape_of(self.answer).read(said, "answer")


def _check_bound(values: Mapping[str, Any], place: str, most: int) -> None:
    name, _, part = place.partition(".")
    value = getattr(values[name], part) if part else values[name]
    size = value if isinstance(value, int) else len(value)
    if not 0 <= size <= most:
        raise InvalidParameterError(
            f"Invalid value for parameter '{place}' supplied: {size} is not from 0 to {most:,}."
        )


def check_blob(blob: Blob, where: str) -> None:
    """Refuse a blob that is not what its digest says: others take it for what they have by that digest."""
    if blob.encoding not in ("raw", "zlib") or not 0 <= blob.size <= MOST_TEXT:
        raise InvalidParameterError(f"Invalid value for parameter '{where}': a text is raw or zlib, and not so large.")
    raw = blob.data if blob.encoding == "raw" else _unpacked(blob)
    if len(raw) != blob.size or blake2b(raw, digest_size=16).digest() != blob.digest:
        raise InvalidParameterError(f"Invalid value for parameter '{where}': the text is not what its digest says.")


def _unpacked(blob: Blob) -> bytes:
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(blob.data, blob.size + 1)
    except zlib.error:
        return b""
    return raw if reader.eof and not reader.unused_data else b""


CHECKS[Blob] = check_blob
declare(CapturedName, DatasetInput, FileInfo, LoggedModel, Metric, Param, Run, RunTag, Failure)
_SEARCH = {"wanted": Search}
_RUN = {"run_id": str}
_IDS = Sequence[str]
_RECORDS = Mapping[str, FileRecord]
_FAILURE = {"failure.name": 1000, "failure.message": 1_000_000, "failure.traceback": 1_000_000}
_FILE = {"path": SafePath | None}

CALLS = {
    call.name: call
    for call in (
        OwnCall(
            "add_ended_runs", {"ended": Sequence[EndedRun]}, list[str], {"ended": 1000}, is_write=True, is_large=True
        ),
        OwnCall("count_matching", {**_SEARCH, "most": int}, int, {"most": 10_000_000}),
        OwnCall("search_attempts", _SEARCH, Page[Attempts]),
        OwnCall("runs_of_cell", {**_RUN, **_SEARCH}, list[str]),
        OwnCall(
            "group_runs",
            {**_SEARCH, "key": str, "metrics": _IDS, "most": int},
            list[RunGroup],
            {"metrics": 1000, "most": _MANY},
        ),
        OwnCall("run_columns", {**_SEARCH, "names": _IDS}, RunColumns, {"names": 1000}),
        OwnCall("run_keys", {"experiment_ids": _IDS}, RunKeys, {"experiment_ids": _MANY}),
        OwnCall("curve_keys", {"run_ids": _IDS}, list[str], {"run_ids": _MANY}),
        OwnCall(
            "metric_curves",
            {"wanted": CurveQuery},
            list[Curve],
            {"wanted.points": _VERY_MANY, "wanted.run_ids": _MANY, "wanted.keys": 1000},
        ),
        OwnCall("count_runs", {"experiment_ids": _IDS | None}, int),
        OwnCall("find_run_ids", {"text": str, "limit": int, "stage": str}, list[str], {"limit": 1000}),
        OwnCall(
            "run_news",
            {"wanted": NewsQuery},
            RunNews,
            {"wanted.most": _VERY_MANY, "wanted.seen": 1000, "wanted.params": 1000, "wanted.counted": 1000},
        ),
        OwnCall(
            "metric_outlines", {**_RUN, "width": int}, Mapping[str, tuple[int, tuple[float, ...]]], {"width": 1000}
        ),
        OwnCall(
            "record_artifacts",
            {**_RUN, "files": Mapping[SafePath, tuple[int, str]]},
            None,
            is_write=True,
            is_large=True,
        ),
        OwnCall("list_artifacts", _RUN, list[FileInfo]),
        OwnCall("artifact_records", {**_RUN, **_FILE}, _RECORDS),
        OwnCall("record_failure", {**_RUN, "failure": Failure}, None, _FAILURE, is_write=True, is_large=True),
        OwnCall("get_failure", _RUN, Failure | None),
        OwnCall("record_captured", {**_RUN, "names": Sequence[CapturedName]}, None, is_write=True, is_large=True),
        OwnCall("get_captured", _RUN, list[CapturedName]),
        OwnCall("set_environment", {**_RUN, "document": Mapping[str, object]}, None, is_write=True, is_large=True),
        OwnCall("get_environment", _RUN, Mapping[str, object] | None),
        OwnCall("save_snapshot", {**_RUN, "snapshot": SnapshotWrite}, None, is_write=True, is_large=True),
        OwnCall("load_snapshot", _RUN, Snapshot | None),
        OwnCall("cell_sources", _RUN, Mapping[str, bytes]),
        OwnCall("previous_run_of_cell", _RUN, str | None),
        OwnCall("version", {}, str),
        OwnCall(
            "record_logged_model_files",
            {"model_id": str, "files": Mapping[SafePath, FileRecord]},
            None,
            is_write=True,
            is_large=True,
        ),
        OwnCall("logged_model_records", {"model_id": str, **_FILE}, _RECORDS),
        OwnCall("known_source", {"new": NewModelVersion}, KnownSource, is_large=True),
        OwnCall("source_place", {"source": str}, str),
        OwnCall("note_model_version", {"model_id": str, "name": str, "version": str}, None, is_write=True),
        OwnCall("model_version_source", {"name": str, "version": str}, str),
        OwnCall("end_cell", {"end": CellEnd}, None, is_write=True, is_large=True),
        OwnCall("run_facts", _RUN, RunFacts),
    )
}
"""All of them by name; each but the last two is the method of ``Store`` of that name."""
