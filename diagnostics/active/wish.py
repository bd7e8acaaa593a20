"""Of which weights something is to be computed, and how their loss is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from diagnostics.factory import made_by
from diagnostics.run import Run
from probes.folder import FathomError

if TYPE_CHECKING:
    from diagnostics.subject import Subject
    from diagnostics.subject.losses import Statistics

RECORDED = "recorded"


@dataclass(frozen=True)
class Wish:
    """A snapshot, and how its loss is taken."""

    step: int | None = None  # None: the last
    statistics: Statistics = "running"
    subject: str = ""  # "module:factory", where the run has no program
    held_out: str = ""  # "recorded", or "module:factory" of a batch; "": none
    device: str = "cpu"


def subject_of(run: Run, wish: Wish) -> Subject:
    """From the recording alone where it has a program; else by the user's own function."""
    if wish.subject:
        from diagnostics.subject import Subject

        made = Subject.made_by(wish.subject, wish.statistics)
        found = made.at(run.path, wish.step)
    else:
        found = run.subject(wish.step, wish.statistics)
    return found if wish.device == "cpu" else found.to(wish.device)


def held_out_of(subject: Subject, wish: Wish) -> Subject | None:
    """The same weights on data held out from training, where it is wished."""
    if not wish.held_out:
        return None
    if wish.held_out != RECORDED:
        return subject.beside(made_by(wish.held_out), f"held-out data of {wish.held_out}")
    if subject.held_out is None:
        raise FathomError(
            "the recording has no held-out data; give it to the Recorder, "
            "held_out=(x, y), or name a function that gives a batch: --held-out module:function"
        )
    return subject.held_out
