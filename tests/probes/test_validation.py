from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from probes import Recorder, batch_numbers
from probes.batches import Batches
from probes.column_moments import ABOUT
from probes.validation import READ, Validation
from tests.probes.doubles import FakeMoment, NoWaiting, a_pass, looked
from tests.probes.validating import Training, random, small

TRAIN = random(200, 6)
OTHERS = random(100, 6, seed=1)


def moments(array):
    found = [f(array, 0) for f in (np.mean, np.std, np.min, np.max)]
    return np.stack([np.full(array.shape[1], len(array)), *found], 1)


@pytest.mark.parametrize("forgotten", [True, False])
def test_whether_evaluation_mode_was_forgotten(forgotten):
    with Training(small()) as training:
        for _ in range(3):
            training.train(TRAIN.split(50))
            training.validate(OTHERS.split(40), mode=forgotten)
    assert training.told("training") == dict.fromkeys([4, 8, 12], float(forgotten))
    assert training.told("size") == dict.fromkeys([4, 8, 12], 100.0)


def test_a_mode_that_is_forgotten_for_some_passes():
    with Training(small()) as training:
        training.train(TRAIN.split(50))
        training.validate(OTHERS.split(40), mode=True, log=False)
        training.validate(OTHERS[:50].split(50))
    assert training.told("training") == {4: 3 / 4}


@pytest.mark.parametrize("leaked", [0, 0.5, 1])
@pytest.mark.parametrize("kind", ["numbers", "images", "tokens"])
def test_the_share_of_rows_that_training_has_used(leaked, kind):
    make = {
        "numbers": lambda n, seed: random(n, 6, seed=seed),
        "images": lambda n, seed: random(n, 2, 12, 12, seed=seed),
        "tokens": lambda n, seed: random(n, 30, seed=seed).mul(10).long(),
    }[kind]
    model = nn.Sequential(nn.Flatten(), Real(), nn.LazyLinear(2))
    train, others = make(200, 0), make(100, 1)
    model(train)
    cut = int(100 * leaked)
    held_out = torch.cat([train[100 : 100 + cut], others[cut:]])
    held_out = held_out[torch.randperm(100, generator=torch.Generator().manual_seed(2))]
    with Training(model) as training:
        for _ in range(2):
            training.train(train[torch.randperm(200)].split(50))
            training.validate(held_out.split(32))
    assert training.told("seen") == {4: leaked, 8: leaked}
    assert training.told("known") == {4: 200, 8: 200}
    assert training.told("covered") == {4: 1, 8: 1}  # by the step that comes after it, or is last
    assert training.told("duplicates") == {4: 0, 8: 0}


class Real(nn.Module):
    def forward(self, x):
        return x.float()


def test_before_the_first_step_nothing_is_known_but_what_the_first_step_uses():
    with Training(small()) as training:
        training.validate(torch.cat([TRAIN[:25], OTHERS]).split(125))
        training.train([TRAIN[:50]])
    assert training.told("seen") == {0: 0.2}
    assert training.told("known") == {0: 50}
    assert training.told("covered") == {0: 0}


def test_how_much_of_the_training_rows_is_known():
    """One epoch in ten looks, then two batches that are half new."""
    with Training(small()) as training:
        training.train(TRAIN[:150].split(15))
        training.train([TRAIN[140:160]])
        training.validate([OTHERS])
    assert training.told("covered") == {11: 0.5}
    assert training.told("known") == {11: 160}


def test_a_large_batch_is_known_in_parts():
    rows = random(1000, 6)
    with Training(small()) as training:
        for _ in range(4):
            training.train([rows])
            training.validate([rows])
            training.train([rows])
    known = list(training.told("known").values())
    assert known == [500, 1000, 1000, 1000]
    assert training.told("seen")[7] == 1


def test_rows_that_are_alike_within_a_validation_are_told():
    with Training(small()) as training:
        training.train(TRAIN.split(50))
        training.validate(torch.cat([OTHERS[:50], OTHERS[:50]]).split(30))
    assert training.told("duplicates") == {4: 0.5}


def test_trainings_own_data_evaluated_before_or_after_is_no_leak():
    with Training(small()) as training:
        for first, second in ((TRAIN, OTHERS), (OTHERS, TRAIN)) * 2:
            training.train(TRAIN.split(50))
            training.validate([*first.split(20), *second.split(20)])
    first, *later = training.told("seen").items()
    assert first[0] == 8  # of the first validation its first passes alone were read
    assert [share for _, share in later] == [0, 0]


def test_of_many_passes_those_are_read_that_lie_evenly():
    probe = Validation()
    for passes, expected in (
        (29, range(1, READ + 1)),
        (29, [1, 5, 9, 13, 17, 21, 25, 29]),
        (3, [1, 2, 3][:1]),
        (3, [1, 2, 3]),
    ):
        probe.begin()
        for n in range(passes):
            probe.validated(a_pass(torch.full((2, 1), float(n + 1)), module=nn.Identity()))
        assert [int(numbers[0, 0]) for numbers in probe._seen.numbers] == list(expected)
        probe.over(FakeMoment())


