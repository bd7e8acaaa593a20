"""Parts stand in rows, on a narrow page under one another, and never upon one another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from dashboard.dropout.arrangement import Part, arranged

MAIN = Part("", 300, {"title": "a"}, {"type": "log"}, ("one", "two"), "legend")
SIDE = Part("4", 300, {}, {}, ("three",), "legend2", inside=True)
FIRST = Part("2", 200, {}, {}, ("four", "a name as long as a name may be"), "legend3")
LAST = Part("3", 200, {}, {})


def pixels(layout: dict[str, Any], axis: str) -> float:
    low, high = layout[f"yaxis{axis}"]["domain"]
    margin = layout["margin"]
    return float((high - low) * (layout["height"] - margin["t"] - margin["b"]))


@pytest.mark.parametrize("headline", [True, False])
def test_every_part_is_as_high_as_it_asks_in_either_arrangement(headline: bool) -> None:
    wide = arranged([MAIN, SIDE], [FIRST, LAST], headline=headline)
    for layout in (wide, wide["meta"]["narrow"]):
        for part in (MAIN, SIDE, FIRST, LAST):
            assert pixels(layout, part.axis) == pytest.approx(part.height)


def test_side_by_side_or_under_one_another() -> None:
    wide = arranged([MAIN, SIDE], [FIRST, LAST], headline=False)
    narrow = wide["meta"]["narrow"]
    assert wide["yaxis"]["domain"] == wide["yaxis4"]["domain"]
    assert wide["xaxis"]["domain"][1] < wide["xaxis4"]["domain"][0]
    assert wide["yaxis2"]["domain"][1] < wide["yaxis"]["domain"][0]
    column = [narrow[f"yaxis{axis}"]["domain"] for axis in ("", "4", "2", "3")]
    assert all(above[0] > below[1] for above, below in pairwise(column))
    assert all(narrow[f"xaxis{axis}"]["domain"] == [0, 1] for axis in ("", "4", "2", "3"))


def test_one_part_has_the_whole_row() -> None:
    assert arranged([MAIN], [FIRST], headline=False)["xaxis"]["domain"] == [0, 1]


def test_a_legend_stands_on_its_part_and_finds_room() -> None:
    wide = arranged([MAIN, SIDE], [FIRST, LAST], headline=False)
    narrow = wide["meta"]["narrow"]
    assert wide["legend3"]["y"] == wide["yaxis2"]["domain"][1]
    assert (wide["legend"]["yanchor"], wide["legend2"]["yanchor"]) == ("bottom", "top")
    longer = narrow["yaxis4"]["domain"][0] - narrow["yaxis2"]["domain"][1]
    plain = narrow["yaxis2"]["domain"][0] - narrow["yaxis3"]["domain"][1]
    assert longer > plain


def test_what_axes_are_stays_with_them_and_a_headline_has_room() -> None:
    wide = arranged([MAIN], [FIRST], headline=True)
    assert wide["xaxis"]["title"] == "a"
    assert (wide["yaxis"]["type"], wide["yaxis"]["anchor"]) == ("log", "x")
    assert wide["margin"]["t"] > arranged([MAIN], [FIRST], headline=False)["margin"]["t"]
