"""What changed between two executed notebooks: which cell is which, which lines, and how it is drawn."""

from __future__ import annotations

import base64
import random
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tests.quickness import assert_quick
from tests.widgets.test_notebook_view import HOSTILE, Structure

from mltrack_widgets.notebook_diff import NotebookDiff, diff_notebooks
from mltrack_widgets.notebook_diff_view import notebook_diff_view
from mltrack_widgets.text_diff import line_diff, told_apart

LOAD = "import pandas as pd\nframe = pd.read_csv('cancer.csv')"
FIT = "model = LogisticRegression(C=1.0)\nmodel.fit(X, y)\nmodel.score(X_test, y_test)"
PLOT = "frame.plot(x='age', y='size')\nplt.show()"
TUNED = FIT.replace("1.0", "0.5")
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100)).decode()
OTHER_PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(100))).decode()

Outputs = list[Any]


def cell(source: str, name: str | None = None, outputs: Outputs | None = None) -> dict[str, Any]:
    made = new_code_cell(source, outputs=outputs or [], execution_count=3)
    if name is not None:
        made["id"] = name
    return dict(made)


def notebook(*cells: Any) -> dict[str, Any]:
    return dict(new_notebook(cells=[cell(each) if isinstance(each, str) else each for each in cells]))


def printed(text: str) -> Any:
    return new_output("stream", name="stdout", text=text)


def shown(**data: str) -> Any:
    return new_output("display_data", data={kind.replace("_", "/"): content for kind, content in data.items()})


def kinds(diff: NotebookDiff) -> list[tuple[str, str, str]]:
    return [
        (pair.kind, pair.before.source[:6] if pair.before else "", pair.after.source[:6] if pair.after else "")
        for pair in diff.pairs
    ]


MARKDOWN = dict(new_markdown_cell("# Results\nof the first week"))
CASES = {
    "the same": ((LOAD, FIT), (LOAD, FIT), "unchanged unchanged"),
    "an edited line": ((LOAD, FIT), (LOAD, TUNED), "unchanged changed"),
    "an edited line with ids": (
        (cell(LOAD, "a"), cell(FIT, "b")),
        (cell(LOAD, "a"), cell(TUNED, "b")),
        "unchanged changed",
    ),
    "one id with other content": ((cell(LOAD, "a"),), (cell(PLOT, "a"),), "changed"),
    "other ids with the same content": ((cell(LOAD, "a"), FIT), (cell(LOAD, "z"), FIT), "unchanged unchanged"),
    "other content": ((LOAD,), (PLOT,), "removed added"),
    "inserted": ((LOAD, FIT), (LOAD, PLOT, FIT), "unchanged added unchanged"),
    "removed": ((LOAD, PLOT, FIT), (LOAD, FIT), "unchanged removed unchanged"),
    "moved": ((LOAD, FIT, PLOT), (PLOT, LOAD, FIT), "moved unchanged unchanged"),
    "moved and edited": (
        (cell(LOAD, "a"), cell(FIT, "b"), cell(PLOT, "c")),
        (cell(PLOT + "\n1", "c"), cell(LOAD, "a"), cell(FIT, "b")),
        "moved unchanged unchanged",
    ),
    "short cells do not move": (
        ("a", LOAD, FIT, "b"),
        ("b", LOAD, FIT, "a"),
        "removed added unchanged unchanged removed added",
    ),
    "only the output differs": (
        (cell(FIT, "a", [printed("0.97")]),),
        (cell(FIT, "a", [printed("0.98")]),),
        "changed",
    ),
    "another picture": (
        (cell(PLOT, "a", [shown(image_png=PNG)]),),
        (cell(PLOT, "a", [shown(image_png=OTHER_PNG)]),),
        "changed",
    ),
    "only the address of an object differs": (
        (cell("model", "a", [new_output("execute_result", data={"text/plain": "<Model at 0x7f01aa>"})]),),
        (cell("model", "a", [new_output("execute_result", data={"text/plain": "<Model at 0x7fb2c4d0>"})]),),
        "unchanged",
    ),
    "markdown": ((MARKDOWN,), ({**MARKDOWN, "source": "# Results\nof the second week"},), "changed"),
    "code is no markdown": ((MARKDOWN,), ({**MARKDOWN, "cell_type": "raw"},), "removed added"),
    "ids that count executions": (
        (cell(LOAD, "execution-1"), cell(FIT, "execution-2")),
        (cell(PLOT, "execution-1"), cell(LOAD, "execution-2"), cell(FIT, "execution-3")),
        "added unchanged unchanged",
    ),
    "two edited between two": (
        (LOAD, FIT, PLOT, "end"),
        (LOAD, TUNED, PLOT + "\nx", "end"),
        "unchanged changed changed unchanged",
    ),
    "one cell twice": ((LOAD, LOAD), (LOAD,), "unchanged removed"),
    "nothing": ((), (), ""),
    "all of it is new": ((), (LOAD,), "added"),
}


