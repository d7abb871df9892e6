"""What a verification says: which metrics differ, and whether between runs of one form or between two forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mltrack.exporting import verifying
from mltrack.exporting.verification import MetricCheck, Verification

if TYPE_CHECKING:
    from pathlib import Path

FORMS = ("script", "script", "notebook")
NAN = float("nan")


@pytest.mark.parametrize(
    ("values", "verified", "unsteady", "by_form"),
    [
        ((1.0, 1.0, 1.0), True, (), ()),
        ((1.0, 2.0, 1.0), False, ("m",), ()),
        ((1.0, 1.0, 2.0), False, (), ("m",)),
        ((1.0, 1.0, 1.0 + 1e-9), True, (), ("m",)),
        ((1.0, 1.0, None), False, (), ("m",)),
        ((1.0, 2.0, 3.0), False, ("m",), ()),
    ],
)
def test_differences_are_said_by_name(
    values: tuple[float | None, ...], verified: bool, unsteady: tuple[str, ...], by_form: tuple[str, ...]
) -> None:
    found = Verification("r", (MetricCheck("m", 1.0, values, 1e-6),), (1.0,) * 3, forms=FORMS)
    assert (found.verified, found.unsteady, found.by_form) == (verified, unsteady, by_form)
    assert found.deterministic is not bool(unsteady)
    assert ("Two runs gave different numbers: m." in found.text) is bool(unsteady)
    assert ("main.ipynb gave other numbers than main.py: m." in found.text) is bool(by_form)
    assert "again 3, notebook" in found.text


def test_runs_of_one_form_need_no_names() -> None:
    found = Verification("r", (MetricCheck("m", NAN, (NAN, NAN), 0.0),), (1.0, 1.0), forms=FORMS[:2])
    assert found.verified
    assert found.deterministic
    assert "script" not in found.text


@pytest.mark.parametrize(("mode", "runs"), [(0o777, "agreed to"), (0o700, "own, and edited since")])
def test_of_strangers_what_was_agreed_to_is_what_runs(
    mode: int, runs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, room = tmp_path / "exported", tmp_path / "room"
    folder.mkdir()
    room.mkdir()
    (folder / "main.py").write_text("agreed to")
    (folder / "expected.json").write_text('{"metrics": {}}')
    (folder / "MLproject").write_text("entry_points: {main: {command: python main.py}}")
    folder.chmod(mode)

    def edited_meanwhile(*_: Any, **__: Any) -> None:
        (folder / "main.py").write_text("own, and edited since")

    monkeypatch.setattr(verifying, "require_trust", edited_meanwhile)
    assert (verifying._folder_of(folder, room, trust=True) / "main.py").read_text() == runs
