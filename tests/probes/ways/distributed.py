"""Distributed over two processes."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from tests.probes.ways import way
from tests.probes.ways.eyes import Recorded
from tests.probes.ways.pair import RANKS, TRAININGS, loop

ROOT = Path(__file__).parents[3]
SHOWS = {
    "DDP": "gradients averaged over both, outputs of both: one run",
    "DDP with no_sync": "gradients accumulated over three micro-batches, then averaged",
    "DDP with unused parameters": "find_unused_parameters, and a parameter that nobody uses",
    "DDP, gradients as bucket views": "gradient_as_bucket_view",
    "FSDP2": "shards put together: the rows are those of the whole tensors",
    "FSDP2, uneven shards": "a process may hold nothing of a parameter",
}


@cache
def together() -> Path:
    """All trainings in one pair of processes: starting them is most of the work."""
    folder = tempfile.mkdtemp(prefix="fathom-pair-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    command = [sys.executable, "-W", "ignore", "-m", "tests.probes.ways.pair"]
    started = [
        subprocess.Popen(
            [*command, str(rank), folder],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(RANKS)
    ]
    ends = [(each.communicate(timeout=120)[1], each.returncode) for each in started]
    assert all(code == 0 for _, code in ends), ends
    return Path(folder)


def adopt(eye: Any, name: str) -> None:
    """What the two processes came to, as if it were this one's."""
    folder = together()
    kind = "Ranked" if isinstance(eye, Recorded) else "Bare"
    found = [
        torch.load(folder / f"{name}-{kind}-{rank}.pt", weights_only=False) for rank in range(RANKS)
    ]
    eye.losses = [sum(pair) / RANKS for pair in zip(*(f["losses"] for f in found), strict=True)]
    eye.final = found[0]["final"]
    eye.note([(f["losses"], f["notes"]) for f in found])
    eye.note([{k: v.tolist() for k, v in f["final"].items()} for f in found])
    for text in (text for each in found for text in each["said"]):
        logging.getLogger("fathom").warning(text)
    if isinstance(eye, Recorded):
        shutil.copytree(folder / name, eye.path)


for name in TRAININGS:

    @way(name, SHOWS[name], tolerance=1e-5)
    def both(eye: Any, name: str = name) -> None:
        if eye.plain:
            loop(eye, name, None)
        else:
            adopt(eye, name)
