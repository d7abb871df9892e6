"""The comparison of runs of a real store: which they are, what follows a selection, what is kept and saved."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.test_executed_notebook import STREAM, Manifest, ran
from tests.widgets.test_notebook_view import Structure

import mltrack
from mltrack.exceptions import InvalidParameterError, NotFoundError
from mltrack.settings import get_store
from mltrack.store.notebooks import Session, SnapshotWrite
from mltrack_widgets.panels.compare import ComparePanel, compare
from mltrack_widgets.panels.run_set import run_set
from mltrack_widgets.panels.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mltrack.store.notebooks import ExecutionWrite

FIT = "model = Model(C={C})\nmodel.fit(X, y)\nprint(model.score(X, y))"


def make_run(name: str, C: float = 1.0, steps: int = 0, **metrics: float) -> str:  # noqa: N803 - what it is called
    with mltrack.start_run(run_name=name) as run:
        mltrack.log_params({"C": C, "solver": "lbfgs"})
        mltrack.log_metrics(metrics)
        for step in range(steps):
            mltrack.log_metric("loss", C / (step + 1), step=step)
    return run.info.run_id


def executed(run_id: str, executions: Sequence[ExecutionWrite], manifest: Manifest | None = None) -> None:
    session = Session(run_id, 1, "kernel", "lab/path.ipynb", json.dumps({"name": "python"}))
    text, blobs = (manifest.text(), manifest.blobs) if manifest else (None, [])
    get_store().save_snapshot(
        run_id, SnapshotWrite(session, executions[-1].seq, "key", "tap", executions, text, manifest_blobs=blobs)
    )


@pytest.fixture
def tuned() -> list[str]:
    """Two runs of one cell, edited between them, each with the notebook as it was executed."""
    ids = []
    for C, outputs in ((1.0, STREAM), (0.5, [{**STREAM[0], "text": "other\n"}])):  # noqa: N806 - what it is called
        ids.append(make_run(f"C {C}", C, steps=5, accuracy=C / 2))
        file = Manifest().add("markdown", "# Digits", "m").add("code", FIT.format(C=C), "fit")
        executed(ids[-1], [ran(1, "import sklearn", "import"), ran(2, FIT.format(C=C), "fit", outputs)], file)
    return ids


def read(panel: ComparePanel, *, picture: bool = True) -> Structure:
    return Structure(panel._data(live=False, picture=picture)["text/html"])


# Which runs


def test_runs_are_named_in_every_way(tuned: list[str]) -> None:
    last = mltrack.get_run(tuned[1])
    for panel in (
        compare(*tuned),
        compare(tuned),
        compare("C 1.0", "last"),
        compare(tuned[0][:10], last),
        compare([tuned[0], last, tuned[1]]),
        compare(tuned[1], baseline="C 1.0"),
    ):
        assert [run.info.run_id for run in panel.comparison.runs] == tuned
    assert [run.info.run_id for run in compare(*tuned, baseline="last").comparison.runs] == tuned[::-1]


@pytest.mark.parametrize(
    ("named", "error"), [((), NotFoundError), (("last",), InvalidParameterError), (("x", "y"), NotFoundError)]
)
def test_two_runs_at_least_have_to_be_there(named: tuple[str, ...], error: type[Exception]) -> None:
    make_run("only")
    with pytest.raises(error):
        compare(*named)


def test_one_run_named_twice_is_one() -> None:
    make_run("only")
    with pytest.raises(InvalidParameterError, match="needs two runs; got only 'only'"):
        compare("only", "last")


def test_a_comparison_follows_a_selection() -> None:
    ids = [make_run(f"run {number}", number + 1) for number in range(4)]
    chosen = Selection()
    panel = compare(selection=chosen)
    assert "Choose two runs or more" in panel.text
    assert "Choose two runs or more" in read(panel).text
    with pytest.raises(InvalidParameterError):
        panel.to_dataframe()
    chosen.choose(ids[:1])
    assert "run 0 is chosen" in panel.text
    chosen.choose(ids[:3])
    assert list(panel.to_dataframe().columns) == ["run 0", "run 1", "run 2"]
    panel.baseline = ids[3]
    assert list(panel.to_dataframe().columns) == ["run 3", "run 0", "run 1", "run 2"]
    panel.close()
    chosen.choose(ids[:2])
    assert len(panel.comparison.runs) == 4


def test_more_than_ten_are_not_compared() -> None:
    ids = [make_run(f"run {number}") for number in range(12)]
    panel = compare(ids)
    assert len(panel.comparison.runs) == 10
    assert "The first 10 of 12 chosen runs are compared." in panel.text
    assert "The first 10 of 12 chosen runs are compared." in read(panel).text


def test_deleted_runs_are_still_compared_and_those_that_are_gone_are_counted() -> None:
    ids = [make_run(f"run {number}", steps=3) for number in range(3)]
    mltrack.delete_run(ids[1])
    panel = ComparePanel(run_set(everywhere=True), selection=Selection([*ids, "0" * 32]))
    assert "run 1" in panel.view.children[0].html
    assert panel.to_dataframe().T["run.stage"].tolist() == [None, "deleted", None]
    assert "1 chosen run is gone for good." in panel.text


def test_what_was_logged_since_is_shown() -> None:
    ids = [make_run("a"), make_run("b")]
    panel = compare(ids)
    mltrack.client.MltrackClient().log_metric(ids[1], "late", 0.5)
    panel.refresh()
    assert panel.to_dataframe().T["metrics.late"].tolist() == [None, 0.5]


def test_runs_without_anything() -> None:
    with mltrack.start_run(run_name="empty") as one, mltrack.start_run(run_name="void", nested=True) as two:
        pass
    panel = compare(one.info.run_id, two.info.run_id)
    assert "no params" in read(panel).text
    assert "The run empty has no notebook" in read(panel).text
    assert panel.text.startswith("2 runs, compared with empty")
    with pytest.raises(InvalidParameterError, match="none of these runs has metrics"):
        panel.chart  # noqa: B018 - it is read for what it raises


# The notebooks


def test_the_notebook_diff_of_an_edited_cell(tuned: list[str]) -> None:
    diff = compare(*tuned).notebook_diff
    assert diff.words == "1 changed, 2 unchanged"
    changed = next(pair for pair in diff.pairs if pair.kind == "changed")
    assert [line.sign for line in changed.lines] == ["-", "+", " ", " "]
    assert changed.outputs_differ


def test_cells_that_ran_again_count_once_where_there_is_no_file() -> None:
    ids = [make_run("a"), make_run("b")]
    executed(ids[0], [ran(1, "a = 1", "x")])
    executed(ids[1], [ran(1, "a = 1", "x"), ran(2, "a = 2", "x")])
    assert compare(*ids).notebook_diff.words == "1 changed"


def test_the_notebooks_are_compared_with_the_picture_and_not_before(tuned: list[str]) -> None:
    panel = compare(*tuned)
    assert "Notebook" not in read(panel, picture=False).text
    view = read(panel)
    assert "Notebook: 1 changed, 2 unchanged" in view.text
    assert "− model = Model(C=1.0)" in view.text
    assert "img" in view.names


def test_a_large_difference_is_said_in_words(tuned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mltrack_widgets.panels.compare.LARGEST_KEPT_DIFF", 100)
    text = read(compare(*tuned)).text
    assert "1 changed, 2 unchanged; too large to be kept here" in text
    assert "model.fit" not in text


# The widget


def test_the_widget_compares_notebooks_when_it_is_asked_to(tuned: list[str]) -> None:
    third = make_run("third")
    panel = compare(*tuned, third)
    tables, _, notebook = panel.view.children
    assert "lbfgs" in tables.html
    assert (notebook.html, notebook.title) == ("", "Notebook")
    assert notebook.choices == [(tuned[1], "C 0.5"), (third, "third")]
    panel._told(notebook, {"kind": "other"}, [])
    assert notebook.html == ""
    panel._told(notebook, {"kind": "open"}, [])
    assert "Model(C=" in notebook.html
    assert notebook.title == "Notebook: 1 changed, 2 unchanged"
    notebook.chosen = third
    assert "The run third has no notebook" in notebook.html
    notebook.chosen = "anything"
    assert panel._other == third
    panel.selection = tuned
    assert "Model(C=" in notebook.html
    assert notebook.choices == [(tuned[1], "C 0.5")]
    panel.selection = tuned[:1]
    assert len(panel.view.children) == 1


@pytest.mark.parametrize("message", [None, "open", {}, {"kind": 7}, {"kind": ["open"]}])
def test_messages_that_mean_nothing(tuned: list[str], message: Any) -> None:
    panel = compare(*tuned)
    notebook = panel.view.children[-1]
    panel._told(notebook, message, [])
    assert notebook.html == ""


# Charts and files


def test_the_chart_has_the_curves_or_a_bar_for_each_run() -> None:
    ids = [make_run("a", steps=3, accuracy=0.9), make_run("b", 2.0, steps=3, accuracy=0.8)]
    assert '"line"' in compare(ids).chart.to_json()
    single = [make_run("a", accuracy=0.9), make_run("b", accuracy=0.8)]
    assert '"bar"' in compare(single).chart.to_json()
    assert compare(single)._picture_spec() is None


def test_the_whole_comparison_is_saved_as_one_page(tuned: list[str], tmp_path: Path) -> None:
    panel = compare(*tuned)
    page = panel.save(tmp_path / "x.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "http" not in page.split("</style>")[-1]
    view = Structure(page.partition("<body>")[2].partition("</body>")[0])
    assert "Notebook: 1 changed" in view.text
    assert "lbfgs" in view.text
    assert "img" in view.names
    assert panel.save(tmp_path / "x.png").stat().st_size > 1_000
    with pytest.raises(InvalidParameterError):
        panel.save(tmp_path / "x.pdf")
