"""The models' panel: registered models, their versions, what the runs of these gave, and what may be done to them."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mltrack.client import MltrackClient
from mltrack.entities import ModelVersion
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.models.sources import MODELS
from mltrack.settings import get_registry
from mltrack_widgets.format import one_line
from mltrack_widgets.html import join
from mltrack_widgets.panels.compare import ComparePanel
from mltrack_widgets.panels.model_actions import check_files, checked_words
from mltrack_widgets.panels.model_frame import versions_frame
from mltrack_widgets.panels.model_kept import joined, kept_models, kept_versions
from mltrack_widgets.panels.model_pages import NEWEST_FIRST, Listing, read_models, read_versions, run_ids
from mltrack_widgets.panels.model_requests import ModelRequests
from mltrack_widgets.panels.model_state import models_state, versions_state
from mltrack_widgets.panels.page_requests import PROBLEM_WIDTH
from mltrack_widgets.panels.panel import Panel
from mltrack_widgets.panels.run_set import run_set

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from ipywidgets import DOMWidget

    from mltrack_widgets.bundle import Bundle
    from mltrack_widgets.html import Markup
    from mltrack_widgets.panels.model_pages import ModelsPage, VersionsPage

_STALE_MS = 1_000


def model_versions(name: str | None = None) -> ModelsPanel:
    """Show the registered models, or the versions of one, newest first, with the metrics of their runs.

    Parameters
    ----------
    name
        Of one registered model; default: all, of which one at a time opens.

    Raises
    ------
    NotFoundError
        When there is no registered model of that name.
    """
    return ModelsPanel(name)


class ModelsPanel(Panel):
    """Registered models, and the versions of the one that is open; with a ``name`` those of this one alone.

    What is done by its buttons goes through ``MltrackClient`` and can be done with it as well.
    """

    live = True

    def __init__(self, name: str | None = None) -> None:
        super().__init__(run_set(everywhere=True))  # its selection holds the runs of the chosen versions
        self._client = MltrackClient()
        self._registry = get_registry()
        self._is_one = name is not None
        self._numbers: tuple[str, ...] = ()
        self._checked: dict[str, str] = {}
        self._said = self._problem = ""
        self._quiet = 0
        self._version: tuple[int, object] | None = None
        self._comparison: ComparePanel | None = None
        self._is_comparing = False
        self._parts: dict[str, Any] = {}
        self._models: ModelsPage | None = None
        self._versions: VersionsPage | None = None
        self._requests = ModelRequests(self)
        self._read(Listing(), Listing(order=NEWEST_FIRST), name)

    # What is looked at

    @property
    def name(self) -> str | None:
        """The registered model whose versions are shown; None where none is open."""
        return None if self._versions is None else self._versions.model.name

    def open(self, name: str) -> None:
        """Show the versions of a registered model.

        Raises
        ------
        NotFoundError
            When there is none of that name.
        InvalidParameterError
            When the panel is about another one alone.
        """
        if self._is_one and name != self.name:
            raise InvalidParameterError(f"This panel shows {self.name!r} alone; open mltrack.model_versions().")
        with self._lock:
            if name != self.name:
                self._read(self._models_listing, Listing(order=NEWEST_FIRST), name)
                self._checked, self._said = {}, ""
                self.choose([])
        self.push()

    @property
    def filter(self) -> str:
        """The search that the shown versions match, such as ``version_number >= 3``; may be set."""
        return self._versions_listing.typed

    @filter.setter  # noqa: A003 - the name that users know from searches
    def filter(self, filter_string: str) -> None:
        self.list_versions(lambda listing: replace(listing, typed=filter_string.strip(), tokens=()))

    def list_models(self, change: Callable[[Listing], Listing]) -> None:
        """Show other rows of the registered models; when that is refused, everything stays as it is."""
        with self._lock:
            self._read(change(self._models_listing), self._versions_listing, self.name)
        self.push()

    def list_versions(self, change: Callable[[Listing], Listing]) -> None:
        """Show other rows of the versions; when that is refused, everything stays as it is."""
        with self._lock:
            self._read(self._models_listing, change(self._versions_listing), self.name)
        self.push()

    def turn(self, of: str, to: str) -> None:
        """Show another page of the ``"models"`` or the ``"versions"``: ``"next"``, ``"previous"`` or ``"first"``."""
        page = self._models if of == "models" else self._versions
        if page is not None:
            change = self.list_models if of == "models" else self.list_versions
            change(lambda listing: listing.turned(to, page.token))

    @property
    def _models_listing(self) -> Listing:
        return Listing() if self._models is None else self._models.listing

    @property
    def _versions_listing(self) -> Listing:
        return Listing(order=NEWEST_FIRST) if self._versions is None else self._versions.listing

    def _read(self, models: Listing, versions: Listing, name: str | None) -> None:
        """Read what is shown and make it the present, or raise and leave what was."""
        listed = None if self._is_one else read_models(self._client, models)
        if name is None and listed is not None and len(listed.models) == 1 and not models.typed:
            name = listed.models[0].name
        try:
            opened = None if name is None else read_versions(self._client, name, versions, self._runs)
        except NotFoundError:
            if self._is_one:
                raise
            opened = None  # somebody removed it
        self._models, self._versions, self._read_ms = listed, opened, _now()

    # What is chosen

    @property
    def chosen(self) -> tuple[str, ...]:
        """The numbers of the chosen versions, in the order in which they were chosen."""
        return self._numbers

    @property
    def selection(self) -> tuple[str, ...]:
        """The chosen versions as URIs (``models:/cancer/3``); may be set to these, to numbers or to versions."""
        return tuple(f"{MODELS}{self.name}/{each}" for each in self._numbers)

    @selection.setter
    def selection(self, versions: Iterable[Any]) -> None:
        wanted = [versions] if isinstance(versions, (str, int, ModelVersion)) else list(versions)
        self.choose([self._number(each) for each in wanted])

    def choose(self, numbers: Sequence[str]) -> None:
        """Choose exactly these versions of the open model; those that are not there are left out."""
        with self._lock:
            self._numbers = tuple(dict.fromkeys(numbers))
            found = self._chosen_versions()
            self._numbers = tuple(each.version for each in found)
            self._chosen.choose(run_ids(found))
        self.push()

    def _number(self, version: object) -> str:
        text = version.version if isinstance(version, ModelVersion) else str(version)
        number = text.removeprefix(f"{MODELS}{self.name}/")
        if self.name is None:
            raise InvalidParameterError("No registered model is open; choose one with .open(name).")
        return self._client.get_model_version(self.name, number).version

    def _chosen_versions(self) -> list[ModelVersion]:
        if self._versions is None:
            return []
        here = {each.version: each for each in self._versions.versions}
        return [found for each in self._numbers if (found := here.get(each) or self._find(each)) is not None]

    def _find(self, number: str) -> ModelVersion | None:
        try:
            return self._client.get_model_version(str(self.name), number)
        except MltrackError:  # it was removed, or the page made it up
            return None

    def _selection_changed(self) -> None:
        self.push()

    # What is done

    def say(self, words: str) -> None:
        """Say something above the versions, until something else is done or chosen."""
        self._said = words

    def do(self, action: Callable[[MltrackClient], str]) -> None:
        """Do something to versions, and say in words what was done."""
        self.say("")
        self.say(action(self._client))
        self.refresh()

    def check(self, name: str, versions: Sequence[str]) -> None:
        """Read the files of versions and say whether they are those that were registered."""
        found = check_files(self._client, name, versions)
        if name == self.name:
            self._checked |= found
            self.say(checked_words(found))
        self.push()

    def compare(self, *, on: bool = True) -> None:
        """Show the comparison of the chosen versions' runs below, or hide it; it follows what is chosen.

        Raises
        ------
        InvalidParameterError
            When the chosen versions have fewer than two runs.
        """
        if on and len(self._chosen.ids) < 2:
            raise InvalidParameterError("Choose two versions or more that were made by different runs.")
        self._show_comparison(on=on)

    def compare_with(self, number: str) -> None:
        """Show how the run of a version compares with those that are chosen, or with the champion's."""
        reference = self._versions.reference if self._versions is not None else None
        others = self._numbers or ((reference.version,) if reference is not None else ())
        self.choose([*others, number])
        self._show_comparison(on=True)

    def _show_comparison(self, *, on: bool) -> None:
        with self._lock:
            self._is_comparing = on
            if on and self._comparison is None:
                self._comparison = ComparePanel(self._runs, selection=self._chosen)
        self.push()

    @property
    def comparison(self) -> ComparePanel | None:
        """The comparison of the chosen versions' runs; None while it is not shown."""
        return self._comparison if self._is_comparing else None

    # As data and as files

    def to_dataframe(self) -> pd.DataFrame:
        """Give the versions of the open model, else of all, as a DataFrame with their runs' params and metrics."""
        return versions_frame(self._client, self._runs, self.name)

    @property
    def chart(self) -> Any:
        """The versions of the page as an Altair chart of texts."""
        from mltrack_widgets.charts.table import run_table_chart  # Altair takes a second, and the panel needs none

        frame = self.to_dataframe()
        return run_table_chart(
            frame[[name for name in frame if name not in ("source", "digest", "model_id", "run_id")]]
        )

    @property
    def text(self) -> str:
        """What a terminal shows."""
        return self._kept().text

    def _body(self, picture: Markup) -> Markup:
        compared = [self._comparison.kept()] if self._is_comparing and self._comparison is not None else []
        return join([self._kept().html, *compared, picture])

    def _kept(self) -> Bundle:
        with self._lock:
            parts = [] if self._models is None else [kept_models(self._models, self._read_ms)]
            if self._versions is not None:
                parts.append(kept_versions(self._versions, self._checked, self._read_ms))
            return joined(parts)

    def _picture_spec(self) -> Mapping[str, Any] | None:
        compared = self.comparison
        return None if compared is None else compared._picture_spec()

    def _data(self, *, live: bool, picture: bool) -> dict[str, Any]:
        if _now() - self._read_ms > _STALE_MS:
            self.refresh()
        return super()._data(live=live, picture=picture)

    # What goes on

    def version(self) -> object:
        """Give what is another value once there may be something new in the runs or the registry."""
        runs = self._runs.store
        return runs.version() if self._registry is runs else (runs.version(), self._registry.version())

    def refresh(self) -> None:
        """Read again if something was written, and tell the widget what has changed; what goes wrong is said in it."""
        if self._closed:
            return
        try:
            with self._lock:
                version = threading.get_ident(), self.version()
                if version != self._version:
                    self._read(self._models_listing, self._versions_listing, self.name)
                    self.choose(self._numbers)
                    self._version = version
            self._problem = ""
            if self._is_comparing and self._comparison is not None:
                self._comparison.refresh()
        except MltrackError as error:
            self._problem = one_line(str(error), PROBLEM_WIDTH)
        self.push()

    def close(self) -> None:
        """End what goes on behind the panel; what it shows stays as it is."""
        super().close()
        if self._comparison is not None:
            self._comparison.close()

    def show_fault(self, error: Exception) -> None:
        """Say in the panel why it is not kept up to date any more."""
        self._problem = one_line(f"Not kept up to date any more: {error}", PROBLEM_WIDTH)
        self.push()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Send nothing meanwhile: what is done in several steps is shown once, when it is finished."""
        with self._lock:
            self._quiet += 1
        try:
            yield
        finally:
            with self._lock:
                self._quiet -= 1

    # The widget

    def _make_view(self) -> DOMWidget:
        from ipywidgets import VBox  # with anywidget 35 ms, and only what is displayed needs it

        from mltrack_widgets.front.models_view import ModelsView  # as above

        view = ModelsView(state=self._state())
        view.on_msg(self._requests.handle)
        self._parts = {"box": VBox([view]), "view": view}
        self.push()
        return self._parts["box"]

    def _let_go(self) -> None:
        super()._let_go()
        self._parts = {}
        if self._comparison is not None:
            self._comparison._let_go()

    def push(self) -> None:
        """Send the present state, if it is another than the page has."""
        with self._lock:
            if not self._parts or self._quiet:
                return
            self._parts["view"].set_trait("state", self._state())
            shown = [self._parts["view"], *([self.comparison.view] if self.comparison is not None else [])]
            if list(self._parts["box"].children) != shown:
                self._parts["box"].children = shown

    def _state(self) -> dict[str, Any]:
        models, versions = self._models, self._versions
        now = _now()
        told: dict[str, Any] = {
            "models": None if models is None else models_state(models, self.name, now),
            "versions": versions and versions_state(versions, self._chosen_versions(), self._checked, now),
            "comparing": self._is_comparing,
            "said": self._said,
            "problem": self._problem,
        }
        return told | self._requests.state


def _now() -> int:
    return time.time_ns() // 1_000_000
