"""Reads TensorBoard's event files: scalars, hyperparameters and texts; the rest is counted.

The records of a file are told apart here, since TensorBoard's own reader checks every byte in Python, which takes twice
as long for scalars and far longer for images; what a record says is read by TensorBoard's message classes. Sources:
TFRecord in ``tensorflow/core/lib/io/record_writer.h`` (length, its CRC, data, its CRC), ``tensorboard.compat.proto``.
"""

from __future__ import annotations

import struct
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util.tensor_util import make_ndarray

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

    from mltrack.store.foreign import Pair, Point

MAX_RECORD = 1 << 30
MAX_TEXT = 1 << 20
TEXT_ENDING = "/text_summary"  # what SummaryWriter.add_text puts behind a tag
STATUSES = {1: "FINISHED", 2: "FAILED", 3: "RUNNING"}  # hparams' api.proto
LEFT_OUT = {"histo": "histograms", "image": "images", "audio": "sounds", "images": "images", "histograms": "histograms"}


class Series:
    """The points of one tag, 24 bytes each."""

    def __init__(self) -> None:
        self.steps, self.times, self.values = array("q"), array("q"), array("d")

    def add(self, step: int, time: int, value: float) -> None:
        """Take in a point."""
        self.steps.append(step)
        self.times.append(time)
        self.values.append(value)


@dataclass(slots=True)
class EventLog:
    """What the event files of one folder say; times are ms since 1970."""

    first_wall_time: float | None = None
    started_at: int | None = None
    ended_at: int | None = None
    status: str = "FINISHED"
    series: dict[str, Series] = field(default_factory=dict)
    hparams: dict[str, str] = field(default_factory=dict)
    texts: dict[str, dict[int, str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    _plugins: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path) -> None:
        """Take in an event file, as far as it is whole."""
        with path.open("rb") as handle:
            for record in records(handle, self.left_out):
                try:
                    event = Event.FromString(record)
                except DecodeError:
                    self.left_out["damaged records in event files"] += 1
                    continue
                self._take(event)

    def points(self) -> Iterator[Point]:
        """Give all points."""
        for tag, series in self.series.items():
            for step, time, value in zip(series.steps, series.times, series.values, strict=True):
                yield tag, value, time, step

    def params(self) -> list[Pair]:
        """Give the hyperparameters as texts."""
        return list(self.hparams.items())

    def files(self) -> dict[str, bytes]:
        """Give the texts as Markdown files by path, each step under a heading where there are several."""
        return {f"text/{tag}.md": _document(steps).encode() for tag, steps in self.texts.items()}

    def _take(self, event: Any) -> None:
        time = _milliseconds(event.wall_time)
        if self.first_wall_time is None:
            self.first_wall_time = event.wall_time
        self.started_at = time if self.started_at is None else min(self.started_at, time)
        self.ended_at = max(self.ended_at or 0, time)
        if event.HasField("summary"):
            for value in event.summary.value:
                self._take_value(value, event.step, time)
        elif event.WhichOneof("what") in ("graph_def", "meta_graph_def"):
            self.left_out["graphs"] += 1

    def _take_value(self, value: Any, step: int, time: int) -> None:
        kind = value.WhichOneof("value")
        if kind == "simple_value":
            self._add(value.tag, step, time, value.simple_value)
            return
        plugin = value.metadata.plugin_data.plugin_name
        plugin = self._plugins.setdefault(value.tag, plugin) if plugin else self._plugins.get(value.tag, "")
        if plugin == "hparams":
            self._take_hparams(value.metadata.plugin_data.content)
        elif kind == "tensor" and plugin == "scalars":
            self._take_scalar(value, step, time)
        elif kind == "tensor" and plugin == "text":
            self._take_text(value, step)
        else:
            self.left_out[LEFT_OUT.get(kind if kind in LEFT_OUT else plugin, "other summaries")] += 1

    def _add(self, tag: str, step: int, time: int, value: float) -> None:
        series = self.series.get(tag)
        if series is None:
            series = self.series[tag] = Series()
        series.add(step, time, value)

    def _take_scalar(self, value: Any, step: int, time: int) -> None:
        tensor = value.tensor
        if len(tensor.float_val) == 1 and not tensor.tensor_shape.dim:
            self._add(value.tag, step, time, tensor.float_val[0])
            return
        try:
            self._add(value.tag, step, time, float(make_ndarray(tensor).item()))
        except (ValueError, TypeError):  # several numbers, or none
            self.left_out["scalars that are not one number"] += 1

    def _take_text(self, value: Any, step: int) -> None:
        lines = (each.decode("utf-8", "backslashreplace") for each in value.tensor.string_val)
        self.texts.setdefault(value.tag.removesuffix(TEXT_ENDING), {})[step] = "\n\n".join(lines)[:MAX_TEXT]

    def _take_hparams(self, content: bytes) -> None:
        try:
            data = HParamsPluginData.FromString(content)
        except DecodeError:
            self.left_out["damaged records in event files"] += 1
            return
        for name, value in data.session_start_info.hparams.items():
            self.hparams[name] = _hparam(value)
        if data.HasField("session_end_info"):
            self.status = STATUSES.get(data.session_end_info.status, "FINISHED")


def records(handle: BinaryIO, left_out: Counter[str]) -> Iterator[bytes]:
    """Give the whole records of an event file; one that is cut off at its end is being written."""
    while len(header := handle.read(12)) == 12:
        length, check = struct.unpack("<QI", header)
        if length > MAX_RECORD or masked_crc32c(header[:8]) != check:
            left_out["event files that are damaged from some place on"] += 1
            return
        data = handle.read(length + 4)
        if len(data) < length + 4:
            return
        yield data[:-4]


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000) if 0 < seconds < 1e15 else 0


def _hparam(value: Any) -> str:
    kind = value.WhichOneof("kind")
    if kind == "number_value":
        number = value.number_value
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return str(getattr(value, kind)) if kind in ("string_value", "bool_value") else ""


def _document(steps: dict[int, str]) -> str:
    if len(steps) == 1:
        return next(iter(steps.values()))
    return "\n\n".join(f"## Step {step}\n\n{text}" for step, text in sorted(steps.items()))
