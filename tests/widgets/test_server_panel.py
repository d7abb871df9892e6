"""A server's panel: what is sent and answered, the lines to copy, who looks at the server, and what is left of it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import threading
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.serving_models import ask, rows, serving, wait_for
from tests.magics.kernels import running_kernel, wait_until
from tests.quickness import count_calls

from mltrack.exceptions import InvalidParameterError, StateError
from mltrack_widgets.panels.server import ServerPanel
from mltrack_widgets.panels.server_call import call, description
from mltrack_widgets.panels.server_card import server_html
from mltrack_widgets.panels.server_form import Form
from mltrack_widgets.panels.server_snippets import LONGEST_BODY, curl, python
from mltrack_widgets.panels.server_trial import try_out
from mltrack_widgets.panels.server_watch import HISTORY, THREAD_NAME, Reading, ServerWatch, watch_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mltrack.serving.handles import Server

TOKEN = "a-secret-of-many-letters"
SERVING_SECONDS = 180.0
HOSTILE = "<img src=x onerror=alert(1)>"
SERVE = """import mltrack, numpy, pandas
from sklearn.linear_model import LinearRegression
rows = pandas.DataFrame({"x": [1.0, 2.0, 3.0]})
model = LinearRegression().fit(rows, numpy.array([2.0, 4.0, 6.0]))
info = mltrack.sklearn.log_model(model, name="model", input_example=rows)
server = mltrack.serve(info.model_uri, name="doubling")"""
ENDED = f"""import threading
for thread in threading.enumerate():
    if thread.name == {THREAD_NAME!r}:
        thread.join(60)
        assert not thread.is_alive()"""
LOOKING = f"sum(each.name == {THREAD_NAME!r} for each in __import__('threading').enumerate())"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("served"), port=0, name="obedient", token=TOKEN) as made:
        yield made


def test_an_answer_is_shown_as_it_came(server: Server) -> None:
    form = Form.read(description(server))
    assert [(each.name, each.kind) for each in form.columns] == [("x", "number"), ("act", "text")]
    good = try_out(server, form, {"values": {"column 0": "21", "column 1": ""}})
    assert good["words"].startswith("200 OK · ")
    assert (json.loads(good["text"]), good["is_error"]) == ({"predictions": [42.0]}, False)
    whole = try_out(server, form, {"json": rows("", "").decode()})
    assert json.loads(whole["text"]) == {"predictions": [2.0, 2.0]}
    failed = try_out(server, form, {"values": {"column 0": "1", "column 1": "raise"}})
    assert failed["words"].startswith("500 Internal Server Error · ")
    assert (failed["is_error"], failed["key"]) == (True, "")
    wrong = try_out(server, form, {"json": '{"dataframe_split": {"columns": ["x", "act"], "data": [["y", ""]]}}'})
    assert wrong["words"].startswith("400 Bad Request · ")
    assert (wrong["key"], "'x'" in wrong["text"].replace('"', "'")) == ("column 0", True)
    for text in ("{", "NaN", "[" * 100_000):
        assert try_out(server, form, {"json": text})["words"] == "Not sent."
    assert try_out(server, form, {"values": {"column 0": "many"}}) == {
        "words": "Not sent.",
        "text": "This is not a number.",
        "key": "column 0",
        "is_error": True,
    }


def test_the_lines_to_copy_work_and_hold_no_token(server: Server) -> None:
    body = {"dataframe_split": {"columns": ["x", "act"], "data": [[1.5, "it's $(x) \"`"]]}}
    lines = {"curl": curl(server, body), "python": python(server, body)}
    found = {
        "curl": subprocess.run(["sh", "-c", f"exec {lines['curl']} -s"], capture_output=True, check=True),
        "python": subprocess.run([sys.executable, "-c", lines["python"]], capture_output=True, check=True),
    }
    for name, each in found.items():
        assert TOKEN not in lines[name]
        assert json.loads(each.stdout.replace(b"'", b'"')) == {"predictions": [3.0]}, name


def test_a_long_body_is_read_from_a_file(server: Server, tmp_path: Path) -> None:
    body = {"dataframe_split": {"columns": ["x", "act"], "data": [[1.5, "-" * LONGEST_BODY]]}}
    (tmp_path / "body.json").write_text(json.dumps(body))
    for line in (f"exec {curl(server, body)} -s", f"exec {sys.executable} -c {shlex.quote(python(server, body))}"):
        assert len(line) < 1000
        found = subprocess.run(["sh", "-c", line], capture_output=True, check=True, cwd=tmp_path)
        assert json.loads(found.stdout.replace(b"'", b'"')) == {"predictions": [3.0]}


def test_the_panel_says_how_the_server_is(server: Server) -> None:
    panel = ServerPanel(server)
    assert panel.text.startswith("● ready  obedient   ")
    assert f"\n{server.url}\ncurl {server.url}/invocations" in panel.text
    bundle = panel._data(live=False, picture=True)
    assert bundle["text/plain"] == panel.text
    for text in (*bundle.values(), json.dumps(panel._news(panel._watch.reading)), json.dumps(panel._form_of_page())):
        assert TOKEN not in text
    assert panel._news(panel._watch.reading)["can"] == {"stop": True, "restart": True, "reload": True, "try": True}
    assert panel.to_dataframe()["state"].tolist() == ["ready"]
    with pytest.raises(InvalidParameterError, match="no chart"):
        panel.save("server.png")


def test_what_others_wrote_is_text(server: Server) -> None:
    stats = {
        **server.stats(),
        "state": "failing",
        "last_error": f"\x1b[31m{HOSTILE}",
        "serving": HOSTILE,
        "requests": 3,
    }
    html = server_html(server, Reading(stats, time.time()), {"inputs": HOSTILE}).html
    assert HOSTILE not in html
    assert html.count("&lt;img src=x") >= 4
    assert "as of " in html


class Shown:
    """Stands for a panel: notes what it is shown."""

    def __init__(self) -> None:
        self.states: list[str] = []
        self.kept = 0

    def show(self, reading: Reading) -> None:
        self.states.append(reading.doing or reading.stats["state"])

    def keep(self) -> None:
        self.kept += 1


def lookers() -> int:
    return sum(each.name == THREAD_NAME for each in threading.enumerate())


def watch_with(server: Server, *panels: Any) -> ServerWatch:
    watch = watch_of(server)
    for panel in panels:
        watch.add(panel)
    return watch


def test_all_panels_of_a_server_say_the_same_until_it_is_stopped(tmp_path: Path) -> None:
    with serving(tmp_path, port=0) as server:
        panels = [Shown(), Shown()]
        watch = watch_with(server, *panels)
        assert watch is watch_of(server)
        assert lookers() == 1
        wait_for(lambda: len(panels[0].states) > 1)
        assert ask(server, rows("")).status == 200
        wait_for(lambda: max(watch.reading.rates, default=0) > 0)
        watch.do("restart")
        watch.do("stop")  # one thing at a time
        wait_for(lambda: watch.reading.doing == "" and panels[0].states[-1] == "ready")
        assert all({"restarting"} <= {*each.states} for each in panels)
        watch.do("stop")
        wait_for(lambda: lookers() == 0 and [each.states[-1] for each in panels] == ["stopped", "stopped"])
        assert all({"stopping"} <= {*each.states} for each in panels)
        server.restart()
        watch.cell_ended()
        wait_for(lambda: panels[1].states[-1] == "ready")
        assert [each.kept for each in panels] == [1, 1]
        watch.remove(panels.pop(0))  # type: ignore[arg-type]
        assert lookers() == 1
        panels.clear()
        wait_for(lambda: lookers() == 0)


def test_what_a_button_could_not_do_is_said(tmp_path: Path) -> None:
    with serving(tmp_path, port=0) as server:
        watch = watch_with(server, shown := Shown())
        (tmp_path / "model" / "MLmodel").unlink()
        watch.do("reload")
        wait_for(lambda: watch.reading.note != "")
        assert "MLmodel" in watch.reading.note
        wait_for(lambda: (watch.reading.doing, shown.states[-1]) == ("", "ready"))


class Unwell(Shown):
    """A panel that cannot be shown."""

    def show(self, reading: Reading) -> None:
        super().show(reading)
        raise ConnectionError("there is no page any more")


class Stubborn:
    """Stands for a server that cannot be stopped, for no reason that was foreseen."""

    asked = 0

    def stats(self) -> dict[str, Any]:
        return {"state": "ready", "serving": None, "requests": 0}

    def stop(self) -> None:
        self.asked += 1
        raise TypeError("never")


def test_what_fails_in_one_panel_is_no_fault_of_the_others() -> None:
    server: Any = Stubborn()
    panels = [Unwell(), Shown(), Unwell(), Shown(), Unwell()]
    watch = ServerWatch(server)
    watch._panels.update(panels)  # type: ignore[arg-type]
    watch.do("stop")
    wait_for(lambda: watch.reading.doing == "" and all(each.states[-1:] == ["ready"] for each in panels))
    assert (server.asked, watch.reading.note) == (1, "TypeError: never")
    assert all(each.states[:1] == ["stopping"] for each in panels)
    for each in panels:
        watch.remove(each)  # type: ignore[arg-type]
    wait_for(lambda: lookers() == 0)


def test_requests_a_second_are_counted_over_a_minute(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: 7.0, time=time.time)  # no time goes by
    monkeypatch.setattr("mltrack_widgets.panels.server_watch.time", clock)
    watch = ServerWatch(server)
    for count in range(HISTORY + 5):
        watch._counted = (5.0, 10 * count)
        watch._count({"requests": 10 * count + 8})
    assert list(watch._rates) == [4.0] * HISTORY
    watch._count({"requests": 0})  # another process answers now
    assert watch._counted is not None
    assert watch._counted[1] == 0


def test_looking_takes_little_time(server: Server) -> None:
    watch = ServerWatch(server)
    watch.look()
    assert count_calls(watch.look) < 1_000  # some 200, which once a second is half a percent of its time at most


def test_a_server_that_is_not_there_is_no_fault_of_the_panel(tmp_path: Path) -> None:
    with serving(tmp_path, port=0) as server:
        panel = ServerPanel(server)
        form = panel._form
    panel.refresh()
    assert panel.text.startswith("○ stopped  ")
    assert panel._form is form
    assert try_out(server, form, {"json": "{}"})["words"] == "No answer."
    with pytest.raises(StateError, match="no answer"):
        call(server, "/ping")


MESSAGES_OF_PAGES: list[object] = [
    None,
    "do",
    {"kind": "do"},
    {"kind": "do", "name": "__class__"},
    {"kind": "do", "name": ["stop"]},
    {"kind": ["do"], "id": {}},
    {"kind": "log", "open": "yes"},
    {"kind": "try", "values": [1], "json": 7},
]


@pytest.mark.parametrize("message", MESSAGES_OF_PAGES, ids=str)
def test_a_page_may_say_anything(server: Server, message: object) -> None:
    panel = ServerPanel(server)
    panel._told(panel.view, message, [])
    assert server.state == "ready"
    assert not panel._shows_log
    panel.close()


def test_in_a_kernel_a_cell_that_runs_again_has_one_panel_and_one_thread(tmp_path: Path) -> None:
    with running_kernel(tmp_path, MLTRACK_WIDGETS="always") as kernel:
        assert kernel.run("%load_ext mltrack").error is None
        assert kernel.wait(kernel.send(SERVE), timeout=SERVING_SECONDS).error is None
        open_widgets = "len(__import__('ipywidgets').widgets.widget._instances)"
        kernel.run("server", cell_id="cell")
        once = kernel.evaluate(open_widgets)
        for _ in range(3):
            shown = kernel.run("server", cell_id="cell")
            assert (shown.error, shown.stream("stderr")) == (None, "")
        assert kernel.evaluate(open_widgets) == once
        wait_until(lambda: kernel.evaluate(LOOKING) == 1, what="the end of the threads before the last")
        data = next(content["data"] for _, content in shown.messages if "text/html" in content.get("data", {}))
        assert {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"} <= data.keys()
        kernel.run("0", cell_id="cell")
        assert kernel.run(ENDED).error is None
        kernel.run("server", cell_id="cell")
        kernel.run("%unload_ext mltrack")
        assert kernel.run(ENDED).error is None
    with running_kernel(tmp_path) as kernel:
        kernel.run("%load_ext mltrack")
        shown = kernel.wait(kernel.send(f"{SERVE}\nserver"), timeout=SERVING_SECONDS)
        data = next(content["data"] for _, content in shown.messages if "text/html" in content.get("data", {}))
        assert data.keys() == {"text/plain", "text/html"}
        assert data["text/plain"].startswith("● ready  doubling   models:/m-")
        assert '"columns": ["x"], "data": [[1.0]]' in data["text/plain"]
        assert kernel.evaluate(LOOKING) == 0
