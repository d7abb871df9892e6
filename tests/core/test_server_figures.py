"""What a server counts of its requests, as Prometheus reads it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.core.tracking_servers import RunningServer, running_server

from mltrack.server.exchange import Exchange
from mltrack.server.figures import Figures
from mltrack.server.settings import COUNTS

if TYPE_CHECKING:
    from pathlib import Path

ROUTE = "experiments/get"


async def answer(figures: Figures, method: str, status: int | None, *, route: str = ROUTE) -> None:
    """Answer with three bytes what came with two; None: the caller hung up before."""

    async def receive() -> Any:
        return {"type": "http.request", "body": b"ab", "more_body": False}

    async def send(message: Any) -> None:
        del message

    exchange, began = Exchange(method, receive, send), figures.begin()
    exchange.route = route
    await exchange.receive()
    if status is not None:
        await exchange.send({"type": "http.response.start", "status": status, "headers": []})
        await exchange.send({"type": "http.response.body", "body": b"abc"})
    figures.end(began, exchange)


def samples(figures: Figures) -> dict[str, float]:
    """Give what is read of the text, by name and labels in their order."""
    found = {}
    for family in text_string_to_metric_families(figures.text().decode()):
        for each in family.samples:
            labels = [each.labels[name] for name in ("route", "method", "status", "le") if name in each.labels]
            found[" ".join([each.name.removeprefix("mltrack_"), *labels])] = each.value
    return found


def test_requests_are_counted_by_route_method_and_status() -> None:
    figures = Figures()
    for method, status in (("GET", 200), ("GET", 200), ("GET", 404), ("POST", 500), ("BREW", 405), ("GET", None)):
        asyncio.run(answer(figures, method, status))
    found = samples(figures)
    assert found[f"requests_total {ROUTE} GET 200"] == 2
    assert found[f"requests_total {ROUTE} GET 404"] == 1
    assert found[f"requests_total {ROUTE} GET 499"] == 1
    assert found[f"requests_total {ROUTE} other 405"] == 1
    assert found[f"request_bytes_total {ROUTE} GET"] == 8
    assert found[f"response_bytes_total {ROUTE} GET"] == 9
    assert found[f"request_seconds_count {ROUTE} GET"] == found[f"request_seconds_bucket {ROUTE} GET +Inf"] == 4
    assert found["requests_in_flight"] == 0
    figures.begin()
    assert samples(figures)["requests_in_flight"] == 1


def test_two_applications_of_a_process_count_for_themselves() -> None:
    one, other = Figures(), Figures()
    asyncio.run(answer(one, "GET", 200))
    assert f"requests_total {ROUTE} GET 200" not in samples(other)


@pytest.mark.slow
def test_what_is_asked_for_in_vain_makes_no_names(tmp_path: Any) -> None:
    """Or callers could fill a server's memory, and its text with what they like."""
    with running_server(tmp_path) as server:
        for number in range(20):
            assert server.ask("GET", f"/nothing/{number}").status == 404
            assert server.ask("GET", f"/api/2.0/mlflow/logged-models/m-{number}").status == 404
        lines = text_of(server).splitlines()
    assert 'mltrack_requests_total{method="GET",route="none",status="404"} 20.0' in lines
    assert 'mltrack_requests_total{method="GET",route="logged-models/{model_id}",status="404"} 20.0' in lines
    assert not any("nothing" in line or "m-1" in line for line in lines)


def text_of(server: RunningServer) -> str:
    answer = server.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def test_a_file_that_has_just_been_made_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process makes its file and then gives it its size; one that was killed in between leaves it as it is."""
    monkeypatch.setenv(COUNTS, str(tmp_path))
    command = "from prometheus_client import Counter; Counter('seen', 'x').inc(3)"
    subprocess.run([sys.executable, "-c", command], check=True, timeout=300)
    (tmp_path / "counter_1.db").touch()
    (tmp_path / "gauge_livesum_2.db").touch()
    (tmp_path / "histogram_3.db").symlink_to(tmp_path / "gone")
    assert b"\nseen_total 3.0\n" in Figures().text()
