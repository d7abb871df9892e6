"""A notebook shown read-only: all of it as text and pictures, nothing of it live."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from mltrack_widgets.notebook_view import notebook_view

if TYPE_CHECKING:
    from mltrack_widgets.bundle import Bundle

NOW = 1_795_237_705_000
PNG = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + bytes(100)).decode()
HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></div><iframe src=javascript:alert(1)>",
    "\"'><a data-commandlinker-command='x' onclick=x>",
    "{{7*7}} [x](javascript:alert(1))",
    "\x1b[31m\x00\u202eevil\ud800",
)


class Structure(HTMLParser):
    """Counts elements with their attribute names, and keeps sources of images and the text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.images: list[str | None] = []
        self.text = ""
        self.in_style = False
        self.feed(html)
        self.close()

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements[name, tuple(sorted(key for key, _ in attributes))] += 1
        self.in_style = name == "style"
        if name == "img":
            self.images.append(dict(attributes)["src"])

    def handle_data(self, data: str) -> None:
        self.text += "" if self.in_style else data

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.elements}


def code(source: object = "1", *outputs: object, count: object = 3, **flags: object) -> dict[str, object]:
    metadata = {"mltrack": flags}
    return {
        "cell_type": "code",
        "source": source,
        "outputs": list(outputs),
        "execution_count": count,
        "metadata": metadata,
    }


def shown(**data: object) -> dict[str, object]:
    return {"output_type": "display_data", "data": {key.replace("_", "/"): value for key, value in data.items()}}


def notebook(*cells: object, **about: object) -> dict[str, object]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"mltrack": about}, "cells": list(cells)}


def read(bundle: Bundle) -> Structure:
    return Structure(bundle.html.html)


def test_cells_are_shown_in_order_with_their_counts() -> None:
    view = notebook_view(
        notebook(
            {"cell_type": "markdown", "source": ["# A *title*\n", "text"]}, code("a = 1\na", count=3), code(count=None)
        )
    )
    assert re.search(r"# A \*title\*\ntext.*\[3\]a = 1\na.*\[ \]1", read(view).text, re.DOTALL)
    assert "[3]\na = 1\na" in view.text
    assert "em" not in read(view).names


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ({"output_type": "stream", "text": ["one\n", "\x1b[32mtwo\x1b[0m"]}, "one\ntwo"),
        ({"output_type": "stream", "text": "10%\r 50%\r100%\nnext\r\n"}, "100%\nnext\n"),
        ({"output_type": "execute_result", "data": {"text/html": "<b>x</b>", "text/plain": "plain"}}, "plain"),
        ({"output_type": "display_data", "data": {"text/html": "<b>x</b>"}}, "(text/html)"),
        ({"output_type": "display_data", "data": {"image/svg+xml": "<svg/>", "text/plain": "fig"}}, "fig"),
        (
            {"output_type": "error", "traceback": ["\x1b[31mTraceback\x1b[0m", "ValueError: x"]},
            "Traceback\nValueError: x",
        ),
        ({"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": []}, "ValueError: x"),
        ({"output_type": "display_data", "data": {}}, "(nothing)"),
    ],
    ids=["stream", "carriage return", "html", "html alone", "svg", "traceback", "error", "empty"],
)
def test_outputs_are_shown_as_text(output: dict[str, object], text: str) -> None:
    view = notebook_view(notebook(code("1", output)))
    assert read(view).text.endswith(f"1{text}")
    assert not {"b", "svg", "img"} & read(view).names


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_pictures_are_held_in_the_page(kind: str) -> None:
    view = notebook_view(
        notebook(code("1", {"output_type": "display_data", "data": {kind: PNG, "text/plain": "<Figure>"}}))
    )
    assert read(view).images == [f"data:{kind};base64,{PNG.replace(chr(10), '')}"]
    assert "<Figure>" in view.text


@pytest.mark.parametrize(
    "content", ["not base64!", "A" * 4_000_001, "", 7, 'AAAA" onerror="x'], ids=lambda x: str(x)[:9]
)
def test_a_picture_that_is_none_is_left_out(content: object) -> None:
    view = notebook_view(notebook(code("1", shown(image_png=content, text_plain="fig"))))
    assert read(view).images == []
    assert read(view).text.endswith("fig")


