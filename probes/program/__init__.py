"""The loss program: a model and its loss as a list of torch operations over named tensors. Data.

recorded = capture(model, loss, batch)              # or NotRecordable: why not, and a way round
recorded = read_program(folder)                     # checked in full; nothing has run
weights = weights_of(recorded.program, snapshot) | recorded.constants
rehearse(recorded.program, recorded.batch, limit)   # refuses what would fill the memory
evaluate = prepare(recorded.program, norm="batch")
loss = evaluate(weights, recorded.batch)["loss"]    # pure; under grad, vmap and jvp as it stands
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.folder import NotRecordable as NotRecordable
    from probes.folder import ProgramError as ProgramError
    from probes.program.batching import one_by_one as one_by_one
    from probes.program.export import capture as capture
    from probes.program.form import Program as Program
    from probes.program.form import Recorded as Recorded
    from probes.program.interpreter import Evaluation as Evaluation
    from probes.program.interpreter import prepare as prepare
    from probes.program.objective import Whole as Whole
    from probes.program.rehearsal import rehearse as rehearse
    from probes.program.storage import read_program as read_program
    from probes.program.storage import weights_of as weights_of

_HOMES = {
    "Evaluation": "probes.program.interpreter",
    "NotRecordable": "probes.folder",
    "Program": "probes.program.form",
    "ProgramError": "probes.folder",
    "Recorded": "probes.program.form",
    "Whole": "probes.program.objective",
    "capture": "probes.program.export",
    "one_by_one": "probes.program.batching",
    "prepare": "probes.program.interpreter",
    "read_program": "probes.program.storage",
    "rehearse": "probes.program.rehearsal",
    "weights_of": "probes.program.storage",
}

__all__ = [
    "Evaluation",
    "NotRecordable",
    "Program",
    "ProgramError",
    "Recorded",
    "Whole",
    "capture",
    "one_by_one",
    "prepare",
    "read_program",
    "rehearse",
    "weights_of",
]


def __getattr__(name: str) -> Any:
    """Reading a program never loads what exports one."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'probes.program' has no attribute {name!r}")
