import pytest

from diagnostics.active.sharpness import sharpness_of
from diagnostics.active.wish import Wish
from diagnostics.sharpness import Sharpness, sharpness
from diagnostics.store import load


def test_it_is_that_of_the_snapshot_and_stored(run):
    found = sharpness_of(run, Wish(step=4), radius=0.1, noise=0.05, draws=3)
    stored = load(run.path, Sharpness, "step4_running")
    direct = sharpness(run.subject(4), radius=0.1, noise=0.05, draws=3)
    assert (found.about.step, found.radius, found.noise) == (4, 0.1, 0.05)
    assert stored.ball_rise == found.ball_rise == pytest.approx(direct.ball_rise, abs=0)
