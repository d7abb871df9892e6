"""What a run reads, through the fluent verbs and a real store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mltrack
from mltrack import data
from mltrack.entities import DatasetInput, InputTag
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
CONTEXT = "mlflow.data.context"


def inputs(run: mltrack.ActiveRun) -> tuple[DatasetInput, ...]:
    return mltrack.get_run(run.info.run_id).inputs.dataset_inputs


def test_a_dataset_and_its_context(run: mltrack.ActiveRun) -> None:
    made = data.from_pandas(FRAME, source="train.csv", name="train")
    mltrack.log_input(made, context="training", tags={"part": "1"})
    (found,) = inputs(run)
    assert found.dataset == made.to_entity()
    assert set(found.tags) == {InputTag(CONTEXT, "training"), InputTag("part", "1")}
    assert json.loads(found.dataset.profile or "") == {"num_rows": 2, "num_elements": 4}


@pytest.mark.parametrize("value", [FRAME, FRAME["a"], np.ones(3), pl.from_pandas(FRAME)])
def test_data_as_it_is(run: mltrack.ActiveRun, value: Any) -> None:
    mltrack.log_input(value)
    (found,) = inputs(run)
    assert found.dataset == data.as_dataset(value).to_entity()
    assert (found.dataset.name, found.dataset.source_type, found.tags) == ("dataset", "code", ())


def test_the_same_dataset_is_kept_once(run: mltrack.ActiveRun) -> None:
    mltrack.log_input(FRAME, context="training")
    mltrack.log_input(FRAME.copy(), context="test", tags={"k": "v"})
    mltrack.log_input(FRAME.head(1))
    assert [each.tags for each in inputs(run)] == [(InputTag(CONTEXT, "training"),), ()]


def test_several_at_once(run: mltrack.ActiveRun) -> None:
    train, test = data.from_pandas(FRAME, name="train"), data.from_numpy(np.arange(4), name="test")
    mltrack.log_inputs([train, test, None], contexts=["training", None, "nothing"], tags_list=[None, {"k": "v"}, None])
    found = {each.dataset.name: {tag.key: tag.value for tag in each.tags} for each in inputs(run)}
    assert found == {"train": {CONTEXT: "training"}, "test": {"k": "v"}}
    mltrack.log_inputs()
    mltrack.log_inputs([data.from_pandas(FRAME, name="plain")])
    assert len(inputs(run)) == 3


def test_a_run_is_begun_if_there_is_none() -> None:
    mltrack.log_input(FRAME)
    active = mltrack.active_run()
    assert active is not None
    assert len(inputs(active)) == 1
    mltrack.end_run()


def test_an_entity_is_logged_as_it_is(run: mltrack.ActiveRun) -> None:
    entity = data.from_pandas(FRAME).to_entity()
    mltrack.log_input(entity)
    assert inputs(run)[0].dataset == entity


def test_secrets_are_masked(run: mltrack.ActiveRun) -> None:
    secret = "ghp_" + "a1B2" * 9
    frame = pd.DataFrame({secret: [1]})
    mltrack.log_input(data.from_pandas(frame, source=f"https://u:{secret}@host/x", name=f"x {secret}"), context=secret)
    assert secret not in str(inputs(run))


@pytest.mark.parametrize(
    "call",
    [
        lambda: mltrack.log_input([1, 2]),
        lambda: mltrack.log_input("data.csv"),
        lambda: mltrack.log_input(FRAME, tags={"k": "v" * 501}),
        lambda: mltrack.log_input(FRAME, tags={"k" * 256: "v"}),
        lambda: mltrack.log_inputs([FRAME, FRAME], contexts=["training"]),
        lambda: mltrack.log_inputs([FRAME], tags_list=[{}, {}]),
        lambda: mltrack.log_input(data.from_file("https://host/" + "x" * 70_000)),
    ],
)
def test_what_is_refused_leaves_nothing(run: mltrack.ActiveRun, call: Callable[[], None]) -> None:
    with pytest.raises(InvalidParameterError):
        call()
    assert inputs(run) == ()