@pytest.mark.parametrize(
    ("flags", "badge"),
    [
        ({}, ""),
        ({"state": "executed", "source_in_file": "same", "truncated": False}, ""),
        ({"state": "not_executed"}, "not executed"),
        ({"state": "deleted"}, "deleted since"),
        ({"source_in_file": "older"}, "source in the file is older"),
        ({"source_in_file": "missing"}, "not in the file as saved"),
        ({"outputs_in_file": "older"}, "outputs in the file are older"),
        ({"truncated": True}, "cut when it was stored"),
    ],
    ids=str,
)
def test_badges_say_how_a_cell_differs(flags: dict[str, object], badge: str) -> None:
    view = notebook_view(notebook(code("source", **flags)))
    assert read(view).text.endswith(f"[3]{badge}source")
    assert f"[3]{'  ' if badge else ''}{badge}\nsource" in view.text


def test_the_first_line_says_where_it_comes_from() -> None:
    about = {"run_id": "8f3a91c2d4e5", "how": "kernel messages", "path": "lab/cancer.ipynb", "taken_at": NOW}
    line = notebook_view(notebook(code(), **about)).text.splitlines()[0]
    assert line.startswith("cancer.ipynb as executed for run 8f3a91c2 (1 cell), taken 20")
    assert line.endswith(", from kernel messages")
    assert notebook_view({}).text == "Notebook as executed (0 cells)"


def test_long_sources_and_outputs_are_cut_with_a_note() -> None:
    long = {"output_type": "stream", "text": "a" + "b" * 50_000 + "c"}
    view = notebook_view(notebook(code("x" * 30_000, long, *[shown(text_plain="y")] * 60)))
    assert "… 10000 characters left out …" in read(view).text
    assert "… 40002 characters left out …" in read(view).text
    assert "and 11 more outputs" in read(view).text
    assert len(view.html.html) < 60_000


@pytest.mark.parametrize(
    "odd",
    [
        {"cells": None},
        {"cells": [None, 3, "x"]},
        {"cells": [{"cell_type": "code", "source": 7, "outputs": "x", "metadata": []}]},
        {"cells": [code("1", None, {"output_type": "error", "traceback": 5}, {"data": []})], "metadata": "x"},
        {"cells": [code([1, "a"], shown(text_plain=[None, "b"]), count="<b>")]},
    ],
    ids=str,
)
def test_a_notebook_of_another_shape_is_shown_as_far_as_it_goes(odd: dict[str, object]) -> None:
    assert read(notebook_view(odd)).text


def with_text(text: str) -> Bundle:
    """Return a notebook with the text in every field that is text."""
    outputs = [
        {"output_type": "stream", "name": text, "text": text},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": [text]},
        {"output_type": "error", "ename": text, "evalue": text, "traceback": []},
        {"output_type": "display_data", "data": {"text/html": text, "text/plain": text, "image/svg+xml": text}},
        {"output_type": "display_data", "data": {text: text}, "metadata": {text: text}},
        {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": text}},
        {"output_type": text, "data": {"text/plain": [text]}},
    ]
    cells = [
        {"cell_type": kind, "source": text, "attachments": {text: text}, "metadata": {"mltrack": {"state": text}}}
        for kind in ("markdown", "raw", text)
    ]
    flags = {"state": text, "source_in_file": text, "outputs_in_file": text, "truncated": text}
    return notebook_view(
        notebook(*cells, code(text, *outputs, **flags), run_id=text, how=text, path=text, taken_at=text)
    )


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_hostile_text_makes_no_element(text: str) -> None:
    hostile, benign = with_text(text), with_text("x" * len(text))
    assert read(hostile).elements == read(benign).elements
    assert not {"script", "iframe", "a", "svg"} & read(hostile).names
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", hostile.text)


def test_drawing_loads_no_heavy_library_and_little_else() -> None:
    script = """
import sys
import mltrack.entities, mltrack.exceptions, pathlib, unicodedata, datetime
before = set(sys.modules)
import mltrack_widgets.notebook_view, mltrack_widgets.run_card, mltrack_widgets.run_table
loaded = set(sys.modules) - before
print(sorted({name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names)), len(loaded))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    packages, _, count = ran.stdout.rpartition(" ")
    assert packages == "['mltrack', 'mltrack_widgets']"
    assert int(count) < 40
