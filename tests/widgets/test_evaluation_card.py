"""An evaluation as HTML, text and charts: what is in it, hostile names, and what a cell is given."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.widgets.charts_drawn import HOSTILE, shape, svg_of

import mltrack
from mltrack.evaluation.artifacts import EvaluationArtifact
from mltrack.evaluation.result import About, EvaluationResult
from mltrack_widgets.charts.model import tables_chart
from mltrack_widgets.evaluation_card import evaluation_html, evaluation_text, metrics_table, slices_table
from mltrack_widgets.model_view import chart_tables
from mltrack_widgets.panels.evaluation import EvaluationPanel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mltrack_widgets.charts.look import Drawn

METRICS = {"true_negatives": 3.0, "example_count": 9.0, "accuracy_score": 0.75, "roc_auc": float("nan"), "score": 0.75}


def artifact(columns: Mapping[str, Sequence[Any]]) -> EvaluationArtifact:
    rows = list(zip(*columns.values(), strict=True))
    return EvaluationArtifact("x/table.json", json.dumps({"columns": list(columns), "data": rows}).encode())


def slices(values: Sequence[str], note: str = "") -> EvaluationArtifact:
    size = len(values)
    columns: dict[str, Sequence[Any]] = {"slice": ["sex"] * size, "value": values, "count": [1200] * size}
    return artifact({**columns, "accuracy_score": [0.5] * size, "roc_auc": [None] * size, "note": [note] * size})


def result(about: About | None = None, **artifacts: EvaluationArtifact) -> EvaluationResult:
    return EvaluationResult(METRICS, artifacts, "a" * 32, about=about)


def test_metrics_that_say_most_come_first() -> None:
    assert [row[0] for row in metrics_table(result()).rows] == [
        *("accuracy_score", "roc_auc", "score"),
        *("true_negatives", "example_count"),
    ]


def test_the_baseline_and_what_was_wanted_stand_beside_the_metrics() -> None:
    about = About(baseline={"accuracy_score": 0.5}, baseline_model="old", wanted={"accuracy_score": "≥ 0.7"})
    table = metrics_table(result(about))
    assert table.head == ["metric", "value", "baseline old", "difference", "has to be"]
    assert table.rows[0] == ["accuracy_score", "0.75", "0.5", "↑ 0.25", "≥ 0.7"]
    assert table.rows[1] == ["roc_auc", "nan", "", "", ""]


def test_slices_have_the_metrics_that_say_most() -> None:
    table = slices_table(result(slices=slices(["f", "m"], "few rows")))
    assert table is not None
    assert table.head == ["slice", "value", "rows", "accuracy", "ROC AUC", "note"]
    assert table.rows[0] == ["sex", "f", "1,200", "0.5", "–", "few rows"]
    assert "note" not in (slices_table(result(slices=slices(["f"]))) or table).head
    assert slices_table(result()) is None
    assert slices_table(result(slices=artifact({"other": [1]}))) is None


def test_many_slices_are_folded() -> None:
    assert "<details>" in str(evaluation_html(result(slices=slices([str(at) for at in range(13)]))))
    assert "<details>" not in str(evaluation_html(result(slices=slices(["f"]))))


def test_text_has_all_of_it() -> None:
    about = About("model\x1b[31m", "classifier", dataset="cancer", rows=9, notes=("mind the gap",))
    text = evaluation_text(result(about, slices=slices(["f"])))
    assert "\x1b" not in text
    assert all(words in text for words in ("classifier", "9 rows of cancer", "accuracy_score", "f ", "mind the gap"))


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_and_not_run(name: str) -> None:
    about = About(name, "classifier", dataset=name, notes=(name,), baseline={name: 1.0}, baseline_model=name)
    shown = EvaluationResult({name: 1.0}, {"slices": slices([name], name)}, name, about=about)
    html = str(evaluation_html(shown))
    assert not re.search(r"<(script|img|a)\b", html)
    assert "\u202e" not in html


def drawn_of(name: str) -> Drawn:
    return tables_chart(
        {
            name: {"true": [name, "b"], "predicted": [name, "b"], "count": [1, 2]},
            "roc": {"class": [name, name, "b", "b"], "fpr": [0, 1, 0, 1], "tpr": [0, 1, 1, 1]},
            "importance": {"feature": [name, "b"], name: [1.0, 2.0]},
        }
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_labels_are_drawn_as_texts(name: str) -> None:
    drawn = drawn_of(name)
    assert shape(svg_of(drawn.with_data())) == shape(svg_of(drawn_of("a").with_data()))
    assert len(drawn.chart.to_dict()["concat"]) == 3


def test_a_cell_gets_html_with_a_picture_and_text() -> None:
    curve = artifact({"fpr": [0, 0, 1], "tpr": [0, 1, 1]})
    panel = EvaluationPanel(result(About("m", "classifier"), roc_curve=curve, slices=slices(["f"])))
    bundle = panel._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/html"].count("data:image/png;base64,") == 1
    assert panel.to_dataframe()["metric"].tolist() == list(METRICS)
    assert "data:image" not in EvaluationPanel(result())._repr_mimebundle_()["text/html"]


def test_the_charts_of_a_result_are_those_of_its_tables() -> None:
    curve = artifact({"fpr": [0, 0, 1], "tpr": [0, 1, 1]})
    shown = result(roc_curve=curve, slices=slices(["f"]))
    assert list(chart_tables(shown)) == ["roc curve", "slices"]
    assert list(shown.charts) == list(mltrack.charts(shown).charts) == ["roc curve"]


def test_ipython_shows_a_result_by_its_panel_without_loading_it_before() -> None:
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'mltrack')\n"
        "assert 'mltrack.evaluation.result' not in sys.modules\n"
        "from mltrack.evaluation.result import About, EvaluationResult\n"
        "result = EvaluationResult({'accuracy_score': 0.5}, {}, about=About('a model', 'classifier'))\n"
        "shell.display_formatter.format(result)\n"
        "shell.run_line_magic('unload_ext', 'mltrack')\n"
        "print('then', shell.display_formatter.format(result)[0]['text/plain'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, _, after = done.stdout.partition("then")
    assert re.search(r"a model +classifier\n\nmetric +value\naccuracy_score +0\.5\n", before)
    assert after.strip() == "EvaluationResult(classifier, model a model: accuracy_score=0.5)"
