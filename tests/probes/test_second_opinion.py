from __future__ import annotations

import threading
import time

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from diagnostics.finding import Finding
from probes import Recorder


def train(path, steps, *, pause=0.0, **options):
    """A network whose optimizer was built for another one."""
    torch.manual_seed(0)
    model, other = (nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)) for _ in range(2))
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    with Recorder(model, optimizer, path, every=1, **options) as recorder:
        for _ in range(steps):
            loss = cross_entropy(model(torch.randn(16, 4)), torch.randint(3, (16,)))
            loss.backward()
            optimizer.step()
            recorder.log(loss=loss)
            time.sleep(pause)
        told = recorder.findings()
    return recorder, told


@pytest.mark.filterwarnings("ignore")
def test_findings_are_given_while_training_goes_on(tmp_path):
    recorder, told = train(tmp_path / "run", 12)
    assert [type(found) for found in told] == [Finding] * len(told)
    assert told[0].disease == "params_not_in_optimizer"
    assert told[0].steps == (1, 12)  # what has just been recorded is looked at
    assert recorder.findings()[0].disease == "params_not_in_optimizer"  # of the whole run


@pytest.mark.filterwarnings("ignore")
def test_each_new_finding_is_passed_on_once(tmp_path):
    told = []
    train(tmp_path / "run", 12, on_finding=told.append)
    diseases = [found.disease for found in told]
    assert "params_not_in_optimizer" in diseases
    assert len(set(diseases)) == len(diseases)
    assert all(isinstance(found, Finding) for found in told)
    assert all(isinstance(found.evidence, tuple) for found in told)


@pytest.mark.filterwarnings("ignore")
def test_a_listener_that_raises_never_reaches_training(tmp_path, caplog):
    def raises(found):
        raise RuntimeError(found.disease)

    train(tmp_path / "run", 12, on_finding=raises)
    assert "on_finding" in caplog.text


@pytest.mark.filterwarnings("ignore")
def test_findings_come_before_the_end(tmp_path):
    came = threading.Event()
    started = time.monotonic()
    told = []

    def heard(found):
        told.append(time.monotonic() - started)
        came.set()

    model = nn.Linear(4, 3)
    optimizer = torch.optim.SGD(nn.Linear(4, 3).parameters(), lr=0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1, on_finding=heard) as recorder:
        while not came.is_set() and time.monotonic() - started < 60:
            loss = cross_entropy(model(torch.randn(16, 4)), torch.randint(3, (16,)))
            loss.backward()
            optimizer.step()
            recorder.log(loss=loss)
            time.sleep(0.05)
        assert came.is_set()
