"""Early stoppings that are known in closed form: the signal slow or fast, its noise in between."""

from __future__ import annotations

from typing import Any

import numpy as np

from diagnostics.early_stopping import EarlyStopping, early_stopping
from diagnostics.learned_function import learned_function
from diagnostics.run import Scalar
from diagnostics.spectral_bias import spectral_bias
from tests.diagnostics.descents import GRID, OCTAVES, RATE, descent, features, target

LAST, BEST = 400, 120
SCALE = 1 / OCTAVES
SIGNAL, NOISE = np.array([1.0, 1, 0, 0, 0, 0]), np.array([0, 0, 0, 0.5, 0, 0])


def left(steps: Any, mode: int) -> Any:
    """What is not learnt yet of an octave."""
    return (1 - RATE * SCALE[mode] ** 2 / 2) ** np.asarray(steps)


def make_curves(best: int = BEST) -> tuple[Scalar, Scalar]:
    """Training's loss falls; the other falls to a step and rises again."""
    steps = np.arange(LAST + 1)
    seen, unseen = 1 / (1 + steps), 0.1 + ((steps - best) / LAST) ** 2
    none = np.zeros(len(steps))
    return Scalar("loss", steps, seen, none), Scalar("val_loss", steps, unseen, none)


def make_stopping(*, noisy: bool = True, best: int = BEST) -> EarlyStopping:
    """Frequencies 1 and 2 carry the target, and its noise is a wave of 8."""
    clean = target(amplitudes=SIGNAL)
    wanted = clean + (target(amplitudes=NOISE) if noisy else 0)
    values = descent(features(OCTAVES, SCALE), wanted, LAST)
    learned = learned_function(range(LAST + 1), GRID, values, wanted)
    training, validation = make_curves(best)
    given = clean if noisy else None
    bias = spectral_bias(learned, [1, 2, 8] if noisy else [1, 2])
    return early_stopping(learned, bias, validation, given, training=training)
