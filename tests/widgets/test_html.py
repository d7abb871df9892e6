"""The escaping builder, and that nothing else writes HTML."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack_widgets.html import (
    Markup,
    MarkupError,
    escape,
    is_image,
    join,
    link,
    short_text,
    stylesheet,
    tag,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


class Reader(HTMLParser):
    """Collects the elements and the text of a piece of HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.text = ""

    def handle_starttag(self, name: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((name, tuple(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: Markup) -> Reader:
    reader = Reader()
    reader.feed(markup.html)
    reader.close()
    return reader


@given(st.text())
def test_text_is_one_text_node_and_nothing_else(text: str) -> None:
    reader = read(tag("p", {"title": text}, text))
    [(name, [(key, value)])] = reader.elements
    assert (name, key) == ("p", "title")
    assert value == reader.text
    reader.text.encode()  # surrogates do not get through
    if text.isprintable() and text.isascii():
        assert reader.text == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("\"'><img onerror=x>", "&quot;&#x27;&gt;&lt;img onerror=x&gt;"),
        ("a\x00b", "a\\x00b"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2066b\u2069", "a\\u2066b\\u2069"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("lone \ud800", "lone \\ud800"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("{{7*7}} {0.__class__} %(x)s", "{{7*7}} {0.__class__} %(x)s"),
        ("été 数 👩‍🔬", "été 数 👩‍🔬"),
    ],
    ids=[
        "script",
        "attribute",
        "nul",
        "ansi",
        "override",
        "isolate",
        "zero width",
        "surrogate",
        "tab",
        "braces",
        "words",
    ],
)
def test_hostile_text_is_shown(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize(
    ("name", "attributes"),
    [
        ("script", {}),
        ("iframe", {}),
        ("svg", {}),
        ("style", {}),
        ("form", {}),
        ("p><script", {}),
        ("p", {"onclick": "x"}),
        ("p", {"ONCLICK": "x"}),
        ("p", {"id": "x"}),
        ("p", {"data-commandlinker-command": "x"}),
        ("p", {"class='x' onclick": "x"}),
        ("p", {"style": "background:url(http://x)"}),
        ("p", {"style": "color:red}</style>"}),
        ("p", {"style": "background:u\\72l(x)"}),
        ("a", {"href": "javascript:alert(1)"}),
        ("a", {"href": "JaVaScRiPt:alert(1)"}),
        ("a", {"href": " javascript:alert(1)"}),
        ("a", {"href": "java\nscript:alert(1)"}),
        ("a", {"href": "data:text/html,x"}),
        ("a", {"href": "vbscript:x"}),
        ("a", {"href": "//host/x"}),
        ("a", {"href": "relative"}),
        ("a", {"href": "http://a\x00b"}),
        ("img", {"src": "http://tracker/x.png"}),
        ("img", {"src": "data:image/svg+xml;base64,AAAA"}),
        ("img", {"src": "data:image/png;base64,<"}),
        ("img", {"src": "data:text/html;base64,AAAA"}),
    ],
    ids=str,
)
def test_what_is_not_on_the_list_is_refused(name: str, attributes: dict[str, str]) -> None:
    with pytest.raises(MarkupError):
        tag(name, attributes)


@pytest.mark.parametrize(
    "address", ["https://example.org/a?b=c&d", "http://127.0.0.1:5000", "mailto:ada@example.org", "HTTPS://example.org"]
)
def test_links_that_are_allowed(address: str) -> None:
    [(name, attributes)] = read(link("there", address)).elements
    assert (name, dict(attributes)["href"]) == ("a", address)


def test_a_link_to_elsewhere_is_its_text() -> None:
    assert link("<b>", "javascript:alert(1)") == Markup("&lt;b&gt;")


def test_images_are_held_in_the_page() -> None:
    address = "data:image/png;base64,iVBORw0KGgo="
    assert is_image(address)
    assert tag("img", {"src": address, "alt": "x"}).html == f'<img src="{address}" alt="x">'


def test_markup_is_kept_and_does_not_join_text() -> None:
    assert tag("p", None, tag("em", None, "&"), "&").html == "<p><em>&amp;</em>&amp;</p>"
    assert join(["<", tag("hr")]).html == "&lt;<hr>"
    with pytest.raises(TypeError):
        tag("p") + "x"  # type: ignore[operator]
    with pytest.raises(AttributeError):
        tag("p").html = "x"  # type: ignore[misc]


def test_void_elements_have_no_content() -> None:
    with pytest.raises(MarkupError):
        tag("br", None, "x")


@pytest.mark.parametrize("rules", ["a{}</style><script>", "@import 'x'", "a{background:url(x)}"])
def test_style_rules_stay_inside_and_load_nothing(rules: str) -> None:
    with pytest.raises(MarkupError):
        stylesheet(rules)


def test_short_text_has_the_whole_on_hover() -> None:
    [(name, attributes)] = read(short_text("long-name-of-a-run", 9)).elements
    assert (name, dict(attributes)) == ("bdi", {"title": "long-name-of-a-run"})
    assert read(short_text("long-name-of-a-run", 9)).text == "long…-run"
    assert read(short_text("short", 9)).elements == [("bdi", ())]


# No other module writes HTML

_NAMES = (
    "article|aside|audio|base|bdi|bdo|body|button|canvas|caption|code|col|dd|details|div|dl|dt|em|embed|fieldset|figure|"
    "footer|form|frame|h[1-6]|head|header|hr|html|iframe|img|input|label|li|link|main|meta|nav|object|ol|option|pre|"
    "script|section|select|small|span|strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead|"
    "title|tr|ul|video"
)
_TAG = re.compile(rf"<(?:!doctype|/?\s*(?:{_NAMES}))(?=[\s/>]|$)|</?(?:a|b|i|p|q|s|u)(?:\s[^<>]*=[^<>]*)?>|</$", re.I)


def html_in(source: str) -> Iterator[int]:
    """Yield the lines of string literals, parts of f-strings too, that hold a tag; docstrings are left out."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(statement.value)
        for node in ast.walk(tree)
        for statement in (node.body if isinstance(node, documented) else ())
        if isinstance(statement, ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            if _TAG.search(node.value):
                yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Markup" and node.args:
            yield node.lineno


def modules() -> list[Path]:
    folders = ("extension/mltrack", "kernel_magics/mltrack_magics", "widgets/mltrack_widgets")
    builder = ROOT / "widgets/mltrack_widgets/html.py"
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if path != builder]


def test_only_the_builder_writes_html() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in modules() for line in html_in(path.read_text("utf-8"))]
    assert modules()
    assert not found, "make it with mltrack_widgets.html.tag"


@pytest.mark.parametrize(
    "source",
    [
        "x = '<div>'",
        "x = f'<span class=\"{y}\">'",
        "x = '<td' + y",
        "x = f'</{y}>'",
        "x = '<b>' + y",
        "x = '<a href=\"y\">'",
        "x = Markup(y)",
        "x = '<!DOCTYPE html>'",
    ],
)
def test_the_search_for_html_finds_it(source: str) -> None:
    assert list(html_in(source)) == [1]


@pytest.mark.parametrize("source", ["x = '<run_id>'", "x = 'a < b'", "def f():\n    '''A <div>.'''", "x = '<Run a>'"])
def test_the_search_for_html_passes_other_text(source: str) -> None:
    assert list(html_in(source)) == []
