"""Results of made-up forecasts, some calibrated and some not."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from diagnostics.calibration import Calibration, calibration
from diagnostics.coverage import Coverage, coverage
from diagnostics.selective import Selective, selective
from diagnostics.weight_space import About

ABOUT = About("run", 3, "some examples", 400, 0, 1, "none", "float32", "key")


def classifier(
    heat: float = 1.0, examples: int = 400, classes: int = 3, seed: int = 0
) -> Calibration:
    """Labels drawn by the softmax of logits, which then are multiplied: 1 is calibrated."""
    random = np.random.default_rng(seed)
    logits = 1.5 * random.standard_normal((examples, classes))
    chances = softmax(logits, 1)
    labels = (chances.cumsum(1) < random.random((examples, 1))).sum(1)
    hot = heat * logits
    return calibration(softmax(hot, 1), labels, logits=hot, about=ABOUT)


def regression(k: float = 1.0, shift: float = 0.0, examples: int = 400, seed: int = 0) -> Coverage:
    """Standard normal truths, with every sigma k times what it should be."""
    y = np.random.default_rng(seed).standard_normal(examples)
    return coverage(np.full(examples, shift), np.full(examples, k), y, about=ABOUT)


def rejection(examples: int = 400, *, wrong: bool = True, strangers: Any = None) -> Selective:
    """An uncertainty that is the chance to be wrong, or the spread of the error."""
    random = np.random.default_rng(0)
    doubt = random.random(examples)
    if wrong:
        loss = (random.random(examples) < doubt).astype(float)
    else:
        loss = (doubt * random.standard_normal(examples)) ** 2
    return selective(doubt, loss, strangers=strangers, about=ABOUT)
