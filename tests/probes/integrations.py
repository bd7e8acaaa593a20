"""What holds of every integration: its training, its example, and its words without its package."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run

ROOT = Path(__file__).parents[2]


def python(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, as a user starts one."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def trains_alike(train: Callable[..., Any], callback: Any) -> None:
    """Losses, weights and random numbers are the same with the callback, bit for bit."""
    bare = train()
    rng = torch.get_rng_state()
    watched = train(callback)
    assert torch.equal(rng, torch.get_rng_state())
    assert bare.losses == watched.losses
    assert all(map(torch.equal, bare.parameters(), watched.parameters()))


def gradients_are(
    run: Run, model: nn.Module, norms: Sequence[Sequence[float]], *, clipped_to: float
) -> None:
    """The norms recorded, step by step and parameter by parameter."""
    recorded = run.column("gradients", "norm", [name for name, _ in model.named_parameters()])
    assert recorded == pytest.approx(np.array(norms), rel=1e-4)
    assert np.linalg.norm(recorded, axis=1) == pytest.approx(clipped_to, rel=1e-3)


def complaint_without(*packages: str, importing: str) -> str:
    """The last line that is shown to someone who imports a module and lacks these packages."""
    missing = dict.fromkeys(packages)
    done = python("-c", f"import sys; sys.modules.update({missing}); import {importing}")
    return done.stderr.splitlines()[-1]


def recorded_by_example(name: str, folder: Path, *, steps: int) -> Run:
    """The finished run that an example makes, and tells of in its last line."""
    done = python(ROOT / "examples" / name, folder)
    told = f"Recorded {steps} steps in {folder}"
    assert done.stdout.splitlines()[-1:] == [told], done.stderr
    run = Run(folder)
    assert (run.state, run.last_step) == ("finished", steps)
    return run
