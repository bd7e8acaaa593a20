import torch
from torch.optim import Adam, AdamW

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import proposed, stack, training


def test_the_same_parameters_by_adamw():
    given = training()
    (_, course), (_, faster) = proposed("adamw", given, "plateau")
    assert isinstance(course.optimizer, AdamW)
    assert (course.groups[0]["lr"], faster.groups[0]["lr"]) == (1e-3, 3e-3)
    run(course, 0, lambda: None)
    assert not torch.equal(course.model[0].weight, given.model[0].weight)


def test_what_is_adaptive_already_is_left_alone():
    model = stack()
    assert proposed("adamw", training(model, optimizer=Adam(model.parameters()))) == []
