import torch

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import STEPS, only, proposed, training


def test_the_treated_loop_is_the_one_that_clears():
    course = only("zero_grad", training(zero_grad_every=0), "zero_grad_missing")
    sound = training()
    run(course, 0, lambda: None)
    for x, y in sound.batches[:STEPS]:
        sound.optimizer.zero_grad()
        sound.loss(sound.model(x), y).backward()
        sound.optimizer.step()
    assert torch.equal(course.model[0].weight, sound.model[0].weight)


def test_a_loop_that_accumulates_on_purpose_is_left_alone():
    assert proposed("zero_grad", training(zero_grad_every=2)) == []
