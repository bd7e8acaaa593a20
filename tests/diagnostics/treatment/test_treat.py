import ast
import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset

from diagnostics.finding import Finding
from diagnostics.treatment.remedies import remedies, remedies_for
from diagnostics.treatment.training import Training
from diagnostics.treatment.treat import treat
from probes.folder import FathomError
from tests.diagnostics.treatment.treated import points, proposed, split, stack, training
from tests.zoo import DISEASES


def loader():
    x, y = points(96)
    generator = torch.Generator().manual_seed(7)
    return DataLoader(TensorDataset(x, y), 16, shuffle=True, generator=generator)


def users_own():
    """With something in it for most remedies to change."""
    model = nn.Sequential(*stack(nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3)))
    optimizer = SGD(model.parameters(), 1e-4, momentum=0.99, weight_decay=0.1)
    schedule = LambdaLR(optimizer, lambda step: 0.5**step)
    strength = 0.01
    given = Training(
        model,
        optimizer,
        lambda out, y: functional.cross_entropy(out, y) - strength * _norm(model),
        loader(),
        split(*points(48, seed=1)),
        schedule,
        clip=1e-3,
        steps=20,
    )
    for x, y in split(*points(32)):  # some state in everything
        given.loss(model(x), y).backward()
        optimizer.step()
        schedule.step()
    return given


def _norm(model):
    return sum(p.square().sum() for p in model.parameters())


def state(given):
    """Everything of the user's, bit for bit."""
    tensors = [t.detach().clone() for t in (*given.model.parameters(), *given.model.buffers())]
    tensors += [p.grad.clone() for p in given.model.parameters() if p.grad is not None]
    tensors += [given.batches.generator.get_state(), torch.random.get_rng_state()]
    tensors += [t.clone() for pair in given.held_out for t in pair]
    kept = copy.deepcopy(given.optimizer.state_dict()), copy.deepcopy(given.scheduler.state_dict())
    kept[1].pop("lr_lambdas")
    flags = [(name, m.training, len(m._forward_hooks)) for name, m in given.model.named_modules()]
    drawn = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    return tensors, (repr(given.model), str(kept), flags, drawn)


@pytest.fixture(scope="module")
def everything():
    """All remedies there are, on one training; and what it was before and after."""
    given = users_own()
    before = state(given)
    found = treat(given, seconds=1e6, steps=6)
    return found, before, state(given)


def test_nothing_of_the_users_is_touched(everything):
    _, (tensors, rest), (tensors_after, rest_after) = everything
    assert len(tensors) == len(tensors_after) > 20
    assert all(torch.equal(a, b) for a, b in zip(tensors, tensors_after, strict=True))
    assert rest == rest_after


def test_every_remedy_was_tried_that_applies(everything):
    tried = {each.remedy for each in everything[0].attempts if each.trials}
    assert {"looser_clipping", "constant_rate", "optimizer_defaults", "group_norm"} <= tried
    assert {"weight_decay_cut", "dropout_cut", "initialisation", "objective_sign"} <= tried
    assert "zero_grad" not in tried


def test_none_of_them_broke(everything):
    assert [each for each in everything[0].attempts if "could not be tried" in each.reason] == []


def test_every_code_can_be_pasted(everything):
    for attempt in everything[0].attempts:
        assert ast.parse(attempt.code).body


@pytest.mark.parametrize("name", remedies())
def test_a_remedy_is_for_diseases_that_there_are(name):
    about = remedies()[name].about
    assert {*about.diseases} <= {*DISEASES}
    assert len({*about.diseases}) == len(about.diseases) > 0


def test_what_mends_the_first_disease_comes_first():
    names = [each.name for each in remedies_for(["lr_too_low", "zero_grad_missing"])]
    assert names[0] == "zero_grad"
    mending = [remedies()[name].about.mends for name in names]
    assert mending == sorted(mending, reverse=True)
    assert remedies_for(["mode_collapse"]) == []


def test_the_same_is_found_again():
    first, again = (treat(training(lr=1e-4), ["lr_too_low"], seconds=1e6) for _ in range(2))
    assert first.winner == again.winner
    for one, other in zip(first.attempts, again.attempts, strict=True):
        assert (one.effect, one.error, one.verdict) == (other.effect, other.error, other.verdict)


