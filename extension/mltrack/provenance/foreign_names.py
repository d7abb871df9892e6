"""Names that no cell defines: they came from outside of the notebook, and would not be there in a new kernel."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from mltrack.provenance.cell_facts import facts_of
from mltrack.provenance.evidence import listed
from mltrack.provenance.slice import UNDEFINED, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mltrack.provenance.cell_facts import Call
    from mltrack.provenance.evidence import Evidence
    from mltrack.provenance.slice import Step

_OF_SHELL = re.compile(
    r"_{1,3}|_i{1,3}|_i?\d+|_[iod]h|_sh|_exit_code|__\w+__|__vsc_\w+|In|Out|exit|quit|get_ipython|display"
)
_UNSEEN_BINDERS = frozenset({"exec", "eval", "globals", "locals", "run_line_magic", "run_cell_magic", "set_trace"})
_BIND_NOTHING = frozenset(
    {
        *("load_ext", "reload_ext", "unload_ext", "matplotlib", "config", "autoreload", "env", "set_env", "cd", "pwd"),
        *("pip", "conda", "uv", "who", "whos", "ls", "mltrack", "bash", "sh", "html", "javascript", "writefile"),
    }
)


def find_foreign(evidence: Evidence) -> Iterator[Finding]:
    """Find the names that steps read and no cell that ran before binds, and those that magics bring from elsewhere."""
    for step in evidence.steps:
        yield from _brought(evidence, step)
        names = _unbound(evidence, step)
        if names:
            text = (
                f"{evidence.heading(step.seq)} uses {listed(names)}, which no cell defines: "
                "define it in a cell, as a new kernel does not have it."
            )
            yield Finding(UNDEFINED, text, step.seq, step.cell_id, names)


def _unbound(evidence: Evidence, step: Step) -> tuple[str, ...]:
    if step.status == "error":  # the name may be what failed it
        return ()
    facts = facts_of(step.source)
    wanted = {name for name in facts.reads if not hasattr(builtins, name) and not _OF_SHELL.fullmatch(name)}
    needed = {each.seq for each in evidence.steps}
    # The steps first: most often they bind all of it, and the other cells need not be looked at.
    for each in sorted(evidence.executions, key=lambda each: each.seq not in needed):
        if not wanted:
            break
        there, seen = facts_of(each.source), evidence.observed(each)
        if seen is None and (there.has_star or any(map(_may_bind, there.calls))):
            return ()  # it may have bound anything
        bound = there.binds | set(seen.types if seen else ())
        # What only functions read may come later: they read it when they are called.
        wanted -= bound if each.seq <= step.seq else bound - facts.reads_now
    return tuple(sorted(wanted))


def _may_bind(call: Call) -> bool:
    """Tell whether a call that the kernel did not watch may have bound any name."""
    return call.last in _UNSEEN_BINDERS and not _BIND_NOTHING.intersection(_texts(call)[:1])


def _brought(evidence: Evidence, step: Step) -> Iterator[Finding]:
    """Find ``%store -r`` and ``%run``, which bind names of what is no cell."""
    for call in facts_of(step.source).calls:
        name, rest = _magic(call)
        seen = evidence.seen(step)
        names = tuple(sorted(seen.types)) if seen else ()
        brings = f"brings {listed(names)}" if names else "brings names"
        if name == "store" and "-r" in rest.split():
            text = (
                f"{evidence.heading(step.seq)} {brings} from IPython's own storage by %store -r, which only you have: "
                "compute it in a cell, or save it to a file."
            )
            yield Finding(UNDEFINED, text, step.seq, step.cell_id, names)
        elif name == "run":
            text = (
                f"{evidence.heading(step.seq)} {brings} from a script by %run {rest[:60]}, which is no cell of the "
                "notebook: put its code into a cell, or import it as a module."
            )
            yield Finding(UNDEFINED, text, step.seq, step.cell_id, names)


def _magic(call: Call) -> tuple[str, str]:
    """Give the name and the line of a line magic as IPython's transforms write it, or two empty texts."""
    texts = _texts(call)
    return (texts[0], texts[1]) if call.last == "run_line_magic" and len(texts) == 2 else ("", "")


def _texts(call: Call) -> list[str]:
    return [each.value for each in call.node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
