"""Loading and unloading the extension, what it adds to the shell, and what happens when a part of it fails."""

from __future__ import annotations

import ast
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.magics.kernels import LOAD, SECONDS, run_python, running_kernel, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.magics.kernels import Kernel


# What of a shell and its process an extension could leave something in.
TRACES = """
import gc, os, signal, sys, threading
def _traces():
    ip = get_ipython()
    # ipykernel closes every 10 s what ended threads have published by; here it does so at once.
    clean = getattr(ip.kernel.iopub_thread, "_event_pipe_gc", None)
    try:
        clean and clean().send(None)
    except StopIteration:
        pass
    gc.collect()
    formatters = ip.display_formatter.formatters
    return {
        "events": {name: len(found) for name, found in ip.events.callbacks.items()},
        "transformers": [len(ip.input_transformers_cleanup), len(ip.input_transformers_post)],
        "ast": len(ip.ast_transformers),
        "magics": {kind: len(found) for kind, found in ip.magics_manager.magics.items()},
        "completers": {
            name: [sorted(found.strs), sorted(map(str, found.regexs))] for name, found in ip.strdispatchers.items()
        },
        "custom": len(ip.Completer.custom_matchers),
        "formatters": {
            mime: [len(found.type_printers), len(found.singleton_printers), len(found.deferred_printers)]
            for mime, found in formatters.items()
        },
        "names": sorted(name for name in ip.user_ns if not name.startswith("_")),
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "files": len(os.listdir("/proc/self/fd")),
        "extensions": sum(type(each).__name__ == "Extension" for each in gc.get_objects()),
        "sigint": str(signal.getsignal(signal.SIGINT)),
        "hooks": [str(sys.excepthook), str(sys.stdout), str(sys.stderr), str(sys.displayhook)],
    }
"""


def traces(kernel: Kernel) -> dict[str, Any]:
    """What there is once the threads of an extension that was unloaded have ended."""
    found: dict[str, Any] = {}

    def has_ended() -> bool:
        found.update(kernel.evaluate("_traces()"))
        return not any(name.startswith("mltrack") for name in found["threads"])

    wait_until(has_ended, what="the end of the threads")
    return found


def traces_after(kernel: Kernel, before: dict[str, Any]) -> Any:
    """What there is; files may be closed a little later, also those that were open before, and threads end then."""
    late = ("files", "threads")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = kernel.evaluate("_traces()")
        if found["files"] <= before["files"] and found["threads"] == before["threads"]:
            return {**found, **{name: before[name] for name in late}}
        time.sleep(0.05)
    return found


USE = "%%track_run\nC = 0.5\nprint('used')"
PANELS = "%mltrack runs\n%mltrack curves\n%mltrack dashboard"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("extension")
    # What completion keeps of Python's own sources: another process would read it while it is being written.
    with running_kernel(folder, XDG_CACHE_HOME=str(folder)) as started:
        yield started


def test_loading_and_unloading_leave_no_trace(tmp_path: Path) -> None:
    with running_kernel(tmp_path, load=False) as kernel:
        kernel.run("import mltrack, mltrack.tracking\n" + TRACES)
        # The store's connection stays with the process, as after a script's own use of mltrack.
        for cell in (LOAD, USE, "%unload_ext mltrack"):
            assert kernel.run(cell).status == "ok"
        before = traces(kernel)
        for _ in range(20):
            assert kernel.run(LOAD).status == "ok"
            assert kernel.run(USE).cards
            assert kernel.run("%unload_ext mltrack").status == "ok"
        assert traces_after(kernel, before) == before
        assert "mltrack" not in str({key: found for key, found in before.items() if key != "names"})
        assert "not found" in kernel.run("%%track_run\n1").stream("stderr")
        assert len(kernel.runs()) == 21


