import pytest
import torch
from torch.nn import functional

from diagnostics.treatment.course import loss_of, run
from tests.diagnostics.treatment.treated import only, points, proposed, stack, training

STRENGTH = 0.05


def penalised(sign):
    model = stack()

    def loss(out, y):
        return functional.cross_entropy(out, y) + sign * STRENGTH * norm(model)

    return training(model, loss=loss, lr=0.2)


def norm(model):
    return sum(p.square().sum() for p in model.parameters())


def test_the_gradient_is_that_of_the_penalty_with_the_right_sign():
    course = only("objective_sign", penalised(-1), "weight_blowup")
    x, y = points()
    loss_of(course, (x, y)).backward()
    sound = penalised(1)
    sound.loss(sound.model(x), y).backward()
    for ours, theirs in zip(course.model.parameters(), sound.model.parameters(), strict=True):
        assert torch.allclose(ours.grad, theirs.grad, atol=1e-6)


def test_a_loss_upside_down():
    given = training(loss=lambda out, y: -functional.cross_entropy(out, y))
    ((change, course),) = proposed("objective_sign", given, "wrong_objective")
    curves = run(course, 0, lambda: None)
    assert curves.training[-1] < 0
    x, y = points()
    assert float(change.measured(given.model(x), y).detach()) == pytest.approx(
        float(functional.cross_entropy(given.model(x), y).detach())
    )


def test_sound_losses_are_left_alone():
    assert proposed("objective_sign", penalised(1)) == []
    assert proposed("objective_sign", training()) == []
