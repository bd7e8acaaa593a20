"""The map of how far members are apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.ensembles.distance import (
    LETTERS,
    NAMED,
    distance_traces,
    furthest,
    has_map,
    is_written,
    member_axis,
    number_axis,
    short,
)
from dashboard.theme import palette
from tests.dashboard.ensembles.placed import classes, values
from tests.dashboard.samples import HOSTILE

COLOURS = palette("light")
ROOT = np.sqrt(np.mean(np.linspace(-1, 1, 8) ** 2))


def test_every_two_are_as_far_apart_as_their_slopes() -> None:
    (cells,) = distance_traces(values(4), COLOURS)
    np.testing.assert_allclose(cells["z"][0, 1:], [ROOT, 2 * ROOT, 3 * ROOT])
    assert np.isnan(np.diag(cells["z"])).all()
    assert cells["customdata"][0][3] == "run0 and run3"
    assert cells["texttemplate"] == "%{z:.2g}"
    assert cells["zmax"] > 3 * ROOT


def test_one_distance_is_no_map() -> None:
    assert [has_map(values(count)) for count in (2, 3)] == [False, True]


def test_of_many_members_cells_are_colours_and_the_title_says_the_most() -> None:
    many = values(9)
    assert not is_written(many)
    (cells,) = distance_traces(many, COLOURS)
    assert "texttemplate" not in cells
    np.testing.assert_allclose(cells["zmax"], 8 * ROOT)
    assert (
        number_axis(many)["title"]["text"] == f"root mean square distance, at most {8 * ROOT:.2g}"
    )
    assert number_axis(values(4))["title"]["text"] == "root mean square distance"
    of = classes(8)
    assert number_axis(of)["title"]["text"].endswith(f"at most {furthest(of):.0%}")


def test_of_very_many_some_are_named_and_the_first_is_above() -> None:
    axis = member_axis(values(40))
    assert len(axis["tickvals"]) <= NAMED
    assert axis["tickvals"][:2] == [1, 4]
    assert axis["ticktext"][1] == "run3  4"
    assert axis["range"] == [40.5, 0.5]


def test_members_that_are_one_are_drawn() -> None:
    (cells,) = distance_traces(replace(values(3), distance=np.zeros((3, 3))), COLOURS)
    assert cells["zmax"] == 1.0


def test_a_name_is_text_and_keeps_both_ends() -> None:
    of = values(2, names=[HOSTILE, "two"])
    assert "<" not in repr(
        (member_axis(of)["ticktext"], distance_traces(of, COLOURS)[0]["customdata"])
    )
    assert short("an experiment, the last") == "an ex…e last"
    assert len(short("x" * 50)) == LETTERS
    assert short("x" * LETTERS) == "x" * LETTERS
