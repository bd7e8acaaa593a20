"""A ribbon is as wide as its error."""

from __future__ import annotations

import numpy as np

from dashboard.landscape.ribbon import WIDTH, ribbon

AXIS = np.array([0.0, 1.0, 2.0])


def test_its_outline_goes_there_above_and_back_below() -> None:
    (outline,) = ribbon(AXIS, np.array([-1.0, 5.0, 7.0]), np.array([0.1, 0.2, 0.3]), "grey")
    assert outline["x"].tolist() == [0, 1, 2, 2, 1, 0]
    upper, lower = outline["y"][:3], outline["y"][3:][::-1]
    np.testing.assert_allclose(upper - lower, 2 * WIDTH * np.array([0.1, 0.2, 0.3]))


def test_it_stays_above_zero_where_every_loss_is() -> None:
    (outline,) = ribbon(AXIS, np.array([0.1, 5.0, 7.0]), np.array([9.0, 0.2, 0.3]), "grey")
    assert outline["y"].min() > 0


def test_without_an_error_there_is_none() -> None:
    assert ribbon(AXIS, np.ones(3), np.full(3, np.nan), "grey") == []
