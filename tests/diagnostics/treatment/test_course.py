import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import StepLR

from diagnostics.treatment.chance import own_chance
from diagnostics.treatment.course import evaluating, run
from diagnostics.treatment.patients import patients
from tests.diagnostics.treatment.treated import points, split, stack, training


def course_of(given, steps=10):
    (patient,) = patients(given, (0,), steps)
    return patient.course()


def by_hand(given, steps, clip=None, clear_every=1):
    """The loop that a user would have written, on the user's own objects."""
    losses = []
    for step in range(1, steps + 1):
        x, y = given.batches[(step - 1) % len(given.batches)]
        if clear_every and (step - 1) % clear_every == 0:
            given.optimizer.zero_grad()
        loss = functional.cross_entropy(given.model(x), y)
        loss.backward()
        if clear_every < 2 or step % clear_every == 0:
            if clip:
                nn.utils.clip_grad_norm_(given.model.parameters(), clip)
            given.optimizer.step()
            if given.scheduler is not None:
                given.scheduler.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize(
    "how",
    [{}, {"clip": 0.1}, {"zero_grad_every": 0}, {"zero_grad_every": 3}, {"scheduler": True}],
)
def test_a_trial_does_what_the_loop_does_to_the_bit(how):
    given = training()
    if how.get("scheduler"):
        how["scheduler"] = StepLR(given.optimizer, 2, gamma=0.5)
    for name, value in how.items():
        setattr(given, name, value)
    course = course_of(given)
    run(course, 0, lambda: None)
    by_hand(given, 10, given.clip, given.zero_grad_every)
    pairs = zip(course.model.parameters(), given.model.parameters(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_losses_are_those_of_evaluation_on_fixed_rows():
    model = stack(nn.ReLU(), nn.Dropout(0.5))
    given = training(model)
    curves = run(course_of(given), 0, lambda: None)
    batches = [given.batches[n % 6] for n in range(10)]  # as many as it trains on
    x, y = (torch.cat(part) for part in zip(*batches, strict=True))
    with evaluating(model):
        expected = float(functional.cross_entropy(model(x), y))
    assert curves.training[0] == pytest.approx(expected, rel=1e-5)
    assert curves.steps[[0, -1]].tolist() == [0, 10]
    assert math.isfinite(curves.held_out[-1])


def test_without_held_out_data_its_loss_is_not_known():
    curves = run(course_of(training(held_out=None)), 0, lambda: None)
    assert torch.isnan(torch.tensor(curves.held_out)).all()


def test_dropout_draws_alike_in_trials_of_one_seed():
    given = training(stack(nn.ReLU(), nn.Dropout(0.5)))
    found = []
    for seed in (0, 0, 1):
        with own_chance(seed):
            found.append(run(course_of(given), 0, lambda: None).training[-1])
    assert found[0] == found[1] != found[2]


def test_a_loss_that_diverges_is_infinite_from_there_on():
    curves = run(course_of(training(lr=1e12), 40), 0, lambda: None)
    assert math.isinf(curves.training[-1])
    assert math.isfinite(curves.training[0])


def test_gradients_norms_are_those_before_clipping():
    given = training(clip=1e-3)
    course = course_of(given, 1)
    run(course, 0, lambda: None)
    x, y = given.batches[0]
    functional.cross_entropy(given.model(x), y).backward()
    norm = nn.utils.get_total_norm([p.grad for p in given.model.parameters()])
    assert course.norms == pytest.approx([float(norm)])


def test_the_best_weights_are_kept_where_that_is_wished():
    x, y = points(16)
    given = training(lr=0.5, batches=[(x, torch.randint(3, (16,)))], held_out=[(x, y)])
    course = course_of(given, 60)
    course.keeps_best = True
    curves = run(course, 0, lambda: None)
    assert (torch.tensor(curves.held_out).diff() <= 0).all()
    with evaluating(course.model):
        loss = float(functional.cross_entropy(course.model(x), y))
    assert loss == pytest.approx(curves.held_out[-1], rel=1e-5)


def test_the_loop_that_left_the_model_in_evaluation_mode_is_followed():
    assert not course_of(training(train_mode=False)).model.training


def test_a_model_with_parts_in_evaluation_mode_keeps_them_so():
    model = stack(nn.BatchNorm1d(8))
    model[1].eval()
    course = course_of(training(model))
    run(course, 0, lambda: None)
    assert course.model.training
    assert not course.model[1].training
    assert torch.equal(course.model[1].running_mean, torch.zeros(8))


def test_answers_in_other_terms_are_judged_as_before():
    course = course_of(training())
    course.as_before = lambda answers: 0 * answers
    curves = run(course, 0, lambda: None)
    assert curves.training == pytest.approx([math.log(3)] * len(curves.training))


def test_the_gradient_reaches_no_parameter_but_the_copys():
    stranger = nn.Parameter(torch.ones(()))
    given = training(loss=lambda out, y: functional.cross_entropy(out, y) * STRANGERS[0])
    STRANGERS[:] = [stranger]
    run(course_of(given), 0, lambda: None)
    assert stranger.grad is None


STRANGERS: list[nn.Parameter] = []


def test_batches_run_out_and_begin_again():
    given = training(batches=split(*points(32)))
    course = course_of(given, 7)
    course.batches = course.batches[:2]
    run(course, 0, lambda: None)
    by_hand(given, 7)
    assert torch.equal(course.model[0].weight, given.model[0].weight)
