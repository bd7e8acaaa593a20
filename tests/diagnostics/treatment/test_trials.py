import numpy as np
import pytest
import torch

from diagnostics.treatment.case import Change
from diagnostics.treatment.patients import patients
from diagnostics.treatment.trials import OutOfTime, Trials, affordable
from tests.diagnostics.treatment.treated import training


def trials(seconds=1e6, progress=None, expected=2):
    return Trials(patients(training(), (0, 1), 5), seconds, progress, expected)


def nothing(_course):
    return None


def test_a_change_that_changes_nothing_has_no_effect_at_all():
    going = trials()
    for patient in going.patients:
        control = going.control(patient)
        trial = going.trial(patient, Change("nothing", "", nothing))
        np.testing.assert_array_equal(control.training, trial.training)
        np.testing.assert_array_equal(control.held_out, trial.held_out)


def test_an_untreated_trial_is_made_once_for_each_measure():
    going = trials()
    first = going.patients[0]
    going.control(first)
    made = going.made
    assert going.control(first) is going.control(first)
    assert going.made == made

    def doubled(answers, target):
        return 2 * torch.nn.functional.cross_entropy(answers, target)

    other = going.control(first, doubled)
    assert going.made == 2 * made
    np.testing.assert_allclose(other.training, 2 * going.control(first).training, rtol=1e-5)


def test_a_case_knows_the_untreated_norms():
    assert len(trials().case(("plateau",)).norms) == 5


def test_progress_counts_steps_and_never_goes_back():
    told = []
    going = trials(progress=lambda done, of: told.append((done, of)), expected=1)
    for patient in going.patients:
        going.control(patient)
    assert [done for done, _ in told] == [*range(1, 11)]
    assert all(done < of for done, of in told)


def test_what_progress_raises_ends_the_trial_and_chance_comes_back():
    def stop(done, of):
        if done == 3:
            raise KeyboardInterrupt

    going = trials(progress=stop)
    torch.manual_seed(2)
    expected = torch.rand(2)
    torch.manual_seed(2)
    with pytest.raises(KeyboardInterrupt):
        going.control(going.patients[0])
    assert torch.equal(torch.rand(2), expected)


def test_when_the_time_is_over_no_step_is_made():
    going = trials(seconds=-1)
    with pytest.raises(OutOfTime):
        going.control(going.patients[0])


def test_more_time_buys_more_steps():
    (patient,) = patients(training(), (0,), 5)
    assert affordable(patient, 10, 1e6) > 100 > affordable(patient, 10, 1e-6)