@pytest.mark.parametrize("name", CASES)
def test_which_cell_is_which(name: str) -> None:
    before, after, expected = CASES[name]
    diff = diff_notebooks(notebook(*before), notebook(*after))
    assert sorted(pair.kind for pair in diff.pairs) == sorted(expected.split())
    if "removed added" not in expected:
        assert [pair.kind for pair in diff.pairs] == expected.split()


@given(
    st.lists(st.sampled_from([LOAD, FIT, TUNED, PLOT, "a", ""])), st.lists(st.sampled_from([LOAD, FIT, PLOT, "b", ""]))
)
def test_each_cell_is_there_once_and_in_its_order(before: list[str], after: list[str]) -> None:
    pairs = diff_notebooks(notebook(*before), notebook(*after)).pairs
    assert [pair.after.place for pair in pairs if pair.after] == list(range(len(after)))
    assert sorted(pair.before.place for pair in pairs if pair.before) == list(range(len(before)))
    staying = [pair.before.place for pair in pairs if pair.before and pair.kind != "moved"]
    assert staying == sorted(staying)


def test_the_diff_in_words() -> None:
    diff = diff_notebooks(notebook(LOAD, FIT, PLOT), notebook(LOAD, TUNED, "new"))
    assert diff.words == "1 changed, 1 added, 1 removed, 1 unchanged"
    assert repr(diff) == f"<NotebookDiff: {diff.words}>"
    assert diff_notebooks({}, {"cells": None}).words == "no cells"


# Lines


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("a = 1\nb = 2", "a = 1\nb = 3", [" a = 1", "-b = 2", "+b = 3"]),
        ("a", "a\nb", [" a", "+b"]),
        ("a\nb", "a", [" a", "-b"]),
        ("", "a", ["+a"]),
        ("a\n", "a", [" a"]),
        ("", "", []),
        ("x = 1\ny = 2", "x = 5\ny = 6", ["-x = 1", "-y = 2", "+x = 5", "+y = 6"]),
    ],
)
def test_lines(before: str, after: str, expected: list[str]) -> None:
    assert [line.sign + line.text for line in line_diff(before, after)] == expected


def test_what_changed_inside_of_a_line() -> None:
    removed, added = line_diff("model = Model(C=1.0, depth=3)", "model = Model(C=0.5, depth=3)")
    assert [part.text for part in removed.parts if part.changed] == ["1.0"]
    assert [part.text for part in added.parts if part.changed] == ["0.5"]
    removed, added = line_diff("import pandas", "print(frame.head(), 7)")
    assert [part.changed for part in (*removed.parts, *added.parts)] == [False, False]


@given(st.text(alphabet="ab =1\n<"), st.text(alphabet="ab =1\n<"))
def test_both_texts_can_be_read_from_the_lines(before: str, after: str) -> None:
    lines = line_diff(before, after)
    assert "\n".join(line.text for line in lines if line.sign != "+") == before.removesuffix("\n")
    assert "\n".join(line.text for line in lines if line.sign != "-") == after.removesuffix("\n")


def test_long_texts_are_told_apart() -> None:
    texts = [f"Pipeline(scale, Model(C={value}, solver='lbfgs'))" for value in ("one", "two")]
    assert told_apart(texts, 8) == [("…Model(C=", "one", ", solver…"), ("…Model(C=", "two", ", solver…")]
    assert told_apart(["a", "a"], 8) == [("a", "", ""), ("a", "", "")]


# What it costs


@pytest.mark.parametrize("change", ["edited", "shuffled", "other", "one more"])
def test_three_hundred_cells_without_ids(change: str) -> None:
    import nbdime.diffing.snakes  # noqa: F401 - its import is not what is measured

    sources = [f"x_{i} = compute(data_{i % 7}, alpha={i})\nplot(x_{i})\nresult.append(x_{i})" for i in range(300)]
    edited = [source.replace("plot", "draw") for source in sources]
    changed = {
        "edited": edited,
        "shuffled": random.sample(sources, 300),
        "other": [f"zebra_{i} + giraffe_{i * 7}" for i in range(300)],
        "one more": ["first = 0", *edited],
    }[change]
    before, after = notebook(*sources), notebook(*changed)
    diff = assert_quick(lambda: diff_notebooks(before, after), 15)
    html = assert_quick(lambda: notebook_diff_view(diff, ("a", "b")).html, 10)
    assert diff.count("changed") == (300 if change in ("edited", "one more") else 0)
    assert len(html) < 1_500_000


