"""What curvature costs: Fathom beside its peers, and the physical limit.

The limit of a row is its number of products with the Hessian times the time of one, its graph
kept; all of a model's rows run in one process of one torch thread, CPU seconds. Peers are compared
at equal accuracy of the five leading eigenvalues: theirs is told beside them, against Fathom's in
float64 to a residual of a millionth. Where a product takes long, `--most` bounds those of a row.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from curvature_peers import Counted, Row, Task, largest, off, peers, row
from models import WORKLOADS
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from trained import CPU, in_turn, timed, trained

from diagnostics.lanczos import Eigenpairs, leading, quadrature
from diagnostics.subject import Subject
from diagnostics.trace import Estimate, Stop, hutch_plus_plus, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor, nn

COUNT = 5
STEPS = 40  # of each probe of the density
EXAMPLES = {"gpt": 4}  # where a product with all of them takes a second
MOST = {"mlp": 300, "resnet20": 300, "gpt": 60}  # products of a row


class Ours:
    """Fathom's rows. Kept: what the peers' are compared with."""

    def __init__(self, subject: Subject, most: int) -> None:
        self.subject, self.most = subject, most
        self.apply = subject.hessian_at(subject.centre)
        double = subject.double()
        precise = double.hessian_at(double.centre)
        self.exact = leading(double, precise, COUNT, tolerance=1e-6, most=MOST["mlp"]).values
        self.pairs: Eigenpairs | None = None
        self.draws = 0
        self.density = (min(10, max(1, most // STEPS)), STEPS)

    @property
    def product(self) -> float:
        """Seconds of one."""
        random = np.random.default_rng(0).standard_normal(len(self.subject.centre))
        vector = self.subject.vector(random)
        once = partial(timed, lambda: self.apply(vector))
        return float(in_turn({"one": once}, 7)["one"][CPU])

    def rows(self) -> Iterator[Row]:
        yield self._row("leading", self._leading)
        yield self._row("scipy eigsh, no second look", self._scipy)
        yield self._row("density", self._density)
        yield self._row("trace", self._trace)
        yield self._row("trace, leading known", lambda apply: self._trace(apply, self.pairs))
        yield self._row("trace, Hutch++", self._hutch)

    def _row(self, name: str, work: Callable[[Counted], str]) -> Row:
        counted = Counted(self.apply)
        return row(name, counted, partial(work, counted))

    def _leading(self, apply: Counted) -> str:
        self.pairs = found = leading(self.subject, apply, COUNT, most=self.most)
        looked = "" if found.complete else "; no time for the whole second look"
        return off(found.values, self.exact) + looked

    def _scipy(self, apply: Counted) -> str:
        def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
            return self.subject.array(apply(self.subject.vector(vector.ravel())))

        return off(largest(product, len(self.subject.centre), COUNT), self.exact)

    def _density(self, apply: Counted) -> str:
        probes, steps = self.density
        quadrature(self.subject, apply, probes=probes, steps=steps)
        return f"{probes} x {steps}"

    def _trace(self, apply: Counted, known: Eigenpairs | None = None) -> str:
        found = trace(self.subject, apply, known, Stop(most=self.most))
        if known is None:
            self.draws = found.probes
        return _told(found)

    def _hutch(self, apply: Counted) -> str:
        return _told(hutch_plus_plus(self.subject, apply, Stop(most=self.most)))


def _told(found: Estimate) -> str:
    return f"{found.value:.5g} ± {found.error:.2g}"


def lines(one: float, rows: Iterable[Row]) -> Iterator[str]:
    """As they come: some take minutes."""
    yield f"{'':<32}{'seconds':>9}{'products':>10}{'x limit':>9}"
    for each in rows:
        limit = each.seconds / (each.products * one) if each.products else np.nan
        yield f"{each.name:<32}{each.seconds:>9.2f}{each.products:>10}{limit:>9.3f}  {each.note}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(WORKLOADS), help="such as mlp,gpt")
    parser.add_argument("--most", type=int, help="products for each row (default: by model)")
    parser.add_argument("--steps", type=int, help="of training (default: by model)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # peers talk
    for name in arguments.models.split(","):
        model, data = trained(name, arguments.steps, EXAMPLES.get(name))
        for line in _compared(name, model.eval(), data, arguments.most or MOST[name]):
            print(line, flush=True)


def _compared(name: str, model: nn.Module, data: tuple[Tensor, Tensor], most: int) -> Iterator[str]:
    with sdpa_kernel(SDPBackend.MATH):  # what the peers need
        ours = Ours(Subject(model, functional.cross_entropy, data), most)
        one = ours.product
        yield f"\n{name}: {one * 1e3:.1f} ms a product"
        yield from lines(one, _rows(ours, model, data))


def _rows(ours: Ours, model: nn.Module, data: tuple[Tensor, Tensor]) -> Iterator[Row]:
    yield from ours.rows()
    yield from peers(Task(model, data, ours.exact, ours.most, ours.draws, ours.density))


if __name__ == "__main__":
    main()
