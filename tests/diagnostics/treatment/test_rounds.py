import math
import time

from diagnostics.treatment.case import About, Change
from diagnostics.treatment.patients import patients
from diagnostics.treatment.remedies import Remedy
from diagnostics.treatment.rounds import Rounds
from tests.diagnostics.treatment.treated import training


def remedy(name, factor, *, mends=False, disease="lr_too_low"):
    """A rate so many times as large."""

    def propose(case):
        def make(course):
            course.groups[0]["lr"] *= factor

        yield Change(f"times {factor}", f"lr *= {factor}", make)

    return Remedy(name, About((disease,), mends), propose)


def rounds(*diseases, seconds=1e6, progress=None):
    sick = patients(training(lr=1e-4), (0, 1), 12)
    return Rounds(sick, diseases or ("lr_too_low",), time.monotonic() + seconds, progress)


def test_what_mends_comes_before_what_helps_more():
    wanted = [remedy("more", 900.0), remedy("mend", 300.0, mends=True), remedy("worse", 0.1)]
    found = rounds().treated(wanted)
    assert [each.remedy for each in found.attempts] == ["mend", "more", "worse"]
    assert (found.winner, found.code) == ("mend", "lr *= 300.0")
    assert found.then == ()


def test_against_two_diseases_the_second_is_tried_on_top_of_the_first():
    wanted = [remedy("first", 300.0), remedy("second", 5.0, disease="no_update")]
    found = rounds("lr_too_low", "no_update").treated(wanted)
    assert [each.remedy for each in found.prescription] == ["first", "second"]
    assert found.code == "lr *= 300.0\n\nlr *= 5.0"
    (further,) = found.then
    on_top, alone = further.controls[0].training[-1], found.best.trials[0].training[-1]
    assert math.isclose(on_top, alone)


def test_what_helps_no_further_is_not_prescribed():
    wanted = [remedy("first", 300.0), remedy("second", 1.0, disease="no_update")]
    assert rounds("lr_too_low", "no_update").treated(wanted).then == ()


def test_progress_goes_on_over_rounds_and_ends_with_all():
    told = []
    going = rounds("lr_too_low", "no_update", progress=lambda done, of: told.append((done, of)))
    going.treated([remedy("first", 300.0), remedy("second", 5.0, disease="no_update")])
    done = [each for each, _ in told]
    assert done == sorted(done)
    assert told[-1] == (going.made, going.made)
    assert all(one < of for one, of in told[:-1])


def test_out_of_time_there_is_no_winner():
    found = rounds(seconds=-1).treated([remedy("first", 100.0)])
    assert found.winner == ""
    assert math.isnan(found.null)
