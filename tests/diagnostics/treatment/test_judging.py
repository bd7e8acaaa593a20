import math

import numpy as np
import pytest

from diagnostics.treatment.judging import (
    Findings,
    effects,
    estimate,
    final,
    null_effect,
    verdict,
)
from diagnostics.treatment.treatment import Curves

NONE = np.full(2, np.nan)


def curves(last, first=1.0, looks=13, seed=0):
    """A straight line down to the last value over the first half, and then flat."""
    falling = np.linspace(first, last if np.isfinite(last) else first, looks // 2)
    losses = np.concatenate([falling, np.full(looks - looks // 2, last)])
    return Curves(seed, np.arange(looks), losses, 2 * losses)


def judged(training, held_out=(-0.1, -0.1), null=0.0, share=0.3, judge="training"):
    return verdict(Findings(judge, np.array(training), np.array(held_out), null, share))[0]


def test_the_final_loss_is_the_mean_of_the_last_quarter():
    assert final(np.arange(13.0)) == pytest.approx(11.0)


def test_the_effect_is_the_log_ratio():
    found = effects([curves(0.2)], [curves(0.4)], "training")
    assert found[0] == pytest.approx(math.log(0.5), abs=3e-3)
    assert effects([curves(0.2)], [curves(0.4)], "validation")[0] == pytest.approx(found[0])


def test_losses_far_below_the_first_are_alike():
    assert abs(effects([curves(1e-9)], [curves(1e-6)], "training")[0]) < 2e-3


def test_a_finite_loss_is_far_better_than_none_and_the_lower_the_better():
    lost = curves(math.inf)
    better, best = (effects([curves(x)], [lost], "training")[0] for x in (0.5, 0.1))
    assert best < better < -10
    assert effects([lost], [curves(0.5)], "training")[0] > 10
    assert effects([lost], [lost], "training")[0] == 0.0


def test_losses_below_nought_differ_by_their_size():
    assert effects([curves(-3.0)], [curves(-2.0)], "training")[0] == pytest.approx(-1 / 3)


def test_mean_and_standard_error():
    assert estimate(np.array([-1.0, -3.0]), 0.5) == (-2.0, pytest.approx(1.0))
    assert estimate(np.array([-1.0]), 0.5) == (-1.0, 0.5)


def test_the_null_is_the_distance_of_untreated_trials():
    found = null_effect([curves(0.4), curves(0.2, seed=1)], "training")
    assert found == pytest.approx(math.log(2), abs=3e-3)
    assert math.isnan(null_effect([curves(0.4)], "training"))


@pytest.mark.parametrize(
    ("training", "other", "expected"),
    [
        ((-0.5, -0.6), {}, "accepted"),
        ((-0.05, -0.06), {}, "rejected"),  # less than 10 %
        ((0.5, 0.6), {}, "rejected"),
        ((-0.02, -0.6), {}, "undecided"),  # within two standard errors of nothing
        ((-0.5, -0.6), {"held_out": (0.1, 0.2)}, "rejected"),
        ((-0.5, -0.6), {"held_out": (math.nan, math.nan)}, "accepted"),
        ((-0.5, -0.6), {"null": 0.7}, "undecided"),  # another seed does as much
        ((-0.5, -0.6), {"share": 0.05}, "undecided"),  # too short a trial to accept
        ((0.5, 0.6), {"share": 0.05}, "rejected"),  # but not to reject
        ((-0.2, -5.0), {}, "undecided"),
        ((-2.0, -9.0), {}, "accepted"),  # to a tenth or to a hundredth: lower surely
        ((0.5, 0.6), {"judge": "validation", "held_out": (-0.3, -0.3)}, "accepted"),
        ((-0.5, -0.6), {"judge": "validation", "held_out": (-0.05, -0.05)}, "rejected"),
        ((-0.5, -0.6), {"judge": "validation", "held_out": (math.nan,) * 2}, "undecided"),
    ],
)
def test_verdicts(training, other, expected):
    assert judged(training, **other) == expected
