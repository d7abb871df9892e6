from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mltrack_magics.outputs import DisplayIndex, OutputLog

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Message = tuple[str, dict[str, Any]]
Output = dict[str, Any]


def out(text: str, name: str = "stdout") -> Message:
    return "stream", {"name": name, "text": text}


def show(text: str, *, display_id: str | None = None, **more: str) -> Message:
    data = {"text/plain": text, **{key.replace("_", "/"): value for key, value in more.items()}}
    return "display_data", {"data": data, "metadata": {}, "transient": {"display_id": display_id} if display_id else {}}


def clear(*, wait: bool) -> Message:
    return "clear_output", {"wait": wait}


def stream(text: str, name: str = "stdout") -> Output:
    return {"output_type": "stream", "name": name, "text": text}


def shown(text: str) -> Output:
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


def collect(messages: list[Message], limit_bytes: int = 1_000_000) -> OutputLog:
    log = OutputLog(limit_bytes)
    for msg_type, content in messages:
        log.add(msg_type, content)
    validate(log.outputs())
    return log


def validate(outputs: list[Output]) -> None:
    cell: dict[str, object] = {"cell_type": "code", "id": "a", "source": "", "metadata": {}, "outputs": outputs}
    cell["execution_count"] = None
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    nbformat.validate(notebook, version=4, version_minor=5)


def kept(log: OutputLog) -> int:
    return sum(len(str(output)) for output in log.outputs())


