"""Eight colours that every eye tells apart, measured."""

from __future__ import annotations

from dataclasses import astuple
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.run_colours import DARK, DASHES, LIGHT, run_colour, run_dash, run_swaps
from dashboard.theme import palette

Floats = NDArray[np.float64]
LEAST_CONTRAST = 3.0  # that WCAG asks of what is drawn
LEAST_DISTANCE = 20.0  # in CIELAB; two colours of plotly's own set are 1.6 apart
# Machado, Oliveira and Fernandes 2009: what a retina without one of the three cones sees.
SEEN: dict[str, Any] = {
    "all cones": np.eye(3),
    "without red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "without blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour: str) -> Floats:
    parts = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((float(TO_XYZ[1] @ linear(each)) for each in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lab(light: Floats) -> Floats:
    share = TO_XYZ @ light / TO_XYZ.sum(axis=1)
    cubes = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116)
    return np.array([116 * cubes[1] - 16, 500 * (cubes[0] - cubes[1]), 200 * (cubes[1] - cubes[2])])


@pytest.mark.parametrize(("colours", "scheme"), [(LIGHT, "light"), (DARK, "dark")])
def test_each_stands_out_from_its_card(colours: tuple[str, ...], scheme: Any) -> None:
    card = palette(scheme).card
    assert min(contrast(colour, card) for colour in colours) >= LEAST_CONTRAST


@pytest.mark.parametrize("eye", SEEN)
@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_any_two_are_far_apart_for_every_eye(colours: tuple[str, ...], eye: str) -> None:
    seen = [lab(np.clip(np.array(SEEN[eye]) @ linear(colour), 0, 1)) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) >= LEAST_DISTANCE


def test_the_measure_knows_close_colours() -> None:
    near = [lab(linear(colour)) for colour in ("#1f77b4", "#2078b5")]
    assert np.linalg.norm(near[0] - near[1]) < 1
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_the_ninth_run_has_the_first_colour_and_a_dash() -> None:
    assert run_colour(8) == run_colour(0) == LIGHT[0]
    assert [run_dash(place) for place in (0, 7, 8, 16)] == ["solid", "solid", "dash", "dot"]
    assert run_dash(24) == DASHES[0]


def test_each_colour_turns_into_its_own_and_into_no_other_of_the_page() -> None:
    swaps = run_swaps()
    assert swaps == {run_colour(n): run_colour(n, "dark") for n in range(8)}
    assert not set(swaps) & set(map(str, astuple(palette("light"))))


def test_the_style_sheet_has_the_same_colours() -> None:
    from pathlib import Path

    import dashboard

    sheet = (Path(dashboard.__file__).parent / "assets" / "compare.css").read_text()
    for colours in (LIGHT, DARK):
        assert "".join(f"--run-{n}:{colour};" for n, colour in enumerate(colours)) in sheet
