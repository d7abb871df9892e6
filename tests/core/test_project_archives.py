"""Zip archives that others made: unpacked whole, or refused with nothing left."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mltrack.exceptions import ExecutionError
from mltrack.projects import archives
from mltrack.projects.archives import unpack

if TYPE_CHECKING:
    from collections.abc import Callable


def made(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return packed.getvalue()


def member(name: str, mode: int) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.external_attr = mode << 16
    return found


def unpacked(content: bytes, folder: Path) -> Path:
    (folder / "x.zip").write_bytes(content)
    unpack(folder / "x.zip", folder / "out")
    return folder / "out"


def test_what_is_in_it_is_unpacked(tmp_path: Path) -> None:
    program = member("bin/run", stat.S_IFREG | 0o755)
    out = unpacked(
        made(("a/", b""), ("a/b", b"1"), (program, b"2"), ("ä/leer", b""), ("big", b"x" * 900_000)), tmp_path
    )
    found = {str(each.relative_to(out)) for each in out.rglob("*") if each.is_file()}
    assert found == {"a/b", "bin/run", "ä/leer", "big"}
    assert (out / "a/b").read_bytes() == b"1"
    assert (out / "bin/run").stat().st_mode & 0o100
    assert not (out / "a/b").stat().st_mode & 0o111


def test_a_large_archive_form_is_read(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive, archive.open("a", "w", force_zip64=True) as writer:
        writer.write(b"content")
    assert (unpacked(packed.getvalue(), tmp_path) / "a").read_bytes() == b"content"


def test_an_archive_that_was_streamed_is_read(tmp_path: Path) -> None:
    class Stream(io.RawIOBase):
        """Written front to back only: sizes then stand behind the members."""

        def __init__(self) -> None:
            self.content = b""

        def writable(self) -> bool:
            return True

        def write(self, block: bytes) -> int:  # type: ignore[override]
            self.content += bytes(block)
            return len(block)

    stream = Stream()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", b"content")
    assert (unpacked(stream.content, tmp_path) / "a").read_bytes() == b"content"


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """Write over a field of the first header that has a signature."""
    place = content.index(signature) + offset
    return content[:place] + value + content[place + len(value) :]


PLAIN = made(("aaaa", b"content" * 10))
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


def doubled_central() -> bytes:
    """Two entries of the directory for one member."""
    start, end = PLAIN.index(CENTRAL), PLAIN.index(END)
    entry, tail = PLAIN[start:end], PLAIN[end:]
    fields = struct.pack("<HHL", 2, 2, 2 * len(entry))
    return PLAIN[:end] + entry + tail[:8] + fields + tail[16:]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "up": lambda: made(("../up", b"1")),
    "up inside": lambda: made(("a/../../up", b"1")),
    "absolute": lambda: made(("/tmp/absolute", b"1")),
    "drive": lambda: made(("C:/x", b"1")),
    "backslash": lambda: made(("..\\up", b"1")),
    "empty part": lambda: made(("a//b", b"1")),
    "dot": lambda: made(("./a", b"1")),
    "reserved": lambda: made(("CON", b"1")),
    "hidden": lambda: made(("a\u202eb", b"1")),
    "link": lambda: made((member("link", stat.S_IFLNK | 0o777), b"/etc")),
    "link then write": lambda: made((member("d", stat.S_IFLNK | 0o777), b"/tmp"), ("d/x", b"1")),
    "device": lambda: made((member("device", stat.S_IFCHR | 0o666), b"")),
    "pipe": lambda: made((member("pipe", stat.S_IFIFO | 0o666), b"")),
    "setuid": lambda: made((member("root", stat.S_IFREG | 0o4755), b"1")),
    "twice": doubled_central,
    "file and folder": lambda: made(("a", b"1"), ("a/b", b"2")),
    "folder that is a file": lambda: made((member("a/", stat.S_IFREG | 0o644), b"")),
    "bomb": lambda: made(("zeros", bytes(20 << 20))),
    "bombs": lambda: made(*((f"{number}", bytes(1 << 20)) for number in range(20))),
    "other name before it": lambda: patched(PLAIN, LOCAL, 30, b"bbbb"),
    "other method before it": lambda: patched(PLAIN, LOCAL, 8, b"\0\0"),
    "other sizes before it": lambda: patched(PLAIN, LOCAL, 22, b"\x07\0\0\0"),
    "other sum before it": lambda: patched(PLAIN, LOCAL, 14, b"\0\0\0\0"),
    "flags before it": lambda: patched(PLAIN, LOCAL, 6, b"\x01\0"),
    "flags in the directory": lambda: patched(PLAIN, CENTRAL, 8, b"\x01\0"),
    "encrypted": lambda: patched(patched(PLAIN, CENTRAL, 8, b"\x01\0"), LOCAL, 6, b"\x01\0"),
    "other method": lambda: patched(patched(PLAIN, CENTRAL, 10, b"\x0e\0"), LOCAL, 8, b"\x0e\0"),
    "less than it says": lambda: patched(patched(PLAIN, CENTRAL, 24, b"\xff\0\0\0"), LOCAL, 22, b"\xff\0\0\0"),
    "broken content": lambda: PLAIN[:36] + b"\xff\xff" + PLAIN[38:],
    "cut off": lambda: PLAIN[:-10],
    "no zip": lambda: b"PK is how they begin",
    "empty": lambda: b"",
    "directory of 2 GB": lambda: patched(PLAIN, END, 12, b"\xff\xff\xff\x7f"),
    "a name with a zero": lambda: patched(patched(PLAIN, CENTRAL, 47, b"\0"), LOCAL, 31, b"\0"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_leaves_nothing(name: str, tmp_path: Path) -> None:
    content = HOSTILE[name]()
    with pytest.raises(ExecutionError, match="nothing of it was unpacked"):
        unpacked(content, tmp_path)
    assert [each.name for each in tmp_path.iterdir() if each.name != "user"] == ["x.zip"]
    assert not (tmp_path.parent / "up").exists()
    assert not Path("/tmp/absolute").exists()


def test_members_are_counted_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    assert unpacked(made(*((f"{number}", b"") for number in range(3))), tmp_path).is_dir()
    monkeypatch.setattr(zipfile, "ZipFile", None)
    many = tmp_path / "many"
    many.mkdir()
    with pytest.raises(TypeError):  # so it would be read
        unpacked(PLAIN, many)
    monkeypatch.undo()
    content = made(*((f"{number}", b"") for number in range(4)))
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(ExecutionError, match="over 3 members"):
        unpacked(content, many)
