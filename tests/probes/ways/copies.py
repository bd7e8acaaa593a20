"""Copies, pickles and averages."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

from tests.probes.ways import batches, descend, mlp, sgd, way
from tests.probes.ways.modules import Normed
from tests.probes.ways.passes import between


def saved(value: Any) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@way("copy.deepcopy of the model", "the copy trains and is not recorded")
def deepcopied(eye: Any) -> None:
    def train_a_copy(model: nn.Module, x: torch.Tensor) -> None:
        twin = copy.deepcopy(model)
        optimizer = sgd(twin)
        twin(x).square().mean().backward()
        optimizer.step()
        eye.note({name: value.tolist() for name, value in twin.state_dict().items()})

    between(eye, Normed(), train_a_copy)


@way("copy.deepcopy of the optimizer", "the copy steps and is not counted")
def copied_optimizer(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))
            copy.deepcopy(optimizer).step()


@way("pickle and torch.save of the model", "the bytes are those without a Recorder")
def pickled(eye: Any) -> None:
    def save(model: nn.Module, x: torch.Tensor) -> None:
        if eye.plain:  # its own hooks cannot be pickled
            return
        eye.note(saved(model))
        pickle.loads(pickle.dumps(model))(x).sum().backward()

    between(eye, Normed(), save)


@way("state_dict", "of model and optimizer: the bytes are those without a Recorder")
def state_dict(eye: Any) -> None:
    model = Normed()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))
            eye.note(saved([model.state_dict(), optimizer.state_dict()]))


@way("load_state_dict midway", "weights and momentum go back to a checkpoint")
def rolled_back(eye: Any) -> None:
    model = mlp()
    optimizer = sgd(model)
    kept = copy.deepcopy([model.state_dict(), optimizer.state_dict()])
    with eye.on(model, optimizer):
        for n, (x, y) in enumerate(batches(4)):
            if n == 2:
                model.load_state_dict(kept[0])
                optimizer.load_state_dict(kept[1])
            descend(eye, optimizer, mse_loss(model(x), y))


def averaged(eye: Any, **options: Any) -> None:
    model = Normed()
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        average = AveragedModel(model, **options)
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))
            average.update_parameters(model)
            with eye.unseen():
                eye.note(average(x).tolist())


@way("AveragedModel", "the average runs and is not recorded")
def average(eye: Any) -> None:
    averaged(eye)


@way("an exponential moving average", "the average runs and is not recorded")
def moving_average(eye: Any) -> None:
    averaged(eye, multi_avg_fn=get_ema_multi_avg_fn(0.9))


@way("stochastic weight averaging", "with its schedule, and update_bn in train mode at the end")
def swa(eye: Any) -> None:
    model = Normed()
    optimizer = sgd(model)
    average, scheduler = AveragedModel(model), SWALR(optimizer, 0.01)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))
            average.update_parameters(model)
            scheduler.step()
        with eye.unseen():
            update_bn(batches(), average)
        eye.note(average.module.norm.running_mean.tolist())


@way("DataParallel", "on the CPU it passes through; names are those of the model inside")
def data_parallel(eye: Any) -> None:
    model = nn.DataParallel(mlp())
    optimizer = sgd(model)
    with eye.on(model, optimizer):
        for x, y in batches():
            descend(eye, optimizer, mse_loss(model(x), y))
