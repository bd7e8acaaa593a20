"""Colours can be told apart and swapped; names are text; nothing is sent anywhere."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from dashboard.run_colours import run_swaps
from dashboard.theme import CONFIG, DARK, LIGHT, Palette, css_variables, safe, swaps, template


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    "name", ["ink", "dimmed", "accent", "error", "warning", "hint", "good", "fit"]
)
def test_text_can_be_read(palette: Palette, name: str) -> None:
    for ground in (palette.card, palette.page, palette.sunken):
        assert contrast(getattr(palette, name), ground) >= 4.5


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_can_be_seen(palette: Palette) -> None:
    assert contrast(palette.chosen, palette.card) >= 3
    assert contrast(palette.nonfinite, palette.card) >= 3


def test_every_colour_has_its_counterpart() -> None:
    assert len(swaps()) == len(asdict(LIGHT)) + len(run_swaps())
    assert swaps()[LIGHT.chosen] == DARK.chosen


def test_charts_are_never_sent_anywhere() -> None:
    assert CONFIG["showSendToCloud"] is False
    assert CONFIG["displaylogo"] is False


def test_css_knows_both_schemes() -> None:
    css = css_variables()
    assert f"--ink:{LIGHT.ink};" in css
    assert f"--ink:{DARK.ink};" in css


def test_templates_differ() -> None:
    assert template("light") != template("dark")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("layer.0", "layer.0"),
        ("<b>", "&lt;b&gt;"),
        ("a & b", "a &amp; b"),
        ("%{x}", "%\u200b{x}"),
        ("a\nb\x1b", "a\ufffdb\ufffd"),
        ('l\'été "1"', 'l\'été "1"'),
    ],
)
def test_names_are_text(name: str, shown: str) -> None:
    assert safe(name) == shown
