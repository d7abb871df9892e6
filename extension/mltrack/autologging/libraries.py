"""The libraries that can be logged automatically: which of their modules matter, which versions are known to work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Library:
    """A library that ``mltrack.frameworks`` has a module for, under the same name.

    ``modules`` are those of its modules that are looked at once they have been executed; ``sklearn.*`` means every one
    below ``sklearn``. ``oldest`` and ``newest`` are the versions that the tests ran with; an older one is left alone.
    """

    name: str
    modules: tuple[str, ...]
    oldest: str
    newest: str

    @property
    def root(self) -> str:
        """The top-level package, which has the version."""
        return self.modules[0].partition(".")[0]

    @property
    def roots(self) -> frozenset[str]:
        """The top-level packages whose imports are watched."""
        return frozenset(each.partition(".")[0] for each in self.modules)

    def wants(self, module: str) -> bool:
        """Tell whether a module of this name is to be looked at."""
        return any(
            module == each or (each.endswith(".*") and f"{module}.".startswith(each[:-1])) for each in self.modules
        )


_ALL = (
    Library("sklearn", ("sklearn.*",), "1.4", "1.9"),
    Library("xgboost", ("xgboost",), "2.1", "3.2"),
    Library("lightgbm", ("lightgbm",), "4.5", "4.7"),
    Library("pytorch", ("torch",), "2.3", "2.13"),
    Library("lightning", ("pytorch_lightning", "lightning.pytorch"), "2.4", "2.6"),
    Library("keras", ("keras",), "3.3", "3.15"),
    Library("transformers", ("transformers", "transformers.trainer"), "4.41", "5.23"),
    Library("statsmodels", ("statsmodels.*",), "0.14", "0.15"),
    Library("optuna", ("optuna",), "3.5", "5.0"),
)
LIBRARIES = {library.name: library for library in _ALL}
"""Every library by the name it has in ``mltrack`` (``mltrack.sklearn.autolog``)."""
_BY_ROOT: dict[str, list[Library]] = {}
for _library in _ALL:
    for _root in _library.roots:
        _BY_ROOT.setdefault(_root, []).append(_library)


def libraries_that_want(module: str) -> list[Library]:
    """Give the libraries that a module of this name is to be looked at for."""
    return [library for library in _BY_ROOT.get(module.partition(".")[0], ()) if library.wants(module)]
