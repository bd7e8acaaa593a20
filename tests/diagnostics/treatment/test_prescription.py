import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD

from diagnostics.treatment.course import run
from diagnostics.treatment.prescription import filled
from diagnostics.treatment.training import Training
from diagnostics.treatment.treat import treat
from probes.folder import FathomError
from tests.diagnostics.treatment.treated import points, split, stack, training


@pytest.fixture(scope="module")
def sick():
    return training(lr=1e-5)


@pytest.fixture(scope="module")
def found(sick):
    return treat(sick, ["lr_too_low"], seconds=1e6)


def test_the_change_that_won_is_the_one_that_is_made(sick, found):
    course = filled(sick, found, 40)
    rate = course.groups[0]["lr"]
    assert f"{rate:.3g}" in found.code
    assert course.steps == 40
    curves = run(filled(sick, found, found.steps), 0, lambda: None)
    np.testing.assert_array_equal(curves.training, found.best.trials[0].training)


def test_the_users_own_is_as_it_was(sick, found):
    before = sick.model[0].weight.clone()
    run(filled(sick, found, 10), 0, lambda: None)
    assert torch.equal(sick.model[0].weight, before)
    assert sick.optimizer.param_groups[0]["lr"] == 1e-5


def test_against_two_diseases_both_changes_are_made():
    """Inputs of all scales into an optimizer that holds one layer alone."""
    x, y = points()
    x = 100 + x * torch.tensor([1e3, 1e-2, 1.0, 1.0, 1.0, 1.0])
    model = stack()
    batches = split(x, y)
    sick = Training(
        *(
            model,
            SGD(model[0].parameters(), 0.1, momentum=0.9),
            functional.cross_entropy,
            batches,
            batches,
        ),
        steps=80,
    )
    found = treat(sick, ["unnormalised_inputs", "params_not_in_optimizer"], seconds=1e6)
    names = {each.remedy for each in found.prescription}
    assert names == {"inputs_normalised", "all_parameters"}
    course = filled(sick, found, 80)
    assert isinstance(course.model, nn.Sequential)
    assert len(course.groups[0]["params"]) == 4
    curves = run(course, 0, lambda: None)
    assert curves.training[-1] < 0.8 * found.best.trials[0].training[-1]


def test_where_nothing_was_prescribed_there_is_nothing_to_fill():
    none = treat(training(), ["nan_inputs"], seconds=1e6, steps=10)
    with pytest.raises(FathomError, match="nothing was prescribed"):
        filled(training(), none, 10)
