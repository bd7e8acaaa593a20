"""What a logged number is, by its name: a loss or a score, in training or on held-out data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
class Named:
    """Candidates of each kind, in the order in which they were logged first."""

    training: tuple[str, ...]
    validation: tuple[str, ...]
    score: tuple[str, ...]  # on held-out data


def named(logged: Iterable[str]) -> Named:
    """Sorts the names of what a user has logged."""
    known = {name: _words(name) for name in logged}
    held_out = [name for name, words in known.items() if words & HELD_OUT]
    training = [n for n, words in known.items() if _is_loss(n, words) and n not in held_out]
    return Named(
        tuple([n for n in training if n.lower() in PLAIN] or training),
        tuple(n for n in held_out if _is_loss(n, known[n])),
        tuple(n for n in held_out if known[n] & SCORES),
    )


def is_score(name: str) -> bool:
    """Is more of it better?"""
    words = _words(name)
    return bool(words & SCORES) and not _is_loss(name, words)


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def _is_loss(name: str, words: set[str]) -> bool:
    return bool(words & {"loss", "nll", "ce", "mse", "objective"}) or name.lower().endswith("loss")
