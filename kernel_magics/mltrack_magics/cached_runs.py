"""``%%track_run --cache``: a finished run of the same code, params, data and environment instead of a new one.

What a cell depends on is its slice. Names that it reads and whose values are known by what they hold stand for the
cells that made them. The body of a cell for which there is such a run, but for its imports, is taken out of its syntax
tree, after IPython has parsed it: a cell that does run is not touched.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mltrack.keys import CACHE_KEY_TAG
from mltrack.provenance.cell_plan import How
from mltrack.provenance.evidence import Evidence
from mltrack.provenance.observed import KEY
from mltrack.provenance.slice import UNSEEDED, Slice
from mltrack.provenance.slicing import slice_executions, slice_of
from mltrack.provenance.unseeded import find_unseeded
from mltrack.rerunning.cache_keys import cache_key, plan_of, unknown_names
from mltrack.settings import get_store, state
from mltrack.store.notebooks import Execution, Snapshot
from mltrack.store.pages import Search
from mltrack_magics import cards
from mltrack_magics.capture import SHELL_NAMES
from mltrack_magics.environment import read_environment
from mltrack_magics.named_files import named_digests
from mltrack_magics.own_sources import UnknownInputError, source_digests
from mltrack_magics.pinned_values import pins_of
from mltrack_magics.recorder import now_ms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from mltrack.entities import Run
    from mltrack.provenance.cell_plan import CellPlan
    from mltrack.provenance.slice import Step
    from mltrack.store.protocol import Store
    from mltrack_magics.cell_line import CellOptions
    from mltrack_magics.extension import Extension
    from mltrack_magics.recorder import Executed

_SETS_UP = "sets up "
_KNOWN = frozenset(dir(builtins)) | SHELL_NAMES
_SETTLE_SECONDS = 5.0
_MOST_CANDIDATES = 5


def instead(extension: Extension, info: ExecutionInfo, options: CellOptions, executed: Executed) -> CellOptions | None:
    """Put an earlier run in the place of a cell that would make it again; else give the options for a new one."""
    if state.coming is not None:  # a rerun is wanted for itself
        return options
    extension.background.wait(_SETTLE_SECONDS)  # files that cells read are hashed there
    shell = extension.shell
    source = info.raw_cell or ""
    before = extension.recorder.past(executed.seq)
    found, pins = _pinned_slice(before, source, shell.user_ns)
    own = found.steps[-1]
    known = (step for step in found.steps[:-1] if step.seq <= len(before))
    prior = Slice(found.run_id, tuple(step for step in known if not _is_own(step, own, shell.user_ns)))
    steps = (*prior.steps, own)
    try:
        _check_known(prior, before, unknown_names(steps, _KNOWN | pins.keys()))
        read = {**source_digests(steps, before), **named_digests(steps, before)}
    except UnknownInputError as error:
        print(f"No earlier run is looked for: {error}")
        return options
    key = cache_key(steps, pins, environment={**_environment(), "read": read}, options=_options(options))
    if key is None:
        return options
    cached = _sound(get_store(), key)
    if cached is None:
        return replace(options, tags={**options.tags, CACHE_KEY_TAG: key})
    _offer(shell, cached, plan_of(own), quiet=options.quiet)
    return None


def _offer(shell: InteractiveShell, run: Run, plan: CellPlan, *, quiet: bool) -> None:
    """Put a run in the place of the cell that is about to run: its numbers to the variables, its card to the cell."""
    from mltrack_widgets.format import relative_time, short_id  # first needed when a run is offered

    values = _values(plan, run)
    shell.ast_transformers.append(_Imports(shell))
    store = get_store()
    ago = relative_time(run.info.end_time or run.info.start_time, now_ms())
    print(
        f"The same code, params, data and environment: run {run.info.run_name!r} ({short_id(run.info.run_id)}) is from "
        f"{ago}, and was not trained again. Take --cache off to train."
    )
    print(f"In your variables: {', '.join(values) or 'nothing'}. {_missing(plan, values, shell.user_ns)}".rstrip())
    if models := run.outputs.model_outputs:
        print(f"Its model: mltrack.pyfunc.load_model('models:/{models[-1].model_id}')")
    shell.user_ns.update(values)
    if not quiet:
        cards.show_card(shell, store, run.info.run_id)


class _Imports(ast.NodeTransformer):
    """Leaves of the next syntax tree, which is the cell's, the imports alone, and takes itself out of the shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._is_done = False

    def visit(self, node: ast.AST) -> ast.AST:
        """Give a module with nothing but its imports the first time."""
        if self._is_done or not isinstance(node, ast.Module):
            return node
        self._is_done = True
        # A new list: IPython is going through the old one.
        self._shell.ast_transformers = [each for each in self._shell.ast_transformers if each is not self]
        kept: list[ast.stmt] = [each for each in node.body if isinstance(each, (ast.Import, ast.ImportFrom))]
        return ast.Module(body=kept, type_ignores=[])


