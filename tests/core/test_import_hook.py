from __future__ import annotations

import gc
import importlib
import importlib.util
import inspect
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.toy_library import NAME, forgotten, make_toybox
from tests.quickness import count_calls

from mltrack.autologging.import_hook import ImportHook, is_asleep, is_being_imported, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Told(list[str]):
    """A list of what was told."""

    def __call__(self, name: str) -> None:
        assert name in sys.modules
        self.append(name)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    make_toybox(tmp_path, monkeypatch)
    told = Told()
    hook = ImportHook(told)
    with forgotten():
        hook.watch(frozenset({NAME}))
        yield told
        hook.watch(frozenset())
    assert hook not in sys.meta_path


def test_watching_leaves_the_other_finders_as_they_are() -> None:
    before, iterated = list(sys.meta_path), iter(sys.meta_path)
    next(iterated)
    hook = ImportHook(Told())
    for _ in range(3):
        hook.watch(frozenset({NAME}))
        assert sys.meta_path == [hook, *before]
        hook.watch(frozenset())
    assert sys.meta_path == before
    assert list(iterated) == before[1:], "another thread that is looking for a module misses a finder"


def test_modules_are_told_once_executed(told: Told) -> None:
    importlib.import_module(f"{NAME}.models")
    assert told == [NAME, f"{NAME}.models"]


def test_a_module_looks_as_if_nobody_watched(told: Told) -> None:
    module = importlib.import_module(f"{NAME}.models")
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert module.__spec__ is not None
    assert module.__spec__.loader is module.__loader__
    assert "def train" in inspect.getsource(module)


def test_asking_for_a_spec_imports_and_tells_nothing(told: Told) -> None:
    spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    assert "1.5" in spec.loader.get_source(NAME)  # type: ignore[attr-defined]
    assert told == []


def test_a_reload_is_told_again(told: Told) -> None:
    module = importlib.import_module(f"{NAME}.models")
    importlib.reload(module)
    assert told.count(f"{NAME}.models") == 2


def test_a_module_that_fails_is_not_told(told: Told) -> None:
    with pytest.raises(ValueError, match=r"toybox\.broken"):
        importlib.import_module(f"{NAME}.broken")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{NAME}.absent")
    assert told == [NAME]


def test_other_finders_that_ask_everybody_do_no_harm(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asking:
        """Finds a module by asking all finders, as some hooks do; each asks the other."""

        def find_spec(self, name: str, *_: Any) -> Any:
            if not name.startswith(NAME):
                return None
            found = (each.find_spec(name, *_) for each in sys.meta_path if each is not self)
            return next((spec for spec in found if spec is not None), None)

    monkeypatch.setattr(sys, "meta_path", [Asking(), *sys.meta_path])
    importlib.import_module(f"{NAME}.models")
    assert f"{NAME}.models" in told


def test_a_lazy_module_is_told_when_it_wakes_and_is_not_woken(told: Told) -> None:
    spec = importlib.util.find_spec(f"{NAME}.models")
    assert spec is not None
    assert spec.loader is not None
    loader = spec.loader = importlib.util.LazyLoader(spec.loader)
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[f"{NAME}.models"] = module
    loader.exec_module(module)
    assert is_asleep(module)
    assert not is_being_imported(module)
    assert told == [NAME]
    assert module.train is not None
    assert told == [NAME, f"{NAME}.models"]
    assert not is_asleep(module)


def test_threads_that_import_at_once_are_told_once(told: Told) -> None:
    threads = [threading.Thread(target=importlib.import_module, args=(f"{NAME}.slow",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(f"{NAME}.slow") == 1


def test_waiting_for_a_module_that_another_thread_imports(told: Told, tmp_path: Path) -> None:
    package: Any = importlib.import_module(NAME)
    package.may_end = may_end = threading.Event()
    code = f"import {NAME}\n{NAME}.may_end.wait(60)\ndef late():\n    return 1\n"
    (tmp_path / "packages" / NAME / "held.py").write_text(code)
    importlib.invalidate_caches()
    thread = threading.Thread(target=importlib.import_module, args=(f"{NAME}.held",))
    thread.start()
    try:
        while f"{NAME}.held" not in sys.modules:
            assert thread.is_alive()
            time.sleep(0.001)
        module = sys.modules[f"{NAME}.held"]
        assert is_being_imported(module)
        threading.Timer(0.3, may_end.set).start()
        wait_for(f"{NAME}.held")
        assert not is_being_imported(module)
        assert hasattr(module, "late")
    finally:
        may_end.set()
        thread.join()


def test_other_packages_are_looked_up_as_fast_as_before(told: Told) -> None:
    """An import of anything else pays for one comparison."""
    hook = sys.meta_path[0]
    gc.disable()  # a collection would call what others, as hypothesis, have it call
    try:
        calls = count_calls(lambda: hook.find_spec("json.decoder", None, None))
    finally:
        gc.enable()
    assert hook.find_spec("json.decoder", None, None) is None
    assert calls <= 3, "the lambda's, the hook's, and one more"
