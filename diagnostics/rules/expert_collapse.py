"""One expert of a mixture gets everything; the others learn nothing.

**What it looks at.** Sibling modules of one list, alike in shape, beside a router: a matrix with as
many rows as there are siblings. Where some of them are not called at times, the rows that each was
called with; where all are given what the router is given, the gradient that each got. Of that the
share of the busiest, at the end of the recording.

**Why it is bad.** The mixture is then a single expert with a router that costs time. The others
get no gradient, so they never become good enough to be chosen.

**Where it comes from.** A router that is rewarded for what it already does: the expert that is a
little better at first gets more examples, and becomes better still. Nothing balances it.

**What to do.** Add a balancing loss, noise on the router's scores, or limit what an expert may get:

    loss = task + 0.01 * experts * (share_of_rows * mean_probability).sum()

**What it cannot see.** Experts that are slices of one large tensor, not modules; experts that are
all called with everything, if their input is not the very tensor that the router gets.

References: Shazeer et al. 2017; Fedus et al. 2021 (Switch Transformer).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.activity import ending
from diagnostics.signs.wiring import wiring
from diagnostics.thresholds import thresholds

LIMITS = thresholds("expert_collapse")
EXPLAINS = ("params_not_in_optimizer", "underfitting", "plateau", "no_update", "graph_detached")


@dataclass(frozen=True)
class Experts:
    """Sibling modules, and how much each had to do."""

    names: tuple[str, ...]
    router: str
    steps: NDArray[np.int64]  # [t]
    busiest: NDArray[np.float64]  # [t]  its share of rows or, where all get all, of gradient
    which: int


def expert_collapse(run: Run) -> Verdict:
    """Does one expert do all the work?"""
    if not {"activations", "gradients"} <= set(run.series):
        return NotEnough("outputs and gradients are not both recorded; leave the default probes")
    for names, router in _siblings(run):
        experts = _experts(run, names, router)
        if not len(experts.steps):
            continue
        if len(experts.steps) < LIMITS["records"]:
            return NotEnough(f"it has too few records so far: {len(experts.steps)}")
        if np.median(experts.busiest[ending(len(experts.steps))]) > LIMITS["share"]:
            return _finding(experts)
    return None


def _siblings(run: Run) -> Iterator[tuple[tuple[str, ...], str]]:
    """Modules "list.0", "list.1", … whose parameters have the same shapes, and their router."""
    matrices = {n: t for n, t in run.parameters.items() if t.role == "matrix"}
    places: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, tensor in matrices.items():
        parts = name.split(".")
        for n, part in enumerate(parts):
            if part.isdigit() and n:
                inside = ".".join(parts[n + 1 :])
                places[".".join(parts[:n]), inside, tensor.shape].append(part)
    for (list_, _, _), found in places.items():
        if len(set(found)) >= LIMITS["experts"]:
            router = _router(run, list_, len(set(found)))
            if router:
                yield tuple(f"{list_}.{n}" for n in sorted(set(found), key=int)), router


def _router(run: Run, list_: str, experts: int) -> str:
    """Beside the list, with a row for each expert."""
    above = list_.rpartition(".")[0]
    beside = f"{above}." if above else ""
    return next(
        (
            t.module
            for name, t in run.parameters.items()
            if name.startswith(beside) and not name.startswith(f"{list_}.")
            if t.role == "matrix" and t.shape.startswith(f"{experts}x")
        ),
        "",
    )


def _experts(run: Run, names: tuple[str, ...], router: str) -> Experts:
    steps = np.intersect1d(run.steps("activations"), run.steps("gradients"))
    rows = _rows(run, names)[np.isin(run.steps("activations"), steps)]
    work = _gradients(run, names)[np.isin(run.steps("gradients"), steps)]
    called = rows.any(1)
    sparse = bool((rows[called] == 0).any())  # at times nothing was sent to one of them
    load = rows if sparse else work  # [t, expert]
    used = load.sum(1) > 0 if sparse or _share_input(run, names, router) else np.zeros_like(called)
    share = load[used] / load[used].sum(1, keepdims=True)
    which = int(np.argmax(share[ending(len(share))].sum(0))) if len(share) else 0
    return Experts(names, router, steps[used], share[:, which], which)


def _share_input(run: Run, names: tuple[str, ...], router: str) -> bool:
    """Are all given what the router is given? Layers one after another are not."""
    wires = wiring(run) or {}
    outputs = [t.module for t in run.tensors.values() if t.role == "output"]
    first = [next((m for m in outputs if f"{m}.".startswith(f"{n}.")), "") for n in names]
    given = {wires.get(module) for module in (router, *first)}
    return len(given) == 1 and given != {None}


def _rows(run: Run, names: tuple[str, ...]) -> NDArray[np.float64]:
    """[t, expert]  elements of what each gave: of the first output inside of it."""
    outputs = [t for t in run.tensors.values() if t.role == "output"]
    inside = [[t.name for t in outputs if f"{t.module}.".startswith(f"{n}.")] for n in names]
    first = [own[:1] for own in inside]
    counts = [np.nan_to_num(run.column("activations", "count", own)).sum(1) for own in first]
    return np.stack(counts, 1)


def _gradients(run: Run, names: tuple[str, ...]) -> NDArray[np.float64]:
    """[t, expert]  squares of the gradients of all its parameters."""
    own = [[p for p in run.parameters if p.startswith(f"{name}.")] for name in names]
    norms = [np.nan_to_num(run.column("gradients", "norm", ps), posinf=0.0) for ps in own]
    return np.stack([(norm**2).sum(1) for norm in norms], 1)


def _finding(experts: Experts) -> Finding:
    over = experts.busiest > LIMITS["share"]
    fair = np.flatnonzero(~over)
    since = min(int(fair[-1]) + 1 if len(fair) else 0, len(over) - 1)
    busiest = experts.names[experts.which]
    late = experts.busiest[ending(len(over))]
    share = float(np.median(late))
    return Finding(
        disease="expert_collapse",
        severity="error",
        symptom=(
            f"Of {len(experts.names)} experts '{busiest}' gets {share:.0%} of the work, from step "
            f"{experts.steps[since]:,} on."
        ),
        cause=(
            f"The router '{experts.router}' sends nearly everything to one expert, and nothing "
            "balances it; the others get no gradient to become better by."
        ),
        remedy=(
            "Add a balancing loss, or noise on the router's scores:\n"
            "    loss = task + 0.01 * experts * (share_of_rows * mean_probability).sum()"
        ),
        evidence=(Evidence("share of the busiest expert", share, LIMITS["share"], "above"),),
        layers=(experts.router, *(n for n in experts.names if n != busiest)),
        steps=(int(experts.steps[since]), int(experts.steps[-1])),
        confidence=succession(int((late > LIMITS["share"]).sum()), len(late)),
        panel="gradient_flow",
    )
