"""Two histograms of shares on the same bins, and the threshold between them."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.scores.strangers import OTHER, OWN, stranger_traces
from dashboard.theme import palette
from diagnostics.selective import told_apart


def test_both_add_up_to_one_whatever_their_numbers() -> None:
    own, other = np.arange(100.0), 50 + np.arange(20.0)
    found = told_apart(own, other)
    mine, theirs, mark = stranger_traces(found, palette("dark"))
    assert (mine["name"], theirs["name"]) == (OWN, OTHER)
    assert mine["y"].sum() == pytest.approx(1)
    assert theirs["y"].sum() == pytest.approx(1)
    np.testing.assert_allclose(mine["y"], np.histogram(own, found.edges)[0] / 100)
    assert mark["x"].tolist() == [94, 94]
    assert mark["y"][1] == max(mine["y"].max(), theirs["y"].max())
