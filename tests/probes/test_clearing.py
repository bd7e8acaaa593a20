from __future__ import annotations

import copy
import io
import pickle
import warnings
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.nn.utils import clip_grad_norm_

from probes import clearing
from probes.clearing import Clearing
from probes.probe import AttachedProbe, ParameterProbe, StepProbe
from probes.stepping import attach
from tests.probes.watching import Watching

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))


def sgd(model, **settings):
    return torch.optim.SGD(model.parameters(), 0.01, **settings)


def watched(model, optimizers, train, steps=6):
    """What is told of so many steps, each made by `train`; a step ends with the last optimizer."""
    last = len(optimizers) - 1
    with Watching(model, optimizers, Clearing()) as rig:

        def after(n):
            rig.watch.after(n)
            if n == last:
                rig.finish()

        handles = [
            handle
            for n, optimizer in enumerate(optimizers)
            for handle in attach(optimizer, partial(rig.before, n), partial(after, n))
        ]
        for _ in range(steps):
            train()
        for handle in handles:
            handle.remove()
        assert rig.troubles._counts == {}
    assert hooks(model) == 0
    told = {step: value for step, name, value in rig.kept.scalars if name == "gradients/kept"}
    assert 1 not in told
    return list(told.values())


def hooks(model):
    """How many are left at its parameters."""
    held = [(p._backward_hooks, p._post_accumulate_grad_hooks) for p in model.parameters()]
    return sum(len(kind or ()) for pair in held for kind in pair)


def loss(model):
    return model(X).square().mean()


def zeros_by_data(model):
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.data.zero_()


def replaced_by_zeros(model):
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)


def zeros_detached(model):
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.detach_().zero_()


CLEARED = {
    "to none": lambda model: model.zero_grad(),
    "in place": lambda model: model.zero_grad(set_to_none=False),
    "by the data": zeros_by_data,
    "detached": zeros_detached,
    "by other tensors": replaced_by_zeros,
}


def test_it_is_a_probe_of_parameters_and_steps_with_hooks_of_its_own():
    assert isinstance(Clearing(), ParameterProbe)
    assert isinstance(Clearing(), StepProbe)
    assert isinstance(Clearing(), AttachedProbe)


@pytest.mark.parametrize("late", [False, True], ids=["before the loss", "after the step"])
@pytest.mark.parametrize("how", CLEARED)
def test_however_they_are_cleared(how, late):
    model = mlp()
    optimizer = sgd(model)

    def train():
        if not late:
            CLEARED[how](model)
        loss(model).backward()
        optimizer.step()
        if late:
            CLEARED[how](model)

    assert watched(model, [optimizer], train) == [0.0] * 5


OPTIMIZERS = {
    "SGD": sgd,
    "SGD with decay": partial(sgd, momentum=0.9, weight_decay=0.1),
    "one by one": partial(sgd, foreach=False),
    "fused": partial(sgd, fused=True),
    "Adam": lambda model: torch.optim.Adam(model.parameters(), 0.01),
    "Adam fused": lambda model: torch.optim.Adam(model.parameters(), 0.01, fused=True),
    "RMSprop": lambda model: torch.optim.RMSprop(model.parameters(), 0.01),
    "Rprop": lambda model: torch.optim.Rprop(model.parameters(), 0.01),
}


@pytest.mark.parametrize("clears", [False, True], ids=["kept", "cleared"])
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_optimizer(kind, clears):
    model = mlp()
    optimizer = OPTIMIZERS[kind](model)

    def train():
        loss(model).backward()
        clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        if clears:
            optimizer.zero_grad()

    assert watched(model, [optimizer], train) == [0.0 if clears else 1.0] * 5


@pytest.mark.parametrize("clears", [False, True])
def test_a_closure_is_run_many_times_in_a_step(clears):
    model = mlp()
    optimizer = torch.optim.LBFGS(model.parameters(), 0.01, max_iter=4)

    def closure():
        if clears:
            optimizer.zero_grad()
        value = loss(model)
        value.backward()
        return value

    told = watched(model, [optimizer], lambda: optimizer.step(closure))
    assert told == [0.0 if clears else 1.0] * 5


