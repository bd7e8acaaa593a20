import threading
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import StepLR

from diagnostics.treatment.copying import copies
from probes import Recorder, Whole
from probes.folder import FathomError
from tests.diagnostics.treatment.treated import points, stack, training


def stepped(given, count=3):
    x, y = points()
    for _ in range(count):
        given.optimizer.zero_grad()
        functional.cross_entropy(given.model(x), y).backward()
        given.optimizer.step()


def test_the_copied_optimizer_moves_the_copied_model_alone():
    model = stack()
    given = training(model, optimizer=Adam(model.parameters(), 0.01, betas=(0.8, 0.9)))
    stepped(given)
    own, before = copies(given), [p.clone() for p in model.parameters()]
    assert own.optimizer.param_groups[0]["betas"] == (0.8, 0.9)
    kept = own.optimizer.state[own.model[0].weight]
    assert torch.equal(kept["exp_avg"], given.optimizer.state[model[0].weight]["exp_avg"])
    x, y = points()
    functional.cross_entropy(own.model(x), y).backward()
    own.optimizer.step()
    assert not torch.equal(own.model[0].weight, model[0].weight)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))


def test_the_copied_schedule_drives_the_copied_optimizer():
    given = training()
    given.scheduler = StepLR(given.optimizer, 1, gamma=0.5)
    own = copies(given)
    own.optimizer.step()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the copy does not wrap optimizer.step() again
        own.scheduler.step()
    assert own.optimizer.param_groups[0]["lr"] == 0.025
    assert given.optimizer.param_groups[0]["lr"] == 0.05


@pytest.mark.parametrize("wrap", [lambda f: f, Whole, lambda f: partial(f, scale=1.0)])
def test_a_loss_that_knows_the_model_knows_the_copy(wrap):
    model = stack()

    def penalty(*_, scale=1.0):
        return scale * sum(p.square().sum() for p in model.parameters())

    own = copies(training(model, loss=wrap(lambda *_, scale=1.0: penalty(scale=scale))))
    with torch.no_grad():
        own.model[0].weight.zero_()
    call = own.loss.function if isinstance(own.loss, Whole) else own.loss
    expected = sum(p.square().sum() for p in own.model.parameters())
    assert torch.allclose(call(None, None), expected)
    assert not torch.allclose(penalty(), expected)


def test_a_recorders_hooks_are_not_copied_and_a_models_own_are(tmp_path):
    model = nn.utils.spectral_norm(nn.Linear(6, 3))
    optimizer = SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run") as recorder:
        own = copies(training(model, optimizer=optimizer))
        assert not own.optimizer._optimizer_step_post_hooks
        assert len(own.model._forward_pre_hooks) == 1
        own.optimizer.step()
        assert recorder.path.exists()


def test_what_cannot_be_copied_is_said_with_the_way_round():
    model = stack()
    model.lock = threading.Lock()
    with pytest.raises(FathomError, match=r"cannot be copied .*give a function of a seed"):
        copies(training(model))
