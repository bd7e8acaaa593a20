"""Writes runs with Aim's own SDK, in whatever Python has it: given a file of what to write.

`python dashboard_aim_writer.py REPOSITORY ASKED.npz`
"""

from __future__ import annotations

import sys

import numpy as np
from aim import Distribution, Run

SIZE, BINS, COUNT = 1e-2, 64, 4096  # of a gradient's elements, as the other tools are given


def main(repository: str, asked: str) -> None:
    told = np.load(asked)
    for seed, losses in enumerate(told["losses"]):
        run = Run(
            repo=repository,
            log_system_params=False,
            capture_terminal_logs=False,
            system_tracking_interval=None,
        )
        run.name = f"run-{seed:03d}"
        for step, loss in zip(told["steps"].tolist(), losses.tolist(), strict=True):
            run.track(loss, name="loss", step=step)
        layers(run, int(told["layers"]), told["looks"].tolist(), seed)
        run.close()
        print(run.hash, flush=True)


def layers(run: Run, count: int, looks: list[int], seed: int) -> None:
    """The norm and the histogram of the gradient of each layer's weight."""
    drawn = np.random.default_rng(seed)
    values = SIZE * drawn.standard_normal(COUNT)
    for step in looks:
        for layer, noise in enumerate(np.exp(0.1 * drawn.standard_normal(count)).tolist()):
            about = {"step": step, "context": {"layer": f"blocks.{layer}.weight"}}
            run.track(64 * SIZE * noise, name="norm", **about)
            run.track(Distribution(noise * values, BINS), name="gradients", **about)


if __name__ == "__main__":
    main(*sys.argv[1:])
