from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import time
import warnings
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.toy_library import NAME, forgotten, make_toybox, models

import mltrack
from mltrack.autologging import safety, switch
from mltrack.autologging.libraries import libraries_that_want
from mltrack.autologging.safety import AutologWarning
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def toybox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    make_toybox(tmp_path, monkeypatch)
    with forgotten():
        yield
        switch.reset()


def runs() -> list[Any]:
    return list(mltrack.search_runs(search_all_experiments=True, output_format="list"))


def is_patched() -> bool:
    return hasattr(models().Model.fit, "__wrapped__")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_the_library_may_be_imported_before_or_after(before: bool) -> None:
    if before:
        models()
    switch.autolog(libraries=[NAME])
    assert f"{NAME}.models" in sys.modules or not before
    models().Model().fit(1)
    assert [run.data.params["x"] for run in runs()] == ["1"]


def test_nothing_is_imported_by_switching_on() -> None:
    switch.autolog()
    assert NAME not in sys.modules
    assert "sklearn" not in sys.modules or not switch._state.patches.get("torch")


def test_on_and_off_a_hundred_times() -> None:
    before = models().Model.fit
    finders = list(sys.meta_path)
    for _ in range(100):
        switch.autolog(libraries=[NAME])
        assert is_patched()
        switch.autolog(disable=True, libraries=[NAME])
    assert models().Model.fit is before
    assert sys.meta_path == finders


def test_a_reload_is_patched_again() -> None:
    switch.autolog(libraries=[NAME])
    importlib.reload(models())
    models().Model().fit(1)
    assert len(runs()) == 1
    assert not hasattr(models().Model.fit.__wrapped__, "__wrapped__")


def test_a_module_that_another_thread_is_importing_is_patched() -> None:
    thread = threading.Thread(target=importlib.import_module, args=(f"{NAME}.slow",))
    thread.start()
    while f"{NAME}.slow" not in sys.modules:
        time.sleep(0.001)
    switch.autolog(libraries=[NAME])
    assert hasattr(sys.modules[f"{NAME}.slow"].late, "__wrapped__")
    thread.join()


