"""The models' panel's other end for tests: models to register, and a page that sends and reads as a browser's does."""

from __future__ import annotations

from typing import Any

from tests.core.logged import write_files
from tests.widgets.panel_runs import add_run

import mltrack
from mltrack.settings import get_store
from mltrack.store.model_protocol import NewLoggedModel
from mltrack_widgets.panels.model_versions import ModelsPanel, model_versions

NAME = "cancer"


def register(name: str = NAME, run_name: str = "run", C: float = 1.0, **metrics: float) -> str:  # noqa: N803
    """Log a run with a model and register it; gives the number of the version."""
    run_id = add_run(run_name, params={"C": C, "solver": "lbfgs"}, metrics=metrics)
    return mltrack.register_model(f"models:/{model_of(run_id)}", name).version


def model_of(run_id: str) -> str:
    """Log a model of a run, with files that no other has; gives its id."""
    model_id = get_store().create_logged_model(NewLoggedModel("0", "clf", source_run_id=run_id)).model_id
    write_files(get_store(), model_id, {"MLmodel": f"model_id: {model_id}\n".encode()})  # type: ignore[arg-type]
    get_store().finalize_logged_model(model_id, "READY")
    return model_id


class Page:
    """Stands for the browser's: sends messages with serials, and reads the widget's state as it was sent."""

    def __init__(self, panel: ModelsPanel) -> None:
        self.panel = panel
        self.panel.view  # noqa: B018 - it is made when it is first looked at
        self.serial = 0

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.panel._parts["view"].state)

    @property
    def versions(self) -> dict[str, Any]:
        found: dict[str, Any] = self.state["versions"]
        return found

    def send(self, **content: object) -> dict[str, Any]:
        self.serial += 1
        self.panel._requests.handle(None, {**content, "page": "here", "serial": self.serial}, [])
        assert self.state["answered"]["here"] == self.serial
        return self.state

    def act(self, kind: str, *versions: str, **content: object) -> str:
        """Do something to versions and give what is said of it."""
        state = self.send(kind=kind, name=NAME, versions=versions, **content)
        assert state["problem"] == ""
        return str(state["said"])

    def column(self, key: str, of: str = "versions") -> list[str]:
        table = self.state[of]
        place = [column["key"] for column in table["columns"]].index(key)
        return [row["cells"][place][0] for row in table["rows"]]

    @property
    def keys(self) -> list[str]:
        return [column["key"] for column in self.versions["columns"]]


def three_versions() -> Page:
    """Register three versions of one model by three runs, and open its panel."""
    for place in (1, 2, 3):
        register(run_name=f"fit {place}", C=place / 2, accuracy=0.9 + place / 100, loss=1 / place)
    return Page(model_versions(NAME))
