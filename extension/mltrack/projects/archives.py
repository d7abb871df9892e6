"""Zip archives that others made, unpacked whole or not at all.

A member is a file or a folder below the archive's root, is there once, and is as the archive's directory says it is:
its name, flags, method and sizes stand in two places, of which programs read one or the other. Links, devices and
set-user bits are refused, and so is what unpacks to over 100 times the archive's size or 100,000 members.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, BinaryIO

from mltrack.exceptions import ExecutionError, InvalidParameterError
from mltrack.plain_text import printable
from mltrack.store.artifacts import safe_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST_MEMBERS = 100_000
MOST_TIMES = 100
MOST_BYTES = 8 << 30
_MOST_DIRECTORY = 32 << 20  # bytes of the archive's directory: names of 300 characters for the most members
_FREE_BYTES = 1 << 20  # what any archive may unpack to: a few lines of zeros shrink a thousandfold
_BLOCK = 1 << 20
_END = struct.Struct("<4s4H2LH")  # PKWARE's APPNOTE.TXT, 4.3.16
_END64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR64 = struct.Struct("<4sLQL")  # 4.3.15
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")  # 4.3.12
_LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
_LONGEST_COMMENT = 65535
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_STREAMED, _ENCRYPTED = 0x8, 0x1 | 0x20 | 0x40 | 0x2000  # bits of a member's flags
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    ValueError,
)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip archive into a folder that is not there yet.

    Raises
    ------
    ExecutionError
        When it is broken or refused; nothing is left of it then.
    """
    try:
        target.mkdir(mode=0o700)
        with archive.open("rb") as reader:
            _check_count(reader)
            with zipfile.ZipFile(reader) as opened:
                members = opened.infolist()
                _check_members(members, archive.stat().st_size)
                for each in members:
                    _check_local(reader, each)
                for each in members:
                    _write(opened, each, target)
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, _BROKEN):
            raise _refused(f"cannot be read: {printable(str(error))[:200]}") from error
        raise


def _refused(why: str) -> ExecutionError:
    return ExecutionError(f"The archive {why}; nothing of it was unpacked.", "INVALID_PARAMETER_VALUE")


def _check_count(reader: BinaryIO) -> None:
    """Count the members before anything is read into memory for each."""
    length = reader.seek(0, os.SEEK_END)
    start = max(0, length - _END.size - _LONGEST_COMMENT)
    reader.seek(start)
    tail = reader.read()
    place = tail.rfind(b"PK\5\6")
    if place < 0 or place + _END.size > len(tail):
        raise _refused("is no zip file, or is cut off")
    size, offset = _directory(reader, start + place)
    if size > _MOST_DIRECTORY or size > length:
        raise _refused(f"has a directory of {size:,} bytes")
    reader.seek(max(0, offset))
    if _entries(reader.read(size)) > MOST_MEMBERS:
        raise _refused(f"has over {MOST_MEMBERS:,} members")
    reader.seek(0)


def _directory(reader: BinaryIO, end: int) -> tuple[int, int]:
    """Give the size of the directory, and where it begins: right before what ends it, as ``zipfile`` takes it."""
    reader.seek(end)
    _, _, _, _, _, size, _, _ = _END.unpack(reader.read(_END.size))
    if end >= _LOCATOR64.size + _END64.size:
        reader.seek(end - _LOCATOR64.size)
        signature, _, _, _ = _LOCATOR64.unpack(reader.read(_LOCATOR64.size))
        if signature == b"PK\6\7":
            end -= _LOCATOR64.size + _END64.size
            reader.seek(end)
            fields = _END64.unpack(reader.read(_END64.size))
            if fields[0] != b"PK\6\6":
                raise _refused("has a broken end")
            size = fields[8]
    return size, end - size


def _entries(directory: bytes) -> int:
    count = position = 0
    while position + _ENTRY.size <= len(directory) and count <= MOST_MEMBERS:
        fields = _ENTRY.unpack_from(directory, position)
        if fields[0] != b"PK\1\2":
            raise _refused("has a broken directory")
        position += _ENTRY.size + sum(fields[12:15])
        count += 1
    return count


def _check_members(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    unpacked = sum(each.file_size for each in members)
    if unpacked > max(_FREE_BYTES, min(MOST_TIMES * size, MOST_BYTES)):
        raise _refused(f"would unpack to {unpacked:,} bytes, from {size:,}")
    seen: dict[str, bool] = {}
    for each in members:
        name = _name(each)
        if name in seen:
            raise _refused(f"has {printable(name)[:200]!r} twice")
        seen[name] = each.is_dir()
        _check_kind(each)
    for name in seen:
        for parent in _parents(name):
            if seen.get(parent) is False:
                raise _refused(f"has {printable(parent)[:200]!r} as a file and as a folder")


def _name(member: zipfile.ZipInfo) -> str:
    if member.orig_filename != member.filename:
        raise _refused(f"has a member with the name {printable(member.orig_filename)[:200]!r}")
    try:
        return str(safe_path(member.filename.removesuffix("/")))
    except InvalidParameterError as error:
        raise _refused(
            f"has the member {printable(member.filename)[:200]!r}, which leads out of it or is none"
        ) from error


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _check_kind(member: zipfile.ZipInfo) -> None:
    mode = member.external_attr >> 16
    wanted = stat.S_IFDIR if member.is_dir() else stat.S_IFREG
    name = printable(member.filename)[:200]
    if stat.S_IFMT(mode) not in (0, wanted) or mode & (stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX):
        raise _refused(f"has {name!r}, which is a link, a device or sets a user")
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise _refused(f"has {name!r} encrypted, or packed in another way than zip files are")
    if member.is_dir() and member.file_size:
        raise _refused(f"has the folder {name!r} with content")


def _check_local(reader: BinaryIO, member: zipfile.ZipInfo) -> None:
    """Compare what stands before a member with what the directory says of it."""
    reader.seek(member.header_offset)
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(
        reader.read(_LOCAL.size)
    )
    name = reader.read(name_length)
    encoded = member.orig_filename.encode("utf-8" if flags & 0x800 else "cp437", errors="replace")
    told = (signature, flags, method, name) == (b"PK\3\4", member.flag_bits, member.compress_type, encoded)
    if not told or not (flags & _STREAMED or _same_sizes((crc, packed, size), member, extra_length)):
        raise _refused(f"says two things of {printable(member.filename)[:200]!r}")


def _same_sizes(said: tuple[int, int, int], member: zipfile.ZipInfo, extra_length: int) -> bool:
    crc, packed, size = said
    if crc != member.CRC:
        return False
    if extra_length and 0xFFFFFFFF in (packed, size):  # the true sizes are in the extra field, which zipfile reads
        return True
    return (packed, size) == (member.compress_size, member.file_size)


def _write(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    place = target / _name(member)
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if member.external_attr >> 16 & 0o111 else 0o644
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    left = member.file_size
    with os.fdopen(descriptor, "wb") as writer, opened.open(member) as packed:
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise _refused(f"has more in {printable(member.filename)[:200]!r} than it says")
            writer.write(block)
    if left:
        raise _refused(f"has less in {printable(member.filename)[:200]!r} than it says")
