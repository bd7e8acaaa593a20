"""Linear models on waves, trained by gradient descent: every number of theirs is known exactly."""

from __future__ import annotations

import numpy as np

from diagnostics.learned_function import LearnedFunction, learned_function

N = 256
GRID = np.arange(N) / N
OCTAVES = np.array([1.0, 2, 4, 8, 16, 32])
RATE = 0.9
PHASES = np.linspace(0.3, 2.9, 6)


def features(k, scale, places=GRID):
    """[example, 2 k]: cosines and sines; the Gram matrix over n has eigenvalues scale² / 2."""
    angles = 2 * np.pi * np.outer(places, k)
    return np.hstack([scale * np.cos(angles), scale * np.sin(angles)])


def target(k=OCTAVES, amplitudes=1.0, places=GRID):
    """[example, 1]"""
    waves = np.cos(2 * np.pi * np.outer(places, k) + PHASES[: len(k)])
    return (waves * amplitudes).sum(1, keepdims=True)


def descent(inputs, wanted, steps, rate=RATE):
    """Predictions [step, example, output] of half the mean square's descent from zero."""
    weights = np.zeros((inputs.shape[1], wanted.shape[1]))
    found = [inputs @ weights]
    for _ in range(steps):
        weights -= rate * inputs.T @ (found[-1] - wanted) / len(wanted)
        found.append(inputs @ weights)
    return np.stack(found)


def designed(scale, steps=5300, k=OCTAVES, amplitudes=1.0) -> LearnedFunction:
    """A model whose frequencies are learnt at the rates of 1 - RATE scale² / 2."""
    wanted = target(k, amplitudes)
    values = descent(features(k, scale), wanted, steps)
    return learned_function(range(steps + 1), GRID[:, None], values, wanted)


def steps_to(level, scale):
    """The first step with so much learnt, in closed form."""
    return np.ceil(np.log(1 - level) / np.log(1 - RATE * np.asarray(scale) ** 2 / 2))
