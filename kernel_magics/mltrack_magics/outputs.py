"""The outputs of one execution, as the front end shows them: collected message by message, within a size limit.

Pure: it knows what iopub messages contain and what nbformat 4.5 wants, and neither sockets nor nbformat itself.
Memory stays within about twice the limit, whatever arrives: what is over it is cut in the middle while it arrives.
"""

from __future__ import annotations

import json
import re
from collections import Counter, deque
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mltrack.sizes import human_size
from mltrack_magics.streams import Line, Text, cut_text, utf8_size

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

LIMIT_BYTES = 1_000_000
BLOCK_CHARACTERS = 65_536  # a long text is worked through in blocks, so that no second copy of it is held
PIECE_COST = 500  # what the smallest output or piece of a stream costs in memory, in bytes
STAND_IN_TEXT = 2_000  # of an output that does not fit, this much text/plain is kept
SHORTENED = ("stream", "display_data", "execute_result", "update_display_data")
JSON_MIME = re.compile(r"application/(.*\+)?json")
Body = dict[str, Any]


def stand_in(data: Body, size: int, *, characters: int = STAND_IN_TEXT) -> Body:
    """What is kept of a rich output that does not fit: its ``text/plain``, its size in bytes and its mime types."""
    text = _text(data.get("text/plain", f"… {human_size(size)} cut by mltrack …"))
    note = {"truncated": True, "bytes": size, "mime": sorted(data)}
    return {"data": {"text/plain": cut_text(text, characters)}, "metadata": {"mltrack": note}}


