"""What a random layer makes of a signal's size: the theory that initialisations follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, polygamma

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

RECTIFIERS = ("ReLU", "LeakyReLU", "PReLU", "RReLU", "ReLU6", "ELU", "CELU", "GELU", "SiLU", "Mish")
FUNCTIONS: dict[str, Function] = {
    "Identity": lambda z: z,
    "Flatten": lambda z: z,
    "Unflatten": lambda z: z,
    "ReLU": lambda z: np.maximum(z, 0),
    "ReLU6": lambda z: z.clip(0, 6),
    "LeakyReLU": lambda z: np.where(z > 0, z, 0.01 * z),
    "ELU": lambda z: np.where(z > 0, z, np.expm1(z.clip(max=0))),
    "SELU": lambda z: (
        1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z.clip(max=0)))
    ),
    "GELU": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "SiLU": lambda z: z * expit(z),
    "Tanh": np.tanh,
    "Sigmoid": expit,
    "Softsign": lambda z: z / (1 + np.abs(z)),
    "Hardtanh": lambda z: z.clip(-1, 1),
}
# Midpoints: slopes jump, and for those Gaussian quadrature is of no use.
NODES = (np.arange(6000) + 0.5) * 0.003 - 9.0
WEIGHTS = np.exp(-(NODES**2) / 2)
STEP = 1e-4  # of the slope, in units of the signal's size


def scheme(function: str) -> str:
    """After whom the initialisation is named that suits what follows a function."""
    if function in RECTIFIERS:
        return "He"
    return "LeCun" if function == "SELU" else "Xavier"


def variance(function: str) -> float:
    """Times the number of inputs: that of the weights by this scheme."""
    return 2.0 if function in RECTIFIERS else 1.0


def passed_on(function: str, square: float) -> float:
    """E f(z)² for a Gaussian z of this mean square."""
    return _mean(FUNCTIONS[function](NODES * np.sqrt(square)) ** 2)


def let_back(function: str, square: float) -> float:
    """E f'(z)²: what the function leaves of a gradient's mean square."""
    size = np.sqrt(square)
    name = FUNCTIONS[function]
    slope = (name((NODES + STEP) * size) - name((NODES - STEP) * size)) / (2 * STEP * size)
    return _mean(slope**2)


def scatter(function: str, width: int) -> float:
    """Variance, from draw to draw of the weights, of the log of a layer's mean square.

    Of a Gaussian layer it is trigamma(n/2); half of a rectifier's units are silent, which makes
    of 2/n about 5/n.
    """
    if function == "ReLU":
        return 5.0 / width
    return float(polygamma(1, width / 2))


def _mean(values: Floats) -> float:
    return float((WEIGHTS * values).sum() / WEIGHTS.sum())
