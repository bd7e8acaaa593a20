from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from diagnostics import Run
from probes import Answers, Recorder
from probes.answers import AFTERWARDS, FIRST, LOOKS
from tests.probes.doubles import FakeMoment, a_pass
from tests.probes.watching import Watching
from tests.trainings import train

CLASSES = 3


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


X, Y = random(40, 8), 3 * random(40, CLASSES, seed=5)
LABELS = random(40, CLASSES, seed=7).argmax(1)
PLAIN = {"reduction": "mean", "ignore_index": -100, "label_smoothing": 0.0, "weighted": False}


def net(*last, width=CLASSES):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, width), *last)


def still(model):
    """An optimizer that moves nothing, so that the same can be computed again afterwards."""
    return torch.optim.SGD(model.parameters(), 0.0)


def looked(model, loss_of, steps=1, optimizer=None):
    """What is told of a training."""
    with Watching(model, optimizer or still(model), Answers()) as rig:
        for step in range(1, steps + 1):
            loss_of(step).backward()
            rig.step()
    return rig.kept


def scalars(kept, step=1):
    return {n.removeprefix("answers/"): v for at, n, v in kept.scalars if at == step}


def facts(kept):
    return [(step, json.loads(text)) for step, kind, text in kept.events if kind == "loss"]


def fact(kept):
    ((_, found),) = facts(kept)
    return found


def scaled(answers):
    """Of one table, the plain way."""
    y = answers.detach().double().numpy()
    spread = y.std(0).mean() / math.sqrt((y**2).mean())
    return {"min": y.min(), "max": y.max(), "std": y.std(), "spread": spread}


def test_numbers_of_a_classifier_are_those_of_numpy():
    model = net()
    kept = looked(model, lambda _: functional.cross_entropy(model(X), LABELS, label_smoothing=0.1))
    answered = model(X).argmax(1).numpy()
    assert scalars(kept) == pytest.approx(
        {
            **scaled(model(X)),
            "rows_sum_to_one": 0,
            "accuracy": (answered == LABELS.numpy()).mean(),
            "commonest": np.bincount(answered).max() / 40,
        },
        rel=1e-5,
    )
    settings = PLAIN | {"label_smoothing": 0.1}
    expected = {"kind": "CrossEntropyLoss", "settings": settings, "target": "classes", "outputs": 3}
    assert fact(kept) == expected | {"on": "answer", "output": "Linear"}


def test_a_softmax_too_many():
    model = net(nn.Softmax(1))
    kept = looked(model, lambda _: nn.CrossEntropyLoss()(model(X), LABELS))
    assert scalars(kept)["rows_sum_to_one"] == 1
    assert (fact(kept)["kind"], fact(kept)["output"]) == ("CrossEntropyLoss", "Softmax")


