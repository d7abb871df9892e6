"""A notebook as it was executed, to read: sources and outputs as text and images, nothing of it runs.

What a snapshot holds was written by whoever ran it. So only text and bitmap images are shown; HTML, SVG, scripts and
widgets in its outputs are left out, and their text form is shown in their place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mltrack.plain_text import printable, visible
from mltrack_widgets.bundle import Bundle, framed
from mltrack_widgets.format import count, exact_time, one_line, strip_ansi
from mltrack_widgets.html import NOTHING, Markup, is_image, tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST_SOURCE = 20_000
_LONGEST_OUTPUT = 10_000
_LARGEST_IMAGE = 4_000_000  # characters of base64: 3 MB of picture
_MOST_OUTPUTS = 50
_IMAGES = ("image/png", "image/jpeg")

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_SCROLL = {"class": "mt-scroll", "style": "max-height:600px;overflow:auto", "tabindex": "0", "role": "region"}
_CELL = {"class": "mt-cell", "style": "display:flex;padding:8px 0"}
_COUNT = {"class": "mt-dim", "style": "width:56px;flex-shrink:0"}
_CONTENT = {"style": "flex-grow:1;flex-basis:0;min-width:0px"}
_BADGES = {"class": "mt-dim"}
_SOURCE = {"style": "max-height:400px;overflow:auto"}
_OUTPUT = {"class": "mt-out", "style": "max-height:320px;overflow:auto;margin-top:4px;padding-left:8px"}
_IMAGE_STYLE = "max-width:100%"

_STATES = {"executed": "", "not_executed": "not executed", "deleted": "deleted since"}
_SOURCES = {"same": "", "older": "source in the file is older", "missing": "not in the file as saved"}
_OUTPUTS = {"same": "", "older": "outputs in the file are older"}


def notebook_view(notebook: Mapping[str, object]) -> Bundle:
    """Draw a notebook (nbformat 4.5, as a mapping) read-only, with what its ``mltrack`` metadata says of each cell."""
    cells = [cell for cell in _list(notebook.get("cells")) if isinstance(cell, Mapping)]
    heading = _heading(notebook, len(cells))
    scroll = {**_SCROLL, "aria-label": "notebook as it was executed"}
    body = tag("div", scroll, *map(_cell, cells)) if cells else NOTHING
    html = framed(tag("div", {"class": "mt-dim"}, heading), body)
    return Bundle(html=html, text="\n\n".join([heading, *map(_text_cell, cells)]))


# What there is to say in words


def _heading(notebook: Mapping[str, object], cells: int) -> str:
    """Return one line on where the notebook comes from."""
    about = _flags(notebook)
    path, run_id, how, taken_at = (about.get(key) for key in ("path", "run_id", "how", "taken_at"))
    words = [one_line(str(path).replace("\\", "/").rpartition("/")[2], 60) if path else "Notebook"]
    words.append(f"as executed for run {one_line(str(run_id)[:8], 8)}" if run_id else "as executed")
    words.append(f"({count(cells, 'cell')})")
    taken = exact_time(taken_at) if isinstance(taken_at, int) else one_line(str(taken_at or ""), 40)
    details = [f"taken {taken}" if taken else "", f"from {one_line(str(how), 60)}" if how else ""]
    return ", ".join([" ".join(words), *filter(None, details)])


def _badges(cell: Mapping[str, object]) -> list[str]:
    """Return what sets the cell apart from one that was executed as the file has it."""
    flags = _flags(cell)
    said = [
        state_of(cell),
        _word(_SOURCES, flags.get("source_in_file")),
        _word(_OUTPUTS, flags.get("outputs_in_file")),
        "outputs are those in the file" if flags.get("state") == "not_executed" and cell.get("outputs") else "",
        "cut when it was stored" if flags.get("truncated") is True else "",
    ]
    return [text for text in said if text]


def state_of(cell: Mapping[str, object]) -> str:
    """Say of a cell that was not executed, or was deleted since, that it is one; of others nothing."""
    return _word(_STATES, _flags(cell).get("state"))


def _word(words: Mapping[str, str], value: object) -> str:
    if value is None:
        return ""
    return words.get(str(value), one_line(str(value), 40))


def _flags(holder: Mapping[str, object]) -> Mapping[str, object]:
    return _mapping(_mapping(holder.get("metadata")).get("mltrack"))


# A notebook is read from a file: nothing is sure to have the type it should have.


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def joined_text(value: object) -> str:
    """Return nbformat's multiline text as one: it is one string or a list of lines."""
    if isinstance(value, str):
        return value
    return "".join(line for line in _list(value) if isinstance(line, str))


