"""What a treatment found: each remedy's trials beside untreated ones, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Verdict: TypeAlias = Literal["accepted", "rejected", "undecided"]
Judge: TypeAlias = Literal["training", "validation"]


@dataclass(frozen=True)
class Curves:
    """The losses of one trial, in evaluation mode and on fixed examples; inf where they diverge."""

    seed: int
    steps: NDArray[np.int64]  # [look]
    training: Floats  # [look]
    held_out: Floats  # [look]  NaN without held-out data


@dataclass(frozen=True)
class Variant:
    """One value of those that a remedy swept, by its first trial."""

    change: str
    effect: float  # log ratio of the loss that judges it to the untreated one; below 0 is better


@dataclass(frozen=True)
class Attempt:
    """One remedy; of a sweep the best of its values."""

    remedy: str  # a file of the folder of remedies
    change: str  # in words
    code: str  # ready to paste; empty where no trial was made
    mends: bool  # puts right what is certainly wrong, rather than easing what follows from it
    judged_by: Judge
    controls: tuple[Curves, ...]  # untreated, one a seed
    trials: tuple[Curves, ...]  # of the same seeds, the same batches
    effect: float  # log ratio of the smoothed training loss to the control's; below 0 is better
    error: float  # its standard error over seeds
    validation: float  # the same of the held-out loss; NaN without held-out data
    validation_error: float
    variants: tuple[Variant, ...]
    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class Treatment:
    """Every remedy tried, the best first."""

    diseases: tuple[str, ...]
    steps: int  # of a trial
    run_steps: int  # of the whole run; 0: not known
    seeds: tuple[int, ...]
    null: float  # the effect that nothing but another seed has on the training loss
    validation_null: float
    attempts: tuple[Attempt, ...]
    winner: str  # a remedy; empty where none was accepted
    code: str  # of the whole prescription
    then: tuple[Attempt, ...] = ()  # against several diseases: what helps on top of the winner

    @property
    def best(self) -> Attempt | None:
        """The winner's attempt."""
        return next((each for each in self.attempts if each.remedy == self.winner), None)

    @property
    def prescription(self) -> tuple[Attempt, ...]:
        """What to change, in this order."""
        return () if self.best is None else (self.best, *self.then)
