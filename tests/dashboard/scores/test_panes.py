"""Charts in rows, and in one column on a narrow page."""

from __future__ import annotations

from itertools import pairwise

from dashboard.scores.panes import LEFT, RIGHT, Pane, arranged


def pane(axis: str, *names: str, height: int = 200) -> Pane:
    marks = [{"name": name, "y": [1]} for name in names]
    return Pane(axis, height, {"title": "x"}, {"title": "y"}, marks)


FOUR = [[pane("", "a"), pane("2", "b")], [pane("3", height=100), pane("4", "c", height=150)]]


def test_two_stand_side_by_side_and_one_alone_has_the_whole_width() -> None:
    found = arranged(FOUR)
    assert found["xaxis"]["domain"] == found["xaxis3"]["domain"] == LEFT
    assert found["xaxis2"]["domain"] == found["xaxis4"]["domain"] == RIGHT
    assert found["yaxis"]["domain"] == found["yaxis2"]["domain"]
    assert arranged([[pane("")]])["xaxis"]["domain"] == [0, 1]


def test_every_part_is_as_high_as_it_asks_for() -> None:
    found = arranged(FOUR)
    margin = found["margin"]
    room = found["height"] - margin["t"] - margin["b"]
    heights = [
        room * (high - low) for low, high in (found["yaxis"]["domain"], found["yaxis3"]["domain"])
    ]
    assert [round(each) for each in heights] == [200, 150]


def test_on_a_narrow_page_all_are_one_below_the_other_without_touching() -> None:
    narrow = arranged(FOUR)["meta"]["narrow"]
    assert all(narrow[f"xaxis{n}"]["domain"] == [0, 1] for n in ("", "2", "3", "4"))
    spans = [narrow[f"yaxis{n}"]["domain"] for n in ("", "2", "3", "4")]
    assert all(low > high for (low, _), (_, high) in pairwise(spans))
    assert spans[0][1] == 1
    assert abs(spans[-1][0]) < 1e-12


def test_each_has_its_own_axes_titles_and_legend_above_it() -> None:
    found = arranged(FOUR)
    assert found["xaxis4"]["anchor"] == "y4"
    assert found["yaxis4"]["title"] == "y"
    assert found["legend4"]["y"] == found["yaxis4"]["domain"][1]
    assert FOUR[1][1].traces[0]["legend"] == "legend4"


def test_a_long_legend_takes_more_lines_of_a_narrow_page() -> None:
    long = pane("", "quite a long name", "another long name", "and one more of them")
    assert long.legend_lines(narrow=True) == 3
    assert long.legend_lines(narrow=False) == 1
    assert pane("").legend_lines(narrow=True) == 0


def test_names_that_a_browser_breaks_into_lines_are_given_them() -> None:
    """As they were seen to stand over a chart of 250 pixels, on a page of 390."""
    assert pane("", "random", "ideal", "by uncertainty").legend_lines(narrow=True) == 3
    assert pane("", "own", "other", "95 % of own").legend_lines(narrow=True) == 2
    assert pane("", "by chance, 95 %", "observed").legend_lines(narrow=True) == 1
