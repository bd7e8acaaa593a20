import torch
from torch.optim import SGD

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import only, proposed, stack, training


def test_frozen_parameters_move():
    model = stack()
    model[0].requires_grad_(False)
    given = training(model, optimizer=SGD(model[2].parameters(), 0.1))
    course = only("unfrozen", given, "frozen_parameters")
    run(course, 0, lambda: None)
    assert not torch.equal(course.model[0].weight, model[0].weight)
    assert not model[0].weight.requires_grad


def test_where_none_is_frozen_nothing_is_proposed():
    assert proposed("unfrozen", training()) == []
