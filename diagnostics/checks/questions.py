"""Every check by its name, in the order in which they are asked: facts first, trials last."""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.checks.answer import Answer
from diagnostics.checks.depth import depth
from diagnostics.checks.examples import examples
from diagnostics.checks.gradient import gradient
from diagnostics.checks.initial_loss import initial_loss
from diagnostics.checks.initialisation import initialisation
from diagnostics.checks.inputs import inputs
from diagnostics.checks.modes import modes
from diagnostics.checks.nonlinearity import nonlinearity
from diagnostics.checks.objective import objective
from diagnostics.checks.one_batch import one_batch
from diagnostics.checks.parameters import parameters
from diagnostics.checks.penalty import penalty
from diagnostics.checks.precision import precision
from diagnostics.checks.rate import rate
from diagnostics.checks.settings import settings
from diagnostics.checks.setup import Setup
from diagnostics.checks.targets import targets
from diagnostics.checks.units import units

CHECKS: dict[str, Callable[[Setup], Answer]] = {
    "inputs": inputs,
    "targets": targets,
    "parameters": parameters,
    "settings": settings,
    "objective": objective,
    "penalty": penalty,
    "initial loss": initial_loss,
    "initialisation": initialisation,
    "depth": depth,
    "units": units,
    "nonlinearity": nonlinearity,
    "examples": examples,
    "modes": modes,
    "precision": precision,
    "gradient": gradient,
    "learning rate": rate,
    "one batch": one_batch,
}