def test_a_softmax_over_channels_of_an_image_or_over_time():
    for shape in [(5, CLASSES, 8, 9), (5, CLASSES, 9)]:

        class Pixels(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(random(*shape))  # noqa: B023

            def forward(self):
                return self.weight.softmax(1)

        model = Pixels()
        kept = looked(model, lambda _, m=model: functional.nll_loss(m(), m.weight.argmax(1)))
        assert scalars(kept)["rows_sum_to_one"] == 1
        assert scalars(kept)["accuracy"] == 1


class Functional(nn.Module):
    """Its last function is no module."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(8, CLASSES), function

    def forward(self, x):
        return self.function(self.layer(x))


REACH = {
    "Sigmoid": (torch.sigmoid, 0, 1),
    "Tanh": (torch.tanh, -1, 1),
    "Softmax": (lambda x: x.softmax(1), 0, 1),
    "ReLU": (functional.relu, 0, math.inf),
    "Softplus": (functional.softplus, 0, math.inf),
    "Linear": (lambda x: x, -math.inf, math.inf),
}


@pytest.mark.parametrize("name", REACH)
def test_targets_out_of_reach_of_a_function(name):
    function, low, high = REACH[name]
    model = Functional(function)
    kept = looked(model, lambda _: functional.mse_loss(model(X), Y))
    assert fact(kept)["output"] == name
    assert fact(kept)["target"] == "numbers"
    outside = ((low > Y) | (high < Y)).float().mean()
    assert scalars(kept)["out_of_reach"] == pytest.approx(float(outside))
    assert bool(outside > 0.2) is (name != "Linear")
    assert scalars(kept)["whole"] == 0


@pytest.mark.parametrize(
    ("layer", "low", "high"),
    [(nn.Hardtanh(-0.5, 2), -0.5, 2), (nn.ReLU6(), 0, 6), (nn.Softsign(), -1, 1)],
)
def test_targets_out_of_reach_of_a_layer(layer, low, high):
    model = net(layer)
    kept = looked(model, lambda _: functional.smooth_l1_loss(model(X), Y))
    assert fact(kept)["output"] == type(layer).__name__
    outside = ((low > Y) | (high < Y)).float().mean()
    assert scalars(kept)["out_of_reach"] == pytest.approx(float(outside))


def test_what_a_layer_can_reach_is_not_said_of_functions_without_limits():
    model = net(nn.GELU())
    kept = looked(model, lambda _: functional.mse_loss(model(X), Y))
    assert fact(kept)["output"] == "GELU"
    assert "out_of_reach" not in scalars(kept)


def test_a_loss_of_what_was_made_of_the_answer_is_not_on_it():
    model = net()
    on = {
        "answer": lambda: functional.cross_entropy(model(X), LABELS),
        "view": lambda: functional.cross_entropy(
            model(X).view(8, 5, CLASSES).flatten(0, 1), LABELS
        ),
        "scaled": lambda: functional.cross_entropy(model(X) / 2, LABELS),
        "alike": lambda: functional.cross_entropy(X @ X[:3].T + model(X).mean(), LABELS),
    }
    found = {name: fact(looked(model, lambda _, f=f: f()))["on"] for name, f in on.items()}
    assert found == {"answer": "answer", "view": "answer", "scaled": "", "alike": ""}


def test_the_loss_that_judges_the_answers_is_told_of_several():
    model = net()

    def loss(_):
        answer = model(X)
        own = functional.l1_loss(model[0].weight, torch.zeros(16, 8))
        return own + functional.huber_loss(answer, Y) + functional.mse_loss(answer.relu(), Y)

    assert fact(looked(model, loss))["kind"] == "HuberLoss"


@pytest.mark.filterwarnings("ignore:Using a target size")
def test_a_target_that_was_spread_out_over_the_answers_is_told():
    model = net(width=1)
    for target, spread_out in [(Y[:, :1], False), (Y[:, 0], True), (Y[:1, :1], True)]:
        kept = looked(model, lambda _, y=target: functional.mse_loss(model(X), y))
        assert fact(kept)["broadcast"] is spread_out
        assert fact(kept)["target"] == "numbers"


def test_of_no_loss_that_is_known_answers_are_told_alone():
    model = net()
    kept = looked(model, lambda _: (model(X) - Y).square().mean())
    assert scalars(kept) == pytest.approx(scaled(model(X)) | {"rows_sum_to_one": 0}, rel=1e-5)
    assert kept.events == []


def test_a_loss_is_told_again_when_it_changes():
    model = net()
    losses = {1: functional.mse_loss, 2: functional.mse_loss, 3: functional.l1_loss}
    kept = looked(model, lambda step: losses[step](model(X), Y), steps=3)
    assert [(step, found["kind"]) for step, found in facts(kept)] == [(1, "MSELoss"), (3, "L1Loss")]


def test_micro_batches_are_taken_together():
    model = net()

    def loss(_):
        parts = [functional.cross_entropy(model(X[i::2]), LABELS[i::2]) for i in range(2)]
        return sum(parts) / 2

    whole = looked(model, lambda _: functional.cross_entropy(model(X), LABELS))
    assert scalars(looked(model, loss)) == pytest.approx(scalars(whole), rel=1e-5)


def test_yes_or_no():
    model = net(nn.Sigmoid(), width=1)
    asked = (LABELS[:, None] > 0).float()
    kept = looked(model, lambda _: functional.binary_cross_entropy(model(X), asked))
    right = ((model(X) > 0.5) == (asked > 0.5)).float().mean()
    assert scalars(kept)["accuracy"] == pytest.approx(float(right))
    (counts,) = kept_counts(kept)
    assert counts[:, 0].tolist() == [40 - int(asked.sum()), int(asked.sum())]
    assert "rows_sum_to_one" not in scalars(kept)


def kept_counts(kept):
    return [values for _, name, values, _ in kept.arrays if name == "answers/classes"]


def test_counts_by_class_add_up_over_records_and_none_is_lost():
    model = net()
    steps = 1 + math.ceil(LOOKS * CLASSES / 40)
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    kept = looked(
        model, lambda _: functional.cross_entropy(model(X), LABELS), steps, optimizer=optimizer
    )
    counts = kept_counts(kept)
    assert [int(each[:, 0].sum()) for each in counts] == [40 * (steps - 1), 40]
    total = sum(counts)
    accuracy = [v for _, name, v in kept.scalars if name == "answers/accuracy"]
    assert total[:, 2].sum() / total[:, 0].sum() == pytest.approx(np.mean(accuracy))
    assert total[:, 0].tolist() == (steps * np.bincount(LABELS)).tolist()


def test_the_first_records_are_looked_at_and_then_every_fourth():
    model = net()
    steps = FIRST + 3 * AFTERWARDS
    kept = looked(model, lambda _: functional.mse_loss(model(X), Y), steps)
    expected = [*range(1, FIRST + 1), *range(FIRST + 1, steps + 1, AFTERWARDS)]
    assert [at for at, name, _ in kept.scalars if name == "answers/std"] == expected


class Pair(nn.Module):
    """A generator and its critic, which are called one by one."""

    def __init__(self):
        super().__init__()
        self.made, self.judged = nn.Linear(2, 8), nn.Linear(8, 1)


def test_of_several_modules_the_widest_answers_are_taken():
    pair, noise = Pair(), random(40, 2)

    def loss(_):
        real = pair.judged(X)
        fake = pair.judged(pair.made(noise))
        right = functional.binary_cross_entropy_with_logits
        return right(real, torch.ones(40, 1)) + right(fake, torch.zeros(40, 1))

    kept = looked(pair, loss)
    expected = scaled(pair.made(noise))
    assert {name: scalars(kept)[name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert fact(kept)["on"] == "answer"


class Tupled(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, CLASSES)

    def forward(self, x, y):
        logits = self.layer(x)
        return functional.cross_entropy(logits, y), logits


def test_a_model_that_gives_its_loss_first():
    model = Tupled()
    kept = looked(model, lambda _: model(X, LABELS)[0])
    assert fact(kept)["on"] == "answer"
    assert fact(kept)["output"] == "Linear"
    assert scalars(kept)["std"] == pytest.approx(scaled(model.layer(X))["std"], rel=1e-5)


def test_odd_answers_are_passed_over():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(3, 3))

        def forward(self, kind):
            return {
                "number": self.weight.sum(),
                "nothing": None,
                "empty": self.weight[:0],
                "complex": self.weight * 1j,
                "sparse": self.weight.to_sparse(),
                "whole": torch.ones(3, dtype=torch.long),
            }[kind]

    model = Odd()

    def loss(step):
        for kind in ("number", "nothing", "empty", "complex", "sparse", "whole"):
            model(kind)
        return model("number") * step

    assert looked(model, loss).scalars == []


@pytest.mark.filterwarnings("ignore")
def test_beside_a_compiled_model_the_losss_input_stands_for_the_answers():
    torch.compiler.reset()
    model = net()
    fast = torch.compile(model, backend="aot_eager")
    with Watching(fast, still(model), Answers()) as rig:
        functional.cross_entropy(fast(X), LABELS).backward()
        rig.step()
    expected = scaled(model(X))
    got = scalars(rig.kept)
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert got["accuracy"] == pytest.approx(float((model(X).argmax(1) == LABELS).float().mean()))
    assert fact(rig.kept)["kind"] == "CrossEntropyLoss"


class Shared(torch.Tensor):
    """As several processes hold one together: a look would wait for the others."""

    def to_local(self):
        raise AssertionError("all processes would have to come")


def test_what_processes_hold_together_is_not_looked_at():
    probe, moment, shared = Answers(), FakeMoment(), Y.as_subclass(Shared)
    probe.passed(dataclasses.replace(a_pass(X), output=shared))
    probe.passed(a_pass(shared, LABELS, module=nn.CrossEntropyLoss(), loss=True))
    probe.step(moment)
    assert moment.scalars == {}
    assert moment.events == []


class NoWaiting(TorchDispatchMode):
    """Raises at what would wait for a device: a value, or a shape that follows from values."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        waits = ("_local_scalar_dense", "nonzero", "unique", "bincount", "masked_select")
        assert not any(word in func.name() for word in waits), f"{func.name()} waits"
        return func(*args, **(kwargs or {}))


class Untouched(FakeMoment):
    def scalar(self, name, value):
        self.scalars[name] = value


def test_no_device_is_waited_for():
    """As on a device: tensors come out."""
    chosen, near = a_pass(Y, LABELS, module=nn.CrossEntropyLoss(), loss=True), nn.MSELoss()
    for judged in (chosen, a_pass(Y.sigmoid(), Y, module=near, loss=True)):
        probe, moment = Answers(), Untouched()
        with NoWaiting():
            probe.passed(dataclasses.replace(a_pass(X), output=Y))
            probe.passed(judged)
            probe.step(moment)
            probe.close(moment)
        assert len(moment.scalars) >= 6
        assert all(isinstance(value, torch.Tensor) for value in moment.scalars.values())


def trained(path=None):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    if path is None:
        losses = train(model, optimizer, steps=30)
    else:
        with Recorder(model, optimizer, path, every=1, probes=[Answers()]) as recorder:
            losses = train(model, optimizer, steps=30, recorder=recorder)
    return losses, {k: v.tolist() for k, v in model.state_dict().items()}, torch.get_rng_state()


def test_a_training_with_it_is_bit_for_bit_one_without_and_its_numbers_are_in_the_run(tmp_path):
    bare, watched = trained(), trained(tmp_path / "run")
    assert watched[:2] == bare[:2]
    assert torch.equal(watched[2], bare[2])
    run = Run(tmp_path / "run")
    assert run.scalar("answers/accuracy").steps[0] == 1
    assert [event.kind for event in run.events] == ["loss"]
    assert sum(track.values[:, :, 0].sum() for track in run.arrays("answers/classes")) == 12 * 20
    assert run.logged == ("loss",)
