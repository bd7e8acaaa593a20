import math

import pytest

from diagnostics.treatment.attempts import attempted
from diagnostics.treatment.case import About, Change
from diagnostics.treatment.patients import patients
from diagnostics.treatment.remedies import Remedy
from diagnostics.treatment.trials import Trials
from tests.diagnostics.treatment.treated import training


def rates(*factors):
    """A remedy that tries these, and keeps what it is told of each."""
    told = []

    def propose(case):
        for factor in factors:

            def make(course, factor=factor):
                course.groups[0]["lr"] *= factor

            told.append((yield Change(f"times {factor}", f"lr *= {factor}", make)))

    return Remedy("rates", About(("lr_too_low",)), propose), told


def attempt(remedy, seconds=1e6, share=1.0, **how):
    going = Trials(patients(training(lr=1e-4, **how), (0, 1), 12), seconds, None, 1)
    found = attempted(going, remedy, ("lr_too_low",), share)
    return None if found is None else found.attempt


def test_the_best_of_a_sweep_is_tried_on_every_seed():
    remedy, told = rates(0.1, 300.0, 30.0)
    found = attempt(remedy)
    assert (found.change, found.verdict) == ("times 300.0", "accepted")
    assert [variant.effect for variant in found.variants[:2]] == told[:2]
    assert [curves.seed for curves in found.trials] == [0, 1]
    assert found.effect < math.log(0.9)
    assert found.validation < 0


def test_what_does_not_help_on_the_first_seed_is_not_tried_on_another():
    found = attempt(rates(0.1)[0])
    assert (found.verdict, len(found.trials)) == ("rejected", 1)


def test_a_short_trial_accepts_nothing():
    assert attempt(rates(300.0)[0], share=0.05).verdict == "undecided"


def test_without_held_out_data_the_training_loss_decides_and_it_is_said():
    found = attempt(rates(300.0)[0], held_out=None)
    assert found.verdict == "accepted"
    assert "no held-out data" in found.reason
    assert math.isnan(found.validation)


def test_a_remedy_that_does_not_apply_is_left_out():
    assert attempt(rates()[0]) is None


def test_a_remedy_that_breaks_says_why():
    def propose(case):
        yield Change("a slip", "", lambda course: course.model.nothing_of_the_kind)

    found = attempt(Remedy("slip", About(()), propose))
    assert found.verdict == "rejected"
    assert found.reason.startswith("it could not be tried: AttributeError")


def test_a_value_that_breaks_leaves_the_others_to_be_judged():
    def propose(case):
        yield Change("a slip", "", lambda course: course.model.nothing_of_the_kind)
        yield from rates(300.0)[0].propose(case)

    found = attempt(Remedy("half", About(("lr_too_low",)), propose))
    assert (found.change, found.verdict) == ("times 300.0", "accepted")
    assert found.variants[0].effect == math.inf


def test_out_of_time_is_undecided():
    found = attempt(rates(300.0)[0], seconds=-1)
    assert (found.verdict, found.trials) == ("undecided", ())
    assert found.effect != pytest.approx(0)
