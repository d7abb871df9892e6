"""Charts as files and pictures: small, readable on any page, whole in themselves, and harmless."""

from __future__ import annotations

import io
import json
import math
import zlib
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.widgets.charts_drawn import HOSTILE, curve_rows

from mltrack.exceptions import InvalidParameterError
from mltrack_widgets.charts.curve_frame import curves_of, names_of
from mltrack_widgets.charts.curve_look import CurveLook
from mltrack_widgets.charts.curves import draw_curves
from mltrack_widgets.charts.look import shown_runs
from mltrack_widgets.panels.colours import PALETTE, UNCHOSEN
from mltrack_widgets.panels.palette_png import with_palette
from mltrack_widgets.panels.pictures import png, save_chart

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = ("html", "png", "svg", "json")


def noisy(runs: int, metrics: int = 4, *, name: str = "run") -> dict[str, Any]:
    generator = np.random.default_rng(1)
    series = {
        (f"{name} {run}", f"metric {metric}"): [
            float(value) for value in np.exp(-np.arange(400) / 90) * (1 + run / 5) + generator.random(400) / 10
        ]
        for run in range(runs)
        for metric in range(metrics)
    }
    frame = curve_rows(series)
    return draw_curves(curves_of(frame), shown_runs(names_of(frame)), look=CurveLook().for_picture()).with_data()


@pytest.mark.parametrize(
    ("runs", "metrics", "most"), [(1, 1, 10_000), (10, 1, 20_000), (10, 4, 60_000), (30, 4, 80_000)]
)
def test_a_picture_is_small(runs: int, metrics: int, most: int) -> None:
    assert len(png(noisy(runs, metrics))) < most


def test_a_picture_is_white_with_the_colours_of_the_runs() -> None:
    image = Image.open(io.BytesIO(png(noisy(10, 1)))).convert("RGB")
    assert image.getpixel((0, 0)) == (255, 255, 255)
    found = [colour for _, colour in image.getcolors(1 << 16) or [] if isinstance(colour, tuple)]
    for wanted in PALETTE:
        rgb = tuple(bytes.fromhex(wanted[1:]))
        assert min(math.dist(rgb, colour) for colour in found) < 16, wanted
    assert min(sum(colour) for colour in found) < 120  # the text


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 64)])
@pytest.mark.parametrize("colours", [2, 40])
def test_few_colours_stay_as_they_are(size: tuple[int, int], colours: int) -> None:
    generator = np.random.default_rng(2)
    palette = generator.integers(0, 32, (colours, 3)) * 8
    pixels = palette[generator.integers(0, colours, size[::-1])].astype(np.uint8)
    filtered = np.diff(np.dstack([pixels, np.full(size[::-1], 255, np.uint8)]), axis=1, prepend=np.uint8(0))
    rows = b"".join(b"\x01" + row.astype(np.uint8).tobytes() for row in filtered)
    written = io.BytesIO()
    Image.fromarray(pixels).convert("RGBA").save(written, "PNG")
    head = written.getvalue()[:33]
    image = head + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")
    read = np.asarray(Image.open(io.BytesIO(with_palette(image))).convert("RGB"))
    assert (read == pixels).all()


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


@pytest.mark.parametrize("image", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\nshort"])
def test_what_is_no_such_picture_is_left_alone(image: bytes) -> None:
    assert with_palette(image) == image


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_chart_is_saved(ending: str, tmp_path: Path) -> None:
    place = save_chart(noisy(2, 1), tmp_path / f"chart.{ending.upper()}")
    content = place.read_bytes()
    begins = {"html": b"<!DOCTYPE html>", "png": b"\x89PNG", "svg": b"<svg", "json": b"{"}
    assert content.lstrip().startswith(begins[ending])
    if ending == "json":
        assert json.loads(content)["concat"]


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidParameterError, match=r"\.html, \.png, \.svg, \.json; got 'chart\.gif'"):
        save_chart({}, tmp_path / "chart.gif")


def test_no_picture_reaches_outside(tmp_path: Path) -> None:
    outside = {"data": {"url": "https://example.org/data.csv"}, "mark": "point", "encoding": {}}
    with pytest.raises(ValueError, match=r"not allowed|External data"):
        png(outside)
    with pytest.raises(ValueError, match=r"not allowed|External data"):
        save_chart(outside, tmp_path / "x.svg")


@pytest.mark.parametrize("text", [text for text in HOSTILE if "<" in text])
def test_texts_do_not_end_the_script_of_a_page(text: str, tmp_path: Path) -> None:
    def scripts(name: str) -> tuple[int, int]:
        page = save_chart(noisy(2, 1, name=name), tmp_path / "chart.html").read_text()
        return page.count("</script"), page.count("<!--")

    assert scripts(text) == scripts("run")


# Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009),
# full strength, on linear RGB.
DEFICIENCIES = {
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
}
# Linear RGB (sRGB's primaries) to XYZ, IEC 61966-2-1, relative to the white point D65.
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])


def lab(colour: str, deficiency: str) -> Any:
    """CIE L*a*b* of a colour as somebody with the deficiency sees it."""
    rgb = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(DEFICIENCIES[deficiency]) @ linear, 0, 1)
    x, y, z = np.cbrt(np.maximum(XYZ @ seen / WHITE, 0.008856))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_colours_stay_apart(deficiency: str) -> None:
    near = {
        (one, other): float(np.linalg.norm(lab(one, deficiency) - lab(other, deficiency)))
        for one, other in combinations([*PALETTE, UNCHOSEN], 2)
    }
    # the grey of runs that are not chosen is fainter and thinner besides
    close = {pair: round(far, 1) for pair, far in near.items() if far < (8 if UNCHOSEN in pair else 12)}
    assert close == {}
