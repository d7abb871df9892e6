"""What is done in the models' panel: versions chosen, compared, promoted, named, described, and their files checked."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.widgets.model_pages import NAME, Page, register, three_versions

from mltrack import MltrackClient
from mltrack.exceptions import NotFoundError
from mltrack_widgets.panels.model_versions import model_versions


@pytest.fixture
def client() -> MltrackClient:
    return MltrackClient()


@pytest.fixture
def page() -> Page:
    return three_versions()


# What is chosen, and compared


def test_chosen_versions_are_the_selection_and_their_runs_are_compared(page: Page, client: MltrackClient) -> None:
    page.send(kind="select", add=["1"], only=True)
    page.send(kind="select", add=["3"])
    assert page.panel.selection == ("models:/cancer/1", "models:/cancer/3")
    assert "colour" in page.versions["rows"][0]
    assert "different runs" in Page(model_versions(NAME)).send(kind="compare", on=True)["problem"]
    page.send(kind="compare", on=True)
    assert page.state["comparing"]
    panel = page.panel.comparison
    assert panel is not None
    assert [run.info.run_name for run in panel.comparison.runs] == ["fit 1", "fit 3"]
    assert len(page.panel.view.children) == 2
    page.send(kind="select", add=["2"])
    assert len(panel.comparison.runs) == 3
    page.send(kind="select", drop=["1", "2", "3"])
    assert not page.panel.selection
    page.send(kind="compare", on=False)
    assert len(page.panel.view.children) == 1


def test_a_run_is_compared_with_the_champions(page: Page, client: MltrackClient) -> None:
    client.set_registered_model_alias(NAME, "champion", "2")
    page.panel.refresh()
    page.send(kind="compare", version="3")
    assert page.panel.chosen == ("2", "3")
    assert page.panel.comparison is not None


def test_the_selection_is_set_to_numbers_uris_and_versions(page: Page, client: MltrackClient) -> None:
    page.panel.selection = [3, "models:/cancer/1", client.get_model_version(NAME, "2")]
    assert page.panel.chosen == ("3", "1", "2")
    assert [each["version"] for each in page.versions["chosen"]] == ["3", "1", "2"]
    with pytest.raises(NotFoundError):
        page.panel.selection = ["7"]
    assert page.panel.chosen == ("3", "1", "2")
    page.send(kind="select", add=["7", "x"], only=True)
    assert not page.panel.chosen
    client.delete_model_version(NAME, "3")
    page.panel.selection = ["1"]
    client.delete_model_version(NAME, "1")
    page.panel.refresh()
    assert not page.panel.chosen, "what is gone is not chosen"


# What is done


def test_versions_are_promoted(page: Page, client: MltrackClient) -> None:
    assert page.act("promote", "1", stage="Staging") == "Version 1 is in Staging now; before: in no stage."
    assert page.act("promote", "1", stage="Production") == "Version 1 is in Production now; before: in Staging."
    said = page.act("promote", "2", "3", stage="Production", archive=True)
    assert said == "Versions 2 and 3 are in Production now. Archived: version 1."
    assert page.column("stage") == ["Production", "Production", "Archived"]
    said = page.act("promote", "3", stage="Production", archive=True)
    assert said == "Version 3 is in Production now. Archived: version 2."
    assert page.act("promote", "3", stage="None") == "Version 3 is in no stage now; before: in Production."
    assert "no stage; these are" in page.send(kind="promote", name=NAME, versions=["1"], stage="Best")["problem"]
    assert page.state["said"] == ""
    assert "Choose a version" in page.send(kind="promote", name=NAME, versions=[], stage="Staging")["problem"]
    assert "no version 9" in page.send(kind="promote", name=NAME, versions=["9"], stage="Staging")["problem"]


def test_aliases_are_set_moved_and_removed(page: Page, client: MltrackClient) -> None:
    assert page.act("alias", "3", alias=" champion ") == "champion now names version 3."
    assert page.act("alias", "2", alias="champion") == "champion now names version 2; before: version 3."
    assert page.act("alias", "2", alias="champion") == "champion names version 2, as before."
    assert page.versions["rows"][1]["aliases"] == ["champion"]
    assert "no alias" in page.send(kind="alias", name=NAME, versions=["2"], alias="my alias")["problem"]
    assert "reserved" in page.send(kind="alias", name=NAME, versions=["2"], alias="latest")["problem"]
    assert page.act("unalias", alias="champion") == "champion names no version now; before: version 2."
    assert page.act("unalias", alias="champion") == "There is no alias champion any more."


def test_versions_and_the_model_are_described(page: Page, client: MltrackClient) -> None:
    assert page.act("describe", "2", text=" second \n") == "The description of version 2 is saved."
    assert client.get_model_version(NAME, "2").description == "second"
    assert page.column("description") == ["", "second", ""]
    assert page.act("describe", text="All of them") == "The description of this model is saved."
    assert page.versions["description"] == "All of them"
    assert page.act("describe", "2", text="") == "There is no description of version 2 now."


def test_files_are_checked_when_asked_for(page: Page, client: MltrackClient) -> None:
    place = Path(client.get_model_version_download_uri(NAME, "2"))
    (place / "MLmodel").chmod(0o600)
    (place / "MLmodel").write_text("changed")
    gone = Path(client.get_model_version_download_uri(NAME, "1"))
    for file in sorted(gone.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    client.create_model_version(NAME, "s3://bucket/model")
    page.panel.refresh()
    assert "files" not in page.keys
    said = page.act("check", "4", "3", "2", "1")
    assert "Version 3: unchanged." in said
    assert page.column("files") == ["not recorded", "unchanged", "files changed", "files gone"]


def test_the_line_that_serves_a_version_can_be_typed(client: MltrackClient) -> None:
    register("my model's")
    page = Page(model_versions("my model's"))
    page.send(kind="select", add=["1"])
    assert shlex.split(page.versions["chosen"][0]["serve"]) == ["%mltrack", "serve", "models:/my model's/1"]


def test_another_panel_follows(page: Page) -> None:
    other = Page(model_versions(NAME))
    before = other.panel.version()
    page.act("alias", "1", alias="champion")
    assert other.panel.version() != before
    other.panel.refresh()
    assert other.versions["aliases"] == {"champion": "1"}


@pytest.mark.parametrize("message", [None, "show", {}, {"kind": 7}, {"kind": "select", "add": 5}, {"kind": "alias"}])
def test_messages_that_mean_nothing(page: Page, message: Any) -> None:
    before = page.versions
    page.panel._requests.handle(None, message, [])
    assert page.versions == before
