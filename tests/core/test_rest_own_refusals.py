"""What only mltrack's server knows, from the hands of those who mean no good: refused, and told why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.own_served import Behind, a_run, manifest_of, server_with_runs
from tests.core.server_access import ANN, BOB, basic, json_request, make_house

from mltrack.entities import RunTag
from mltrack.exceptions import InvalidParameterError, MltrackError, NotFoundError
from mltrack.rest.own import OwnExtras
from mltrack.run_facts import CellEnd
from mltrack.store.news import NewsQuery
from mltrack.store.notebooks import Blob, ExecutionWrite, Session, SnapshotWrite
from mltrack.store.protocol import Failure
from mltrack.wire.codec import shape_of
from mltrack.wire.own_calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALLS_HERE = "/api/2.0/mltrack/calls"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with server_with_runs(tmp_path_factory.mktemp("own")) as found:
        yield found


REFUSED: dict[str, tuple[str, Any, str]] = {
    "nothing said": ("run_news", {}, "wanted"),
    "no such field": ("get_failure", {"run_id": "a", "class": "os.system"}, "class"),
    "no such field inside": ("run_news", {"wanted": {"run_id": "a", "__class__": "Popen"}}, "__class__"),
    "a number for a text": ("get_failure", {"run_id": 5}, "run_id"),
    "a text for a number": ("count_matching", {"wanted": {}, "most": "9"}, "most"),
    "true for a number": ("count_matching", {"wanted": {}, "most": True}, "most"),
    "too many": ("count_matching", {"wanted": {}, "most": 10**9}, "most"),
    "less than none": ("find_run_ids", {"text": "", "limit": -1, "stage": "active"}, "limit"),
    "65 bits": ("run_news", {"wanted": {"run_id": "a", "most": 2**64}}, "most"),
    "no page size": ("search_attempts", {"wanted": {"max_results": 0}}, "max_results"),
    "no view": ("search_attempts", {"wanted": {"view_type": "SOME"}}, "view_type"),
    "no token": ("search_attempts", {"wanted": {"page_token": "x"}}, "token"),
    "a way out": ("artifact_records", {"run_id": "a", "path": "../x"}, "artifact path"),
    "no digest": ("record_artifacts", {"run_id": "RUN", "files": {"a": [1, "x"]}}, "SHA-256"),
    "half a record": ("record_artifacts", {"run_id": "RUN", "files": {"a": [1]}}, "files"),
    "no bytes": ("save_snapshot", {"run_id": "RUN", "snapshot": {"manifest": {"data": "%%"}}}, "snapshot"),
    "a key out of bounds": ("end_cell", {"end": {"run_id": "RUN", "params": [{"key": "../x", "value": ""}]}}, "key"),
    "no kind": (
        "record_captured",
        {"run_id": "RUN", "names": [{"kind": "x", "name": "n", "origin": "bound"}]},
        "captured",
    ),
    "too deep": ("set_environment", {"run_id": "RUN", "document": {"a": None}}, "levels"),
    "over its size": (
        "metric_curves",
        {"wanted": {"run_ids": ["0"] * 9999, "keys": ["a"] * 999, "points": 99999}},
        "points",
    ),
    "no end": (
        "add_ended_runs",
        {
            "ended": [
                {
                    "new": {"experiment_id": "0", "run_name": "a", "start_time": 1, "run_id": "c" * 32},
                    "end_time": 2,
                    "status": "RUNNING",
                }
            ]
        },
        "over",
    ),
}


def deep() -> Any:
    found: Any = 1
    for _ in range(100):
        found = [found]
    return found


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_argument_is_refused_and_named(case: str, behind: Behind) -> None:
    name, body, word = REFUSED[case]
    if case == "too deep":
        body = {**body, "document": {"a": deep()}}
    if body.get("run_id") == "RUN":
        body = {**body, "run_id": behind.first}
    answer = behind.server.ask("POST", f"{CALLS_HERE}/{name}", body)
    assert (answer.status, word in answer.value["message"]) == (400, True), answer
    assert behind.store.count_runs(["0"]) == 0


def forged(text: str, claimed: str) -> dict[str, Any]:
    """Give a text under the digest of another one."""
    return {**shape_of(Blob).write(Blob.of(text)), "digest": shape_of(bytes).write(Blob.of(claimed).digest)}


def test_a_text_is_what_its_digest_says(behind: Behind) -> None:
    """Else it would stand for that text in the snapshots of others, who run it again."""
    run_id, session = a_run(behind), shape_of(Session).write(Session("8" * 32, 1))
    good = shape_of(ExecutionWrite).write(ExecutionWrite(1, Blob.of("import os"), 1))
    snapshot = {"session": session, "seq": 1, "cell_key": "k", "how": "h"}
    for source in (
        forged("evil()" * 99, "import numpy"),
        {**good["source"], "size": 10**6},
        {**good["source"], "encoding": "zlib"},
    ):
        body = {"run_id": run_id, "snapshot": {**snapshot, "executions": [{**good, "source": source}]}}
        answer = behind.server.ask("POST", f"{CALLS_HERE}/save_snapshot", body)
        assert answer.status == 400, answer
    assert behind.store.load_snapshot(run_id) is None


def test_a_manifest_names_only_what_is_sent_with_it(behind: Behind) -> None:
    """Else one who has heard of a digest could read the text of somebody else."""
    run_id = a_run(behind)
    ran = ExecutionWrite(1, Blob.of("b = 1"), 1)
    known = manifest_of(Blob.of("x = 0  # " + "ü" * 100))
    for text in (known, "[]", "{", '{"cells": [5]}', '{"cells": [{"source": 5}]}'):
        snapshot = SnapshotWrite(Session("9" * 32, 1), 1, "k", "h", [ran], Blob.of(text))
        with pytest.raises(InvalidParameterError):
            behind.extras.save_snapshot(run_id, snapshot)


def test_what_is_not_there_is_told_as_that(behind: Behind) -> None:
    for ask in (
        lambda: behind.extras.run_facts("f" * 32),
        lambda: behind.extras.record_failure("f" * 32, Failure("", "", "")),
        lambda: behind.extras.run_news(NewsQuery("f" * 32)),
        lambda: behind.extras.end_cell(CellEnd("f" * 32, tags=(RunTag("a", "b"),))),
    ):
        with pytest.raises(NotFoundError):
            ask()


class Hostile:
    """A server that answers what it likes."""

    uri = "http://127.0.0.1:1"

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def call(self, *asked: Any, **options: Any) -> Any:
        del asked, options
        return self._answer


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"answer": "x"},
        {"answer": {"py/object": "os.system"}},
        {"answer": {"name": "a", "message": "b", "traceback": 5}},
        {"answer": {"name": "a", "message": "b", "traceback": "c", "__reduce__": "d"}},
    ],
)
def test_an_answer_makes_nothing_that_was_not_declared(answer: Any) -> None:
    extras = OwnExtras(Hostile(answer))  # type: ignore[arg-type]
    if not answer:
        assert extras.get_failure("a") is None
        return
    with pytest.raises(MltrackError, match="not understood"):
        extras.get_failure("a")


def test_a_session_is_of_the_user_who_began_it(tmp_path: Path) -> None:
    """Who reads a run knows its session, and must neither write to it nor read what came later in it."""
    house = make_house(tmp_path)
    session = Session("a" * 32, 1)
    hers = ExecutionWrite(1, Blob.of("secret = 1"), 1, "c", 1, 2, "ok")
    his = replace(hers, source=Blob.of("harm()"))
    for who, ran, status in ((ANN, [hers], 200), (BOB, [], 400), (BOB, [his], 200)):
        given = {"run_id": house.owned[who]["run_id"], "snapshot": SnapshotWrite(session, 1, "k", "h", ran)}
        body, kind = json_request(CALLS["save_snapshot"].write_arguments(given))
        found = house.ask("POST", f"{CALLS_HERE}/save_snapshot", body, basic(who) | kind)
        assert found.status == status, found
    for who, source in ((ANN, "secret = 1"), (BOB, "harm()")):
        snapshot = house.store.load_snapshot(house.owned[who]["run_id"])
        assert snapshot is not None
        assert [each.source for each in snapshot.executions] == [source]
    house.close()
