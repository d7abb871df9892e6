"""The parts of a server that can be looked at without one."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.exceptions import InvalidParameterError
from mltrack.serving.frames import Decoder, Message, encode
from mltrack.serving.logs import MOST_BYTES, tail
from mltrack.serving.parent import how_it_ended
from mltrack.serving.settings import Limits, Settings
from mltrack.serving.statistics import Statistics
from mltrack.serving.targets import name_of
from mltrack.serving.window import MOST_SECONDS, Window

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = st.lists(st.tuples(st.sampled_from([b"Q", b"A", b"R"]), st.lists(st.binary(max_size=50), max_size=5)))


@given(MESSAGES, st.data())
def test_messages_come_through_in_whatever_chunks(
    messages: list[tuple[bytes, list[bytes]]], data: st.DataObject
) -> None:
    stream = b"".join(encode(kind, parts) for kind, parts in messages)
    decoder = Decoder()
    found: list[Message] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += decoder.feed(stream[:size])
        stream = stream[size:]
    assert found == messages


def test_a_lone_caller_never_waits() -> None:
    window = Window()
    for _ in range(10):
        assert window.seconds(1) == 0
        window.sent(1)
        window.answered(1, waiting=0, seconds=0.1)
    assert window.seconds(1) == 0


def test_callers_who_come_together_are_waited_for_as_long_as_that_pays() -> None:
    window = Window()
    window.sent(1)
    window.answered(1, waiting=3, seconds=0.004)
    assert (window.expected, window.seconds(4), window.seconds(2)) == (4, 0, 0.002)
    window.sent(4)
    window.answered(4, waiting=0, seconds=10.0)
    assert window.seconds(1) == MOST_SECONDS
    for _ in range(3):  # the others do not come
        assert window.seconds(1) > 0
        window.sent(1)
        window.answered(1, waiting=3, seconds=0.004)
    assert window.seconds(1) == 0


def test_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [7.0]
    monkeypatch.setattr("mltrack.serving.statistics.time", SimpleNamespace(monotonic=lambda: now[0]))
    figures = Statistics()
    assert figures.summary()["p50_ms"] is None
    for number, status in enumerate((200, 200, 400, 500), 1):
        began = figures.begin()
        now[0] += number / 1000
        figures.end(began, status)
    figures.begin()
    found = figures.summary()
    assert (found["requests"], found["errors"], found["in_flight"], found["requests_per_second"]) == (4, 2, 1, 4.0)
    assert (found["p50_ms"], found["p99_ms"]) == (3.0, 4.0)
    now[0] += 2
    assert figures.summary()["requests_per_second"] == 1.99  # in 2.01 s
    now[0] += 10
    assert figures.summary()["requests_per_second"] == 0


def test_settings_come_through_and_are_no_secret_in_a_traceback() -> None:
    settings = Settings(
        *("models:/a@b", sys.executable, "name"),
        key="k" * 20,
        nonce="n",
        folder="/tmp",
        token="t" * 20,
        allowed_hosts=("a", "b"),
        limits=Limits(timeout=5),
    )
    assert Settings.from_json(settings.to_json()) == settings
    assert "kkk" not in repr(settings)
    assert "ttt" not in repr(settings)
    with pytest.raises(InvalidParameterError, match="needs a token"):
        settings.changed(host="0.0.0.0", token=None)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("models:/cancer@champion", "cancer"),
        ("models:/cancer model/3", "cancer model"),
        ("runs:/0123/forest", "forest"),
        ("/tmp/models/iris/", "iris"),
        ("s3://bucket/iris", "iris"),
        ("/", "model"),
    ],
)
def test_a_server_is_named_after_its_model(uri: str, name: str) -> None:
    assert name_of(uri) == name


@pytest.mark.parametrize(
    ("code", "text"),
    [(3, "x ended with exit code 3"), (-9, "x was killed by SIGKILL"), (-77, "x was killed by signal 77")],
)
def test_how_a_process_ended(code: int, text: str) -> None:
    assert how_it_ended("x", code) == text


def test_a_log_is_cut_at_its_size(tmp_path: Path) -> None:
    file = tmp_path / "log"
    code = f"""
from pathlib import Path
from mltrack.serving.logs import Log
log = Log(Path({str(file)!r}))
for number in range(20): log.write(b"%d" % number + b"x" * (1 << 20) + b"\\n")
log.say("the\\x1b end")
import sys; print("and stderr", file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stderr == b""
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 2 * MOST_BYTES + 100
    assert [line.rpartition(" ")[2] for line in tail(file, 2).splitlines()] == ["end", "stderr"]
    assert os.stat(file).st_mode & 0o777 == 0o600
    assert tail(tmp_path / "nothing", 5) == ""
