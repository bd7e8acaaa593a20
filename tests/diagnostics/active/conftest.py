"""Two short trainings whose loss program is recorded."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from probes import Recorder

torch.set_num_threads(1)


def net():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3))


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Two runs with a program: by momentum, with a rate that falls once; and by Adam."""
    folder = tmp_path_factory.mktemp("runs")
    last = {}
    for name in ("momentum", "adam"):
        torch.manual_seed(0)
        model = net()
        x, y = torch.randn(40, 4), torch.randint(3, (40,))
        if name == "adam":
            optimizer = torch.optim.Adam(model.parameters(), 0.01)
        else:
            optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.8)
        batch = (x, y)
        path = folder / name
        with Recorder(model, optimizer, path, every=1, loss=functional.cross_entropy, batch=batch):
            for step in range(1, 13):
                if step == 6:
                    optimizer.param_groups[0]["lr"] /= 10
                optimizer.zero_grad()
                functional.cross_entropy(model(x), y).backward()
                optimizer.step()
        last[name] = model, optimizer, batch
    return folder, last


@pytest.fixture
def run(trained):
    return Run(trained[0] / "momentum")
