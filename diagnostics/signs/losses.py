"""Which of the logged numbers is the training loss, which the validation's, and which its score."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from diagnostics.run import Run, Scalar
from diagnostics.signs.remembered import remembered

HELD_OUT = {"val", "valid", "validation", "test", "eval", "evaluation", "dev", "heldout", "holdout"}
SCORES = {
    "acc",
    "accuracy",
    "f1",
    "auc",
    "auroc",
    "r2",
    "score",
    "metric",
    "top1",
    "reward",
    "bleu",
}
PLAIN = ("loss", "train_loss", "train/loss", "training_loss", "loss/train")


@dataclass(frozen=True)
class Losses:
    """None where nothing of the kind was logged."""

    training: Scalar | None
    validation: Scalar | None
    score: Scalar | None  # on held-out data; more is better


@remembered
def losses(run: Run) -> Losses:
    """By their names."""
    named = {name: _words(name) for name in run.logged}
    held_out = [name for name, words in named.items() if words & HELD_OUT]
    training = [n for n, words in named.items() if _is_loss(n, words) and n not in held_out]
    return Losses(
        _longest(run, [n for n in training if n.lower() in PLAIN] or training),
        _longest(run, [n for n in held_out if _is_loss(n, named[n])]),
        _longest(run, [n for n in held_out if named[n] & SCORES]),
    )


def smoothed(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """The median of each value and those around it: a single jump leaves no trace."""
    return np.asarray(median_filter(values, size=window // 2 * 2 + 1, mode="nearest"))


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def _is_loss(name: str, words: set[str]) -> bool:
    return bool(words & {"loss", "nll", "ce", "mse", "objective"}) or name.lower().endswith("loss")


def _longest(run: Run, names: list[str]) -> Scalar | None:
    """Several may be parts of a sum: the first of those that were logged most often."""
    scalars = [run.scalar(name) for name in names]
    return max(scalars, key=lambda scalar: len(scalar.values), default=None)