def test_a_factory_gives_every_seed_its_own():
    def make(seed):
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        return training(model, lr=1e-4)

    found = treat(make, ["lr_too_low"], seeds=(3, 4, 5), seconds=1e6)
    assert found.seeds == (3, 4, 5)
    assert found.null > 0
    assert [curves.seed for curves in found.best.controls] == [3, 4, 5]
    starts = [curves.training[0] for curves in found.best.controls]
    assert len(set(starts)) == 3


def test_a_trial_is_a_share_of_the_run():
    given = training(zero_grad_every=0)
    found = treat(given, ["zero_grad_missing"], seconds=1e6, share=0.5)
    assert (found.steps, found.run_steps) == (20, 40)
    assert found.attempts[0].controls[0].steps[-1] in (20, 40)


def test_what_shows_late_is_tried_over_the_whole_run():
    """Gradients that add up swing a quadratic: down faster at first, and up again and again."""
    x, _ = points()
    model = nn.Linear(6, 1, bias=False)
    optimizer = SGD(model.parameters(), 0.01)
    whole = [(x, x.sum(1, keepdim=True))]
    given = Training(model, optimizer, nn.MSELoss(), whole, whole, steps=100, zero_grad_every=0)
    short = treat(given, ["zero_grad_missing"], seconds=1e6, steps=10)
    assert short.attempts[0].effect > 0
    found = treat(given, ["zero_grad_missing"], seconds=1e6, share=0.1)
    assert (found.steps, found.winner) == (100, "zero_grad")


def test_when_there_is_no_time_nothing_is_accepted_and_it_is_said():
    found = treat(training(lr=1e-4), ["lr_too_low"], seconds=0, steps=12)
    assert found.winner == ""
    assert {each.verdict for each in found.attempts} == {"undecided"}
    assert math.isnan(found.null)
    assert "time was over" in found.attempts[0].reason


def test_progress_is_told_and_what_it_raises_ends_the_treatment():
    given, told = training(lr=1e-4), []

    def stop(done, of):
        told.append((done, of))
        if done == 40:
            raise KeyboardInterrupt

    before = given.model[0].weight.clone()
    with pytest.raises(KeyboardInterrupt):
        treat(given, ["lr_too_low"], seconds=1e6, progress=stop)
    assert told[-1][0] == 40 < told[-1][1]
    assert torch.equal(given.model[0].weight, before)


def test_findings_are_taken_as_well_as_names():
    finding = Finding(
        *("lr_too_low", "error", "", "", "", (), (), (0, 1), 1.0, "gradient_flow"),
    )
    assert treat(training(lr=1e-4), [finding], steps=10, seconds=1e6).diseases == ("lr_too_low",)


@pytest.mark.parametrize(
    ("findings", "how", "message"),
    [
        (["mode_collapse"], {}, "no remedy can be tried for mode_collapse"),
        ("lr_too_low", {}, "findings is the text 'lr_too_low'"),
        (["lr_too_low"], {"share": 1.5}, "share=1.5 is no share"),
        (["lr_too_low"], {"seeds": ()}, "no seeds"),
    ],
)
def test_what_cannot_be_is_refused(findings, how, message):
    with pytest.raises(FathomError, match=message):
        treat(training(), findings, **how)


def test_a_training_without_a_length_is_tried_over_a_length_of_its_own():
    given = training(zero_grad_every=0, steps=0)
    found = treat(given, ["zero_grad_missing"], seeds=(0,), seconds=1e6)
    assert (found.steps, found.run_steps) == (200, 0)
    assert math.isnan(found.null)


def test_a_sound_training_is_left_as_it_is():
    """Of what is right already, more of the same is no better."""
    given = training()
    ailments = ["over_clipping", "excess_weight_decay", "double_softmax"]
    found = treat(given, ailments, seconds=1e6, steps=10)
    mending = [each.remedy for each in found.attempts if each.mends]
    assert mending == []
    assert proposed("looser_clipping", given) == []
