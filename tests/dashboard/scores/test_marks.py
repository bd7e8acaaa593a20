"""The kinds of mark, by their numbers."""

from __future__ import annotations

import numpy as np

from dashboard.scores.marks import area, column, headline, histogram, line, on, titled, whiskers


def test_a_line_has_a_gap_where_it_is_not_finite() -> None:
    found = line([0, 1, 2], [1.0, np.inf, 3.0], "a", color="red")
    assert np.isnan(found["y"][1])
    assert found["y"][[0, 2]].tolist() == [1, 3]
    assert found["line"] == {"width": 2, "color": "red"}


def test_an_area_goes_there_and_back_where_both_sides_are_known() -> None:
    found = area([0, 1, 2], [0.0, np.nan, 1.0], [2.0, 2.0, 3.0], "a", fillcolor="red")
    assert found["x"].tolist() == [0, 2, 2, 0]
    assert found["y"].tolist() == [2, 3, 1, 0]


def test_a_histograms_bars_are_as_wide_as_their_bins() -> None:
    found = histogram(np.array([0.0, 1, 4]), [5, 7], "a", "red")
    assert found["x"].tolist() == [0.5, 2.5]
    assert found["width"].tolist() == [1, 3]
    assert found["y"].tolist() == [5, 7]
    assert found["customdata"].tolist() == [[0, 1], [1, 4]]


def test_whiskers_end_at_the_intervals_ends_and_none_is_without_length() -> None:
    found = whiskers(np.array([0.5, 0.2]), np.array([0.1, np.nan]), np.array([0.6, np.nan]), "red")
    np.testing.assert_allclose(found["array"], [0.1, 0])
    np.testing.assert_allclose(found["arrayminus"], [0.4, 0])


def test_traces_are_put_on_their_axes_and_named_in_a_legend_or_nowhere() -> None:
    (found,) = on("2", {"y": [1]})
    assert found == {"y": [1], "xaxis": "x2", "yaxis": "y2", "showlegend": False}
    (named,) = on("", {"y": [1], "showlegend": False}, legend="legend")
    assert (named["legend"], named["showlegend"]) == ("legend", False)


def test_words_above_and_beside() -> None:
    assert headline("too sure", "red")["text"] == "<b>too sure</b>"
    assert titled("step", range=[0, 1])["title"]["text"] == "step"


def test_a_column_fills_its_height_without_touching() -> None:
    whole, share = column({"a": 300, "b": 100}, 20)
    assert whole == 420
    np.testing.assert_allclose(share["a"], [120 / 420, 1])
    np.testing.assert_allclose(share["b"], [0, 100 / 420], atol=1e-12)
