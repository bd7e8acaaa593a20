from __future__ import annotations

import numpy as np
import pytest

from diagnostics.signs.activity import activity, beginning, ending, finite_until, silenced, usual
from tests.diagnostics.written import layer, tensor, written

NET = [
    *layer("0", "8x8"),
    tensor("1", "output", "16x8", "ReLU"),
    tensor("2", "output", "16x8", "Tanh"),
]


def look(path, **rows):
    return written(path, NET, {"activations": {"0": {}, "1": {}, "2": {}, **rows}})


def test_sizes_and_shares_follow_from_the_moments(tmp_path):
    seen = activity(
        look(tmp_path, **{"2": {"mean": 3.0, "std": 4.0, "low": 10, "high": 20, "zeros": 5}})
    )
    assert seen is not None
    (place,) = seen.of_types("Tanh")
    assert seen.rms[:, place] == pytest.approx(5.0)
    assert seen.flat[:, place] == pytest.approx(0.3)
    assert seen.zero[:, place] == pytest.approx(0.05)
    assert np.isnan(seen.flat[:, seen.of_types("ReLU")[0]]).all()


def test_records_in_which_nothing_is_finite_do_not_count(tmp_path):
    std = np.array([1.0] * 6 + [np.nan] * 4)
    seen = activity(look(tmp_path, **{name: {"std": std} for name in "012"}))
    assert seen is not None
    assert list(seen.steps) == [1, 2, 3, 4, 5, 6]


def test_without_outputs_there_is_nothing(tmp_path):
    run = written(tmp_path)
    assert activity(run) is None
    assert silenced(run) == {}


def test_a_rectifier_is_silenced_by_its_last_records(tmp_path):
    for path, zeros, expected in (
        ("a", [100.0] * 10, {"1": (1, 10)}),
        ("b", [50.0] * 6 + [100.0] * 4, {"1": (7, 10)}),
        ("c", [100.0] * 9 + [50.0], {}),
        ("d", [50.0] * 8 + [100.0] * 2, {}),
    ):
        assert silenced(look(tmp_path / path, **{"1": {"zeros": zeros}})) == expected


def test_windows_are_five_records_or_a_quarter():
    assert (beginning(100), ending(100)) == (slice(0, 5), slice(75, 100))
    assert (beginning(3), ending(3)) == (slice(0, 3), slice(0, 3))


def test_what_is_usual_is_the_median_of_what_is_known():
    values = np.array([[1.0, np.nan], [2.0, np.nan], [9.0, np.nan], [np.nan, np.nan]])
    assert usual(values, slice(0, 4)) == pytest.approx([2.0, np.nan], nan_ok=True)


def test_the_first_output_that_is_not_finite_ends_what_counts(tmp_path):
    nan = np.array([0.0] * 6 + [1.0] * 4)
    assert finite_until(look(tmp_path / "a", **{"1": {"nan": nan}})) == 7
    assert finite_until(look(tmp_path / "b")) == np.inf
    assert finite_until(written(tmp_path / "c")) == np.inf
