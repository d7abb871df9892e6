"""A folder as a zip whose bytes depend on nothing but what is in it."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

from mltrack.deploying.whole_outputs import whole_file

if TYPE_CHECKING:
    from pathlib import Path

_DATE = (1980, 1, 1, 0, 0, 0)


def write_zip(folder: Path, target: Path) -> None:
    """Write the files of a folder to a zip, sorted, with one date and one mode for all; no file is there before."""
    with whole_file(target) as writer, zipfile.ZipFile(writer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            archive.writestr(entry, path.read_bytes())
