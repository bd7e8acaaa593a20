"""Parts stand in rows, on a narrow page under one another, and never upon one another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from dashboard.arrangement import AXIS, LEGEND, LINE, SLIDER, Part, arranged, below, merged

MAIN = Part("", 300, {"title": "a"}, {"type": "log"}, ("one", "two"), "legend")
SIDE = Part("4", 300, {}, {}, ("three",), "legend2")
FIRST = Part("2", 200, {}, {}, ("four", "a name as long as a name may be"), "legend3")
LAST = Part("3", 200, {}, {})
MAPS = [Part(axis, 300, {}, {}, colours=f"coloraxis{axis}") for axis in ("", "7")]


def pixels(layout: dict[str, Any], share: float) -> float:
    margin = layout["margin"]
    return float(share * (layout["height"] - margin["t"] - margin["b"]))


@pytest.mark.parametrize("headline", [True, False])
@pytest.mark.parametrize("sliders", [0, 2])
def test_every_part_is_as_high_as_it_asks_in_either_arrangement(
    headline: bool, sliders: int
) -> None:
    wide = arranged([[MAIN, SIDE], [FIRST, LAST]], headline=headline, sliders=sliders)
    for layout in (wide, wide["meta"]["narrow"]):
        for part in (MAIN, SIDE, FIRST, LAST):
            low, high = layout[f"yaxis{part.axis}"]["domain"]
            assert pixels(layout, high - low) == pytest.approx(part.height)


def test_side_by_side_or_under_one_another() -> None:
    wide = arranged([[MAIN, SIDE], [FIRST, LAST]], headline=False)
    narrow = wide["meta"]["narrow"]
    assert wide["yaxis"]["domain"] == wide["yaxis4"]["domain"]
    assert wide["xaxis"]["domain"][1] < wide["xaxis4"]["domain"][0]
    assert wide["yaxis2"]["domain"][1] < wide["yaxis"]["domain"][0]
    column = [narrow[f"yaxis{axis}"]["domain"] for axis in ("", "4", "2", "3")]
    assert all(above[0] > below[1] for above, below in pairwise(column))
    assert all(narrow[f"xaxis{axis}"]["domain"] == [0, 1] for axis in ("", "4", "2", "3"))


def test_sliders_find_room_between_the_first_part_and_the_next_on_every_page() -> None:
    wide = arranged([[MAIN, SIDE], [FIRST]], headline=False, sliders=2)
    for layout, after in ((wide, "2"), (wide["meta"]["narrow"], "4")):
        down = pixels(layout, 1 - layout[f"yaxis{after}"]["domain"][1])
        assert below(MAIN, 0) >= MAIN.height + AXIS - 10
        assert below(MAIN, 2) <= down
    assert below(MAIN, 1) - below(MAIN, 0) == SLIDER


def test_one_part_has_the_whole_row() -> None:
    assert arranged([[MAIN], [FIRST]], headline=False)["xaxis"]["domain"] == [0, 1]


def test_a_legend_stands_on_its_part_and_finds_room() -> None:
    wide = arranged([[MAIN, SIDE], [FIRST, LAST]], headline=False)
    narrow = wide["meta"]["narrow"]
    assert wide["legend3"]["y"] == wide["yaxis2"]["domain"][1]
    assert {wide[name]["yanchor"] for name in ("legend", "legend2")} == {"bottom"}
    longer = narrow["yaxis4"]["domain"][0] - narrow["yaxis2"]["domain"][1]
    plain = narrow["yaxis2"]["domain"][0] - narrow["yaxis3"]["domain"][1]
    assert longer > plain


def test_a_scale_of_colours_stands_above_its_own_map_and_is_narrower() -> None:
    wide = arranged([MAPS, [FIRST]], headline=False)
    for layout in (wide, wide["meta"]["narrow"]):
        for part in MAPS:
            bar = layout[part.colours]["colorbar"]
            left, right = layout[f"xaxis{part.axis}"]["domain"]
            assert bar["y"] == layout[f"yaxis{part.axis}"]["domain"][1]
            assert (bar["x"], bar["len"] < right - left) == (left, True)


def test_what_axes_are_stays_with_them_and_a_headline_has_room() -> None:
    wide = arranged([[MAIN], [FIRST]], headline=True)
    assert wide["xaxis"]["title"] == "a"
    assert (wide["yaxis"]["type"], wide["yaxis"]["anchor"]) == ("log", "x")
    assert wide["margin"]["t"] > arranged([[MAIN], [FIRST]], headline=False)["margin"]["t"]


def test_layouts_are_merged_however_deep() -> None:
    one = {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
    assert merged(one, {"a": {"b": {"d": 4}}}) == {"a": {"b": {"c": 1, "d": 4}}, "e": 3}


@pytest.mark.parametrize(
    ("names", "lines"),
    [
        (("random", "ideal", "by uncertainty"), 3),
        (("own", "other", "95 % of own"), 2),
        (("by chance, 95 %", "observed"), 1),
        (("a long name", "another, longer name", "and one more of them"), 3),
        ((), 0),
    ],
)
def test_names_that_a_browser_breaks_into_lines_are_given_them(
    names: tuple[str, ...], lines: int
) -> None:
    """As they were seen to stand over a chart of 250 pixels, on a page of 390."""
    named = Part("", 200, {}, {}, names, "legend")
    top = arranged([[named]], headline=False)["meta"]["narrow"]["margin"]["t"]
    bare = arranged([[LAST]], headline=False)["meta"]["narrow"]["margin"]["t"]
    assert (top - bare) // LINE == lines


def test_a_legend_is_as_it_is_on_every_page() -> None:
    assert LEGEND.items() <= arranged([[MAIN]], headline=False)["legend"].items()
