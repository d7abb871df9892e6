"""What IPython itself remembers of cells: their sources, and the outputs it keeps.

Used where there is no kernel to listen to: for cells that ran before the extension was loaded, and in a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mltrack_magics.kernel_facts import running_source

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_STREAMS = {"out_stream": "stdout", "err_stream": "stderr"}


def earlier_cells(shell: InteractiveShell) -> list[tuple[int, str]]:
    """Give (execution count, source) of the cells that have run, without the one that is running."""
    sources = list(shell.history_manager.input_hist_raw) if shell.history_manager else []
    running = running_source(shell)
    if len(sources) > 1 and running is not None and sources[-1] == running.rstrip("\n"):  # as IPython keeps it
        sources.pop()
    return [(count, source) for count, source in enumerate(sources) if count and source]


def outputs_of(shell: InteractiveShell, execution_count: int) -> list[dict[str, Any]]:
    """Give what IPython kept of a cell's outputs, as nbformat outputs."""
    manager = shell.history_manager
    kept = dict(getattr(manager, "outputs", {})).get(execution_count, [])
    outputs = [_output(each.output_type, each.bundle, execution_count) for each in kept]
    failure = dict(getattr(manager, "exceptions", {})).get(execution_count)
    if isinstance(failure, dict):
        outputs.append(
            {
                "output_type": "error",
                "ename": str(failure.get("ename", "")),
                "evalue": str(failure.get("evalue", "")),
                "traceback": [str(line) for line in failure.get("traceback", [])],
            }
        )
    return outputs


def _output(kind: str, bundle: dict[str, Any], execution_count: int) -> dict[str, Any]:
    if kind in _STREAMS:
        text = bundle.get("stream", "")
        return {"output_type": "stream", "name": _STREAMS[kind], "text": "".join(text)}
    output: dict[str, Any] = {"output_type": kind, "data": dict(bundle), "metadata": {}}
    if kind == "execute_result":
        output["execution_count"] = execution_count
    return output
