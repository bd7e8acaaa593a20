"""No nonlinearity after the last layer: it cannot give what the targets ask for."""

from __future__ import annotations

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import ACTIVATIONS, put

ABOUT = About(("output_range_mismatch", "wrong_loss", "underfitting"), mends=True)


def output_freed(case: Case) -> Proposals:
    """Where targets are numbers outside of what the nonlinearity gives."""
    last, target, answers = case.at_the_end, case.target, case.answers
    if not last or target is None or answers is None or not target.is_floating_point():
        return
    if not isinstance(case.module(last), (*ACTIVATIONS, nn.Softmax)):
        return
    least, most = _reach(case.module(last))
    if bool(((target >= least) & (target <= most)).all()):
        return
    kind = type(case.module(last)).__name__

    def make(course: Course) -> None:
        put(course, last, nn.Identity())

    yield Change(f"no {kind} at the end", f"return self.last_layer(x)  # without {kind}", make)


def _reach(module: nn.Module) -> tuple[float, float]:
    """What a nonlinearity can give."""
    if isinstance(module, (nn.Sigmoid, nn.Softmax, nn.Hardsigmoid)):
        return 0.0, 1.0
    if isinstance(module, (nn.Tanh, nn.Softsign, nn.Hardtanh)):
        return -1.0, 1.0
    if isinstance(module, (nn.ReLU, nn.Softplus)):
        return 0.0, float("inf")
    return -float("inf"), float("inf")
