"""Whether a library is logged automatically: everywhere when asked for, else inside tracked cells where those listen.

Patches are in place from the first time anything may be logged until nothing can be any more. A patched call asks
``is_on`` first, so outside tracked cells it costs a microsecond.
"""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass, fields, replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from mltrack import active
from mltrack.autologging import safety
from mltrack.autologging.import_hook import ImportHook, is_asleep, is_being_imported, wait_for
from mltrack.autologging.libraries import LIBRARIES, libraries_that_want
from mltrack.autologging.patches import Patches
from mltrack.exceptions import InvalidParameterError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mltrack.autologging.libraries import Library


@dataclass(frozen=True, slots=True)
class Options:
    """What every library's ``autolog`` takes, under MLflow's names; a library's own options extend it.

    ``exclusive`` gives each fit a run of its own even where a run is active. ``log_input_examples`` is on, other than
    MLflow's: five rows of the data are kept with each model.
    """

    log_models: bool = True
    log_datasets: bool = True
    log_input_examples: bool = True
    log_model_signatures: bool = True
    exclusive: bool = False
    disable_for_unsupported_versions: bool = False
    silent: bool = False
    registered_model_name: str | None = None
    extra_tags: Mapping[str, str] | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Make the options of the arguments of a library's ``autolog``; what is none of them is left out."""
        return cls(**{each.name: given[each.name] for each in fields(cls) if each.name in given})


class _State:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.everywhere = False
        self.in_cells = False
        self.chosen: dict[str, bool] = {}
        self.options: dict[str, Options] = {}
        self.common: dict[str, Any] = {}
        self.patches: dict[str, Patches] = {}
        self.left_out_cells: set[str] = set()
        self.hook = ImportHook(_look_at)


def is_on(library: str) -> bool:
    """Tell whether a call of a library is to be logged, here and now."""
    chosen = _state.chosen.get(library)
    if chosen is not None:
        return chosen
    if _state.everywhere:
        return True
    if not _state.in_cells:
        return False
    cell = active.cell_run()
    return cell is not None and cell.info.run_id not in _state.left_out_cells


def follows(library: str) -> bool:
    """Tell whether what is done later with a fitted model is logged here, in a tracked cell or outside of them."""
    if not _is_wanted(library):
        return False
    cell = active.cell_run() if _state.left_out_cells else None
    return cell is None or cell.info.run_id not in _state.left_out_cells


def options_of(library: str) -> Options:
    """Give the options a library was switched on with; its defaults otherwise."""
    found = _state.options.get(library)
    if found is None:
        kind = getattr(import_module(f"mltrack.frameworks.{library}"), "Options", Options)
        known = {each.name for each in fields(kind)}
        found = kind(**{name: value for name, value in _state.common.items() if name in known})
        _state.options[library] = found
    return found


def choose(library: str, *, on: bool, options: Options | None = None) -> None:
    """Switch one library on or off everywhere, whatever is said of the others."""
    with _state.lock:
        _state.chosen[library] = on
        _state.options.pop(library, None)
        if options is not None:
            _state.options[library] = options
        _hear({library}, silent=options is not None and options.silent)
    _settle()


def autolog(
    disable: bool = False,  # noqa: FBT001, FBT002 - MLflow's signature
    *,
    libraries: Iterable[str] | None = None,
    exclude_flavors: Iterable[str] | None = None,
    **options: Any,
) -> None:
    """Log the training of models automatically, of every supported library or of some.

    Inside ``%%track_run`` cells this is on already; after this call it is on everywhere, and a fit without an active
    run makes a run of its own. ``mltrack.<library>.autolog`` does the same for one library with its own options.

    Parameters
    ----------
    disable
        Switch it off instead, inside tracked cells as well.
    libraries
        Their names, as ``["sklearn"]``; default: all.
    exclude_flavors
        Names of libraries that are switched off instead; those that are not known here are off anyway.
    options
        MLflow's: ``log_models``, ``log_datasets``, ``exclusive``, ``disable_for_unsupported_versions``, ``silent``,
        ``extra_tags``, ``log_input_examples``, ``log_model_signatures``.

    Raises
    ------
    InvalidParameterError
        For a library or an option that is not known.
    """
    options.pop("log_traces", None)  # MLflow's; there are no traces here
    _check_options(options)
    if libraries is not None:
        for name in _checked(libraries):
            choose(name, on=not disable, options=replace(options_of(name), **options) if options else None)
        return
    with _state.lock:
        _state.everywhere = not disable
        _state.chosen = dict.fromkeys(LIBRARIES if disable else set(exclude_flavors or ()) & LIBRARIES.keys(), False)
        _state.common, _state.options = dict(options), {}
        _hear(set(LIBRARIES), silent=bool(options.get("silent")))
    _settle()


