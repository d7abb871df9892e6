from __future__ import annotations

import functools
import threading
import warnings
from typing import Any

import pytest

from mltrack.autologging import safety
from mltrack.autologging.libraries import Library
from mltrack.autologging.patches import Patches
from mltrack.autologging.safety import AutologWarning

TOY = Library("toy", ("toy",), "1.0", "2.0")


def loud(original: Any) -> Any:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return ("loud", original(*args, **kwargs))

    return call


def decorated(function: Any) -> Any:
    @functools.wraps(function)
    def outer(*args: Any) -> Any:
        return function(*args)

    return outer


@pytest.fixture
def kind() -> Any:
    class Base:
        def inherited(self) -> str:
            return "inherited"

    class Kind(Base):
        def method(self) -> str:
            return "method"

        @staticmethod
        def static() -> str:
            return "static"

        @classmethod
        def named(cls) -> str:
            return cls.__name__

    return Kind


@pytest.mark.parametrize(
    ("name", "result"), [("method", "method"), ("static", "static"), ("named", "Kind"), ("inherited", "inherited")]
)
def test_a_patch_is_put_back_as_the_same_object(kind: Any, name: str, result: str) -> None:
    before = dict(vars(kind))
    for _ in range(100):
        patches = Patches(TOY)
        assert patches.wrap(kind, name, loud)
        assert getattr(kind(), name)() == ("loud", result)
        patches.undo()
        assert getattr(kind(), name)() == result
    assert dict(vars(kind)) == before
    assert all(vars(kind)[each] is before[each] for each in before)


def test_an_inherited_method_is_patched_on_the_subclass_alone(kind: Any) -> None:
    patches = Patches(TOY)
    patches.wrap(kind, "inherited", loud)
    assert kind.__base__().inherited() == "inherited"
    patches.undo()
    assert "inherited" not in vars(kind)


def test_wrapping_twice_changes_nothing(kind: Any) -> None:
    patches = Patches(TOY)
    assert patches.wrap(kind, "method", loud)
    assert patches.wrap(kind, "method", loud)
    assert (kind().method(), len(patches)) == (("loud", "method"), 1)


def test_what_somebody_put_over_ours_stays(kind: Any) -> None:
    patches = Patches(TOY)
    patches.wrap(kind, "method", loud)
    theirs = kind.method = loud(kind.method)
    patches.undo()
    assert kind.method is theirs
    again = Patches(TOY)
    again.wrap(kind, "method", loud)
    again.undo()
    assert kind.method is theirs


def test_ours_that_somebody_put_back_is_not_wrapped_again(kind: Any) -> None:
    original = kind.method
    patches = Patches(TOY)
    patches.wrap(kind, "method", loud)
    ours = kind.method
    patches.undo()
    for _ in range(3):
        kind.method = ours  # as one who had kept it does when he takes his own patch off
        again = Patches(TOY)
        again.wrap(kind, "method", loud)
        assert kind().method() == ("loud", "method")
        again.undo()
        assert kind.method is original


def test_a_closure_is_patched_inside_and_stays_the_same_function() -> None:
    def inner(x: int) -> int:
        return x + 1

    outer = decorated(inner)
    patches = Patches(TOY)
    assert patches.wrap_closure(outer, "function", loud)
    assert outer(1) == ("loud", 2)
    patches.undo()
    assert outer(1) == 2
    assert outer.__closure__[0].cell_contents is inner
    assert not patches.wrap_closure(outer, "other", loud)
    assert not patches.wrap_closure(len, "function", loud)


def test_a_name_that_is_not_there_is_one_warning(kind: Any) -> None:
    patches = Patches(TOY, "3.1")
    with pytest.warns(AutologWarning, match=r"toy 3\.1 has no Kind\.gone.*versions 1\.0 to 2\.0"):
        assert not patches.wrap(kind, "gone", loud)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not patches.wrap(kind, "gone", loud)


def test_warnings_as_errors_change_nothing(kind: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Patches(TOY).wrap(kind, "gone", loud)
        safety.warn_once("something")


def test_nothing_is_patched_after_it_was_undone(kind: Any) -> None:
    patches = Patches(TOY)
    patches.undo()
    assert not patches.wrap(kind, "method", loud)
    assert kind().method() == "method"


def test_threads_that_patch_at_once_make_one_wrapper(kind: Any) -> None:
    patches = Patches(TOY)
    threads = [threading.Thread(target=patches.wrap, args=(kind, "method", loud)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kind().method() == ("loud", "method")


class Hooks(dict[int, Any]):
    """A library's own hooks, as torch has them."""

    def register(self, work: Any) -> Any:
        self[len(self)] = work
        return type("Handle", (), {"remove": staticmethod(self.clear)})()


def test_a_librarys_own_hook_is_registered_once_and_removed() -> None:
    hooks, patches = Hooks(), Patches(TOY)
    for _ in range(2):
        patches.hook(hooks, "register", print)
    assert list(hooks.values()) == [print]
    patches.undo()
    patches.hook(hooks, "register", print)
    assert hooks == {}


def test_a_hook_that_a_version_does_not_have_is_one_warning() -> None:
    safety.forget_warnings()
    with pytest.warns(AutologWarning, match="register_more"):
        Patches(TOY).hook(Hooks(), "register_more", print)