def test_moments_of_columns_are_numpys():
    shifted = OTHERS * torch.tensor([1.0, 1, 3, 1, 1, 1]) + torch.tensor([0.0, 5, 0, 0, 0, 0])
    with Training(small()) as training:
        training.train(TRAIN.split(50))
        training.validate(shifted.split(40))
        training.train([OTHERS[:10]])
    used = torch.cat([TRAIN, OTHERS[:10]]).double().numpy()
    np.testing.assert_allclose(training.columns("training")[4], moments(used), rtol=1e-9)
    held_out = shifted.double().numpy()
    np.testing.assert_allclose(training.columns("validation")[4], moments(held_out), rtol=1e-9)
    assert {about for *_, about in training.kept.arrays} == {ABOUT}


def test_moments_of_columns_are_told_with_the_first_and_then_ever_more_rarely():
    with Training(small()) as training:
        for _ in range(17):
            training.train([TRAIN[:50]])
            training.validate([OTHERS])
    assert list(training.columns("validation")) == [1, 2, 4, 8, 16]
    assert list(training.columns("training")) == [1, 2, 4, 8, 16]
    assert [int(v[0, 0]) for v in training.columns("validation").values()] == [
        100 * n for n in (1, 2, 4, 8, 16)
    ]


def test_of_token_ids_there_are_no_columns():
    model = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2))
    ids = torch.arange(40).view(8, 5) % 9
    with Training(model) as training:
        training.train([ids])
        training.validate([ids])
    assert training.columns("training") == training.columns("validation") == {}
    assert training.told("seen") == {1: 1}


def test_without_the_probe_of_batches_nothing_is_compared():
    with Training(small(), Validation()) as training:
        training.train(TRAIN.split(50))
        training.validate(OTHERS.split(50))
    assert training.told("size") == {4: 100}
    assert training.told("seen") == training.told("known") == {}
    assert list(training.columns("validation")) == [4]
    assert training.columns("training") == {}


@pytest.mark.parametrize("value", [None, "words", torch.zeros(4, 3).to_sparse(), torch.zeros(4, 0)])
def test_what_cannot_be_read_is_counted(value):
    probe, moment = Validation(Batches()), FakeMoment()
    probe.validated(a_pass(value))
    probe.over(moment)
    assert moment.scalars["validation/training"] == 1
    assert set(moment.scalars) == {"validation/training", "validation/size"}


def test_the_inputs_that_are_changed_afterwards_were_read_before():
    probe, moment, x = Validation(), FakeMoment(), torch.ones(4, 2, dtype=torch.float64)
    probe.validated(a_pass(x))
    x.zero_()
    probe.over(moment)
    assert moment.arrays["columns/validation"].tolist() == [[4, 1, 0, 1, 1]] * 2


def test_no_device_is_waited_for(monkeypatch):
    """As on a device: tensors come out, and their values are those that the host would find."""

    def told():
        batches = Batches()
        probe, moment = Validation(batches), FakeMoment()
        looked(batches, a_pass(TRAIN[:60]))
        looked(batches, a_pass(TRAIN[40:100]))
        for part in [*TRAIN[:100].split(25), *OTHERS.split(25)]:
            probe.validated(a_pass(part))
        probe.over(moment)
        return moment

    host = told()
    monkeypatch.setattr(batch_numbers, "_on_host", lambda value: False)
    monkeypatch.setattr(
        FakeMoment, "scalar", lambda self, name, value: self.scalars.update({name: value})
    )
    monkeypatch.setattr(
        FakeMoment, "array", lambda self, name, value, _: self.arrays.update({name: value})
    )
    with NoWaiting():
        device = told()
    assert {n: float(v) for n, v in device.scalars.items()} == pytest.approx(host.scalars)
    assert host.scalars["validation/seen"] == 0
    assert sum(isinstance(value, torch.Tensor) for value in device.scalars.values()) == 4
    for name, values in host.arrays.items():
        np.testing.assert_allclose(device.arrays[name], values, rtol=1e-12)


def recorded(path: Path, epochs: int, **options) -> Run:
    """As a user writes it: a Trainer-like loop that logs both losses after each epoch."""
    model = small()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with Recorder(model, optimizer, path, **options) as recorder:
        for _ in range(epochs):
            losses = []
            for x in TRAIN.split(2):
                optimizer.zero_grad()
                loss = model(x).square().mean()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            model.eval()
            with torch.inference_mode():
                held_out = np.mean([model(x).square().mean() for x in OTHERS.split(20)])
            model.train()
            recorder.log(train_loss=np.mean(losses), val_loss=held_out, value=1.0)
    return Run(path)


def test_a_recording_holds_all_of_it(tmp_path):
    run = recorded(tmp_path / "run", 5)
    for name, expected in (("training", 0), ("size", 100), ("seen", 0), ("duplicates", 0)):
        scalar = run.scalar(f"validation/{name}")
        assert scalar.steps.tolist() == [200, 300, 400, 500]  # the first one was not foreseen
        assert scalar.values.tolist() == [expected] * 4
    (track,) = run.arrays("columns/validation")
    assert track.steps.tolist() == [200, 300, 500]
    assert track.values.shape == (3, 6, 5)
    assert run.arrays("columns/training")[0].values.shape == (3, 6, 5)
    assert set(run.logged) == {"train_loss", "val_loss", "value"}


def test_no_number_is_infinite_or_missing(tmp_path):
    run = recorded(tmp_path / "run", 3, every=1)
    for name in run.scalar_names:
        if name.startswith("validation/"):
            assert all(math.isfinite(value) for value in run.scalar(name).values)
