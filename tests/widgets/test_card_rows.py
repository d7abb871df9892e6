"""What a card lists of the data that a run read, whoever wrote its profile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.widgets.test_run_card import HOSTILE, PARAMS, Structure, a_run, card

from mltrack.entities import Dataset, DatasetInput, InputTag, LoggedModel, RunInputs
from mltrack_widgets.card_rows import data_texts, model_texts, telling_metrics, telling_params
from mltrack_widgets.run_card import run_card


def read(name: str, profile: str | None, *, context: str | None = "training") -> DatasetInput:
    tags = () if context is None else (InputTag("mlflow.data.context", context), InputTag("other", "x"))
    return DatasetInput(Dataset(name, "0f1e2d3c", "code", "{}", None, profile), tags)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ('{"num_rows": 455, "num_elements": 13650}', "455 × 30 · training · 0f1e2d3c"),
        ('{"num_rows": 0, "num_elements": 0}', "0 × 0 · training · 0f1e2d3c"),
        ('{"features_shape": [10, 28, 28], "features_size": 7840}', "10 × 28 × 28 · training · 0f1e2d3c"),
        ('{"features_shape": {"a": [1]}}', "training · 0f1e2d3c"),
        ('{"num_bytes": 1500}', "1.5 kB · training · 0f1e2d3c"),
        ('{"num_rows": "many"}', "training · 0f1e2d3c"),
        ("[1]", "training · 0f1e2d3c"),
        ("no JSON", "training · 0f1e2d3c"),
        ("[" * 9_999, "training · 0f1e2d3c"),
        ('{"x": "' + "y" * 20_000 + '"}', "training · 0f1e2d3c"),
        (None, "training · 0f1e2d3c"),
    ],
)
def test_a_dataset_in_words(profile: str | None, expected: str) -> None:
    run = replace(a_run(), inputs=RunInputs((read("X", profile),)))
    assert data_texts(run) == {"X": expected}


def test_a_dataset_without_context() -> None:
    assert data_texts(replace(a_run(), inputs=RunInputs((read("X", None, context=None),)))) == {"X": "0f1e2d3c"}


def test_the_card_lists_data_where_there_is_any() -> None:
    run = a_run(params=PARAMS)
    assert "Data" not in Structure(str(run_card(card(run)).html)).text
    run = replace(run, inputs=RunInputs((read("X_train", '{"num_rows": 455, "num_elements": 13650}'),)))
    text = Structure(str(run_card(card(run)).html)).text
    assert "DataX_train455 × 30 · training · 0f1e2d3c" in text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_only_text(text: str) -> None:
    plain, hostile = (
        Structure(str(run_card(card(replace(a_run(), inputs=RunInputs((read(each, None, context=each),))))).html))
        for each in ("X" * len(text), text)
    )
    assert plain.elements == hostile.elements


def test_params_that_say_most_come_first() -> None:
    params = {
        "memory": "None",
        "steps": "[('a', Something(x=1)), ('b', 2)]",
        "shuffle": "False",
        "svc__verbose": "0",
        "C": "0.5",
        "how": "l2",
        "best_C": "1.0",
    }
    assert telling_params(params) == ["best_C", "C", "how", "shuffle", "memory", "steps", "svc__verbose"]


def test_metrics_of_the_machine_come_last() -> None:
    metrics = {"system/cpu": 1.0, "n_iter_2": 7.0, "mean_fit_time": 0.1, "accuracy": 0.5, "zeal": 1.0}
    assert telling_metrics(metrics) == ["accuracy", "zeal", "n_iter_2", "mean_fit_time", "system/cpu"]


def test_models_of_one_name_are_numbered() -> None:
    models = [LoggedModel("0", f"m-{number}", name, "", 0, 0) for number, name in enumerate(("model", "best", "model"))]
    assert model_texts(models) == {"model": "models:/m-0", "best": "models:/m-1", "model (2)": "models:/m-2"}
