from __future__ import annotations

import os
import subprocess
import sys

import pytest

from probes import living

TRAIN = """
import sys, torch
from torch import nn
from probes import Recorder
model = nn.Linear(2, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
recorder = Recorder(model, optimizer, sys.argv[1], every=1)
for _ in range(3):
    model(torch.ones(4, 2)).sum().backward()
    optimizer.step()
"""


def test_a_recorder_that_nobody_closed_is_closed_when_the_process_ends(tmp_path):
    from diagnostics import Run

    subprocess.run([sys.executable, "-c", TRAIN, str(tmp_path / "run")], check=True)
    run = Run(tmp_path / "run")
    assert run.state == "finished"
    assert run.last_step == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_those_at_work_are_left_alone_in_a_fork(monkeypatch):
    told = []

    class AtWork:
        def leave(self):
            told.append("left")

        def close(self, state):
            told.append(state)

    at_work = AtWork()
    living.LIVING.add(at_work)
    living._leave_all()
    living._close_all()
    living.LIVING.discard(at_work)
    assert told == ["left", "finished"]
