"""Distances of what two runs recorded."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics.trails import KINDS, LEAST, common_tensors, relative, same_looks, trails
from tests.twins import STEPS, twin


def test_a_distance_is_in_units_of_a_size() -> None:
    a, b = np.array([1.0, 1.0, 0.0]), np.array([1.5, 1.0, 0.0])
    assert relative(a, b, np.array([2.0, 1.0, 0.0])).tolist() == [0.25, 0.0, 0.0]


def test_what_differs_at_all_is_never_zero() -> None:
    one = np.array([1.0])
    assert relative(one, np.nextafter(one, 2), np.array([1e30])).tolist() == [LEAST]


def test_no_number_is_infinitely_far_from_one_and_the_same_as_itself() -> None:
    a, b = np.array([np.nan, np.nan, np.inf, np.inf]), np.array([np.nan, 1.0, np.inf, 1.0])
    assert relative(a, b, np.ones(4)).tolist() == [0.0, np.inf, 0.0, np.inf]


def test_the_same_elements_are_looked_at_until_the_schedules_differ() -> None:
    mine, theirs = np.array([1, 2, 3, 5, 8]), np.array([1, 2, 4, 5, 8])
    steps, here, there = np.intersect1d(mine, theirs, return_indices=True)
    assert steps.tolist() == [1, 2, 5, 8]
    assert same_looks(mine, theirs, here, there).tolist() == [True, True, False, False]


def test_the_same_elements_are_looked_at_in_a_run_that_goes_on_for_longer() -> None:
    mine, theirs = np.arange(1, 6), np.arange(1, 4)
    _, here, there = np.intersect1d(mine, theirs, return_indices=True)
    assert same_looks(mine, theirs, here, there).all()


def test_trails_come_in_the_order_in_which_a_step_makes_them() -> None:
    kinds = [trail.kind for trail in trails(twin("base"), twin("poked"))]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert set(kinds) == set(KINDS)


def test_gradients_come_from_the_output_back_and_outputs_forward() -> None:
    found = {trail.kind: trail for trail in trails(twin("base"), twin("poked"))}
    assert found["activations"].layers == ("0", "1", "2", "3", "4", "5")
    assert list(dict.fromkeys(found["gradients"].layers)) == ["5", "2", "0"]


def test_the_distance_is_that_of_the_statistics() -> None:
    a, b = twin("base"), twin("faster")
    found = {trail.kind: trail for trail in trails(a, b)}["updates"]
    name, expected = "0.weight", []
    told = [
        {kind: run.column("updates", kind, [name])[:, 0] for kind in ("mean", "std", "min", "max")}
        for run in (a, b)
    ]
    for t in range(STEPS):
        one, other = ({kind: each[kind][t] for kind in each} for each in told)
        size = max(np.hypot(each["mean"], each["std"]) for each in (one, other))
        expected.append(max(abs(one[kind] - other[kind]) / size for kind in one))
    norms = [run.column("updates", "norm", [name])[:, 0] for run in (a, b)]
    apart = np.abs(norms[0] - norms[1]) / np.fmax(*norms)
    assert found.distance[:, found.names.index(name)] == pytest.approx(np.fmax(expected, apart))


def test_only_what_has_the_same_shape_is_compared() -> None:
    names = {tensor.name for tensor in common_tensors(twin("base"), twin("wide"))}
    assert "5.bias" in names
    assert "0.weight" not in names
    assert "0" in names  # of outputs the width of the batch is none of theirs
