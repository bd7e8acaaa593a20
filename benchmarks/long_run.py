"""How long the doctor takes over a very long recording, in a process of its own, without torch.

The recording is made up, and written by the real writer: layers of a weight, a bias and an output,
with gradients, weights, updates and outputs at every recorded step, and a loss at every step.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erf

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Fathom itself, installed or not

from probes.archive import archive_run
from probes.folder import FORMAT, RUN, SUMMARY, VERSION, segment_path, write_json, write_whole
from probes.recording import (
    BINS,
    LOWEST_OCTAVE,
    STATISTICS,
    Event,
    Scalars,
    Segment,
    Series,
    TensorInfo,
    segment_image,
)

IDENTITY, STARTED = "0" * 32, "2026-01-01T00:00:00+00:00"
PIECE = 250  # records a segment
COUNT = 4096  # elements of a tensor that are looked at
PARAMETERS = ("gradients", "weights", "updates")
MODES = {"training": {"": True}, "requires_grad": {"": True}, "settings": {}, "held": {"": True}}

ASK = """
import json, sys, time
began = time.perf_counter()
from diagnostics import Run, examine
told = examine(Run(sys.argv[1]))
print(json.dumps({"seconds": time.perf_counter() - began, "torch": "torch" in sys.modules,
                  "findings": [found.disease for found in told.findings],
                  "rules": len(told.passed) + len(told.undecided) + len(told.findings)}))
"""


def tensors(layers: int) -> tuple[TensorInfo, ...]:
    """Of each layer its weight, its bias and its output."""
    found = []
    for n in range(layers):
        name = f"blocks.{n}"
        about = (name, "Linear")
        found += [
            TensorInfo(f"{name}.weight", *about, "matrix", "64x64", "float32", n, trainable=True),
            TensorInfo(f"{name}.bias", *about, "bias", "64", "float32", n, trainable=True),
            TensorInfo(name, *about, "output", "32x64", "float32", n, trainable=True),
        ]
    return tuple(found)


def series(steps: np.ndarray, rows: np.ndarray, size: float) -> Series:
    """Numbers of a sound layer, spread like a normal's around a size."""
    drawn = np.random.default_rng(int(steps[0]) + int(1e6 * size))
    values = np.zeros((len(steps), len(rows), len(STATISTICS)), np.float32)
    noise = np.exp(0.1 * drawn.standard_normal(values.shape[:2]))
    told = {"count": COUNT, "negatives": COUNT / 2, "std": size, "min": -3 * size, "max": 3 * size}
    for name, value in (told | {"norm": 64 * size}).items():
        values[:, :, STATISTICS.index(name)] = value * (noise if name != "count" else 1)
    return Series(steps, steps.astype(float), rows.astype(np.uint32), values, spread(size * noise))


def spread(sizes: np.ndarray) -> np.ndarray:
    """The octaves that a normal's elements fall into, to an eighth of an octave of its size."""
    eighths = np.rint(8 * np.log2(sizes)).astype(int)
    known = np.arange(eighths.min(), eighths.max() + 1)
    edges = 2.0 ** np.arange(LOWEST_OCTAVE, LOWEST_OCTAVE + BINS + 1)
    below = erf(edges / (2.0 ** (known[:, None] / 8) * np.sqrt(2)))
    counts = np.rint(COUNT * np.diff(below)).astype(np.uint16)
    return counts[eighths - known[0]]


def scalars(steps: int, first: int, last: int, seed: int = 0) -> Scalars:
    """The loss of every step of a stretch, falling from 2.3."""
    at = np.arange(first, last)
    drawn = np.random.default_rng([first, seed])
    loss = 2.3 * np.exp(-4 * at / steps) * np.exp(0.05 * drawn.standard_normal(len(at)))
    return Scalars(at, at.astype(float), np.zeros(len(at), np.uint32), loss)


def segment(n: int, told: tuple[TensorInfo, ...], at: np.ndarray, losses: Scalars) -> Segment:
    """What was recorded at these steps; the first one says how the modules were set."""
    rows = np.arange(len(told))
    of_parameters = rows[[tensor.role != "output" for tensor in told]]
    kinds = {
        kind: series(at, of_parameters, size)
        for kind, size in zip(PARAMETERS, (1e-2, 1e-1, 1e-4), strict=True)
    }
    kinds["activations"] = series(at, np.setdiff1d(rows, of_parameters), 1.0)
    events = (Event(1, 1.0, "modes", json.dumps(MODES)),) if n == 0 else ()
    return Segment(IDENTITY, n, 0, told, ("loss",), losses, kinds, events)


def segments(steps: int, layers: int, records: int, seed: int = 0) -> Iterator[Segment]:
    """A whole run, piece by piece."""
    told, last = tensors(layers), 1
    at = np.unique(np.linspace(1, steps, records).astype(np.int64))
    for n, part in enumerate(np.array_split(at, max(1, len(at) // PIECE))):
        first, last = last, int(part[-1]) + 1
        yield segment(n, told, part, scalars(steps, first, last, seed))


def write(
    folder: Path, steps: int, layers: int, records: int, *, seed: int = 0, started: str = STARTED
) -> None:
    """A finished run."""
    begin(folder, started)
    for piece in segments(steps, layers, records, seed):
        write_whole(segment_path(folder, piece.sequence), segment_image(piece))
    summarise(folder, "finished", steps, records)
    archive_run(folder)


def begin(folder: Path, started: str = STARTED) -> None:
    """What is known of a run at its start."""
    (folder / "segments").mkdir(parents=True)
    about = {"format": FORMAT, "version": VERSION, "id": IDENTITY, "optimizers": ["SGD"]}
    write_json(folder / RUN, {**about, "started": started, "series": {}})


def summarise(folder: Path, state: str, steps: int, records: int, **more: object) -> None:
    """The few lines that are kept fresh."""
    about = {"version": VERSION, "state": state, "steps": steps, "records": records}
    write_json(folder / SUMMARY, {**about, "dropped": 0, "scalars": {"loss": 0.04}, **more})


def main() -> None:
    asked = _asked()
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        began = time.perf_counter()
        write(run, asked.steps, asked.layers, asked.records)
        size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
        print(
            f"{asked.steps:,} steps, {asked.layers} layers, {asked.records:,} records: "
            f"{size / 1e6:,.0f} MB, written in {time.perf_counter() - began:.0f} s"
        )
        for _ in range(asked.repeats):
            command = [sys.executable, "-c", ASK, str(run)]
            began = time.perf_counter()
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            whole, told = time.perf_counter() - began, json.loads(answer.stdout)
            print(f"examined in {told['seconds']:.2f} s (process {whole:.2f} s): {told}")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--layers", type=int, default=200)
    parser.add_argument("--records", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