def _check_options(options: Mapping[str, Any]) -> None:
    known = [each.name for each in fields(Options)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise InvalidParameterError(f"autolog does not know {unknown[0]!r}; it takes {', '.join(known)}.")


def _checked(libraries: Iterable[str]) -> list[str]:
    names = [libraries] if isinstance(libraries, str) else list(libraries)
    for name in names:
        if name not in LIBRARIES:
            raise InvalidParameterError(f"autolog does not know the library {name!r}; it knows {', '.join(LIBRARIES)}.")
    return names


def forget(libraries: Iterable[str] | None = None) -> None:
    """Take back what was switched on or off everywhere, of all libraries or of some: tracked cells are logged again."""
    with _state.lock:
        if libraries is None:
            _state.everywhere = False
            _state.chosen, _state.common, _state.options = {}, {}, {}
        else:
            for name in _checked(libraries):
                _state.chosen.pop(name, None)
                _state.options.pop(name, None)
    _settle()


def listen_in_cells(*, on: bool) -> None:
    """Log inside tracked cells, or no longer; what was switched on everywhere stays on."""
    with _state.lock:
        _state.in_cells = on
    _settle()


def leave_out_cell(run_id: str) -> None:
    """Log nothing automatically in the tracked cell of this run."""
    _state.left_out_cells.add(run_id)


def status() -> dict[str, str]:
    """Give for each library ``on``, ``in tracked cells`` or ``off``."""
    words = {}
    for name in LIBRARIES:
        chosen = _state.chosen.get(name)
        everywhere = chosen if chosen is not None else _state.everywhere
        in_cells = chosen is None and _state.in_cells
        words[name] = "on" if everywhere else "in tracked cells" if in_cells else "off"
    return words


def reset() -> None:
    """Switch everything off and forget all choices, as in a new process."""
    with _state.lock:
        _state.in_cells = False
        _state.left_out_cells = set()
        _hear(set(LIBRARIES), silent=False)
    forget()


def _hear(libraries: set[str], *, silent: bool) -> None:
    """Let all warnings be said once more, but those of libraries that are to be silent."""
    safety.forget_warnings()
    safety.silenced.difference_update(libraries)
    if silent:
        safety.silenced.update(libraries)


def _is_wanted(name: str) -> bool:
    return _state.chosen.get(name, _state.everywhere or _state.in_cells)


def _settle() -> None:
    """Bring patches and the import hook in line with what is switched on.

    Patching is done without the lock: another thread may be importing, hold the import lock of the library, and wait
    for ours.
    """
    with _state.lock:
        for name in [name for name in _state.patches if not _is_wanted(name)]:
            _state.patches.pop(name).undo()
        roots = {root for library in LIBRARIES.values() if _is_wanted(library.name) for root in library.roots}
        _state.hook.watch(frozenset(roots))
    for name, module in sys.modules.copy().items() if roots else ():
        if name.partition(".")[0] in roots and isinstance(module, ModuleType) and not is_asleep(module):
            _look_at_loaded(name, module)


def _look_at_loaded(name: str, module: ModuleType) -> None:
    if is_being_imported(module) and libraries_that_want(name):
        wait_for(name)  # nobody tells of it: it was begun before the hook was there
        found = sys.modules.get(name)
        module = found if isinstance(found, ModuleType) else module  # it may have put another in its place
    if not is_being_imported(module):
        _look_at(name, module)


def _look_at(name: str, module: Any = None) -> None:
    """Patch what is to be patched in a module that has been executed; without one, in that of the name."""
    for library in libraries_that_want(name):
        if _is_wanted(library.name):
            # What has the name by now may be another module, which a thread has only begun to import.
            found = sys.modules.get(name) if module is None else module
            safety.safely(library.name, "patching it", _patch, library, name, found)


def _patch(library: Library, name: str, module: Any) -> None:
    patches = _patches_of(library)
    if patches is not None and module is not None:
        import_module(f"mltrack.frameworks.{library.name}").patch(name, module, patches)


def _patches_of(library: Library) -> Patches | None:
    """Give what is patched in a library; None for a version of it that is left alone, or where it is off by now."""
    patches = _state.patches.get(library.name)
    if patches is not None:
        return patches
    version = str(getattr(sys.modules.get(library.root), "__version__", "?"))
    if not _is_supported(library, version):
        return None
    with _state.lock:
        return _state.patches.setdefault(library.name, Patches(library, version)) if _is_wanted(library.name) else None


def _is_supported(library: Library, version: str) -> bool:
    """Tell whether to patch this version; an older one than known is left alone with one warning."""
    number, oldest, newest = _number(version), _number(library.oldest), _number(library.newest)
    too_new = number[: len(newest)] > newest
    if not number or (number >= oldest and not (too_new and options_of(library.name).disable_for_unsupported_versions)):
        return True
    safety.warn_once(
        f"{library.name} {version} is not logged automatically; versions {library.oldest} to {library.newest} are "
        "known to work."
    )
    return False


def _number(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


_state = _State()
