"""What curvature costs: Fathom beside its peers, and the physical limit.

The limit of a row is its number of products with the Hessian times the time of one, its graph
kept; all of a model's rows run in one process of one torch thread, CPU seconds. Peers are compared
at equal accuracy of the five leading eigenvalues: theirs is told beside them, against Fathom's to
a residual of a millionth.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from models import WORKLOADS
from scipy.sparse.linalg import LinearOperator, eigsh
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from trained import in_turn, seconds, trained

from diagnostics.lanczos import leading, quadrature
from diagnostics.subject import Subject
from diagnostics.trace import Stop, hutch_plus_plus, trace

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 5
PEERS = {
    "pyhessian": "pip install pyhessian",
    "curvlinops": "pip install --no-deps curvlinops-for-pytorch",
}


@dataclass(frozen=True)
class Row:
    """One way of one quantity."""

    name: str
    seconds: float
    products: int  # 0: it does not tell
    note: str


class Counted:
    """An operator that counts."""

    def __init__(self, apply: Callable[[Any], Any]) -> None:
        self.apply, self.spent = apply, 0

    def __call__(self, vector: Any) -> Any:
        self.spent += 1
        return self.apply(vector)


def rows(subject: Subject, model: Any, data: Any, most: int) -> tuple[float, list[Row]]:
    """The time of one product, and every row."""
    apply = subject.hessian_at(subject.centre)
    vector = subject.vector(np.random.default_rng(0).standard_normal(len(subject.centre)))
    one = in_turn({"one": lambda: apply(vector)}, 7)["one"]
    exact = leading(subject, apply, COUNT, tolerance=1e-6, most=most).values
    found = [_leading(subject, apply, exact, most), _scipy(subject, apply, exact)]
    found += [_timed("density, 10 x 40", apply, lambda a: quadrature(subject, a))]
    for name, way in (("trace", trace), ("trace, Hutch++", hutch_plus_plus)):
        stop = Stop(most=most)
        how = (lambda a, s=stop: trace(subject, a, None, s)) if way is trace else (
            lambda a, s=stop: hutch_plus_plus(subject, a, s)
        )  # fmt: skip
        found.append(_timed(name, apply, how))
    found += [*_pyhessian(model, data, exact), *_curvlinops(model, data, exact)]
    return one, found


def _timed(name: str, apply: Any, work: Callable[[Any], Any]) -> Row:
    counted, made = Counted(apply), []
    took = seconds(lambda: made.append(work(counted)))
    value = getattr(made[0], "value", None)
    note = f"{value:.5g} ± {made[0].error:.2g}" if value is not None else ""
    return Row(name, took, counted.spent, note)


def _off(values: Any, exact: Any) -> str:
    gaps = np.abs(np.sort(np.asarray(values, float))[::-1][: len(exact)] - exact)
    return f"off by {(gaps / np.abs(exact)).max():.1e} at most"


def _leading(subject: Subject, apply: Any, exact: Any, most: int) -> Row:
    counted, made = Counted(apply), []
    took = seconds(lambda: made.append(leading(subject, counted, COUNT, most=most)))
    return Row("leading", took, counted.spent, _off(made[0].values, exact))


def _scipy(subject: Subject, apply: Any, exact: Any) -> Row:
    counted = Counted(lambda v: subject.array(apply(subject.vector(v.ravel()))))
    shape = (len(subject.centre),) * 2
    made: list[Any] = []
    operator = LinearOperator(shape, matvec=counted, dtype=float)
    took = seconds(lambda: made.append(eigsh(operator, COUNT, which="LA", tol=1e-4)[0]))
    return Row("scipy eigsh, no second look", took, counted.spent, _off(made[0], exact))


def _pyhessian(model: Any, data: Any, exact: Any) -> list[Row]:
    if not importlib.util.find_spec("pyhessian"):
        return []
    from pyhessian import hessian

    made: list[Any] = []

    def top() -> None:
        peer = hessian(model, functional.cross_entropy, data=data, cuda=False)
        made.append(peer.eigenvalues(maxIter=1000, tol=1e-6, top_n=COUNT)[0])

    def total() -> None:
        peer = hessian(model, functional.cross_entropy, data=data, cuda=False)
        made.append(np.mean(peer.trace()))

    found = [Row("pyhessian leading", seconds(top), 0, _off(made[-1], exact))]
    return [*found, Row("pyhessian trace", seconds(total), 0, f"{made[-1]:.5g}, no error told")]


def _curvlinops(model: Any, data: Any, exact: Any) -> list[Row]:
    if not importlib.util.find_spec("curvlinops"):
        return []
    try:
        from curvlinops import HessianLinearOperator

        named = dict(model.named_parameters())
        operator = HessianLinearOperator(
            model, functional.cross_entropy, named, [data], check_deterministic=False
        )
        made: list[Any] = []
        peer = operator.to_scipy()
        took = seconds(lambda: made.append(eigsh(peer, COUNT, which="LA", tol=1e-4)[0]))
    except Exception as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:80]
        return [Row("curvlinops + eigsh", float("nan"), 0, f"failed: {why}")]
    return [Row("curvlinops + eigsh", took, 0, _off(made[0], exact))]


def table(one: float, found: list[Row]) -> str:
    lines = [f"{'':<30}{'seconds':>9}{'products':>10}{'x limit':>9}"]
    for row in found:
        limit = f"{row.seconds / (row.products * one):.3f}" if row.products else "-"
        lines.append(
            f"{row.name:<30}{row.seconds:>9.2f}{row.products or '-':>10}{limit:>9}  {row.note}"
        )
    there = " ".join(row.name for row in found)
    lines += [
        f"{name:<30}not installed ({how})" for name, how in PEERS.items() if name not in there
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default=",".join(WORKLOADS), help="such as mlp,gpt")
    parser.add_argument("--most", type=int, default=300, help="products for each row")
    parser.add_argument("--steps", type=int, help="of training (default: by model)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # peers talk
    for name in arguments.models.split(","):
        model, data = trained(name, arguments.steps)
        model.eval()
        subject = Subject(model, functional.cross_entropy, data)
        with sdpa_kernel(SDPBackend.MATH):  # what the peers need
            one, found = rows(subject, model, data, arguments.most)
        print(f"\n{name}: {one * 1e3:.1f} ms a product\n{table(one, found)}", flush=True)


if __name__ == "__main__":
    main()
