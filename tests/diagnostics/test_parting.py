"""Where two trainings part: known changes at known steps are named, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.parting import RTOL, parting
from diagnostics.run import FathomError, Run
from tests.trainings import record
from tests.twins import POKED_LAYER, POKED_STEP, STEPS, twin

FORWARD = ("0", "1", "2", "3", "4", "5")


def test_the_same_seed_twice_is_identical_throughout() -> None:
    found = parting(twin("base"), twin("again"))
    assert found.is_identical
    assert found.first is found.first_tensor is found.first_far is None
    assert found.steps.tolist() == list(range(1, STEPS + 1))
    assert np.array_equal(found.growth, np.zeros(STEPS))
    assert set(found.apart.tolist()) == set(found.far.tolist()) == {-1}
    assert found.only == ((), ())


def test_a_weight_that_was_changed_is_named_with_its_step() -> None:
    found = parting(twin("base"), twin("poked"))
    assert found.first == found.first_tensor == found.first_far
    assert found.first is not None
    assert (found.first.step, found.first.since) == (POKED_STEP, POKED_STEP - 1)
    assert (found.first.kind, found.first.layer) == ("activations", POKED_LAYER)
    assert found.first.distance > RTOL
    assert "inputs" in found.first.same
    assert "activations" in found.first.same  # of the layers before


def test_nothing_differs_before_and_all_layers_after() -> None:
    found = parting(twin("base"), twin("poked"))
    before = found.steps < POKED_STEP
    assert found.layers == FORWARD
    assert not found.growth[before].any()
    assert (found.growth[~before] > RTOL).all()
    assert set(found.apart.tolist()) == {POKED_STEP}  # by its gradients, a layer before it too


def test_a_change_as_small_as_rounding_is_a_difference_and_not_far() -> None:
    found = parting(twin("base"), twin("nudged"))
    assert found.first is not None
    assert (found.first.step, found.first.layer) == (POKED_STEP, POKED_LAYER)
    assert 0 < found.first.distance < 1e-5
    assert found.first_far is None
    assert set(found.far.tolist()) == {-1}


def test_a_tolerance_of_ones_own() -> None:
    found = parting(twin("base"), twin("nudged"), rtol=1e-8)
    assert found.first_far is not None
    assert found.first_far.step == POKED_STEP


def test_another_rate_shows_first_in_the_update() -> None:
    found = parting(twin("base"), twin("faster"))
    assert found.first is not None
    assert (found.first.step, found.first.since) == (1, -1)
    assert found.first.kind == "updates"
    assert set(found.first.same) >= {"activations", "loss", "gradients"}
    told = {kind: _first_update(kind) for kind in ("mean", "std", "min", "max")}
    farthest = max(abs(value) for value in told.values())  # all of it is 1.2 times as large
    assert found.first.distance == pytest.approx(
        0.2 * farthest / (1.2 * np.hypot(told["mean"], told["std"])), rel=1e-4
    )


def _first_update(kind: str) -> float:
    return float(twin("base").column("updates", kind, ["0.weight"])[0, 0])


@pytest.mark.parametrize(
    ("name", "kind", "layer"),
    [
        ("reseeded", "activations", "0"),
        ("other-data", "inputs", ""),
        ("dropping", "activations", "4"),
        ("smoothed", "loss", ""),
    ],
)
def test_what_was_otherwise_from_the_start_is_what_differs_first(
    name: str, kind: str, layer: str
) -> None:
    first = parting(twin("base"), twin(name)).first
    assert first is not None
    assert (first.step, first.since, first.kind, first.layer) == (1, -1, kind, layer)


def test_other_schedules_give_the_steps_they_share_and_how_exactly_it_is_known() -> None:
    found = parting(twin("base"), twin("sparse"))
    looked = twin("sparse").steps("weights")
    assert found.steps.tolist() == looked.tolist()
    before, after = looked[looked < POKED_STEP].max(), looked[looked >= POKED_STEP].min()
    assert found.first_tensor is not None
    assert (found.first_tensor.since, found.first_tensor.step) == (before, after)
    assert found.first is not None  # the loss was logged at each step
    assert (found.first.kind, found.first.step, found.first.since) == ("loss", POKED_STEP, 6)


def test_layers_of_another_shape_are_named() -> None:
    found = parting(twin("base"), twin("wide"))
    assert "2.weight" in found.only[0]
    assert "2.weight" in found.only[1]
    assert "5.bias" not in found.only[0]  # of the same shape in both


def test_the_order_of_the_two_makes_no_difference() -> None:
    one, other = parting(twin("base"), twin("poked")), parting(twin("poked"), twin("base"))
    assert one.first == other.first
    assert np.array_equal(one.distance, other.distance)


def test_large_tensors_are_compared_only_where_the_same_elements_were_looked_at(tmp_path) -> None:
    """Which elements of them are looked at goes by the number of the record."""
    import torch
    from torch import nn

    def made() -> nn.Sequential:
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(8, 700), nn.Linear(700, 3))

    dense = Run(record(tmp_path / "dense", made(), steps=8, every=1))
    sparse = Run(record(tmp_path / "sparse", made(), steps=8, every=3))
    found = parting(dense, sparse)
    assert found.is_identical
    assert found.steps.tolist() == sparse.steps("weights").tolist()


def test_what_has_nothing_in_common_is_said(tmp_path) -> None:
    from torch import nn

    empty = Run(record(tmp_path / "one", nn.Sequential(nn.Linear(8, 3)), steps=0))
    with pytest.raises(FathomError, match="nothing in common to compare"):
        parting(twin("base"), empty)
