"""A spool file whatever happened to it: what is whole is read, and what is not is named by its place and size."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies
from tests.core.spooled import of_another

from mltrack.process import Owner, current_owner
from mltrack.rest import spool_file
from mltrack.rest.spool_file import MARK, SILENT_SECONDS, Damage, Record, SpoolFile, SpoolView

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "http://127.0.0.1:5000"


def written(path: Path, numbers: range) -> list[int]:
    """Write a file of a record each, as a process that is gone left it; gives where each record ends."""
    file = SpoolFile.create(path, SERVER)
    for number in numbers:
        file.append([json.dumps({"run": "r", "n": number, "text": "x" * number}).encode()])
    file.close()
    of_another(path)
    view = SpoolView(path)
    ends = [each.end for each in view.read(0)]
    view.close()
    return ends[1:]


def numbers_of(file: SpoolFile, start: int = 0) -> list[int]:
    return [each.payload["n"] for each in file.read(start) if isinstance(each, Record) and "n" in each.payload]


def test_a_torn_tail_is_cut_wherever_it_was_torn(tmp_path: Path) -> None:
    ends = written(tmp_path / "whole.spool", range(4))
    content = (tmp_path / "whole.spool").read_bytes()
    for size in range(ends[0], len(content)):
        torn = tmp_path / f"{size}.spool"
        torn.write_bytes(content[:size])
        file = SpoolFile.take(torn)
        assert file is not None
        kept = sum(end <= size for end in ends)
        assert numbers_of(file) == list(range(kept))
        file.append([b'{"run":"r","n":99}'])
        assert numbers_of(file) == [*range(kept), 99]
        assert not [each for each in file.read(0) if isinstance(each, Damage)]
        file.close()


@pytest.mark.parametrize("place", [0, 1, 4, 5, 7, 8, 11, 12, 20], ids=lambda place: f"byte-{place}")
@pytest.mark.parametrize("value", [0x00, 0xFF, MARK[0]], ids=hex)
def test_a_bad_record_in_the_middle_is_passed_over_and_named(tmp_path: Path, place: int, value: int) -> None:
    path = tmp_path / "bad.spool"
    ends = written(path, range(5))
    content = bytearray(path.read_bytes())
    if content[ends[1] + place] == value:
        value ^= 1
    content[ends[1] + place] = value
    path.write_bytes(content)
    file = SpoolFile.take(path)
    assert file is not None
    assert numbers_of(file) == [0, 1, 3, 4]
    damaged = [each for each in file.read(0) if isinstance(each, Damage)]
    assert damaged == [Damage(ends[1], ends[2], is_tail=False)]
    file.close()


def test_a_record_with_another_value_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "bad.spool"
    ends = written(path, range(5))
    path.write_bytes(path.read_bytes().replace(b'"n": 2', b'"n": 7'))
    view = SpoolView(path)
    assert numbers_of(view) == [0, 1, 3, 4]
    assert Damage(ends[1], ends[2], is_tail=False) in list(view.read(0))
    view.close()


@settings(max_examples=60)
@given(strategies.data())
def test_whatever_is_changed_only_what_was_changed_is_lost(
    tmp_path_factory: pytest.TempPathFactory, data: object
) -> None:
    draw = data.draw  # type: ignore[attr-defined]
    path = tmp_path_factory.mktemp("spool") / "any.spool"
    ends = written(path, range(8))
    content = bytearray(path.read_bytes())
    start = draw(strategies.integers(ends[0], len(content) - 1))
    junk = draw(strategies.binary(min_size=1, max_size=60) | strategies.just(MARK * 8))
    content[start : start + len(junk)] = junk
    path.write_bytes(content)
    view = SpoolView(path)
    begins = [0, *ends]
    untouched = {number for number, end in enumerate(ends) if end <= start or begins[number] >= start + len(junk)}
    assert untouched <= set(numbers_of(view)) <= set(range(8))
    view.close()


def test_only_its_user_can_read_it(tmp_path: Path) -> None:
    SpoolFile.create(tmp_path / "a.spool", SERVER).close()
    assert stat.S_IMODE((tmp_path / "a.spool").stat().st_mode) == 0o600


def test_a_file_is_held_while_its_process_lives(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from mltrack.rest.spool_file import SpoolFile\n"
        f"file = SpoolFile.create(Path({str(tmp_path / 'a.spool')!r}), {SERVER!r})\n"
        "print('made', flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "made\n"
    assert SpoolFile.take(tmp_path / "a.spool") is None
    child.kill()
    child.communicate()
    file = SpoolFile.take(tmp_path / "a.spool")
    assert file is not None
    assert SpoolFile.take(tmp_path / "a.spool") is None  # it is held again
    file.remove()
    assert SpoolFile.take(tmp_path / "a.spool") is None


HERE = current_owner()
ELSEWHERE = {
    "container-that-is-gone": (Owner("box", HERE.boot, "pid:[1]", os.getpid(), "1"), 0, True),
    "machine-that-may-live": (Owner("box", "another", "pid:[1]", 7, "1"), 0, False),
    "machine-that-is-silent": (Owner("box", "another", "pid:[1]", 7, "1"), SILENT_SECONDS + 60, True),
}


@pytest.mark.parametrize(("owner", "age", "is_left"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_a_gone_container_left_is_taken(tmp_path: Path, owner: Owner, age: float, *, is_left: bool) -> None:
    """Its processes cannot be looked for from here; that nobody holds its file says enough."""
    path = tmp_path / "a.spool"
    SpoolFile.create(path, SERVER).close()
    of_another(path, owner=owner)
    os.utime(path, (time.time() - age,) * 2)
    assert (SpoolFile.take(path) is not None) is is_left


def test_what_another_container_holds_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    file = SpoolFile.create(path, SERVER)
    of_another(path, owner=ELSEWHERE["container-that-is-gone"][0])
    assert SpoolFile.take(path) is None
    view = SpoolView(path)
    assert not view.is_free()
    file.close()
    assert view.is_free()
    assert SpoolFile.take(path) is not None  # the view holds nothing


def test_a_file_that_is_just_being_made_is_taken_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or its maker would go on with a file that somebody has deleted."""
    path, hold, taken = tmp_path / "a.spool", spool_file._hold, list[SpoolFile | None]()

    def slow(descriptor: int, **how: bool) -> bool | None:
        if not taken:
            taken.append(None)
            taken.append(SpoolFile.take(path))
        return hold(descriptor, **how)

    monkeypatch.setattr(spool_file, "_hold", slow)
    file = SpoolFile.create(path, SERVER)
    assert taken == [None, None]
    assert SpoolFile.take(path) is None
    file.remove()


def test_what_does_not_fit_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SpoolFile.create(tmp_path / "a.spool", SERVER)
    file.append([b'{"n":1}'])
    real = os.pwrite

    def full(descriptor: int, block: bytes, place: int) -> int:
        if len(block) > 30:
            return real(descriptor, block[:20], place)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            file.append([b'{"n":2}', b'{"n":3}'])
    file.append([b'{"n":4}'])
    assert numbers_of(file) == [1, 4]
    assert file.end == (tmp_path / "a.spool").stat().st_size
    file.close()


def test_a_file_of_memory_moves_to_a_folder(tmp_path: Path) -> None:
    file = SpoolFile.in_memory(SERVER)
    file.append([b'{"n":1}', b'{"n":2}'])
    file.mark_sent(next(each.end for each in file.read(file.first)))
    file.move_to(tmp_path / "a.spool")
    file.append([b'{"n":3}'])
    assert numbers_of(file, file.sent) == [2, 3]
    file.close()
    assert numbers_of(SpoolView(tmp_path / "a.spool")) == [1, 2, 3]
