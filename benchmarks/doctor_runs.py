"""Trainings of the zoo, recorded by Fathom and observed for the peers.

They are kept, and made anew when what made them has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.doctor_autotrainer import AutoTrainer
from benchmarks.doctor_deepchecker import DeepChecker
from benchmarks.doctor_observer import observe
from benchmarks.doctor_peers import Peer, Word, kindly
from benchmarks.doctor_sagemaker import SageMaker
from diagnostics import Run as Recorded
from diagnostics import examine
from tests.zoo import CASES, Spec
from tests.zoo.recording import recorded
from tests.zoo.scoring import Said

ROOT = Path(__file__).parents[1]
PEERS: tuple[type[Peer], ...] = (SageMaker, AutoTrainer, DeepChecker)
FATHOM = "Fathom"
# The zoo's files that make no training
ASIDE = ("practice", "scoring", "taxonomy", "recording", "test_peers")
LOOKING = tuple(  # what peers say is made of
    f"benchmarks/doctor_{stem}.py"
    for stem in ("autotrainer", "copies", "deepchecker", "observer", "peers", "sagemaker")
)
SHARES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # of a run, at which a live one is asked


@dataclass(frozen=True)
class Job:
    """One training, and what is wanted of it."""

    case: str
    seed: int
    folder: Path  # where what is made is kept
    told: bool = False  # the Recorder is given loss= and batch=
    keep: bool = False  # take what is there, whatever has changed
    share: float = 1.0  # stop after this share of the steps
    peers: bool = True

    @property
    def spec(self) -> Spec:
        return CASES[self.case]

    @property
    def way(self) -> str:
        """The folder of the runs that are recorded in the same way."""
        return f"{'told' if self.told else 'untold'}-{100 * self.share:.0f}"


@dataclass(frozen=True)
class Report:
    """What every rule set said of one training."""

    case: str
    seed: int
    steps: int
    said: dict[str, list[Said]]  # by rule set
    broken: tuple[str, ...]  # rules of Fathom's that failed
    recording_s: float
    observing_s: float
    examining_s: float


def reported(job: Job) -> Report:
    """One job done, in a process of its own."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    recording = _kept(
        job, f"runs/{job.way}", _fingerprint(job.spec, "probes/**/*.py", "tests/zoo/recording.py")
    )
    started = time.perf_counter()
    said, broken = _examined(job.folder / "runs" / job.way / f"{job.case}-{job.seed}")
    examined = time.perf_counter() - started
    found, observing = {FATHOM: said}, 0.0
    if job.peers:
        words = _kept(job, "peers", _fingerprint(job.spec, *LOOKING))
        observing = words["seconds"]
        for peer in PEERS:
            heard = [Word(*word) for word in words["words"][peer.name]]
            found[peer.name] = kindly(heard, peer.meanings, job.spec)
    seconds = recording["seconds"], observing, examined
    return Report(job.case, job.seed, recording["steps"], found, broken, *seconds)


def _kept(job: Job, what: str, fingerprint: str) -> dict[str, Any]:
    """What is known of a recording or an observation; made first where it is not there."""
    note = job.folder / what / f"{job.case}-{job.seed}.json"
    if note.exists():
        known = json.loads(note.read_text())
        if job.keep or known["made_by"] == fingerprint:
            return dict(known)
    note.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with _silence():
        made = _recorded(job) if what != "peers" else _observed(job)
    made |= {"made_by": fingerprint, "seconds": time.perf_counter() - started}
    note.write_text(json.dumps(made))
    return made


def _recorded(job: Job) -> dict[str, Any]:
    folder = job.folder / "runs" / job.way
    shutil.rmtree(folder / f"{job.case}-{job.seed}", ignore_errors=True)
    path = recorded(job.case, folder, job.seed, told=job.told, share=job.share)
    return {"steps": Recorded(path).summary["steps"]}


def _observed(job: Job) -> dict[str, Any]:
    words = observe(job.spec.build(job.seed), [peer() for peer in PEERS])
    return {"words": {name: [(w.rule, w.step) for w in said] for name, said in words.items()}}


def _examined(path: Path) -> tuple[list[Said], tuple[str, ...]]:
    """What the doctor says, and what failed; one that fails altogether has said nothing."""
    try:
        examination = examine(Recorded(path))
    except Exception as error:
        return [], (f"no examination: {type(error).__name__}: {error}",)
    said = [Said(finding.disease, finding.steps[0]) for finding in examination.findings]
    reasons = ((name, answer.reason) for name, answer in examination.undecided)
    return said, tuple(f"{name}: {reason}" for name, reason in reasons if "broke" in reason)


def _fingerprint(spec: Spec, *makers: str) -> str:
    """Of the files that make a training and what is kept of it."""
    own = f"{spec.place.replace('.', '/')}.py"
    files = {file for pattern in (own, *makers) for file in ROOT.glob(pattern)}
    files |= {file for file in (ROOT / "tests/zoo").glob("*.py") if file.stem not in ASIDE}
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Sick trainings make the Recorder speak."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
