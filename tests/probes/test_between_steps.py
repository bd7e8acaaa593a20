from __future__ import annotations

import threading

import pytest
import torch
from torch import nn
from torch.nn.modules import module as hooks
from torch.utils.checkpoint import checkpoint

from probes import Recorder, between_steps
from probes.batches import Batches
from probes.between_steps import BetweenSteps
from probes.validation import Validation
from tests.probes.validating import Training, random, small

TRAIN, OTHERS = random(40, 6), random(20, 6, seed=1)


def first(steps):
    """Records at the first steps alone, as in a long training between rare records."""
    return lambda step: step <= steps


def hooked():
    """Those that look for validations; others come with a record."""
    found = [*hooks._global_forward_hooks.values(), *hooks._global_forward_pre_hooks.values()]
    return sum(isinstance(getattr(hook, "__self__", None), BetweenSteps) for hook in found)


class Spy(nn.Module):
    """Notes in each call how many hooks there are."""

    def __init__(self):
        super().__init__()
        self.found = []

    def forward(self, x):
        self.found.append(hooked())
        return x


def spied():
    return nn.Sequential(nn.Linear(6, 8), Spy(), nn.Linear(8, 2))


@pytest.mark.parametrize("period", [1, 7, 10])
def test_validations_are_found_once_their_period_is_known(period, monkeypatch):
    monkeypatch.setattr(between_steps, "SHARE", 1.0)
    with Training(small(), records=first(2)) as training:
        for step in range(1, 61):
            training.train([TRAIN])
            if step % period == 0:
                training.validate([OTHERS])
    expected = [step for step in range(1, 61) if step % period == 0]
    assert list(training.told("size")) == [n for n in expected if n > period or n < 3]


def test_after_a_change_of_the_period_they_are_found_again():
    validated = [10, 20, 30, 45, 60, 75]
    with Training(small(), records=first(2)) as training:
        for step in range(1, 80):
            training.train([TRAIN])
            if step in validated:
                training.validate([OTHERS])
    assert list(training.told("size")) == [20, 30, 60, 75]  # 45 was not foreseen


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_both_ways_to_go_without_gradients(context):
    with Training(small()) as training:
        training.train([TRAIN])
        training.model.eval()
        with context():
            training.model(OTHERS)
        training.model.train()
        training.log(test_accuracy=0.5)
        training.train([TRAIN])
    assert training.told("training") == {1: 0}
    assert training.columns("validation")[1][0, 0] == 20


def test_where_none_is_logged_nothing_is_told():
    with Training(small()) as training:
        for _ in range(5):
            training.train([TRAIN])
            training.validate([OTHERS], log=False)
            training.log(loss=1.0, value_loss=2.0)
    assert training.kept.scalars
    assert training.told("size") == training.told("training") == {}


def test_a_model_that_acts_between_its_steps_is_not_validated():
    with Training(small()) as training:
        for step in range(1, 9):
            training.validate([OTHERS], mode=True, log=False)
            training.train([TRAIN])
            if step == 4:
                training.validate([OTHERS])
    assert training.told("training") == {4: 0}


def test_outside_of_records_and_validations_there_are_no_hooks():
    with Training(spied(), Validation(), records=first(2)) as training:
        spy = training.model[1]
        for step in range(1, 31):
            training.train([TRAIN])
            assert hooked() == (step in (1, 20, 30))  # the second record, the period of ten
            if step % 10 == 0:
                training.validate([OTHERS])
    assert hooked() == 0
    validated = [spy.found.pop(place) for place in (32, 21, 10)]
    assert validated == [1, 1, 0]
    assert spy.found == [0] * 30  # gone with the first layer's call


def test_where_none_is_logged_no_hook_is_ever_there_but_before_records():
    with Training(spied(), Validation(), records=first(2)) as training:
        for _ in range(20):
            training.train([TRAIN])
            training.validate([OTHERS], log=False)
    assert training.model[1].found == [0, 1] + [0] * 38  # between the two records alone


def test_expectations_that_are_vain_come_to_an_end():
    """Another model's validation is logged at each step."""
    with Training(small(), records=first(2)) as training:
        found = []
        for _ in range(30):
            training.train([TRAIN])
            found.append(hooked())
            training.log(val_loss=1.0)
    assert sum(found) <= 12
    assert found[-10:] == [0] * 10


def test_of_frequent_validations_few_are_looked_at(monkeypatch):
    monkeypatch.setattr(between_steps, "SHARE", 0.0)
    monkeypatch.setattr(between_steps, "FREE", 5)
    with Training(small(), records=first(2)) as training:
        for _ in range(30):
            training.train([TRAIN])
            training.validate([OTHERS])
    assert len(training.told("size")) == 5


def test_of_a_very_long_one_the_rest_is_not_counted(monkeypatch):
    monkeypatch.setattr(between_steps, "PASSES", 6)
    with Training(small()) as training:
        training.train([TRAIN])
        training.validate([OTHERS] * 20)
        assert hooked() == 0
    assert training.told("size") == {1: 120}


