"""Other nonlinearities between the layers, with the initialisation that suits them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.remedies.initialisation import RECTIFIED, drawn_normal, redraw
from diagnostics.treatment.structure import RECTIFYING, SATURATING, put

ABOUT = About(("vanishing_gradient", "saturated_activations", "dead_relu", "missing_nonlinearity"))
SMOOTH: dict[str, Callable[[], nn.Module]] = {"nn.ReLU()": nn.ReLU, "nn.GELU()": nn.GELU}
LEAKY: dict[str, Callable[[], nn.Module]] = {
    "nn.LeakyReLU(0.1)": partial(nn.LeakyReLU, 0.1),
    "nn.SiLU()": nn.SiLU,
}


DRAWN = (
    "nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')  # of each layer\n"
    "nn.init.zeros_(layer.bias)"
)


def activation(case: Case) -> Proposals:
    """ReLU, GELU or ELU for what saturates; for a ReLU what cannot die."""
    for kinds, others in ((SATURATING, SMOOTH), (RECTIFYING, LEAKY)):
        names = [n for n in case.hidden_activations if isinstance(case.module(n), kinds)]
        old = type(case.module(names[0])).__name__ if names else ""
        for code, new in others.items() if names else ():
            yield Change(
                f"{code.removeprefix('nn.')} for {old}, with He initialisation",
                f"{code}  # in the place of each hidden nn.{old}()\n{DRAWN}",
                partial(_swapped, names=names, layers=case.weighty, new=new),
            )
        if old and kinds is SATURATING:
            yield Change(
                f"ELU() for {old}",
                f"nn.ELU()  # in the place of each hidden nn.{old}()",
                partial(_swapped, names=names, layers=(), new=nn.ELU),
            )


def _swapped(
    course: Course, names: list[str], layers: tuple[str, ...], new: Callable[[], nn.Module]
) -> None:
    for name in names:
        put(course, name, new())
    gains = {name: 1.0 if name == layers[-1] else RECTIFIED for name in layers}
    redraw(course, gains, drawn_normal)
