from __future__ import annotations

import numpy as np
import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.weight_blowup import weight_blowup
from tests.diagnostics.written import LEARNT, STUCK, layer, tensor, written

NET = [*layer("0", "16x16"), *layer("2", "3x16")]
LINEAR = 1 + 2.0 * np.arange(10)  # as fast at the end as ever
SLOWING = np.array([1, 6, 9, 11, 12, 12.5, 13, 13.2, 13.4, 13.5])
UNBOUNDED = list(np.linspace(2.0, -20.0, 40))


def judge(path, growth, losses=STUCK, net=NET, **others):
    names = [t.name for t in net if t.role == "matrix"]
    series = {
        "weights": {name: {"std": 0.1 * growth} for name in names},
        "updates": {name: {"std": 0.1} for name in names},
    }
    return weight_blowup(written(path, net, series, scalars={"loss": losses}, **others))


def test_weights_that_are_paid_to_grow_are_found(tmp_path):
    finding = judge(tmp_path, LINEAR, UNBOUNDED)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("weight_blowup", "error")
    assert finding.evidence[0].value == pytest.approx(19.0, rel=1e-4)
    assert finding.steps == (4, 10)  # more than six-fold from 7 on
    assert "below zero" in finding.symptom


def test_a_penalty_that_pays_for_size_shows_in_the_loss(tmp_path):
    """Its loss falls with the square of the weights; another unbounded one falls otherwise."""
    paid = judge(tmp_path / "a", LINEAR, list(2 - 0.1 * LINEAR**2))
    other = judge(tmp_path / "b", LINEAR, list(2 - 1e-3 * np.exp(2.0 * np.arange(10))))
    assert isinstance(paid, Finding)
    assert isinstance(other, Finding)
    assert "square" in paid.symptom
    assert paid.steps == (3, 10)  # whose loss is the first below zero, before six-fold growth
    assert other.steps == (4, 10)
    assert "square" not in other.symptom
    assert paid.confidence > other.confidence


def test_growth_that_goes_on_in_a_training_that_goes_badly_is_found(tmp_path):
    finding = judge(tmp_path, LINEAR)
    assert isinstance(finding, Finding)
    assert finding.evidence[1].value == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("growth", "losses"),
    [
        (SLOWING, STUCK),
        (LINEAR, LEARNT),
        (LINEAR, list(np.linspace(1.0, 0.5, 40))),
        (1 + 0.4 * np.arange(10), UNBOUNDED),
    ],
    ids=["slows down", "learns", "the loss still falls", "grows little"],
)
def test_growth_that_serves_passes(tmp_path, growth, losses):
    assert judge(tmp_path, growth, losses) is None


def test_a_normalisation_does_not_feel_the_size(tmp_path):
    net = [*layer("0", "16x16"), tensor("0.bias", "cancelled", "16")]
    assert isinstance(judge(tmp_path, LINEAR, net=net), NotEnough)


def test_records_after_the_end_of_all_numbers_do_not_count(tmp_path):
    growth = np.concatenate([LINEAR[:7], [np.nan] * 3])
    finding = judge(tmp_path, growth, [1.0] * 7 + [float("nan")] * 20)
    assert isinstance(finding, Finding)
    assert finding.steps[1] == 7


def test_no_weights_are_not_enough(tmp_path):
    assert isinstance(weight_blowup(written(tmp_path)), NotEnough)