class OutputLog:
    """Collects what one execution shows; when it shows too much, its beginning and its end.

    Parameters
    ----------
    limit_bytes
        How much is kept, in bytes of UTF-8.
    displays
        Where displays with an id are found again by later updates; shared by all executions of a kernel.
    execution
        What ``DisplayIndex.update`` calls this execution.
    """

    def __init__(
        self, limit_bytes: int = LIMIT_BYTES, *, displays: DisplayIndex | None = None, execution: Hashable = None
    ) -> None:
        self.limit_bytes = limit_bytes
        self.execution = execution
        self._displays = DisplayIndex(limit_bytes) if displays is None else displays
        self._most_pieces = max(200, limit_bytes // PIECE_COST)
        self._piece_bytes = max(1, min(16_384, limit_bytes // 64))
        self._head: list[Text | _Output] = []
        self._tail: deque[Text | _Output] = deque()
        self._start_over()

    def add(self, msg_type: str, content: Body) -> set[Hashable]:
        """Take in one iopub message; types that are no outputs are ignored.

        Returns the other executions that changed with it: showing a display id anew updates where it was shown.
        """
        if msg_type == "clear_output":
            self._clear_next = True
            if not content.get("wait"):
                self._start_over()
        elif msg_type == "stream":
            self._make_ready()
            self._write(str(content.get("name", "stdout")), _text(content.get("text", "")))
        elif msg_type == "error":
            self._make_ready()
            self._put(_Output(msg_type, _Display(_error(content))))
        elif msg_type in ("display_data", "execute_result"):
            self._make_ready()
            return self._show(msg_type, content)
        return set()

    def skip(self, msg_type: str, size: int) -> None:
        """Note that ``size`` bytes of a stream were left out here; of other types a stand-in tells its own size."""
        if msg_type != "stream":
            return
        self._make_ready()
        self._end_line()
        self._close_head()
        while self._tail:  # there is one cut: what is left of it is the head, or cut too
            self._evict(self._tail.popleft())
        self._lost_bytes += size

    def wants(self, msg_type: str, size: int) -> bool:
        """Whether a message of this size (bytes of its content) is worth parsing."""
        return size <= self.limit_bytes or msg_type not in SHORTENED

    def outputs(self) -> list[Body]:
        """The outputs so far, valid in nbformat 4.5; streams of one name that follow each other are one output."""
        self._settle()
        found: list[Body] = []
        for name, pieces in groupby(self._pieces(), key=lambda piece: getattr(piece, "name", None)):
            if name is None:
                found.extend(piece.as_output() for piece in pieces if isinstance(piece, _Output))
            else:
                parts = (part for piece in pieces if isinstance(piece, Text) for part in piece.parts)
                found.append({"output_type": "stream", "name": name, "text": "".join(parts)})
        return found

    @property
    def truncated(self) -> bool:
        """True when something is missing from the outputs, or shortened."""
        self._settle()
        return bool(self._lost_bytes or self._lost_outputs or any(output.display.left_out for output in self._shown()))

    @property
    def total_bytes(self) -> int:
        """How large the outputs would be had nothing been cut; what was cleared or overwritten does not count."""
        self._settle()
        left_out = sum(output.display.left_out for output in self._shown())
        return self._kept + self._line.size + self._lost_bytes + left_out

    def _start_over(self) -> None:
        for output in self._shown():
            self._displays.release(output.display_id, self)
        self._head.clear()
        self._tail.clear()
        self._line = Line()
        self._name = ""
        self._kept = self._bridge = self._lost_bytes = self._lost_outputs = 0
        self._head_closed = self._clear_next = self._stale = False

    def _make_ready(self) -> None:
        if self._clear_next:
            self._start_over()

    def _shown(self) -> Iterator[_Output]:
        for pieces in (self._head, self._tail):
            yield from (piece for piece in pieces if isinstance(piece, _Output))

    def _pieces(self) -> Iterable[Text | _Output]:
        line = [Text(self._name, self._line.text())] if self._line.size else []
        if not (self._lost_bytes or self._lost_outputs):
            return [*self._head, *self._tail, *line]
        after = [*self._tail, *line]
        neighbours = [piece.name for piece in (*self._head[-1:], *after[:1]) if isinstance(piece, Text)]
        return [*self._head, Text(neighbours[0] if neighbours else "stdout", self._marker()), *after]

    def _marker(self) -> str:
        outputs = f" in {self._lost_outputs:,} outputs" if self._lost_outputs else ""
        return f"\n… {human_size(self._lost_bytes)}{outputs} cut by mltrack …\n"

    def _write(self, name: str, text: str) -> None:
        for start in range(0, len(text), BLOCK_CHARACTERS):
            if name != self._name:  # asked in each block: cutting a line longer than the limit ends it
                self._end_line()
                self._name = name
            self._put_text(self._line.write(text[start : start + BLOCK_CHARACTERS]))
            self._shrink()

    def _end_line(self) -> None:
        if self._line.size:
            self._put_text(self._line.text())
        self._name = ""
        self._line = Line()

    def _put_text(self, text: str) -> None:
        for start in range(0, len(text), self._piece_bytes):
            last = self._tail[-1] if self._tail else None
            if not isinstance(last, Text) or last.name != self._name or last.size >= self._piece_bytes:
                last = Text(self._name)
                self._tail.append(last)
            self._kept += last.append(text[start : start + self._piece_bytes], full=self._piece_bytes)

    def _show(self, msg_type: str, content: Body) -> set[Hashable]:
        body = _rich(content)
        note = body["metadata"].get("mltrack")
        if isinstance(note, dict) and "card" in note:  # mltrack's own cards are no result of the user's cell
            return set()
        count = content.get("execution_count")
        output = _Output(msg_type, _Display(body), execution_count=count if isinstance(count, int) else None)
        changed: set[Hashable] = set()
        display_id = (content.get("transient") or {}).get("display_id")
        if display_id:
            changed = self._displays.update(display_id, body["data"], body["metadata"]) - {self.execution}
            output.display = self._displays.claim(display_id, body, self)
            output.display_id = display_id
        self._put(output)
        return changed

    def _put(self, output: _Output) -> None:
        self._end_line()
        output.size = output.display.size
        # Three eighths always fit once the middle is cut: half is the head's, an eighth the stand-ins'.
        if output.size > self.limit_bytes * 3 // 8 and self._kept + output.size > self.limit_bytes:
            self._shorten(output)
        self._tail.append(output)
        self._kept += output.size
        self._shrink()

    def _shorten(self, output: _Output) -> None:
        self._displays.release(output.display_id, self)
        output.display_id = None
        output.display = output.display.shortened(min(STAND_IN_TEXT, self.limit_bytes // 8))
        output.size = output.display.size

    def _shrink(self) -> None:
        while self._is_over():
            if self._line.size > self._piece_bytes and not self._head_closed:
                self._end_line()  # a line this long has a beginning to keep
            elif not self._head_closed:
                self._close_head()
            elif self._tail:
                self._evict(self._tail.popleft())
            elif self._line.size:
                self._end_line()
            else:
                return

    def _is_over(self) -> bool:
        return self._kept + self._line.size > self.limit_bytes or self._free_places() < 0

    def _free_places(self) -> int:
        return self._most_pieces - len(self._head) - len(self._tail)

    def _close_head(self) -> None:
        if self._head_closed:
            return
        self._head_closed = True
        room = self.limit_bytes // 2
        while self._tail and self._tail[0].size <= room and len(self._head) < self._most_pieces // 2:
            piece = self._tail.popleft()
            self._head.append(piece)
            room -= piece.size

    def _evict(self, piece: Text | _Output) -> None:
        self._kept -= piece.size
        if isinstance(piece, Text):
            self._lost_bytes += piece.size
            return
        whole = piece.size + piece.display.left_out
        if piece.size > min(STAND_IN_TEXT, self.limit_bytes // 8):
            self._shorten(piece)
        if self._bridge + piece.size <= self.limit_bytes // 8 and self._free_places() > 0:
            self._head.append(piece)
            self._kept += piece.size
            self._bridge += piece.size
            return
        self._displays.release(piece.display_id, self)
        self._lost_bytes += whole
        self._lost_outputs += 1

    def mark_stale(self) -> None:
        """Sizes are to be taken anew: a display that is shown here was updated."""
        self._stale = True

    def _settle(self) -> None:
        if not self._stale:
            return
        self._stale = False
        for output in self._shown():
            self._kept += output.display.size - output.size
            output.size = output.display.size
        for piece in reversed(self._head):
            if isinstance(piece, _Output) and self._is_over():
                before = piece.size
                self._shorten(piece)
                self._kept += piece.size - before
        self._shrink()


class DisplayIndex:
    """Finds what a ``display_id`` stands for in every execution that showed it.

    An update costs the same however often the id was shown: all places share one body.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._displays: dict[str, _Display] = {}

    def update(self, display_id: str, data: Body, metadata: Body) -> set[Hashable]:
        """Change what the id shows, wherever it was shown; returns the executions whose outputs changed."""
        display = self._displays.get(display_id)
        if display is None:
            return set()
        display.set(self._fitted(_rich({"data": data, "metadata": metadata})))
        for log in display.shown_in:
            log.mark_stale()
        return {log.execution for log in display.shown_in}

    def forget(self, execution: Hashable) -> None:
        """Let go of an execution: later updates no longer reach it."""
        for display_id, display in list(self._displays.items()):
            for log in [log for log in display.shown_in if log.execution == execution]:
                display.shown_in.pop(log)
            if not display.shown_in:
                self._displays.pop(display_id)

    def claim(self, display_id: str, body: Body, log: OutputLog) -> _Display:
        """The shared body of an id, which is shown once more, in this log."""
        display = self._displays.get(display_id)
        if display is None:
            display = self._displays[display_id] = _Display(self._fitted(body))
        display.shown_in[log] += 1
        return display

    def release(self, display_id: str | None, log: OutputLog) -> None:
        """One place of an id in this log is gone."""
        display = self._displays.get(display_id) if display_id is not None else None
        if display is None or log not in display.shown_in:
            return
        display.shown_in[log] -= 1
        if not display.shown_in[log]:
            display.shown_in.pop(log)
        if not display.shown_in and display_id is not None:
            self._displays.pop(display_id)

    def _fitted(self, body: Body) -> Body:
        size = _weight(body)
        return body if size <= self.limit_bytes else stand_in(body["data"], size)


class _Display:
    """The body of an output: its data and metadata, or an error's three texts."""

    __slots__ = ("body", "left_out", "shown_in", "size")

    def __init__(self, body: Body) -> None:
        self.shown_in: Counter[OutputLog] = Counter()
        self.set(body)

    def set(self, body: Body) -> None:
        """Show something else from now on."""
        self.body = body
        self.size = _weight(body)
        note = body.get("metadata", {}).get("mltrack")
        whole = note.get("bytes", 0) if isinstance(note, dict) and note.get("truncated") is True else 0
        self.left_out = max(0, whole - self.size) if isinstance(whole, int) else 0

    def shortened(self, characters: int) -> _Display:
        """The same without what makes it large."""
        whole = self.size + self.left_out
        if "data" in self.body:
            if self.left_out:
                return self
            return _Display(stand_in(self.body["data"], whole, characters=characters))
        traceback = cut_text("\n".join(self.body["traceback"]), characters)
        short = _Display({**self.body, "evalue": cut_text(self.body["evalue"], characters), "traceback": [traceback]})
        short.left_out = max(0, whole - short.size)
        return short


class _Output:
    """One output that is no stream; its size is the one that the log has counted."""

    __slots__ = ("display", "display_id", "execution_count", "output_type", "size")

    def __init__(self, output_type: str, display: _Display, *, execution_count: int | None = None) -> None:
        self.output_type = output_type
        self.display = display
        self.display_id: str | None = None
        self.execution_count = execution_count
        self.size = 0

    def as_output(self) -> Body:
        """The output as nbformat writes it."""
        counted = {"execution_count": self.execution_count} if self.output_type == "execute_result" else {}
        copied = {key: value.copy() if hasattr(value, "copy") else value for key, value in self.display.body.items()}
        return {"output_type": self.output_type, **counted, **copied}


def _text(value: object) -> str:
    """The text of what nbformat allows as one: a string or a list of them."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def _weight(value: object) -> int:
    if isinstance(value, str):
        return utf8_size(value)
    if isinstance(value, dict):
        return sum(utf8_size(str(key)) + _weight(part) for key, part in value.items())
    if isinstance(value, list) and value and isinstance(value[0], str):
        return sum(_weight(part) for part in value)
    return len(json.dumps(value, default=str))


def _rich(content: Body) -> Body:
    """Data and metadata alone, as nbformat allows them; of a widget what stands beside it: it dies with the kernel."""
    data = content.get("data") or {}
    valid = {
        str(mime): value if isinstance(value, str) or JSON_MIME.fullmatch(str(mime)) else _text(value)
        for mime, value in data.items()
        if mime != "application/vnd.jupyter.widget-view+json" or len(data) == 1
    }
    return {"data": valid, "metadata": dict(content.get("metadata") or {})}


def _error(content: Body) -> Body:
    traceback = [str(line) for line in content.get("traceback") or []]
    return {"ename": str(content.get("ename", "")), "evalue": str(content.get("evalue", "")), "traceback": traceback}