RESULT: Message = (
    "execute_result",
    {"data": {"text/plain": "4", "application/json": {"a": [1]}}, "metadata": {"a": 1}, "execution_count": 7},
)
ERROR: Message = ("error", {"ename": "E", "evalue": "v", "traceback": ["a", "b"], "status": "error"})
CARD: Message = ("display_data", {"data": {"text/html": "card"}, "metadata": {"mltrack": {"card": "run"}}})
SEQUENCES: dict[str, tuple[list[Message], list[Output]]] = {
    "nothing": ([], []),
    "no outputs": ([("status", {"execution_state": "busy"}), ("execute_input", {"code": "1"})], []),
    "one stream coalesced": ([out("a"), out("b\n"), out("c")], [stream("ab\nc")]),
    "two streams": (
        [out("a"), out("b", "stderr"), out("c")],
        [stream("a"), stream("b", "stderr"), stream("c")],
    ),
    "empty text": ([out("")], []),
    "carriage return overlays": ([out("abc\rx")], [stream("xbc")]),
    "carriage return in the next message": ([out("abc"), out("\r"), out("x")], [stream("xbc")]),
    "carriage return and newline": ([out("abc\r\nde\r\n")], [stream("abc\nde\n")]),
    "newline after overlay keeps the rest": ([out("one\ntwo\rX\nY")], [stream("one\nXwo\nY")]),
    "plain text after a carriage return": ([out("abc\r"), out("x\ny")], [stream("xbc\ny")]),
    "backspace": ([out("abc\b\bX")], [stream("aX")]),
    "backspace in the next message": ([out("abc"), out("\bX")], [stream("abX")]),
    "backspace stops at the line": ([out("a\n\b\bX")], [stream("a\nX")]),
    "backspace in the middle": ([out("abc\rX\bY")], [stream("Yc")]),
    "backspace after wide text": ([out("█é\b\bzz")], [stream("zz")]),
    "a display starts a new line": ([out("ab"), show("d"), out("\rX")], [stream("ab"), shown("d"), stream("X")]),
    "result": ([RESULT], [{"output_type": "execute_result", **RESULT[1]}]),
    "error": ([ERROR], [{"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["a", "b"]}]),
    "metadata kept, transient dropped": (
        [("display_data", {"data": {}, "metadata": {"image/png": {"width": 1}}, "transient": {"x": 1}})],
        [{"output_type": "display_data", "data": {}, "metadata": {"image/png": {"width": 1}}}],
    ),
    "texts in lists, wrong values made valid": (
        [("display_data", {"data": {"text/html": ["a", "b"], "text/plain": 3}, "metadata": None})],
        [{"output_type": "display_data", "data": {"text/html": "ab", "text/plain": "3"}, "metadata": {}}],
    ),
    "clear": ([out("a"), show("b"), clear(wait=False), out("c")], [stream("c")]),
    "clear and nothing more": ([out("a"), clear(wait=False)], []),
    "clear waits": ([out("a"), clear(wait=True)], [stream("a")]),
    "clear waits for the next output": ([out("a"), clear(wait=True), out("b")], [stream("b")]),
    "clear waits once": ([out("a"), clear(wait=True), out("b"), out("c")], [stream("bc")]),
    "update is no output": (
        [out("a"), clear(wait=True), ("update_display_data", {"data": {"text/plain": "x"}})],
        [stream("a")],
    ),
    "cards are left out": ([out("a"), CARD, out("b")], [stream("ab")]),
    "shown twice under one id": ([show("a", display_id="i"), show("b", display_id="i")], [shown("b"), shown("b")]),
    "progress bar": (
        [out(f"\r{count:5d}/10000 |{'█' * (count // 1000)}| it/s", "stderr") for count in range(10_001)],
        [stream("10000/10000 |██████████| it/s", "stderr")],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), SEQUENCES.values(), ids=SEQUENCES)
def test_outputs_are_what_the_front_end_shows(messages: list[Message], expected: list[Output]) -> None:
    log = collect(messages)
    assert log.outputs() == expected
    assert not log.truncated


def overlaid(text: str) -> str:
    """JupyterLab's way with control characters, one character at a time."""
    shown_text, cursor = "", 0
    for character in text:
        if character == "\n":
            shown_text += "\n"
            cursor = len(shown_text)
        elif character == "\r":
            cursor = shown_text.rfind("\n") + 1
        elif character == "\b":
            if cursor > 0 and shown_text[cursor - 1] != "\n":
                shown_text = shown_text[: cursor - 1] + shown_text[cursor:]
                cursor -= 1
        else:
            shown_text = shown_text[:cursor] + character + shown_text[cursor + 1 :]
            cursor += 1
    return shown_text


def reference(messages: list[Message]) -> list[Output]:
    """The outputs, without regard to size or speed."""
    outputs: list[Output] = []
    waiting = False
    for msg_type, content in messages:
        if msg_type == "clear_output":
            waiting = content["wait"]
            outputs = outputs if waiting else []
            continue
        if waiting:
            outputs, waiting = [], False
        if msg_type == "stream" and outputs and outputs[-1].get("name") == content["name"]:
            outputs[-1]["text"] += content["text"]
        elif msg_type == "stream":
            outputs.append({"output_type": "stream", **content})
        else:
            outputs.append({"output_type": msg_type, "data": content["data"], "metadata": {}})
    for output in outputs:
        if "text" in output:
            output["text"] = overlaid(output["text"])
    return joined([output for output in outputs if output.get("text") != ""])


def joined(outputs: list[Output]) -> list[Output]:
    """The same, where a stream that took back all it wrote no longer stands between two others."""
    result: list[Output] = []
    for output in outputs:
        if "text" in output and result and result[-1].get("name") == output["name"]:
            result[-1] = stream(result[-1]["text"] + output["text"], output["name"])
        else:
            result.append(output)
    return result


TEXTS = st.text(alphabet="ab█\n\r\b", min_size=1, max_size=12).filter(lambda text: text.strip("\r\b") != "")
MESSAGES = st.lists(
    st.one_of(
        st.builds(out, TEXTS, st.sampled_from(["stdout", "stderr"])),
        st.builds(show, st.sampled_from(["x", "y"])),
        st.builds(clear, wait=st.booleans()),
    ),
    max_size=30,
)


@given(messages=MESSAGES)
@settings(max_examples=150)
def test_any_sequence_equals_the_reference(messages: list[Message]) -> None:
    log = OutputLog()
    for message in messages:
        log.add(*message)
    assert log.outputs() == reference(messages)
    assert not log.truncated


@given(messages=MESSAGES, limit=st.integers(1, 300))
@settings(max_examples=100)
def test_any_sequence_stays_within_any_limit(messages: list[Message], limit: int) -> None:
    log = OutputLog(limit)
    for message in messages:
        log.add(*message)
    texts = "".join(output.get("text", "") for output in log.outputs())
    assert sum(map(len, texts.splitlines(keepends=True))) <= limit + 100  # and the marker
    validate(log.outputs())


def test_a_long_stream_keeps_its_ends() -> None:
    log = collect([out(f"line {count:06d}\n") for count in range(100_000)], limit_bytes=10_000)
    (output,) = log.outputs()
    head, _, tail = output["text"].partition("\n… 1.2 MB cut by mltrack …\n")
    assert head.startswith("line 000000\nline 000001\n")
    assert tail.endswith("line 099998\nline 099999\n")
    assert 4_500 <= len(head) <= 5_000
    assert 4_500 <= len(tail) <= 5_000
    assert log.truncated
    assert log.total_bytes == 1_200_000


def test_a_line_without_end_keeps_its_ends() -> None:
    log = collect([out("a" * 30_000), out("b" * 30_000)], limit_bytes=10_000)
    (output,) = log.outputs()
    assert output["text"].startswith("a" * 4_000)
    assert output["text"].endswith("b" * 4_000)
    assert len(output["text"]) <= 10_050


def test_a_figure_that_does_not_fit_is_replaced_by_its_text() -> None:
    log = collect([out("before\n"), show("<Figure>", image_png="A" * 50_000), out("after\n")], limit_bytes=10_000)
    before, figure, after = log.outputs()
    assert (before, after) == (stream("before\n"), stream("after\n"))
    assert figure["data"] == {"text/plain": "<Figure>"}
    size = 50_000 + len("text/plain<Figure>image/pngdatametadata")
    assert figure["metadata"] == {"mltrack": {"truncated": True, "bytes": size, "mime": ["image/png", "text/plain"]}}
    assert log.truncated
    assert log.total_bytes == size + len("before\nafter\n")


def test_a_small_figure_after_a_flood_of_text_is_kept() -> None:
    log = collect([out("x" * 99 + "\n")] * 1_000 + [show("<Figure>", image_png="A" * 3_000)], limit_bytes=10_000)
    assert log.outputs()[-1]["data"]["image/png"] == "A" * 3_000


def test_many_figures_keep_the_first_and_the_last() -> None:
    log = collect([show(f"figure {count}", image_png="A" * 10_000) for count in range(400)], limit_bytes=100_000)
    whole = [output["data"]["text/plain"] for output in log.outputs() if "image/png" in output.get("data", {})]
    assert whole[:2] == ["figure 0", "figure 1"]
    assert whole[-2:] == ["figure 398", "figure 399"]
    assert 50 < sum("mltrack" in output.get("metadata", {}) for output in log.outputs()) < 160  # an eighth
    assert log.total_bytes > 4_000_000


def test_many_small_outputs_keep_the_first_and_the_last() -> None:
    log = collect([show(str(count)) for count in range(20_000)], limit_bytes=100_000)
    outputs = log.outputs()
    (place,) = [place for place, output in enumerate(outputs) if output["output_type"] == "stream"]
    assert "19,800 outputs cut by mltrack" in outputs[place]["text"]
    assert outputs[0] == shown("0")
    assert outputs[-1] == shown("19999")
    assert place == len(outputs) - place - 1


def test_a_long_traceback_is_shortened() -> None:
    log = collect(
        [("error", {"ename": "E", "evalue": "v" * 90_000, "traceback": ["first", "t" * 90_000, "last"]})], 10_000
    )
    (error,) = log.outputs()
    assert error["ename"] == "E"
    assert error["traceback"][0].startswith("first")
    assert error["traceback"][0].endswith("last")
    assert kept(log) < 10_000
    assert log.truncated


def test_clearing_forgets_what_was_cut() -> None:
    log = collect([out("x" * 50_000), clear(wait=True), out("y")], limit_bytes=10_000)
    assert log.outputs() == [stream("y")]
    assert not log.truncated
    assert log.total_bytes == 1


def test_what_was_skipped_is_marked_between_the_ends() -> None:
    log = OutputLog(10_000)
    log.add(*out("head\n"))
    log.skip("stream", 5_000_000)
    log.add(*out("tail\n"))
    assert log.outputs() == [stream("head\n\n… 5.0 MB cut by mltrack …\ntail\n")]
    assert log.truncated
    assert log.total_bytes == 5_000_010


FLOODS: dict[str, tuple[int, Callable[[int], Message]]] = {
    "lines": (50_000, lambda count: out(f"line {count}\n")),
    "characters": (50_000, lambda _: out("x")),
    "displays": (30_000, lambda count: show(str(count))),
    "one id": (10_000, lambda count: show(str(count), display_id="i")),
    "alternating": (50_000, lambda count: out(f"{count}\n", ("stdout", "stderr")[count % 2])),
    "figures": (300, lambda count: show(str(count), image_png="A" * 20_000 + str(count))),
    "blocks": (3, lambda count: out(str(count) * 5_000_000)),
}


@pytest.mark.parametrize(("times", "message"), FLOODS.values(), ids=FLOODS)
def test_memory_is_bounded_while_collecting(times: int, message: Callable[[int], Message]) -> None:
    limit = 100_000
    log = OutputLog(limit)
    message(0)
    tracemalloc.start(1)
    try:
        for count in range(times):
            log.add(*message(count))
        argument = 5_000_000 if times == 3 else 0
        assert tracemalloc.get_traced_memory()[1] < 3 * limit + 300_000 + 2 * argument
    finally:
        tracemalloc.stop()
    assert kept(log) < 4 * limit
    validate(log.outputs())


def test_an_update_reaches_every_place_of_its_id() -> None:
    index = DisplayIndex()
    logs = {name: OutputLog(displays=index, execution=name) for name in "abc"}
    for name in "ab":
        logs[name].add(*show("first", display_id="i"))
        logs[name].add(*show("other", display_id="j" + name))
    assert index.update("i", {"text/plain": "second"}, {"m": 1}) == {"a", "b"}
    changed = {"output_type": "display_data", "data": {"text/plain": "second"}, "metadata": {"m": 1}}
    assert logs["a"].outputs() == logs["b"].outputs() == [changed, shown("other")]
    assert index.update("unknown", {}, {}) == set()


def test_showing_an_id_anew_changes_earlier_executions() -> None:
    index = DisplayIndex()
    first, second = (OutputLog(displays=index, execution=name) for name in ("first", "second"))
    first.add(*show("1", display_id="i"))
    changed: set[Hashable] = second.add(*show("2", display_id="i"))
    assert changed == {"first"}
    assert first.outputs() == second.outputs() == [shown("2")]


def test_an_id_that_was_cleared_or_forgotten_is_no_longer_found() -> None:
    index = DisplayIndex()
    first, second = (OutputLog(displays=index, execution=name) for name in ("first", "second"))
    for log in (first, second):
        log.add(*show("1", display_id="i"))
    first.add(*clear(wait=False))
    assert index.update("i", {}, {}) == {"second"}
    index.forget("second")
    assert index.update("i", {}, {}) == set()


def test_an_update_that_does_not_fit_is_shortened() -> None:
    index = DisplayIndex(10_000)
    log = OutputLog(10_000, displays=index, execution=1)
    log.add(*show("small", display_id="i"))
    log.add(*out("x" * 5_000))
    assert index.update("i", {"text/plain": "figure", "image/png": "A" * 90_000}, {}) == {1}
    figure, text = log.outputs()
    assert figure["data"] == {"text/plain": "figure"}
    assert text == stream("x" * 5_000)
    assert log.truncated
    assert index.update("i", {"text/plain": "small"}, {}) == {1}
    assert log.outputs()[0] == shown("small")
    assert not log.truncated


def test_updates_that_together_do_not_fit_are_shortened() -> None:
    index = DisplayIndex(10_000)
    log = OutputLog(10_000, displays=index, execution=1)
    for count in range(10):
        log.add(*show("small", display_id=str(count)))
    for count in range(10):
        index.update(str(count), {"text/plain": f"figure {count}", "image/png": "A" * 3_000}, {})
    assert log.truncated
    assert kept(log) < 12_000
    validate(log.outputs())


@pytest.mark.parametrize(
    ("msg_type", "size", "wanted"),
    [("stream", 1_000, True), ("stream", 1_001, False), ("display_data", 9_999, False), ("error", 9_999, True)],
)
def test_large_messages_are_not_wanted(msg_type: str, size: int, wanted: bool) -> None:
    assert OutputLog(1_000).wants(msg_type, size) is wanted
