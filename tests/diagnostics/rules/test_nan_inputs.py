from __future__ import annotations

import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.nan_inputs import nan_inputs
from probes import Recorder
from probes.batches import Batches
from tests.diagnostics.black_boxes import forward_report, input_report, recording, reported


def test_the_rows_that_the_black_box_names(tmp_path):
    finding = nan_inputs(reported(tmp_path, input_report()))
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity, finding.steps) == ("nan_inputs", "error", (2, 2))
    assert "2 of 96 elements of input 0, in rows 4, 9" in finding.symptom
    assert finding.evidence[0].value == 2


def with_batches(path, spoil):
    model = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Recorder(model, optimizer, path, every=1, probes=[Batches()]):
        for step in range(1, 5):
            x = torch.randn(10, 8)
            if step in spoil:
                x[2, 3] = float("nan")
            model(x).sum().backward()
            optimizer.step()
    return Run(path)


def test_recorded_batches_tell_without_a_black_box(tmp_path):
    finding = nan_inputs(without_box(with_batches(tmp_path / "run", (2, 3))))
    assert isinstance(finding, Finding)
    assert finding.steps == (2, 3)
    assert "At 2 of 4 recorded steps, first at step 2" in finding.symptom
    assert finding.evidence[0].value == pytest.approx(1 / 80)


class without_box:  # noqa: N801
    """A run as earlier versions recorded it."""

    events = ()

    def __init__(self, run):
        self._run = run

    def __getattr__(self, name):
        return getattr(self._run, name)


def test_healthy_runs_pass_and_others_causes_are_not_taken_for_it(tmp_path):
    assert nan_inputs(with_batches(tmp_path / "a", ())) is None
    assert isinstance(nan_inputs(reported(tmp_path / "b", forward_report())), NotEnough)
    assert isinstance(nan_inputs(recording(tmp_path / "c")), NotEnough)


def test_token_ids_are_always_finite(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", every=1):
        for _ in range(3):
            model(torch.randint(0, 10, (5, 3))).square().mean().backward()
            optimizer.step()
    assert nan_inputs(Run(tmp_path / "run")) is None