def test_nbdime_is_loaded_only_where_cells_have_to_be_compared() -> None:
    script = """
import sys
from mltrack_widgets.notebook_diff import diff_notebooks
def notebook(*sources):
    return {"cells": [{"cell_type": "code", "id": f"id{i}", "source": s} for i, s in enumerate(sources)]}
print(diff_notebooks(notebook("a = 1", "b = 2"), notebook("a = 1", "b = 3", "c")).words, "nbdime" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "1 changed, 1 added, 1 unchanged False"


# How it is drawn


def drawn(before: Any, after: Any, names: tuple[str, str] = ("baseline", "tuned")) -> Structure:
    return Structure(notebook_diff_view(diff_notebooks(before, after), names).html)


def test_signs_mark_lines_and_what_changed_is_set_off() -> None:
    view = drawn(notebook(LOAD, FIT), notebook(LOAD, TUNED))
    assert "− model = LogisticRegression(C=1.0)" in view.text
    assert "+ model = LogisticRegression(C=0.5)" in view.text
    assert view.elements["strong", ("class",)] == 2
    assert "1 unchanged cell" in view.text


def test_long_stretches_between_changes_are_folded() -> None:
    lines = [f"line_{number} = {number}" for number in range(40)]
    changed = [*lines[:1], "line_1 = 'new'", *lines[2:-1], "line_39 = 'new'"]
    view = drawn(notebook(cell("\n".join(lines), "a")), notebook(cell("\n".join(changed), "a")))
    assert "31 unchanged lines" in view.text
    assert view.elements["details", ("class",)] == 1


def test_outputs_stand_beside_each_other_where_they_differ() -> None:
    before = notebook(cell(PLOT, "a", [printed("drawn"), shown(image_png=PNG, text_html="<b>x</b>")]))
    after = notebook(cell(PLOT, "a", [printed("drawn"), shown(image_png=OTHER_PNG, text_html="<b>y</b>")]))
    view = drawn(before, after)
    assert view.images == [f"data:image/png;base64,{image}" for image in (PNG, OTHER_PNG)]
    assert "outputs of baseline" in view.text
    assert "outputs of tuned" in view.text
    assert "b" not in view.names
    assert drawn(before, before).images == []


def test_where_a_cell_went() -> None:
    assert "moved up from place 3 to 1" in drawn(notebook(LOAD, FIT, PLOT), notebook(PLOT, LOAD, FIT)).text


def with_text(text: str) -> Structure:
    """Draw a difference with the text in every field that is text."""
    outputs = [printed(text), shown(text_plain=text, text_html=text, image_png=PNG), shown(**{"image_svg+xml": text})]
    flags = {"mltrack": {"state": text, "source_in_file": text, "truncated": True}}
    before = notebook(
        {**cell(f"one\n{text}", "a", outputs), "metadata": flags}, cell(text, "b"), {**MARKDOWN, "source": text}, FIT
    )
    after = notebook(
        {**cell(f"two\n{text}{text}", "a", [printed(text * 2)]), "metadata": flags}, cell(f"{text}\n1", "z"), FIT
    )
    return drawn(before, after, (text, text * 2))


# As many words and signs in the same places, so that what changed inside of a line is at the same place, too.
TWIN = str.maketrans(
    {"<": "(", ">": ")", "'": "*", '"': "*", "&": "+", "{": "(", "}": ")", "\u202e": "-", "\ud800": "-"}
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:24])
def test_hostile_text_makes_no_element(text: str) -> None:
    hostile, benign = with_text(text), with_text(re.sub(r"[\x00\x1b]", "-", text.translate(TWIN)))
    assert hostile.elements == benign.elements
    assert not {"script", "iframe", "a", "svg"} & hostile.names
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", hostile.text)


@pytest.mark.parametrize(
    "odd",
    [{"cells": [None, 3, {"source": 7}]}, {"cells": [{"cell_type": "code", "outputs": "x", "source": ["a", 1]}]}, {}],
)
def test_a_notebook_of_another_shape_is_compared_as_far_as_it_goes(odd: dict[str, Any]) -> None:
    assert drawn(odd, notebook(LOAD)).text
    assert drawn(notebook(LOAD), odd).text
    assert Counter(pair.kind for pair in diff_notebooks(odd, odd).pairs).keys() <= {"unchanged"}