def test_panels_are_ended_by_unloading(tmp_path: Path) -> None:
    with running_kernel(tmp_path, MLTRACK_WIDGETS="always") as kernel:
        kernel.run(TRACES)
        kernel.run("%unload_ext mltrack")
        before = traces(kernel)
        for cell in (LOAD, USE, PANELS):
            assert kernel.run(cell).status == "ok"
        during = kernel.evaluate("_traces()")
        kernel.run("%unload_ext mltrack")
        after = traces(kernel)
        assert "mltrack-refresher" in during["threads"]
        assert during["events"] != before["events"]
        assert [after[each] == before[each] for each in ("events", "formatters")] == [True, True]


def test_the_first_loading_leaves_no_trace_either(tmp_path: Path) -> None:
    with running_kernel(tmp_path, load=False) as kernel:
        kernel.run("import mltrack, mltrack.tracking\n" + TRACES)
        kernel.run("pass")
        before = kernel.evaluate("_traces()")
        kernel.run(LOAD)
        kernel.run("%unload_ext mltrack")
        # The last one unloaded may still be held by IPython's own last results.
        assert {**traces_after(kernel, before), "extensions": 0} == before


def test_the_line_it_prints(tmp_path: Path) -> None:
    with running_kernel(tmp_path, load=False, HOME=str(tmp_path)) as kernel:
        assert kernel.run(LOAD).stream() == "mltrack 0.1.0 · new store ~/mltrack.db · no runs yet\n"
        assert not kernel.has_store
        for count in ("1 run", "2 runs"):
            kernel.run(USE)
            outcome = kernel.run("%reload_ext mltrack")
            assert outcome.stream() == f"mltrack 0.1.0 · store ~/mltrack.db · {count}\n"
        assert {kind for kind, _ in outcome.messages} == {"stream"}


def test_a_second_load_changes_nothing(kernel: Kernel) -> None:
    kernel.run(TRACES)
    kernel.run(USE)
    before = kernel.evaluate("_traces()")
    again = kernel.run("%load_ext mltrack")
    assert "already loaded" in again.stream() + again.stream("stderr")
    kernel.run("import mltrack; mltrack.load_ipython_extension(get_ipython())")
    after = kernel.evaluate("_traces()")
    assert {**after, "names": [], "files": 0} == {**before, "names": [], "files": 0}
    count = len(kernel.runs())
    kernel.run(USE)
    assert len(kernel.runs()) == count + 1


def test_unloading_what_is_not_loaded_is_harmless(tmp_path: Path) -> None:
    with running_kernel(tmp_path, load=False) as kernel:
        assert kernel.run("import mltrack; mltrack.unload_ipython_extension(get_ipython())").status == "ok"


def test_it_may_be_loaded_by_a_configuration_file(tmp_path: Path) -> None:
    state = tmp_path / ".jupyter" / "profile_default"
    state.mkdir(parents=True)
    (state / "ipython_kernel_config.py").write_text("get_config().IPKernelApp.extensions = ['mltrack']")
    with running_kernel(tmp_path, load=False) as kernel:
        kernel.run("a = 1")
        _, run = kernel.track("print('first')")
        cells = kernel.notebook(run)["cells"]
        assert [cell["source"] for cell in cells] == ["a = 1", "%%track_run \nprint('first')"]
        assert [cell["execution_count"] for cell in cells] == [1, 2]
        assert [cell["metadata"]["mltrack"]["status"] for cell in cells] == ["ok", "ok"]
        assert cells[1]["outputs"][0]["text"] == "first\n"


HEAVY = (
    "altair",
    "nbformat",
    "numpy",
    "pandas",
    "sqlite_utils",
    "jsonschema",
    "IPython.terminal",
    "click",
    "ipywidgets",
    "anywidget",
    "nbdime",
    "vl_convert",
    "mltrack_widgets.views",
    "mltrack_widgets.panels",
    "mltrack_magics.cached_runs",
    "mltrack.rerunning",
    "mltrack.signatures",
)
LIGHT = ("asyncio", "email", "http.client", "importlib.metadata", "ssl", "zmq", "sqlite3", "pysqlite3", "psutil")


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        "before = set(sys.modules)\nshell.run_cell('%load_ext mltrack')\nprint(sorted(set(sys.modules) - before))"
    )
    loaded = ast.literal_eval(run_python(code, tmp_path).splitlines()[-1])
    assert [name for name in (*HEAVY, *LIGHT) if name in loaded] == []


