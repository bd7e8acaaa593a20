"""What several runs logged, on one axis."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.comparison import comparison, distinct_names
from diagnostics.run import FathomError, Run
from diagnostics.smoothing import smoothed_ema
from tests.trainings import record
from tests.twins import STEPS, twin


def test_every_value_of_every_run_is_there() -> None:
    runs = [twin("base"), twin("faster")]
    found = comparison(runs)
    loss = found.overlays[0]
    assert loss.name == "loss"
    for run, curve in zip(runs, loss.curves, strict=True):
        assert np.array_equal(curve.values, run.scalar("loss").values)
        assert curve.places.tolist() == list(range(1, STEPS + 1))
        assert curve.smooth is curve.values


def test_losses_come_first_and_of_these_the_one_logged_most() -> None:
    names = [overlay.name for overlay in comparison([twin("base"), twin("faster")]).overlays]
    assert names[:2] == ["loss", "val_loss"]
    assert set(names) == {"loss", "val_loss", "tokens", "accuracy"}


def test_what_one_run_alone_logged_comes_last(tmp_path) -> None:
    lone = Run(record(tmp_path / "lone", steps=3))  # logs a loss, and no more
    overlays = comparison([twin("base"), lone]).overlays
    assert [len(overlay.curves) for overlay in overlays] == [2, 1, 1, 1]


def test_by_tokens_each_run_has_its_own_places() -> None:
    curve = comparison([twin("base"), twin("again")], "tokens").overlays[0].curves[0]
    assert curve.places.tolist() == [96.0 * step for step in range(1, STEPS + 1)]


def test_by_time_places_rise_from_the_start() -> None:
    places = comparison([twin("base")], "time").overlays[0].curves[0].places
    assert places[0] > 0
    assert (np.diff(places) >= 0).all()


def test_a_run_without_tokens_is_left_out_and_named(tmp_path) -> None:
    lone = Run(record(tmp_path / "lone", steps=3, probes=[]))
    found = comparison([twin("base"), lone], "tokens")
    assert [curve.run for curve in found.overlays[0].curves] == [0]
    assert found.lacking[0].startswith("'lone' does not say how many tokens")


def test_smoothing_is_over_the_same_span_for_what_is_logged_seldom() -> None:
    """A value every fourth step: the weight of four steps."""
    found = {o.name: o for o in comparison([twin("base")], smooth=0.5).overlays}
    loss, validation = (found[name].curves[0] for name in ("loss", "val_loss"))
    assert loss.smooth == pytest.approx(smoothed_ema(loss.values, 0.5))
    assert validation.smooth == pytest.approx(smoothed_ema(validation.values, 0.5**4))


def test_names_are_as_long_as_it_takes_to_tell_them_apart(tmp_path) -> None:
    for folder in ("a", "b"):
        record(tmp_path / folder / "run", steps=1)
    runs = [Run(tmp_path / folder / "run") for folder in ("a", "b")]
    assert distinct_names(runs) == ("a/run", "b/run")
    assert distinct_names(runs[:1]) == ("run",)


def test_more_than_can_be_told_apart_is_refused() -> None:
    with pytest.raises(FathomError, match="11 runs cannot be compared"):
        comparison([twin("base")] * 11)
