"""Which drawings there are, and of which draws each is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dashboard.dropout.views import MOST, View, seen, seen_by, views_of
from diagnostics.active.mc_dropout import PlacedDropout
from tests.dashboard.dropout.ensembles import classes, on_a_line, over_a_plane, values


def test_one_output_at_a_time_and_every_dropout_alone_where_that_was_asked() -> None:
    assert views_of(PlacedDropout(classes(), None)) == {"all dropouts": View(0)}
    assert list(views_of(PlacedDropout(values(out=2), None))) == ["output 1", "output 2"]
    alone = {"all dropouts": View(0), "inner alone": View(0, 0), "outer alone": View(0, 1)}
    assert views_of(PlacedDropout(classes(each=True), None)) == alone
    both = views_of(PlacedDropout(values(out=2, each=True), None))
    assert both["output 2, outer alone"] == View(1, 1)


def test_no_more_than_can_be_looked_through_the_outputs_first() -> None:
    found = values(out=9, each=True)
    sizes = [float(each.alone.value) for each in found.dropouts if each.alone]
    most = found.dropouts[int(np.argmax(sizes))].name
    many = list(views_of(PlacedDropout(found, None)))
    assert len(many) == MOST
    assert many[:6] == [f"output {n}" for n in range(1, 7)]
    assert many[6:] == [f"output {n}, {most} alone" for n in range(1, 7)]


def test_one_that_never_fired_or_has_no_other_beside_it_has_no_view() -> None:
    silent = PlacedDropout(classes(each=True, never=("inner",)), None)
    assert list(views_of(silent)) == ["all dropouts", "outer alone"]
    single = classes(each=True)
    single = replace(single, dropouts=single.dropouts[1:])
    assert list(views_of(PlacedDropout(single, None))) == ["all dropouts"]


def test_alone_it_is_what_the_draws_with_it_alone_say() -> None:
    placed = on_a_line(values(each=True, masks="shared"))
    inner = seen(placed, View(0, 0))
    kept = placed.ensemble.dropouts[0].kept
    assert kept is not None
    exact = kept.astype(float).var(0, ddof=1)
    np.testing.assert_allclose(inner.ensemble.uncertainty.epistemic.value, exact)
    assert inner.line is placed.line
    assert seen(placed, View(0)) is placed


def test_a_plane_goes_along() -> None:
    placed = over_a_plane(classes(each=True), each=True)
    outer, few = seen(placed, View(0, 1)), seen_by(placed, 10)
    assert placed.plane
    assert outer.plane
    assert few.plane
    assert outer.plane.ensemble.kept is placed.plane.ensemble.dropouts[1].kept
    np.testing.assert_array_equal(few.plane.ensemble.kept, placed.plane.ensemble.kept[:10])


def test_the_first_draws_are_those_that_fewer_draws_would_have_been() -> None:
    placed = PlacedDropout(values(draws=60), None)
    again = values(draws=20)
    np.testing.assert_array_equal(
        seen_by(placed, 20).ensemble.uncertainty.epistemic.value,
        again.uncertainty.epistemic.value,
    )
    assert seen_by(placed, 60) is placed
