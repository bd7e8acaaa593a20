import os

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.directions import random_direction
from diagnostics.loss_landscape import loss_landscape
from diagnostics.slices import Grid
from diagnostics.subject import Subject
from diagnostics.tiles import Work
from diagnostics.workers import in_workers

TILES = [np.arange(4 * n, 4 * n + 4) for n in range(6)]


def which(nodes):
    """In which process, and with how many threads."""
    return np.column_stack([nodes, [[os.getpid(), torch.get_num_threads()]] * len(nodes)])


def collected(workers):
    found = list(in_workers(which, TILES, workers))
    for tile, values in found:
        assert values[:, 0].tolist() == tile.tolist()
    assert sorted(int(tile[0]) for tile, _ in found) == [0, 4, 8, 12, 16, 20]
    return np.concatenate([values for _, values in found])


def test_one_worker_is_this_process():
    assert set(collected(1)[:, 1]) == {os.getpid()}


def test_several_are_processes_of_one_thread():
    found = collected(2)
    assert os.getpid() not in set(found[:, 1])
    assert len(set(found[:, 1])) == 2
    assert set(found[:, 2]) == {1}


def test_the_callers_own_way_is_taken():
    from joblib import parallel_config

    with parallel_config(backend="threading", n_jobs=2):
        assert set(collected(0)[:, 1]) == {os.getpid()}


def surface(subject, work):
    plane = [random_direction(subject, n) for n in (0, 1)]
    return loss_landscape(subject, plane, Grid(resolution=13), work=work)


@pytest.fixture
def subject():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
    return Subject(model, functional.cross_entropy, (torch.randn(9, 5), torch.randint(3, (9,))))


def test_two_processes_give_the_surface_of_one_bit_for_bit(subject, tmp_path):
    alone = surface(subject, Work())
    together = surface(subject, Work(tmp_path, workers=2))
    assert together.loss.tobytes() == alone.loss.tobytes()
    assert together.accuracy.tobytes() == alone.accuracy.tobytes()


def test_so_does_a_cluster(subject):
    distributed = pytest.importorskip("distributed")
    from joblib import parallel_config

    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster), parallel_config(backend="dask"):
        found = surface(subject, Work(workers=0))
    assert found.loss.tobytes() == surface(subject, Work()).loss.tobytes()
