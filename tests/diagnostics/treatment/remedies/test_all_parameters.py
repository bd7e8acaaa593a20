import torch
from torch.optim import SGD

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import only, proposed, stack, training


def test_an_optimizer_of_another_model_gets_this_ones_parameters():
    model = stack()
    given = training(model, optimizer=SGD(stack().parameters(), 0.1))
    course = only("all_parameters", given, "params_not_in_optimizer")
    run(course, 0, lambda: None)
    assert not torch.equal(course.model[0].weight, model[0].weight)


def test_where_all_are_held_nothing_is_proposed():
    assert proposed("all_parameters", training()) == []


def test_frozen_parameters_need_not_be_held():
    model = stack()
    model[0].requires_grad_(False)
    given = training(model, optimizer=SGD(model[2].parameters(), 0.1))
    assert proposed("all_parameters", given) == []
