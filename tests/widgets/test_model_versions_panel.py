"""The models' panel over a real registry: what its page is told, how it is searched, and what stays of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.quickness import count_calls
from tests.widgets.model_pages import NAME, Page, model_of, register, three_versions
from tests.widgets.panel_runs import HOSTILE, add_run
from tests.widgets.test_notebook_view import Structure

import mltrack
from mltrack import MltrackClient
from mltrack.data import from_numpy
from mltrack.exceptions import NotFoundError
from mltrack.models.logged import UNSAFE_TAG
from mltrack_widgets.panels.model_versions import model_versions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def client() -> MltrackClient:
    return MltrackClient()


@pytest.fixture
def page() -> Page:
    return three_versions()


# What is shown


def test_versions_are_listed_with_the_metrics_of_their_runs(page: Page) -> None:
    assert page.state["models"] is None
    assert page.column("version") == ["3", "2", "1"]
    assert page.column("run") == ["fit 3", "fit 2", "fit 1"]
    assert page.column("metrics.accuracy") == ["0.93", "0.92", "0.91"]
    expected = ["version", "aliases", "stage", "run", "metrics.accuracy", "metrics.loss", "created"]
    assert page.keys == expected
    assert (page.versions["count"], page.versions["title"]) == ("3 versions", NAME)
    json.dumps(page.state, allow_nan=False)


def test_metrics_that_all_runs_have_are_shown(page: Page) -> None:
    register(run_name="late", accuracy=0.5, f1=0.4)
    page.panel.refresh()
    assert [key for key in page.keys if key.startswith("metrics.")] == ["metrics.accuracy"]


def test_the_champion_is_what_others_are_compared_with(page: Page, client: MltrackClient) -> None:
    assert "changes" not in page.keys
    client.transition_model_version_stage(NAME, "1", "Production")
    page.panel.refresh()
    titles = {column["key"]: column["title"] for column in page.versions["columns"]}
    assert titles["changes"] == "against Production"
    client.set_registered_model_alias(NAME, "champion", "2")
    page.panel.refresh()
    assert page.column("changes") == ["C 1.0 → 1.5", "", "C 1.0 → 0.5"]
    place = page.keys.index("metrics.accuracy")
    assert [row["cells"][place][2:] for row in page.versions["rows"]] == [["↑ 0.01"], [], ["↓ 0.01"]]
    assert [row["baseline"] for row in page.versions["rows"]] == [False, True, False]
    assert page.versions["naming"] == [
        {"name": "champion", "version": "2"},
        {"name": "Production", "version": "1"},
    ]


def test_all_registered_models_and_the_versions_of_the_one_that_is_opened(page: Page) -> None:
    register("churn", "other", auc=0.7)
    every = Page(model_versions())
    assert every.column("name", "models") == [NAME, "churn"]
    assert every.column("newest", "models") == ["3", "1"]
    assert every.state["versions"] is None
    every.send(kind="show", name="churn")
    assert every.column("run") == ["other"]
    assert [row["chosen"] for row in every.state["models"]["rows"]] == [False, True]
    every.send(kind="find", text="CAN")
    assert every.column("name", "models") == [NAME]
    assert every.panel.name == "churn", "what is open stays open"
    every.send(kind="find", text="")
    every.send(kind="sort", of="models", column="changed", descending=True)
    assert every.column("name", "models") == ["churn", NAME]
    assert "alone" in page.send(kind="show", name="churn")["problem"]


def test_a_single_registered_model_is_open_at_once(page: Page) -> None:
    assert Page(model_versions()).column("version") == ["3", "2", "1"]


def test_runs_that_are_deleted_or_unknown_are_said_to_be(page: Page, client: MltrackClient) -> None:
    run_id = client.get_model_version(NAME, "2").run_id
    client.delete_run(run_id)
    client.create_model_version(NAME, "s3://bucket/model")
    page.panel.refresh()
    assert page.column("run") == ["", "fit 3", "fit 2 (deleted)", "fit 1"]
    assert [row["run"] for row in page.versions["rows"]] == ["", "fit 3", "", "fit 1"]


def test_models_that_run_code_are_marked(page: Page, client: MltrackClient) -> None:
    assert "files" not in page.keys
    model_id = client.get_model_version(NAME, "2").model_id
    assert model_id
    client.set_logged_model_tags(model_id, {UNSAFE_TAG: "model.pkl"})
    page.panel.refresh()
    assert page.column("files") == ["", "runs code when loaded", ""]
    assert page.versions["rows"][1]["cells"][page.keys.index("files")][1] == "model.pkl"


def test_what_differs_in_data_and_cell_is_said(page: Page, client: MltrackClient) -> None:
    numbers = []
    for size in (4, 5):
        with mltrack.start_run(run_name=f"with {size}") as run:
            mltrack.log_input(from_numpy(np.zeros((size, 2)), name="X"), context="training")
        numbers.append(mltrack.register_model(f"models:/{model_of(run.info.run_id)}", NAME).version)
    client.set_registered_model_alias(NAME, "champion", numbers[0])
    page.panel.refresh()
    assert page.column("data")[0].startswith("X ")
    assert page.column("changes")[:2] == ["other data", ""]


def test_the_same_files_are_said_to_be(page: Page, client: MltrackClient) -> None:
    client.copy_model_version(f"models:/{NAME}/1", NAME)
    client.set_registered_model_alias(NAME, "champion", "1")
    page.panel.refresh()
    assert page.column("changes")[0] == "same files"


@pytest.mark.parametrize("name", ["it's", 'say "it"', 'it\'s "both"', "100% _of_ $them", "\u202eevil", *HOSTILE[2:5]])
def test_any_name(name: str) -> None:
    register(name, "<b>run</b>", accuracy=0.5)
    if "'" in name:
        register(name.replace("'", "x"))  # which a search for any character there finds, too
    page = Page(model_versions(name))
    assert page.column("version") == ["1"]
    assert not page.panel.selection
    page.panel.selection = ["1"]
    assert page.panel.selection == (f"models:/{name}/1",)
    assert "\u202e" not in page.versions["title"]
    assert "<b>" not in page.panel._kept().html.html


# Searching, sorting, pages


def test_versions_are_filtered_sorted_and_paged(client: MltrackClient) -> None:
    run_id = add_run("only", metrics={"accuracy": 0.5})
    model_id = model_of(run_id)
    client.create_registered_model(NAME)
    for place in range(60):
        client.create_model_version(NAME, f"models:/{model_id}", tags={"even": place % 2})
    page = Page(model_versions(NAME))
    assert page.versions["count"] == "versions 1 to 25, more follow"
    page.send(kind="page", of="versions", to="next")
    assert (page.column("version")[0], page.versions["pages"]["words"]) == ("35", "26–50")
    page.send(kind="page", of="versions", to="next")
    assert len(page.column("version")) == 10
    page.send(kind="sort", of="versions", column="version", descending=False)
    assert page.column("version")[:2] == ["1", "2"]
    page.send(kind="filter", text=" 17 ")
    assert page.column("version") == ["17"]
    page.send(kind="filter", text="tags.even = '1' and version_number < 5")
    assert page.column("version") == ["2", "4"]
    assert page.versions["count"] == "2 versions that match"
    state = page.send(kind="filter", text="version_number >")
    assert state["refusal"].splitlines()[1] == "version_number >"
    assert (state["typed"], page.column("version")) == ("version_number >", ["2", "4"])
    assert "not sorted by" in page.send(kind="sort", of="versions", column="run", descending=True)["problem"]


def test_a_thousand_versions_are_shown_as_fast_as_a_few(page: Page, client: MltrackClient) -> None:
    few = count_calls(lambda: page.panel._read(*listings(page), NAME))
    model_id = client.get_model_version(NAME, "1").model_id
    for _ in range(1_000):
        client.create_model_version(NAME, f"models:/{model_id}")
    assert count_calls(lambda: page.panel._read(*listings(page), NAME)) < 5 * few


def listings(page: Page) -> tuple[Any, Any]:
    return page.panel._models_listing, page.panel._versions_listing


# Nothing, and what goes away


def test_an_empty_registry_says_what_fills_it(client: MltrackClient) -> None:
    page = Page(model_versions())
    assert page.state["models"]["empty"]["code"] == 'mltrack.register_model(info.model_uri, "name")'
    assert "No registered models yet" in page.panel.text
    assert "register_model" in Structure(page.panel._data(live=False, picture=True)["text/html"]).text
    client.create_registered_model(NAME)
    page.panel.refresh()
    assert page.versions["empty"]["code"] == 'mltrack.register_model(info.model_uri, "cancer")'
    assert page.panel.to_dataframe().empty
    with pytest.raises(NotFoundError):
        model_versions("none")


def test_a_model_that_is_deleted_closes(page: Page, client: MltrackClient) -> None:
    every = Page(model_versions())
    client.delete_registered_model(NAME)
    every.panel.refresh()
    assert every.state["versions"] is None
    page.panel.refresh()
    assert "no registered model 'cancer'" in page.state["problem"]


# As data, as HTML, as text


def test_versions_as_a_frame(page: Page) -> None:
    page.act("alias", "2", alias="champion")
    frame = page.panel.to_dataframe()
    assert frame["version"].tolist() == [3, 2, 1]
    assert frame["aliases"].tolist() == ["", "champion", ""]
    assert frame["metrics.accuracy"].tolist() == [0.93, 0.92, 0.91]
    register("churn", "other")
    assert model_versions().to_dataframe()["name"].tolist()[0] == "churn"


def test_what_stays_without_a_kernel(page: Page) -> None:
    page.act("alias", "2", alias="champion")
    page.act("describe", text="Tells one from the other")
    text = page.panel.text
    assert text.splitlines()[:2] == ["cancer · 3 versions · champion 2", "Tells one from the other"]
    assert "0.93 ↑ 0.01" in text
    html = Structure(page.panel._data(live=False, picture=True)["text/html"])
    assert {"table", "caption"} <= set(html.names)
    assert "button" not in html.names
    for word in ("fit 3", "champion", "C 1.0 → 1.5", "Tells one from the other"):
        assert word in html.text
    page.send(kind="compare", version="1")
    assert "2 runs" in page.panel._body(page.panel.image()).html or "compared" in page.panel.kept().html


def test_the_table_is_saved_as_a_picture(page: Page, tmp_path: Path) -> None:
    assert page.panel.save(tmp_path / "x.svg").stat().st_size > 1_000


def test_the_registry_may_be_another_store(tmp_path: Path) -> None:
    mltrack.set_registry_uri(tmp_path / "registry.db")
    register(run_name="here", accuracy=0.5)
    page = Page(model_versions(NAME))
    assert page.column("run") == ["here"]
    before = page.panel.version()
    MltrackClient().set_registered_model_alias(NAME, "champion", "1")
    assert page.panel.version() != before
