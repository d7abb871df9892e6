"""A library of three modules that autolog knows for the length of a test, with what is logged of it."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mltrack.autologging import libraries, switch
from mltrack.autologging.calls import Call, watched
from mltrack.autologging.libraries import LIBRARIES, Library

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    import pytest

    from mltrack.autologging.patches import Patches

NAME = "toybox"
SOURCES = {
    "__init__.py": "__version__ = '1.5'\n",
    "models.py": """
class Base:
    def inherited(self):
        return "inherited"

class Model(Base):
    def fit(self, x, y=None):
        'Fits.'
        self.inner = x
        if callable(x):
            return x()
        return self

    @staticmethod
    def static(x):
        return x

    @classmethod
    def make(cls):
        return cls

def train(x):
    return Model().fit(x)
""",
    "slow.py": "import time\ntime.sleep(0.3)\ndef late():\n    return 1\n",
    "broken.py": "raise ValueError('toybox.broken')\n",
}


def make_toybox(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the package on the path, and tell autolog of it: every ``fit`` of a model is logged."""
    package = folder / "packages" / NAME
    package.mkdir(parents=True)
    for name, source in SOURCES.items():
        (package / name).write_text(source)
    monkeypatch.syspath_prepend(str(package.parent))
    library = Library(NAME, (f"{NAME}.*",), "1.2", "1.5")
    monkeypatch.setitem(LIBRARIES, NAME, library)
    monkeypatch.setitem(libraries._BY_ROOT, NAME, [library])
    framework: Any = ModuleType(f"mltrack.frameworks.{NAME}")
    framework.patch, framework.Options = patch, switch.Options
    monkeypatch.setitem(sys.modules, framework.__name__, framework)
    importlib.invalidate_caches()


def patch(module_name: str, module: ModuleType, patches: Patches) -> None:
    if module_name == f"{NAME}.models":
        patches.wrap(module.Model, "fit", watched(NAME, watch_fit))
    if module_name == f"{NAME}.slow":
        patches.wrap(module, "late", watched(NAME, watch_fit))


def watch_fit(call: Call) -> Generator[None, Any, None]:
    fit = call.begin_fit()
    fit.log_params({"x": call.args[1] if len(call.args) > 1 else None})
    result = yield
    fit.log_metrics({"same": float(result is call.args[0])})


def models() -> Any:
    return importlib.import_module(f"{NAME}.models")


@contextmanager
def forgotten() -> Iterator[None]:
    """Forget that the package was imported, before and after."""
    for _ in range(2):
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            del sys.modules[name]
        if _ == 0:
            yield
