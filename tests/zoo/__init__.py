"""A labelled collection of small trainings: sick ones, their healthy siblings, and healthy ones.

    from tests.zoo import CASES, train
    case = CASES["dead_relu_high_lr"].build(seed=0)
    train(case, on_start=…, on_backward=…, on_step=…, on_eval=…, on_end=…)

The folders are the registry: a function marked `pair` in sick/<group of its disease>.py makes two
trainings, which differ by the fault alone; one marked `healthy` in healthy/ makes a training
without a fault, often one that naive rules take for sick. Labels are causal in this way: the
sibling of a sick training runs the same code with only the fault taken out, and learns. That the
fault shows (gradients that vanish, units that are dead, a loss that stays high) and that it harms
(a higher loss than the sibling's) was measured on several seeds for every pair, as was for every
healthy training that it learns.
"""

from __future__ import annotations

import importlib
import pkgutil

from tests.zoo import healthy, sick
from tests.zoo.core import CASES, Case, Run, Spec, StopRun, train
from tests.zoo.taxonomy import DISEASES

__all__ = ["CASES", "DISEASES", "Case", "Run", "Spec", "StopRun", "train"]

for _folder in (healthy, sick):
    for _module in pkgutil.iter_modules(_folder.__path__, f"{_folder.__name__}."):
        importlib.import_module(_module.name)