BROKEN: dict[str, str] = {
    "no database": "not an SQLite database",
    "another program's": "another program",
    "newer": "a newer mltrack wrote it",
}


def break_store(path: Path, how: str) -> None:
    if how == "no database":
        path.write_text("this is no database, but some text that is longer than a header")
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE songs (title)")
            connection.execute(f"PRAGMA user_version = {99 if how == 'newer' else 0}")
            connection.execute(f"PRAGMA application_id = {0x6D6C7472 if how == 'newer' else 7}")


@pytest.mark.parametrize(("how", "words"), BROKEN.items(), ids=BROKEN)
def test_without_a_store_cells_run_untracked_with_one_warning(tmp_path: Path, how: str, words: str) -> None:
    path = tmp_path / "mltrack.db"
    break_store(path, how)
    left = path.read_bytes()
    with running_kernel(tmp_path, load=False) as kernel:
        loaded = kernel.run(LOAD)
        assert loaded.status == "ok"
        assert words in loaded.stream()
        assert loaded.stream().count("\n") == 1
        outcomes = [kernel.run(f"%%track_run\nprint({number})\n{number}") for number in range(3)]
        warnings = "".join(outcome.stream("stderr") for outcome in outcomes)
        assert [outcome.stream() for outcome in outcomes] == ["0\n", "1\n", "2\n"]
        assert [outcome.value for outcome in outcomes] == ["0", "1", "2"]
        assert warnings.count("\n") == 1, warnings
        assert words in warnings
        assert kernel.run("1 + 1").stream("stderr") == ""
        refused = kernel.run("%mltrack runs")
        assert refused.error is not None
        assert refused.error.startswith("UsageError: ")
    assert path.read_bytes() == left


# Completion and help


def complete(kernel: Kernel, text: str) -> list[str]:
    matches = kernel.reply(kernel.client.complete(text))["matches"]
    assert isinstance(matches, list)
    return [str(match) for match in matches]


COMPLETED = {
    "verbs": ("%mltrack ", ["runs", "show", "notebook", "experiment", "status", "help"]),
    "a verb": ("%mltrack no", ["notebook"]),
    "options of a verb": ("%mltrack runs --", ["--experiment", "--order", "--limit"]),
    "options of the cell": ("%%track_run --", ["--experiment", "--tag", "--param", "--nested", "--quiet"]),
    "run names": ("%mltrack show base", ["baseline"]),
    "last": ("%mltrack notebook la", ["last"]),
    "experiments": ("%mltrack experiment ch", ["churn"]),
    "experiments after -e": ("%mltrack runs -e ch", ["churn"]),
    "experiments of a cell": ("%%track_run -e ch", ["churn"]),
    "verbs to be helped with": ("%mltrack help ru", ["runs"]),
    "the magic": ("%mltr", ["%mltrack"]),
    "the cell magic": ("%%track", ["%%track_run"]),
}


@pytest.fixture(scope="module")
def named(kernel: Kernel) -> Kernel:
    kernel.track("C = 1", "baseline -e churn")
    return kernel


@pytest.mark.parametrize(("text", "expected"), COMPLETED.values(), ids=COMPLETED)
def test_completion(named: Kernel, text: str, expected: list[str]) -> None:
    found = complete(named, text)
    assert set(expected) <= set(found), found


def test_completion_elsewhere_is_as_it_was(named: Kernel) -> None:
    assert "runs" not in complete(named, "x = ")
    named.run("some_name = 1")
    assert complete(named, "some_na") == ["some_name"]


@pytest.mark.parametrize(
    ("text", "words"),
    [("%mltrack", ["%mltrack VERB", "runs", "--save PATH"]), ("%%track_run", ["-e, --experiment E", "--quiet"])],
)
def test_help(kernel: Kernel, text: str, words: list[str]) -> None:
    shown = kernel.run(f"{text}?").reply["payload"][0]["data"]["text/plain"]
    assert all(word in shown for word in words), shown
    assert kernel.reply(kernel.client.inspect("%%track_run"))["found"]
