"""Trainings killed at random moments: every recording opens, and what was handed over is there."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from diagnostics import Run
from probes import Gradients, Recorder, Updates, Weights
from tests.trainings import OPTIMIZERS, mlp, train

HANDED = struct.Struct("<qd")  # step, time
SEGMENT = 2.0  # seconds that a segment stays open in a run's first minute
SLACK = 1.5  # the scribe's clock ticks four times a second, and a busy machine is late


@dataclass
class Outcome:
    handed: int  # rows that the recorder had taken when the trainer died
    missing: int  # of these, not in the recording
    oldest: float  # age of the oldest missing row at that moment, in seconds


def trial(folder: Path, seed: int, *, scribe_too: bool) -> Outcome:
    """Train in a child, kill it somewhere within three seconds, and read what it left."""
    folder.mkdir()
    log = folder / "handed"
    child = os.fork()
    if child == 0:
        torch.set_num_threads(1)
        _train_until_killed(folder / "run", log)
    while not log.exists() or log.stat().st_size < HANDED.size:
        time.sleep(0.005)
    time.sleep(random.Random(seed).uniform(0, 3))
    scribe = struct.unpack("<q", (folder / "scribe").read_bytes())[0]
    if scribe_too:
        os.kill(scribe, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    died = time.time()
    _wait_for(scribe)
    return _compare(folder / "run", log.read_bytes(), died)


def _train_until_killed(run: Path, log: Path) -> None:
    try:
        torch.manual_seed(0)
        model = mlp()
        optimizer = OPTIMIZERS["adamw"](model.parameters())
        probes = [Gradients(), Weights(), Updates()]  # and a loss: four rows a step
        recorder = Recorder(model, optimizer, run, every=1, probes=probes)
        pid = recorder._outbox._courier._scribe.pid
        (run.parent / "scribe").write_bytes(struct.pack("<q", pid))
        handed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        while True:
            train(model, optimizer, steps=1, recorder=recorder)
            os.write(handed, HANDED.pack(recorder.steps, time.time()))
    finally:
        os._exit(1)


def _wait_for(scribe: int) -> None:
    deadline = time.monotonic() + 60
    while Path(f"/proc/{scribe}/cmdline").exists() and time.monotonic() < deadline:
        if not Path(f"/proc/{scribe}/cmdline").read_bytes():  # a zombie awaits its new parent
            return
        time.sleep(0.02)


def _compare(folder: Path, log: bytes, died: float) -> Outcome:
    times = dict(HANDED.iter_unpack(log[: len(log) // HANDED.size * HANDED.size]))
    run = Run(folder)
    assert run.passed_over == ()
    assert run.state == "killed"
    there = [set(run.steps(name).tolist()) for name in run.series]
    there += [set(run.scalar(name).steps.tolist()) for name in run.scalar_names]
    there += [set[int]()] * (4 - len(there))
    missing = [step for steps in there for step in times if step not in steps]
    oldest = died - min((times[step] for step in missing), default=died)
    return Outcome(4 * len(times), len(missing), oldest)


def _report(outcomes: list[Outcome], what: str) -> None:
    handed, missing = (sum(getattr(o, n) for o in outcomes) for n in ("handed", "missing"))
    worst = max(o.oldest for o in outcomes)
    print(
        f"\n{what}: {len(outcomes)} of {len(outcomes)} recordings opened; "
        f"{missing} of {handed} rows missing, the oldest {worst:.2f} s old"
    )


@pytest.mark.parametrize("trials", [5, pytest.param(200, marks=pytest.mark.soak)])
def test_a_killed_trainer_loses_nothing_that_was_handed_over(tmp_path, trials):
    outcomes = [trial(tmp_path / str(n), n, scribe_too=False) for n in range(trials)]
    _report(outcomes, "trainer killed")
    assert sum(outcome.missing for outcome in outcomes) == 0


@pytest.mark.parametrize("trials", [3, pytest.param(50, marks=pytest.mark.soak)])
def test_with_the_scribe_killed_too_at_most_the_open_segment_is_lost(tmp_path, trials):
    outcomes = [trial(tmp_path / str(n), 1000 + n, scribe_too=True) for n in range(trials)]
    _report(outcomes, "trainer and scribe killed")
    assert all(outcome.oldest < SEGMENT + SLACK for outcome in outcomes)
