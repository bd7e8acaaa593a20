"""One layer in several runs, against what each recorded."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.comparison import comparison
from diagnostics.layer_comparison import QUANTITIES, common_layers, layer_comparison
from diagnostics.run import FathomError
from tests.twins import twin


def rms(run, series: str, tensor: str):
    mean, std = (run.column(series, kind, [tensor])[:, 0] for kind in ("mean", "std"))
    return np.hypot(mean, std)


def test_the_four_quantities_of_a_layer() -> None:
    run = twin("base")
    found = {o.name: o.curves for o in layer_comparison([run, twin("faster")], "2").overlays}
    assert set(found) == set(QUANTITIES)
    assert found["gradient, rms"][0].values == pytest.approx(rms(run, "gradients", "2.weight"))
    assert found["output, rms"][0].values == pytest.approx(rms(run, "activations", "2"))
    ratio = rms(run, "updates", "2.weight") / rms(run, "weights", "2.weight")
    assert found["update over weight"][0].values == pytest.approx(ratio)
    assert all(len(curves) == 2 for curves in found.values())


def test_layers_are_those_with_a_matrix_that_two_have() -> None:
    assert common_layers([twin("base"), twin("wide")]) == ("0", "2", "5")


def test_by_time_a_step_lies_where_it_was_logged() -> None:
    run = twin("base")
    curve = layer_comparison([run, twin("again")], "2", "time").overlays[0].curves[0]
    told = comparison([run], "time").overlays[0].curves[0].places  # logged after each step
    assert (np.diff(curve.places) > 0).all()
    assert (curve.places <= told + 1e-6).all()
    assert (curve.places[1:] >= told[:-1] - 1e-6).all()


def test_an_unknown_layer_is_refused_with_those_there_are() -> None:
    with pytest.raises(FathomError, match=r"no layer 'nine' .* \(there are: 0, 2, 5\)"):
        layer_comparison([twin("base"), twin("again")], "nine")
