import math

import numpy as np

from diagnostics.store import load, save, saved
from diagnostics.treatment.treatment import Attempt, Curves, Treatment, Variant


def curves(seed):
    steps = np.arange(3, dtype=np.int64)
    return Curves(seed, steps, np.array([1.0, 0.5, np.inf]), np.full(3, np.nan))


def attempt(remedy, verdict):
    return Attempt(
        *(remedy, "words", "x = 1\ny = 2", True, "training"),
        *((curves(0), curves(1)), (curves(0), curves(1))),
        *(-1.0, 0.1, math.nan, math.nan),
        *((Variant("words", -1.0), Variant("others", math.inf)), verdict, "why"),
    )


def treatment(winner="second"):
    attempts = attempt("first", "rejected"), attempt("second", "accepted")
    return Treatment(("lr_too_low",), 30, 100, (0, 1), 0.1, math.nan, attempts, winner, "x = 1")


def test_the_best_is_the_winners_attempt():
    assert treatment().best.remedy == "second"
    assert treatment("").best is None


def test_it_is_read_from_a_run_folder_as_it_was_saved(tmp_path):
    kept = treatment()
    save(tmp_path, kept)
    assert saved(tmp_path, Treatment) == ("",)
    found = load(tmp_path, Treatment)
    assert found.attempts[1].verdict == "accepted"
    assert math.isnan(found.validation_null)
    for ours, theirs in zip(found.attempts, kept.attempts, strict=True):
        assert (ours.remedy, ours.code, ours.variants) == (
            *(theirs.remedy, theirs.code),
            theirs.variants,
        )
        for own, their in zip(ours.trials, theirs.trials, strict=True):
            assert own.seed == their.seed
            np.testing.assert_array_equal(own.training, their.training)
            np.testing.assert_array_equal(own.held_out, their.held_out)