@pytest.mark.parametrize("clears", [False, True])
def test_micro_batches_add_up_and_are_cleared_after_the_step_or_not(clears):
    model = mlp()
    optimizer = sgd(model)

    def train():
        for part in X.split(2):
            (model(part).square().mean() / 3).backward()
        optimizer.step()
        if clears:
            optimizer.zero_grad()

    assert watched(model, [optimizer], train) == [0.0 if clears else 1.0] * 5


@pytest.mark.parametrize("clears", [False, True])
@pytest.mark.parametrize("fused", [False, True])
def test_scaled_losses(fused, clears):
    model = mlp()
    optimizer = sgd(model, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    def train():
        with torch.autocast("cpu", torch.bfloat16):
            value = loss(model)
        scaler.scale(value).backward()
        if not fused:
            scaler.unscale_(optimizer)
            clip_grad_norm_(model.parameters(), 0.5)
        scaler.step(optimizer)
        scaler.update()
        if clears:
            optimizer.zero_grad()

    assert watched(model, [optimizer], train) == [0.0 if clears else 1.0] * 5


@pytest.mark.parametrize("critic_first", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("forgets", [None, "G", "D"])
def test_two_networks_one_of_which_gets_gradients_from_the_others_loss(
    forgets, in_place, critic_first
):
    torch.manual_seed(0)
    nets = nn.ModuleDict({"G": nn.Linear(4, 4), "D": nn.Linear(4, 1)})
    optimizers = {name: sgd(net) for name, net in nets.items()}

    def clear(name):
        if name != forgets:
            optimizers[name].zero_grad(set_to_none=not in_place)

    def critic():
        clear("D")
        fake = nets["D"](nets["G"](X).detach())
        (softplus(-nets["D"](X + 1)) + softplus(fake)).mean().backward()
        optimizers["D"].step()

    def generator():
        clear("G")
        softplus(-nets["D"](nets["G"](X))).mean().backward()  # D's gradients grow by this too
        optimizers["G"].step()

    phases = [critic, generator] if critic_first else [generator, critic]
    order = ["D", "G"] if critic_first else ["G", "D"]

    def train():
        for phase in phases:
            phase()

    told = watched(nets, [optimizers[name] for name in order], train)
    assert told == [0.0 if forgets is None else 1.0] * 5


def test_a_diagnosis_in_between_that_leaves_gradients_behind():
    model = mlp()
    optimizer = sgd(model)

    def train():
        loss(model).backward()  # somebody's look at the gradients
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()

    assert watched(model, [optimizer], train) == [0.0] * 5


def test_gradients_that_are_asked_for_and_put_there_were_not_kept():
    model = mlp()
    optimizer = sgd(model)

    def train():
        found = torch.autograd.grad(loss(model), list(model.parameters()))
        for parameter, gradient in zip(model.parameters(), found, strict=True):
            parameter.grad = gradient
        optimizer.step()

    assert watched(model, [optimizer], train) == []


@pytest.mark.parametrize("clears", [False, True])
def test_second_derivatives(clears):
    model = mlp()
    optimizer = sgd(model)

    def train():
        loss(model).backward(create_graph=True, inputs=list(model.parameters()))
        optimizer.step()
        for parameter in model.parameters():
            parameter.grad = None if clears else parameter.grad.detach()

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using backward.. with create_graph")  # only said once
        told = watched(model, [optimizer], train)
    assert told == [0.0 if clears else 1.0] * 5


@pytest.mark.parametrize("clears", [False, True])
def test_a_weight_in_two_places(clears):
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
    model[2].weight = model[0].weight
    optimizer = sgd(model)

    def train():
        loss(model).backward()
        optimizer.step()
        if clears:
            optimizer.zero_grad()

    assert watched(model, [optimizer], train) == [0.0 if clears else 1.0] * 5


def test_what_no_optimizer_holds_is_nobodys_to_clear():
    model = mlp()
    optimizer = torch.optim.SGD(model[2].parameters(), 0.01)

    def train():
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()

    assert watched(model, [optimizer], train) == [0.0] * 5
    assert model[0].weight.grad.abs().max() > loss(model).item()  # for it was never cleared


def test_of_sparse_gradients_nothing_is_said():
    model = nn.Embedding(5, 2, sparse=True)
    optimizer = sgd(model)

    def train():
        model(torch.tensor([0, 3])).square().sum().backward()
        optimizer.step()

    assert watched(model, [optimizer], train) == []


def test_a_parameter_that_gets_no_gradients_gives_way_to_another():
    model = nn.ModuleDict({"seldom": nn.Linear(4, 8, bias=False), "always": nn.Linear(4, 1)})
    optimizer = sgd(model)
    model["seldom"](X).sum().backward()  # once, and left there

    def train():
        loss(model["always"]).backward()
        optimizer.step()

    assert watched(model, [optimizer], train) == [1.0] * 4  # the first was spent on the other


@pytest.mark.parametrize("clears", [False, True])
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_model_is_not_compiled_again_for_it(backend, clears):
    from torch._dynamo.testing import CompileCounterWithBackend  # heavy

    model, compiles = mlp(), CompileCounterWithBackend(backend)
    compiled, optimizer = torch.compile(model, backend=compiles), sgd(model)

    def train():
        compiled(X).square().mean().backward()
        optimizer.step()
        if clears:
            optimizer.zero_grad()

    train()
    frames = compiles.frame_count
    assert watched(model, [optimizer], train) == [0.0 if clears else 1.0] * 5
    assert compiles.frame_count == frames
    torch._dynamo.reset()


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize("how", ["kept", "to none", "in place"])
def test_distributed_data_parallel(tmp_path, how, view):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        model = mlp()
        parallel = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=view)
        optimizer = sgd(model)

        def train():
            parallel(X).square().mean().backward()
            optimizer.step()
            CLEARED.get(how, lambda _: None)(model)

        assert watched(model, [optimizer], train) == [float(how == "kept")] * 5
    finally:
        torch.distributed.destroy_process_group()


def test_copies_and_pickles_take_no_hook_along():
    model = mlp()
    optimizer, copies = sgd(model), []

    def train():
        loss(model).backward()
        optimizer.step()
        copies.append(copy.deepcopy(model))
        copies.append(pickle.loads(pickle.dumps(model)))
        torch.save(model, io.BytesIO())

    assert watched(model, [optimizer], train) == [1.0] * 5
    assert [hooks(twin) for twin in copies] == [0] * 12


@pytest.mark.parametrize("clears", [False, True])
def test_on_a_device_nothing_is_waited_for(monkeypatch, clears):
    def unread(gradient):
        return False if gradient is None else gradient.any()  # as it is where it is not read

    monkeypatch.setattr(clearing, "_anything", unread)
    model = mlp()
    optimizer = sgd(model)

    def train():
        loss(model).backward()
        optimizer.step()
        if clears:
            optimizer.zero_grad(set_to_none=False)

    assert watched(model, [optimizer], train) == [0.0 if clears else 1.0] * 5


def test_no_hook_is_there_in_a_step_that_is_not_recorded():
    model = mlp()
    optimizer = sgd(model)
    with Watching(model, optimizer, Clearing()) as rig:
        for _ in range(2):
            loss(model).backward()
            rig.step()
        assert hooks(model) == 2
        rig.watch.disarm()
        assert hooks(model) == 0
        loss(model).backward()
        optimizer.step()  # what is not recorded breaks the chain
        rig.watch.arm()
        loss(model).backward()
        rig.step()
        assert [step for step, *_ in rig.kept.scalars] == [2]


def test_training_is_the_same_to_the_bit():
    def trained(watch):
        model = mlp()
        optimizer = sgd(model, momentum=0.9)

        def train():
            optimizer.zero_grad()
            loss(model).backward()
            optimizer.step()

        if watch:
            watched(model, [optimizer], train)
        else:
            for _ in range(6):
                train()
        return [p.detach() for p in model.parameters()]

    for one, other in zip(trained(watch=True), trained(watch=False), strict=True):
        assert torch.equal(one, other)