def test_a_module_that_another_thread_begins_to_import_anew_is_not_patched_half_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That thread tells of it once it is whole."""
    module = models()

    def and_then_it_begins(name: str) -> Any:
        if name == module.__name__:
            sys.modules[name] = ModuleType(name)
        return libraries_that_want(name)

    monkeypatch.setattr(switch, "libraries_that_want", and_then_it_begins)
    switch.autolog(libraries=[NAME])
    assert hasattr(module.Model.fit, "__wrapped__")


def test_switching_while_others_import_does_not_lock_up() -> None:
    def import_again() -> None:
        for _ in range(20):
            for name in (f"{NAME}.models", NAME):
                sys.modules.pop(name, None)
            importlib.import_module(f"{NAME}.models")

    threads = [threading.Thread(target=import_again, daemon=True)]
    threads += [threading.Thread(target=_toggle, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)
    switch.autolog(libraries=[NAME])
    assert is_patched()


def _toggle() -> None:
    for _ in range(50):
        switch.autolog(libraries=[NAME])
        switch.autolog(disable=True, libraries=[NAME])


def test_a_lazy_module_is_not_woken() -> None:
    spec = importlib.util.find_spec(f"{NAME}.slow")
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[f"{NAME}.slow"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    switch.autolog(libraries=[NAME])
    assert "late" not in object.__getattribute__(module, "__dict__")


def on() -> None:
    switch.autolog()


def off() -> None:
    switch.autolog(disable=True)


def cells() -> None:
    switch.listen_in_cells(on=True)


def this_on() -> None:
    switch.autolog(libraries=[NAME])


def this_off() -> None:
    switch.choose(NAME, on=False)


@pytest.mark.parametrize(
    ("steps", "word", "outside", "inside"),
    [
        ([], "off", False, False),
        ([on], "on", True, True),
        ([cells], "in tracked cells", False, True),
        ([cells, on], "on", True, True),
        ([cells, on, off], "off", False, False),
        ([cells, off, switch.forget], "in tracked cells", False, True),
        ([cells, this_off], "off", False, False),
        ([on, this_off], "off", False, False),
        ([this_off, on], "on", True, True),
        ([off, this_on], "on", True, True),
        ([cells, this_off, lambda: switch.forget([NAME])], "in tracked cells", False, True),
        ([cells, lambda: switch.listen_in_cells(on=False)], "off", False, False),
        ([on, switch.reset], "off", False, False),
    ],
)
def test_where_it_is_on(steps: list[Callable[[], None]], word: str, outside: bool, inside: bool) -> None:
    for step in steps:
        step()
    assert switch.status()[NAME] == word
    assert switch.is_on(NAME) == outside
    with mltrack.start_run() as run:
        assert switch.is_on(NAME) == outside
        run.belong_to_cell()
        assert switch.is_on(NAME) == inside
        assert switch.follows(NAME) == (word != "off")
        switch.leave_out_cell(run.info.run_id)
        assert switch.is_on(NAME) == outside
    assert is_patched() == (word != "off")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: switch.autolog(libraries=["sklaern"]), "'sklaern'; it knows sklearn"),
        (lambda: switch.autolog(log_everything=True), "'log_everything'; it takes log_models"),
        (lambda: switch.autolog(libraries=[NAME], log_everything=True), "'log_everything'"),
        (lambda: switch.forget(["sklaern"]), "'sklaern'"),
    ],
)
def test_unknown_names_are_refused(call: Callable[[], None], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        call()
    assert switch.status()[NAME] == "off"


def test_mlflows_arguments_are_taken() -> None:
    switch.autolog(
        log_input_examples=True, log_model_signatures=False, log_models=False, log_datasets=False, log_traces=False,
        exclusive=True, disable_for_unsupported_versions=True, silent=True, extra_tags={"a": "b"},
        exclude_flavors=["keras", "langchain"],
    )  # fmt: skip
    assert (switch.status()["keras"], switch.status()["sklearn"]) == ("off", "on")
    found = switch.options_of(NAME)
    assert (found.log_models, found.log_datasets, found.exclusive, found.extra_tags) == (False, False, True, {"a": "b"})


def test_options_of_one_library_stay_its_own() -> None:
    switch.autolog(log_datasets=False)
    switch.autolog(libraries=["sklearn"], exclusive=True)
    assert switch.options_of("sklearn").exclusive
    assert not switch.options_of(NAME).exclusive
    assert not switch.options_of(NAME).log_datasets
    switch.autolog()
    assert not switch.options_of("sklearn").exclusive


@pytest.mark.parametrize(
    ("version", "strict", "patched"),
    [("1.1", False, False), ("1.2", False, True), ("1.5.9", True, True), ("1.6", False, True), ("1.6", True, False)],
)
def test_versions_that_are_not_known(version: str, strict: bool, patched: bool) -> None:
    models()
    sys.modules[NAME].__version__ = version  # type: ignore[attr-defined]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        switch.autolog(libraries=[NAME], disable_for_unsupported_versions=strict)
        models().Model().fit(1)
    assert is_patched() == patched
    found = [str(each.message) for each in caught if each.category is AutologWarning]
    assert len(found) == (0 if patched else 1)
    assert patched or (f"toybox {version} is not logged" in found[0] and "1.2 to 1.5 are known to work" in found[0])


def test_a_fault_while_patching_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLTRACK_TEST_MODE")
    monkeypatch.setattr(safety, "inject", lambda _: 1 / 0)
    models()
    with pytest.warns(AutologWarning, match="toybox: patching it .*ZeroDivisionError") as caught:
        switch.autolog(libraries=[NAME])
    assert not is_patched()
    # what the collector finds meanwhile of other tests warns, too
    assert [each.category for each in caught if each.category is not ResourceWarning] == [AutologWarning]


def test_silent_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLTRACK_TEST_MODE")
    monkeypatch.setattr(safety, "inject", lambda _: 1 / 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        switch.autolog(libraries=[NAME], silent=True)
        models().Model().fit(1)
