"""What things are called."""

from __future__ import annotations

from typing import get_args

import pytest

from dashboard.ensembles.naming import KINDS, distance_name, error_name, spread_name
from diagnostics.ensemble import Kind
from tests.dashboard.ensembles.placed import classes, values


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_kind_has_a_name_and_a_spread(kind: Kind) -> None:
    assert spread_name(values(kind=kind)) == KINDS[kind].replace(" ", "-") + " spread"


def test_classes_have_scores_and_distances_of_their_own() -> None:
    assert (error_name(classes()), error_name(values())) == ("Brier score", "squared error")
    assert distance_name(classes()) == "examples of unlike class"
    assert distance_name(values()) == "root mean square distance"
