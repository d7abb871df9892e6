"""How a model's server looks: the words for what is known of it, and what stays of its panel without a kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack_widgets.format import duration, exact_time, number, one_line, strip_ansi
from mltrack_widgets.html import NOTHING, Markup, hover, short_text, tag
from mltrack_widgets.panels.server_snippets import curl, python
from mltrack_widgets.run_status import toned_mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mltrack.serving.handles import Server
    from mltrack_widgets.panels.server_watch import Reading

NAME_WIDTH, MODEL_WIDTH = 40, 48
_REASON_WIDTH = 600
_MODEL_ID = re.compile(r"\b(m-[0-9a-f]{8})[0-9a-f]{24}\b")

_TONES = {"ready": "good", "failing": "bad", "unreachable": "bad", "restarting": "busy"}

# Inline, so that it holds in untrusted notebooks too (see bundle.framed).
_CARD = {"class": "mt-card", "style": "max-width:640px;padding:6px 12px"}
_ITEMS = {"style": "display:flex;flex-wrap:wrap;gap:0 16px"}
_SUMMARY = {"class": "mt-dim", "style": "cursor:pointer"}
_SNIPPET = {"style": "max-height:160px;overflow:auto;margin:4px 0;word-break:normal", "tabindex": "0"}


class Facts(NamedTuple):
    """What is said of a server: texts, each on one line, and ``tone``: good, bad, busy or nothing."""

    state: str
    tone: str
    name: str
    serving: str
    behind: str
    uptime: str
    url: str
    numbers: tuple[tuple[str, str], ...]
    reason: str

    @property
    def served(self) -> str:
        """What is served, on one line: long ids and paths are cut."""
        behind = f" behind {_short(self.behind)}" if self.behind else ""
        return f"{_short(self.serving)}{behind}"


def facts_of(server: Server, reading: Reading) -> Facts:
    """Put into words what is known of a server."""
    stats = reading.stats
    wanted = str(stats["model_uri"] or server.model_uri)
    serving = str(stats["serving"] or wanted)
    is_well = stats["state"] == "ready" or reading.is_over
    return Facts(
        reading.doing or stats["state"],
        "busy" if reading.doing else _TONES.get(stats["state"], ""),
        server.name,
        serving,
        wanted if wanted != serving else "",
        _uptime(int(stats["uptime_s"])),
        server.url,
        _numbers(stats),
        "" if is_well or not stats["last_error"] else strip_ansi(str(stats["last_error"])),
    )


def _short(uri: str) -> str:
    return one_line(_MODEL_ID.sub(r"\1…", uri), MODEL_WIDTH)


def _numbers(stats: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return (
        ("requests/s", number(stats["requests_per_second"])),
        ("p50", _milliseconds(stats["p50_ms"])),
        ("p99", _milliseconds(stats["p99_ms"])),
        ("errors", number(stats["errors"])),
        ("in flight", number(stats["in_flight"])),
        ("restarts", number(stats["restarts"])),
    )


def _uptime(seconds: int) -> str:
    if seconds < 1:
        return ""
    return f"up {seconds} s" if seconds < 60 else f"up {duration(seconds * 1000)}"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{number(float(f'{value:.3g}'))} ms"


def server_text(server: Server, reading: Reading, body: Mapping[str, Any]) -> str:
    """Write a server as a terminal shows it, with a line that sends it a body."""
    said = facts_of(server, reading)
    dot = "●" if said.tone else "○"
    head = f"{dot} {said.state}  {one_line(said.name, NAME_WIDTH)}   {said.served}"
    reason = [one_line(said.reason, _REASON_WIDTH)] if said.reason else []
    return "\n".join([head, said.url, *reason, curl(server, body)])


def server_html(server: Server, reading: Reading, body: Mapping[str, Any]) -> Markup:
    """Draw what stays of a panel: what was served, and the lines that call it; of its log and its answers nothing."""
    said = facts_of(server, reading)
    moment = exact_time(round(reading.at * 1000))
    seen = tag("span", {"class": "mt-dim", "title": moment}, f"as of {moment[11:16]}")
    who = [toned_mark(said.tone, said.state), short_text(said.name, NAME_WIDTH, css="mt-name"), _model(said), seen]
    reason = tag("div", {"title": hover(said.reason)}, one_line(said.reason, _REASON_WIDTH)) if said.reason else NOTHING
    called = reading.stats["requests"]
    numbers = [_item("requests", number(called)), *(_item(*each) for each in said.numbers[1:4])] if called else []
    snippets = [tag("pre", _SNIPPET, write(server, body)) for write in (curl, python)]
    return tag(
        "div",
        _CARD,
        tag("div", _ITEMS, *who),
        tag("code", None, said.url),
        tag("div", _ITEMS, *numbers),
        reason,
        tag("details", None, tag("summary", _SUMMARY, "▸ Use it from"), *snippets),
    )


def _model(said: Facts) -> Markup:
    whole = f"{said.serving} behind {said.behind}" if said.behind else said.serving
    return tag("bdi", {"class": "mt-dim", "title": hover(whole)}, said.served)


def _item(name: str, value: str) -> Markup:
    return tag("span", None, tag("span", {"class": "mt-dim"}, name), " ", value)
