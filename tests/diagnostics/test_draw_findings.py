"""Each guard on draws that have the fault, and on draws that have not."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from diagnostics.draw_findings import (
    all_alike,
    distinct,
    gathered,
    normalised,
    not_finite,
    repeated,
    too_few,
)
from diagnostics.uncertainty import Reading, uncertainty
from tests.diagnostics.masked import ABOUT

DRAWS = np.random.default_rng(0).standard_normal((12, 4, 3))


def test_distinct_draws_are_told_to_the_bit():
    assert distinct(DRAWS) == 12
    assert distinct(np.concatenate([DRAWS, DRAWS[:5]])) == 12
    near = DRAWS[:1] + np.array([0.0, 1e-15])[:, None, None]
    assert distinct(near) == 2


def test_draws_that_differ_by_rounding_are_all_alike():
    near = DRAWS[:1].astype(np.float32) * (1 + np.float32(2e-7) * np.arange(3)[:, None, None])
    near = near.astype(np.float32)
    assert distinct(near) > 1
    assert all_alike(near)
    assert repeated(np.concatenate([near, near]), ABOUT) is None
    assert not all_alike(DRAWS)
    assert not all_alike(np.array([[1.0], [np.nan]]))


def test_some_draws_alike_are_told_but_not_all():
    found = repeated(np.concatenate([DRAWS, DRAWS[:5]]), ABOUT)
    assert (found.disease, found.evidence[0].value) == ("repeated_draws", 12)
    assert repeated(DRAWS, ABOUT) is None
    assert repeated(DRAWS[:1].repeat(5, 0), ABOUT) is None


def test_draws_that_are_not_finite_are_counted():
    broken = DRAWS.copy()
    broken[3, 0, 0], broken[3, 1, 1], broken[7, 2, 2] = np.nan, np.inf, -np.inf
    found = not_finite(broken, ABOUT)
    assert found.severity == "error"
    assert found.evidence[0].value == 2
    assert not_finite(DRAWS, ABOUT) is None


def test_probabilities_read_as_logits_are_seen():
    done = softmax(DRAWS, -1).astype(np.float32)
    assert normalised(done, Reading("logits"), ABOUT).disease == "probabilities_as_logits"
    assert normalised(done, Reading("probabilities"), ABOUT) is None
    assert normalised(DRAWS, Reading("logits"), ABOUT) is None
    assert normalised(np.abs(DRAWS), Reading("logits"), ABOUT) is None
    below = np.tile([1.5, -0.25, -0.25], (12, 4, 1))  # these sum to 1 too
    assert normalised(below, Reading("logits"), ABOUT) is None
    sequences = np.moveaxis(done[:, :, None], -1, 2)  # [draw, example, class, place]
    assert normalised(sequences, Reading("logits"), ABOUT) is not None
    assert normalised(sequences, Reading("logits", class_axis=-1), ABOUT) is None


def test_too_few_draws_are_told_with_how_many_would_do():
    many = np.random.default_rng(1).standard_normal((30, 500))
    found = uncertainty(many)
    finding = too_few(found, ABOUT)
    assert finding.severity == "hint"
    assert str(found.needed) in finding.symptom
    assert finding.steps == (300, 300)
    assert too_few(uncertainty(np.random.default_rng(1).standard_normal((80, 500))), ABOUT) is None
    assert too_few(uncertainty(np.ones((30, 4))), ABOUT) is None


def test_what_found_nothing_is_left_out_and_the_rest_points_to_its_picture():
    found = repeated(np.concatenate([DRAWS, DRAWS[:5]]), ABOUT)
    (kept,) = gathered("ensemble", (None, found, None))
    assert (found.panel, kept.panel) == ("", "ensemble")
