"""A stream as a terminal shows it: the line it is at, with its cursor, and the pieces that are finished."""

from __future__ import annotations

import re
from io import StringIO

from mltrack.sizes import human_size

CONTROL = re.compile(r"[\n\r\b]")


def utf8_size(text: str) -> int:
    """The text's size in bytes of UTF-8; lone surrogates, which a kernel may send, count as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def cut_text(text: str, characters: int) -> str:
    """The text, or its beginning and end with a line between that says how much was cut."""
    if len(text) <= characters:
        return text
    head, tail = text[: characters // 2], text[len(text) - characters // 2 :]
    return f"{head}\n… {human_size(utf8_size(text) - utf8_size(head) - utf8_size(tail))} cut by mltrack …\n{tail}"


class Text:
    """A piece of a stream: what is cut is cut in whole pieces."""

    __slots__ = ("name", "parts", "size")

    def __init__(self, name: str, text: str = "") -> None:
        self.name = name
        self.parts = [text]
        self.size = utf8_size(text)

    def append(self, text: str, *, full: int) -> int:
        """Add text and return its size; a full piece is joined, as short strings cost more than what they hold."""
        added = utf8_size(text)
        self.size += added
        self.parts.append(text)
        if self.size >= full or len(self.parts) >= 1_000:
            self.parts = ["".join(self.parts)]
        return added


class Line:
    """The line a stream is at, with the cursor that carriage returns and backspaces move, as JupyterLab moves it."""

    __slots__ = ("_ascii", "_buffer", "_column", "_length", "_position", "size")

    def __init__(self) -> None:
        self._start_over()

    def text(self) -> str:
        """The line as it stands."""
        return self._buffer.getvalue()

    def write(self, text: str) -> str:
        """Take in text and return the lines that it ends."""
        if "\r" in text or "\b" in text:
            return self._replay(text)
        first, end = text.find("\n"), text.rfind("\n") + 1
        if not end:
            self._overlay(text)
            return ""
        self._overlay(text[:first])  # the cursor may stand in the middle of the line
        finished = self._take() + text[first:end]
        self._overlay(text[end:])
        return finished

    def _replay(self, text: str) -> str:
        finished = StringIO(newline="")
        start = 0
        for match in CONTROL.finditer(text):
            self._overlay(text[start : match.start()])
            start = match.end()
            if match[0] == "\r":
                self._column = 0
            elif match[0] == "\b":
                self._erase()
            else:
                finished.write(self._take() + "\n")
        self._overlay(text[start:])
        return finished.getvalue()

    def _take(self) -> str:
        text = self.text()
        self._start_over()
        return text

    def _start_over(self) -> None:
        self._ascii = True
        self._buffer = StringIO(newline="")
        self._column = self._length = self._position = self.size = 0

    def _overlay(self, text: str) -> None:
        if not text:
            return
        appended = self._column == self._length
        if self._column != self._position:  # seeking makes StringIO keep four bytes a character
            self._buffer.seek(self._column)
        self._buffer.write(text)
        self._column += len(text)
        self._position = self._column
        self._length = max(self._length, self._column)
        self._ascii = self._ascii and text.isascii()
        self._measure(added=utf8_size(text) if appended else None)

    def _erase(self) -> None:
        if not self._column:
            return
        text = self.text()
        self._buffer = StringIO(newline="")
        self._buffer.write(text[: self._column - 1] + text[self._column :])
        self._column -= 1
        self._length -= 1
        self._position = self._length
        self._measure(added=None)

    def _measure(self, *, added: int | None) -> None:
        if self._ascii:
            self.size = self._length
        else:
            self.size = utf8_size(self.text()) if added is None else self.size + added
