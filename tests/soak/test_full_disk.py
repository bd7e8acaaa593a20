"""A disk that fills up, really: training runs to its end, and what fitted is there."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from diagnostics import Run
from tests.trainings import OPTIMIZERS, mlp, train

STEPS = 3000
CODE = f"""
import sys
from probes import Gradients, Updates, Weights
from tests.trainings import *
torch.manual_seed(0)
model = mlp()
optimizer = OPTIMIZERS["adamw"](model.parameters())
probes = [Gradients(), Weights(), Updates()]  # and a loss: four rows a step
with Recorder(model, optimizer, sys.argv[1], every=1, probes=probes) as recorder:
    losses = train(model, optimizer, steps={STEPS}, recorder=recorder)
print(losses[-1].hex())
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk takes root")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def last_loss() -> float:
    torch.manual_seed(0)
    model = mlp()
    return train(model, OPTIMIZERS["adamw"](model.parameters()), steps=STEPS)[-1]


def record_in(folder: Path, **limits: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CODE, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **limits,
    )


def judge(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert done.returncode == 0, done.stderr
    assert float.fromhex(done.stdout.strip()) == last_loss()
    run = Run(folder)
    there = sum(len(run.steps(name)) for name in run.series) + len(run.scalar("loss").values)
    print(f"\n{there} rows written, {run.dropped} dropped\n{done.stderr}")
    assert run.state == "finished"
    assert run.passed_over == ()
    assert run.dropped > 0
    assert there + run.dropped == 4 * STEPS
    assert np.isfinite(run.column("gradients", "norm", ["0.weight"])).all()
    assert done.stderr.count("cannot be written") == 1
    assert done.stderr.count(f"{run.dropped} rows could not be written") == 1


def test_a_full_disk(small_disk):
    judge(record_in(small_disk / "run"), small_disk / "run")


def test_a_limit_on_the_size_of_files(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    judge(record_in(tmp_path / "run", preexec_fn=limit), tmp_path / "run")