def forget(shell: InteractiveShell) -> None:
    """Let the next cell run, whatever became of this one."""
    if any(isinstance(each, _Imports) for each in shell.ast_transformers):
        shell.ast_transformers = [each for each in shell.ast_transformers if not isinstance(each, _Imports)]


def _pinned_slice(
    before: Sequence[Execution], source: str, namespace: Mapping[str, object]
) -> tuple[Slice, dict[str, str]]:
    """Give what a cell depends on beside the names whose values are known, and these with their digests."""
    found = slice_executions(before, "", upcoming=source)
    reads = plan_of(found.steps[-1]).reads
    pins = pins_of((name for name in reads if name not in SHELL_NAMES), namespace)
    if not pins:
        return found, pins
    seq = len(before) + 1
    # A cell that never was binds them anew, so that what came before it does not count.
    known = Execution(seq, None, None, "\n".join(f"{name} = 0" for name in pins), 0, 0, "ok", "{}", "[]")
    return slice_executions([*before, known], "", upcoming=source), pins


def _is_own(step: Step, own: Step, namespace: Mapping[str, object]) -> bool:
    """Tell whether a step is the same cell when it ran before, and left nothing but what modules may keep of calls.

    What it sets up there it sets up again. Where it drew from a global generator, another number is the next.
    """
    seen = step.observed
    if step.python != own.python or seen is None or seen.random or seen.ambient:
        return False
    names = [each.removeprefix(_SETS_UP) for each in step.reasons if each.startswith(_SETS_UP)]
    return len(names) == len(step.reasons) and all(isinstance(namespace.get(name), ModuleType) for name in names)


def _check_known(prior: Slice, before: Sequence[Execution], unknown: Sequence[str]) -> None:
    if unknown:
        raise UnknownInputError(f"no cell has made {', '.join(unknown[:4])}, so that nothing tells what they are.")
    session = Snapshot(None, len(before), "", "", tuple(before), None, {})  # type: ignore[arg-type]
    finding = next(find_unseeded(Evidence(session, prior)), None)
    if finding is not None:
        raise UnknownInputError(finding.text)


def _sound(store: Store, key: str) -> Run | None:
    """Give the newest run of a key that would come out again; of one that would not, say why."""
    places = tuple(each.experiment_id for each in store.list_experiments())
    wanted = f"tags.`{CACHE_KEY_TAG}` = '{key}' AND attributes.status = 'FINISHED'"
    reason = None
    for run in store.search_runs(Search(places, wanted, max_results=_MOST_CANDIDATES)).rows:
        found = _why_another(store, run)
        if found is None:
            return run
        reason = reason or f"Run {run.info.run_name!r} has the same code, params and data, and is not taken: {found}"
    if reason:
        print(reason)
    return None


def _why_another(store: Store, run: Run) -> str | None:
    """Say why a run would not come out again: its cell drew unseeded numbers, or a file that it read has changed."""
    snapshot = store.load_snapshot(run.info.run_id)
    if snapshot is None:
        return "its notebook was not kept."
    own = snapshot.executions[-1]
    for finding in slice_of(run, store=store).findings:
        if finding.kind == UNSEEDED and finding.seq == own.seq:
            return finding.text
    files = json.loads(own.metadata or "{}").get(KEY, {}).get("files", ())
    changed = [str(each.get("path")) for each in files if each.get("mode") == "r" and not _is_unchanged(each)]
    return f"{changed[0]} is not as it was, or was not looked at." if changed else None


def _is_unchanged(file: Mapping[str, Any]) -> bool:
    path, wanted = Path(str(file.get("whole") or file.get("path"))), file.get("sha256")
    if wanted is None:
        return False
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == str(wanted)
    except OSError:
        return False


def _environment() -> dict[str, Any]:
    found = read_environment()
    return {part: found[part] for part in ("python", "platform", "variables", "packages")}


def _options(options: CellOptions) -> dict[str, Any]:
    return {"params": dict(options.params), "capture": options.capture, "autolog": options.autolog}


def _values(plan: CellPlan, run: Run) -> dict[str, object]:
    """Give the params and metrics that the cell would have bound: literals as they stand in it, numbers as floats."""
    found: dict[str, object] = {}
    for name, bindings in plan.bindings.items():
        if name in run.data.metrics:
            found[name] = run.data.metrics[name]
        for literal in (each.literal for each in bindings if each.literal is not None):
            value = ast.literal_eval(literal)
            if run.data.params.get(name) == (value if isinstance(value, str) else literal):
                found[name] = value
    return found


def _missing(plan: CellPlan, values: Mapping[str, object], namespace: Mapping[str, object]) -> str:
    """Say which names of the cell are not bound, and which hold what another cell gave them."""
    others = [
        name
        for name, bindings in plan.bindings.items()
        if name not in values and any(each.how is not How.IMPORT for each in bindings)
    ]
    absent, older = ([name for name in others if (name in namespace) is there] for there in (False, True))
    said = f"Not made again: {_listed(absent)}. " if absent else ""
    return said + (f"As they were before this cell: {_listed(older)}." if older else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
