"""The bundle of Vega that the pages draw with: it is there, whole, and new enough for what Altair writes."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import altair
import pytest

from mltrack_widgets.front.assets import text_of
from mltrack_widgets.front.vega_library import BUNDLE, vega_library
from mltrack_widgets.panels.pictures import vega_lite_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "widgets" / "build_vega.py"


def bundled_version() -> str:
    """The version that the bundle's heading names."""
    return str(vega_library().version)


def numbers(version: str) -> list[int]:
    """Major and minor of ``v6.4.1`` or ``6.4``."""
    return [int(part) for part in version.removeprefix("v").split(".")][:2]


def exported(source: str) -> list[str]:
    """The names that a module exports, sorted."""
    return sorted(
        name.split()[-1] for names in re.findall(r"\bexport\s*\{(.*?)\}", source) for name in names.split(",")
    )


@pytest.fixture(scope="module")
def builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_vega", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("drawn_with", [bundled_version, vega_lite_version], ids=["page", "picture"])
def test_it_draws_what_altair_writes(drawn_with: Callable[[], str]) -> None:
    (major, minor), (wanted_major, wanted_minor) = numbers(drawn_with()), numbers(altair.SCHEMA_VERSION)
    assert major == wanted_major
    assert minor >= wanted_minor, "install a newer vl-convert-python, and run widgets/build_vega.py"


def test_the_heading_names_the_vega_lite_that_follows() -> None:
    assert re.search(rf'"{re.escape(bundled_version())}\.\d+"', text_of(BUNDLE))


def test_the_bundle_exports_what_charts_take_from_it() -> None:
    assert exported(text_of(BUNDLE)) == ["vega", "vegaEmbed"]


def test_the_bundle_is_whole_in_itself() -> None:
    """A module's own imports stand where a statement begins; "from" and "import" are words of Vega's, too."""
    loads = (
        r"(?:^|[;}])\s*(?:import\s*[{*\"']|import\s+\w|export\s*(?:\*|\{[^}]*\})\s*from)|\bimport\(|sourceMappingURL"
    )
    assert re.findall(loads, text_of(BUNDLE), re.MULTILINE) == []


def test_the_script_builds_it_by_hand(tmp_path: Path) -> None:
    """In a copy of the tree, so that the one at hand stays as it is; no hatchling is needed."""
    copy = Path(shutil.copy(SCRIPT, tmp_path))
    bundle = tmp_path / "mltrack_widgets" / "front" / BUNDLE
    bundle.parent.mkdir(parents=True)
    done = subprocess.run([sys.executable, str(copy)], capture_output=True, text=True, check=True)
    source = bundle.read_text(encoding="utf-8")
    assert done.stdout == f"{BUNDLE}: Vega-Lite {vega_lite_version()}, {bundle.stat().st_size:,} bytes\n"
    assert f"Vega-Lite {vega_lite_version()} " in source.partition("\n")[0]
    assert exported(source) == ["vega", "vegaEmbed"]
    if bundled_version() == vega_lite_version():
        assert source == text_of(BUNDLE)


@pytest.mark.parametrize("stale", [None, "", "/* Vega-Lite 5.8 with Vega and vega-embed */\nexport { vega };\n"])
def test_a_bundle_is_built_once_for_a_version(
    builder: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stale: str | None
) -> None:
    asked: list[str] = []

    def bundle(exports: str, *, vl_version: str) -> str:
        asked.append(vl_version)
        return exports

    monkeypatch.setattr("vl_convert.javascript_bundle", bundle)
    path = tmp_path / BUNDLE
    if stale is not None:
        path.write_text(stale)
    versions = {builder.build(path), builder.build(path)}
    assert versions == set(asked) == {vega_lite_version()}
    assert len(asked) == 1
    assert exported(path.read_text()) == ["vega", "vegaEmbed"]
