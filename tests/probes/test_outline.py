from __future__ import annotations

import json

import numpy as np
import pytest

from probes.outline import STRETCHES, Outline


def course(length=100_000, seed=0):
    random = np.random.default_rng(seed)
    return np.arange(length), random.normal(size=length).cumsum()


def in_pieces(steps, values, size):
    outline = Outline()
    for at in range(0, len(steps), size):
        outline.add(steps[at : at + size], values[at : at + size])
    return outline


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_however_it_comes_no_extreme_is_lost(size):
    steps, values = course(3_000 if size == 1 else 100_000)
    outline = in_pieces(steps, values, size)
    assert (outline.low.min(), outline.high.max()) == (values.min(), values.max())
    for at in range(outline.used):
        inside = values[steps // outline.width == at]
        assert (outline.low[at], outline.high[at]) == (inside.min(), inside.max())
    assert STRETCHES / 2 <= outline.used <= STRETCHES


def test_gaps_and_what_is_no_number_are_known():
    outline = Outline()
    outline.add(np.array([0, 1, 5]), np.array([2.0, np.nan, np.inf]))
    assert outline.used == 6
    assert np.flatnonzero(outline.lost).tolist() == [1, 5]
    outline.add(np.array([100]), np.array([1.0]))
    assert outline.width == 2
    assert np.flatnonzero(outline.lost).tolist() == [0, 2]
    assert np.flatnonzero(np.isfinite(outline.low)).tolist() == [0, 50]


def test_nothing_at_all():
    outline = Outline()
    outline.add(np.empty(0, np.int64), np.empty(0))
    assert outline.used == 0
    assert Outline.read(outline.told()).used == 0


def test_what_is_told_is_read_again_and_goes_on():
    steps, values = course(5_000)
    values[40] = np.nan
    first = in_pieces(steps[:3_000], values[:3_000], 100)
    again = Outline.read(json.loads(json.dumps(first.told())))
    again.add(steps[3_000:], values[3_000:])
    whole = in_pieces(steps, values, 100)
    assert again.width == whole.width
    assert again.low == pytest.approx(whole.low, rel=1e-4)
    assert again.high == pytest.approx(whole.high, rel=1e-4)
    assert again.lost.tolist() == whole.lost.tolist()


@pytest.mark.parametrize(
    "told",
    [
        None,
        3,
        [],
        {},
        {"width": 0, "low": "1", "high": "1", "lost": ""},
        {"width": "2", "low": "1", "high": "1", "lost": ""},
        {"width": 1, "low": "1 2", "high": "1", "lost": ""},
        {"width": 1, "low": "2", "high": "1", "lost": ""},
        {"width": 1, "low": "-", "high": "1", "lost": ""},
        {"width": 1, "low": "nan", "high": "1", "lost": ""},
        {"width": 1, "low": "-inf", "high": "1", "lost": ""},
        {"width": 1, "low": "x", "high": "1", "lost": ""},
        {"width": 1, "low": "1", "high": "1", "lost": "64"},
        {"width": 1, "low": "1", "high": "1", "lost": None},
        {"width": 1, "low": "1 " * 65, "high": "1 " * 65, "lost": ""},
        {"width": 1 << 99, "low": "1", "high": "1", "lost": ""},
    ],
)
def test_what_makes_no_sense_is_not_read(told):
    assert Outline.read(told) is None
