from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.folder import NotRecordable
from probes.program import capture
from probes.program.capturable import alone, check_capturable
from tests.probes.program.models import ENTROPY, mlp, vectors


def test_a_lazy_model_is_left_lazy():
    model = nn.Sequential(nn.LazyLinear(5))
    with pytest.raises(NotRecordable, match=r"'0.weight' has no shape yet; run the model once"):
        capture(model, ENTROPY, vectors())
    assert type(model[0]) is nn.LazyLinear


def test_a_model_that_is_split_up_is_never_called():
    class FullyShardedDataParallel(nn.Module):  # torch's own cannot be made in one process
        def forward(self, x):
            raise AssertionError("called")

    model = nn.Sequential(mlp(), FullyShardedDataParallel())
    with pytest.raises(NotRecordable, match="'1' is a FullyShardedDataParallel"):
        capture(model, ENTROPY, vectors())
    model = mlp()
    model[0].weight.placements = ("Shard(0)",)
    with pytest.raises(NotRecordable, match=r"'0.weight' is split up among several processes"):
        check_capturable(model)


@pytest.fixture
def group(tmp_path):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def gathered(output, target):
    loss = ENTROPY(output, target)
    torch.distributed.all_reduce(loss.detach().clone())
    return loss


@pytest.mark.usefixtures("group")
def test_a_loss_that_waits_for_other_processes_is_refused_before_it_waits():
    with pytest.raises(NotRecordable, match=r"c10d.*waits for the other processes"):
        capture(mlp(), gathered, vectors())
    assert capture(mlp(), ENTROPY, vectors()).program.checked["eval/loss"] == 0


def test_with_one_process_nobody_is_waited_for():
    with alone():
        assert torch.ones(2).sum() == 2
