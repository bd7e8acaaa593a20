"""A training under way, as far as its folder tells: a process that holds a run and appends to it.

`python benchmarks/dashboard_growing.py FOLDER LAYERS` adds a record and a stretch of losses
every second until it is ended.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from long_run import scalars, segment, summarise, tensors

from probes.folder import (
    SUMMARY,
    hold,
    read_json,
    segment_path,
    segment_paths,
    sequence_of,
    write_whole,
)
from probes.recording import segment_image

EVERY, STRETCH = 1.0, 200  # seconds and steps between two records


def append(folder: Path, layers: int) -> None:
    """One record, at the end of its stretch of losses, as a segment of its own."""
    known = read_json(folder / SUMMARY)
    step, sequence = known["steps"], sequence_of(segment_paths(folder)[-1]) + 1
    losses = scalars(2 * step, step + 1, step + STRETCH + 1)
    piece = segment(sequence, tensors(layers), np.array([step + STRETCH]), losses)
    write_whole(segment_path(folder, sequence), segment_image(piece))
    about = {"updated": time.time()}
    summarise(folder, "running", step + STRETCH, known["records"] + 1, **about)


def main(folder: Path, layers: int) -> None:
    held = hold(folder)  # a run that nobody holds was killed
    try:
        while True:
            append(folder, layers)
            time.sleep(EVERY)
    finally:
        os.close(held)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