class Pair(nn.Module):
    """A generator and what judges it: training calls each by itself."""

    def __init__(self):
        super().__init__()
        self.judge, self.generator = nn.Linear(6, 1), nn.Linear(6, 6)


def test_only_the_module_counts_that_training_calls():
    with Training(Pair()) as training:
        pair = training.model
        for _ in range(3):
            pair.judge(pair.generator(TRAIN).detach()).mean().backward()
            training.step()
            with torch.no_grad():
                pair.judge(OTHERS)
                pair.generator(OTHERS)
            training.log(val_loss=1.0)
    first_called = training.told("size")
    assert first_called == {1: 20, 2: 20, 3: 20}


def test_a_model_inside_a_checkpoint_runs_without_gradients_and_is_not_validated():
    with Training(small()) as training:
        for _ in range(3):
            x = TRAIN.clone().requires_grad_()
            checkpoint(training.model, x, use_reentrant=True).mean().backward()
            training.step()
            training.log(val_loss=1.0)
    assert set(training.told("size")) <= {0}


def test_where_the_model_acts_at_each_step_more_passes_are_a_validation():
    """Its value may be logged, and come of something else."""
    with Training(small()) as training:
        for step in range(1, 13):
            training.validate([OTHERS, OTHERS], mode=True, log=False)
            if step in (4, 8):
                training.log(test_return=1.0)
            if step in (6, 10):
                training.validate([OTHERS], mode=step == 10)
            training.train([TRAIN])
    assert training.told("training") == {5: 0, 9: 1}


def test_another_models_passes_are_none_of_it():
    other = small()
    with Training(small()) as training:
        training.train([TRAIN])
        other(OTHERS).mean().backward()
        with torch.no_grad():
            other(OTHERS)
        training.validate([OTHERS])
    assert training.told("size") == {1: 20}


def test_in_another_thread_nothing_is_looked_at():
    with Training(small()) as training:
        training.train([TRAIN])
        worker = threading.Thread(target=lambda: training.validate([OTHERS]))
        worker.start()
        worker.join()
        training.train([TRAIN])
    assert training.told("size") == {}


class Failing(Validation):
    def __init__(self, batches):
        super().__init__(batches)
        self.calls = 0

    def validated(self, whole):
        self.calls += 1
        raise RuntimeError("a probe's own fault")


def test_a_probe_that_fails_is_left_alone_and_training_goes_on(caplog):
    batches = Batches()
    probe = Failing(batches)
    with Training(small(), batches, probe) as training:
        for _ in range(5):
            training.train([TRAIN])
            training.validate([OTHERS])
    assert probe.calls == 3
    assert "watching validations failed (RuntimeError: a probe's own fault)" in caplog.text


def test_a_validation_that_raises_leaves_nothing():
    with Training(small()) as training:
        training.train([TRAIN])
        with torch.no_grad(), pytest.raises(RuntimeError):
            training.model(torch.zeros(3, 3))
        training.validate([OTHERS])
    assert training.told("size") == {1: 20}
    assert hooked() == 0


def run(path, *, recorded):
    """A training that draws random numbers in both modes."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    recorder = Recorder(model, optimizer, path) if recorded else None
    losses = []
    for step in range(1, 81):
        optimizer.zero_grad()
        loss = model(TRAIN).square().mean()
        loss.backward()
        optimizer.step()
        if step % 5 == 0:
            with torch.no_grad():  # evaluation mode is forgotten
                losses.append(model(OTHERS).square().mean())
            if recorder is not None:
                recorder.log(val_loss=losses[-1])
    if recorder is not None:
        recorder.close()
    return [*model.state_dict().values(), torch.stack(losses), torch.get_rng_state()]


def test_training_is_not_changed_by_a_bit(tmp_path):
    bare, watched = run(tmp_path / "a", recorded=False), run(tmp_path / "b", recorded=True)
    assert all(map(torch.equal, bare, watched))


def test_of_a_compiled_model_nothing_is_said(tmp_path, recwarn):
    model = small()
    compiled = torch.compile(model, backend="eager")
    with Training(compiled) as training:
        for _ in range(3):
            compiled(TRAIN).square().mean().backward()
            training.step()
            with torch.no_grad():
                compiled(OTHERS)
            training.log(val_loss=1.0)
    assert training.told("size") == {}
    assert not [w for w in recwarn if "global hooks" in str(w.message)]


def test_a_model_compiled_later_is_left_alone(recwarn):
    with Training(small()) as training:
        training.train([TRAIN])
        training.validate([OTHERS])
        compiled = torch.compile(training.model, backend="eager")
        for _ in range(2):
            compiled(TRAIN).square().mean().backward()
            training.step()
            assert not hooks._global_forward_hooks
            with torch.no_grad():
                compiled(OTHERS)
            training.log(val_loss=1.0)
    assert list(training.told("size")) == [1]