# HTML


def _cell(cell: Mapping[str, object]) -> Markup:
    badges = " · ".join(_badges(cell))
    badge = tag("div", _BADGES, badges) if badges else NOTHING
    source = tag("pre", _SOURCE, _cut(joined_text(cell.get("source")), _LONGEST_SOURCE))
    content = tag("div", _CONTENT, badge, source, *outputs_of(cell))
    return tag("div", _CELL, tag("div", _COUNT, count_of(cell)), content)


def count_of(cell: Mapping[str, object]) -> str:
    """Return the execution count as a notebook shows it, empty for what is not code."""
    if cell.get("cell_type") != "code":
        return ""
    number = cell.get("execution_count")
    return f"[{number}]" if isinstance(number, int) else "[ ]"


def outputs_of(cell: Mapping[str, object]) -> Iterable[Markup]:
    """Draw the outputs of a cell, as text and bitmap images."""
    outputs = [_mapping(output) for output in _list(cell.get("outputs"))]
    yield from map(_output, outputs[:_MOST_OUTPUTS])
    if len(outputs) > _MOST_OUTPUTS:
        yield tag("div", _BADGES, f"and {count(len(outputs) - _MOST_OUTPUTS, 'more output')}")


def _output(output: Mapping[str, object]) -> Markup:
    address = _image(output)
    if address:
        return tag("div", _OUTPUT, tag("img", {"src": address, "alt": _plain(output), "style": _IMAGE_STYLE}))
    return tag("div", _OUTPUT, tag("pre", None, _plain(output)))


def _image(output: Mapping[str, object]) -> str:
    """Return the output's picture as an address that holds it, empty when it has none that may be shown."""
    data = _mapping(output.get("data"))
    for kind in _IMAGES:
        content = re.sub(r"\s", "", joined_text(data.get(kind)))
        address = f"data:{kind};base64,{content}"
        if content and len(content) <= _LARGEST_IMAGE and is_image(address):
            return address
    return ""


def _plain(output: Mapping[str, object]) -> str:
    """Return an output as text: what it printed, its traceback, its text form, or the kinds it came in."""
    if output.get("output_type") == "stream":
        text = joined_text(output.get("text"))
    elif output.get("output_type") == "error":
        text = "\n".join(str(line) for line in _list(output.get("traceback")))
        text = text or f"{output.get('ename')}: {output.get('evalue')}"
    else:
        data = _mapping(output.get("data"))
        text = joined_text(data.get("text/plain")) or f"({', '.join(map(str, data)) or 'nothing'})"
    return _cut(_settled(strip_ansi(text)), _LONGEST_OUTPUT)


def _settled(text: str) -> str:
    """Return what a terminal would show in the end: a carriage return lets what follows it take the line's place."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"


# Text


def _text_cell(cell: Mapping[str, object]) -> str:
    heading = "  ".join(
        filter(None, [count_of(cell) or str(cell.get("cell_type", ""))[:16], " · ".join(_badges(cell))])
    )
    outputs = [_mapping(output) for output in _list(cell.get("outputs"))][:_MOST_OUTPUTS]
    parts = [_cut(joined_text(cell.get("source")), _LONGEST_SOURCE), *map(_plain, outputs)]
    return "\n".join([printable(heading), *map(visible, parts)])
