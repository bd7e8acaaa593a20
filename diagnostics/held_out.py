"""Whether a run's recording holds examples that training did not see; told without torch."""

from __future__ import annotations

from diagnostics.run import Run, RunError
from probes.program_file import HELD_OUT, TENSORS
from probes.snapshot_file import read_index


def has_held_out(run: Run) -> bool:
    """By the names of the tensors beside its loss program; no tensor is read."""
    if not run.has_program:
        return False
    try:
        _, rows = read_index(run.path / TENSORS)
    except RunError:  # whoever computes with it is told what is wrong
        return False
    return any(row.name.startswith(HELD_OUT) for row in rows)
