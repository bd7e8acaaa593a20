"""Every column is told of, and what is derived is what a tensor of these numbers has."""

from __future__ import annotations

import numpy as np

from dashboard.export.columns import AT, BIN_NAMES, DERIVED, EDGES, PLACES, RECORDED, derived
from dashboard.export.tables import TABLES
from diagnostics.rows import STATISTICS
from tests.dashboard.export.hostile import hostile


def looked(values: np.ndarray, whole: bool) -> np.ndarray:
    """The statistics of one tensor, as a recorder takes them."""
    row = np.full((1, 1, len(STATISTICS)), np.nan, np.float32)
    finite = values[np.isfinite(values)]
    told = {
        "count": values.size,
        "nan": np.isnan(values).sum(),
        "posinf": (values == np.inf).sum(),
        "neginf": (values == -np.inf).sum(),
        "zeros": (values == 0).sum(),
        "mean": finite.mean() if finite.size else np.nan,
        "std": finite.std() if finite.size else np.nan,
        "norm": np.linalg.norm(values) if whole else np.nan,
    }
    for name, value in told.items():
        row[0, 0, AT[name]] = value
    return row


def test_every_column_is_told_of(tmp_path):
    run = hostile(tmp_path)
    columns = {name for table in TABLES.values() for name in next(table(run))}
    assert columns - set(BIN_NAMES) <= set(PLACES | RECORDED | DERIVED)
    assert tuple(RECORDED) == STATISTICS


def test_what_is_derived_of_a_whole_tensor():
    values = np.array([0.0, 0.0, 3.0, -4.0, 1.5])
    found = derived(looked(values, whole=True), np.array([5]))
    assert tuple(found) == tuple(DERIVED)
    assert np.isclose(found["rms"], np.sqrt(np.mean(values**2)))
    assert np.isclose(found["zeros_share"], 0.4)
    assert found["nonfinite_share"] == 0


def test_without_a_norm_the_sample_tells_the_size():
    values = np.array([2.0, -1.0, 0.5, np.nan, np.inf])
    found = derived(looked(values, whole=False), np.array([1000]))
    assert np.isclose(found["rms"], np.sqrt(np.mean(values[:3] ** 2)))
    assert np.isclose(found["nonfinite_share"], 0.4)


def test_a_norm_that_is_not_finite_stays_so():
    found = derived(looked(np.array([1.0, np.inf]), whole=True), np.array([2]))
    assert found["rms"] == np.inf


def test_nothing_looked_at_is_nothing_known():
    found = derived(looked(np.zeros(0), whole=False), np.array([0]))
    assert all(np.isnan(values).all() for values in found.values())


def test_edges_are_those_of_the_recorder():
    assert len(EDGES) == len(BIN_NAMES) + 1
    assert BIN_NAMES[0] == "2^-48"
    assert BIN_NAMES[48] == "2^0"
    assert EDGES[48] == 1.0
    assert np.all(EDGES[1:] == 2 * EDGES[:-1])
