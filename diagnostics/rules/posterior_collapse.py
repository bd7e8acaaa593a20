"""The code of a variational autoencoder says nothing of its input.

**What it looks at.** Two sibling heads of one input, of the same shape, whose outputs no layer is
given as they are, before a layer that takes as many inputs or more: they look like the mean and
the log variance of a code. Or one head of twice that width. From their moments, how far the code's
distribution is from the standard normal one: nats a latent variable, late and at the start.

**Why it is bad.** Where mean and log variance are zero for every input, the decoder gets noise
alone. It then learns the average of the data, and the code is worth nothing.

**Where it comes from.** A weight of the divergence that is too large, or there too early; a
decoder so strong that it needs no code.

**What to do.** Weigh the divergence less, let it grow over the first tenth of the run, or leave
each latent a little of it for free:

    loss = reconstruction + min(1, step / warm_up) * beta * kl.clamp(min=0.1).sum(1).mean()

**What it cannot see.** Single latents that have collapsed among others that have not: moments are
of all of them together.

References: Bowman et al. 2016; Kingma et al. 2016 (free bits); He et al. 2019 (lagging inference).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.activity import activity
from diagnostics.signs.harm import harm
from diagnostics.signs.wiring import wiring
from diagnostics.thresholds import thresholds
from probes.recording import TensorInfo

LIMITS = thresholds("posterior_collapse")
EXPLAINS = ("underfitting", "plateau", "dead_relu", "vanishing_gradient")


@dataclass(frozen=True)
class Code:
    """The heads that give a code's distribution."""

    layers: tuple[str, ...]
    steps: NDArray[np.int64]  # [t]
    divergence: NDArray[np.float64]  # [t]  nats of a latent, from the standard normal
    is_pair: bool  # of heads; one that gives both is easier to mistake

    @property
    def late(self) -> float:
        return float(np.median(self.divergence[len(self.divergence) // 2 :]))

    @property
    def is_empty(self) -> bool:
        """Hardly anything of it, and less than untrained weights make."""
        few = int(LIMITS["records"])
        fallen = self.late < LIMITS["fallen"] * np.median(self.divergence[:few])
        return self.late < LIMITS["divergence"] and bool(fallen)


def posterior_collapse(run: Run) -> Verdict:
    """Is the code the same for every input?"""
    if activity(run) is None:
        return NotEnough("outputs are not recorded; add probes.Activations() to the Recorder")
    codes = list(_codes(run))
    if codes and all(len(code.steps) < LIMITS["records"] for code in codes):
        return NotEnough(f"it has too few records so far: {len(codes[0].steps)}")
    told = harm(run)
    for code in codes:
        if code.is_empty and (code.is_pair or told.is_harm):
            return _finding(code)
    return None


def _codes(run: Run) -> Iterator[Code]:
    """Heads that look like a mean and a log variance, whatever their names."""
    heads = [t for t in run.parameters.values() if t.role == "matrix" and "x" in t.shape]
    wires = wiring(run) or {}
    alike = Counter((t.shape, wires.get(t.module)) for t in heads)
    for first, second, after in zip(heads, heads[1:], heads[2:], strict=False):
        siblings = (first.shape, wires.get(first.module)) == (
            second.shape,
            wires.get(second.module),
        )
        # Queries, keys and values are three; of what an activation is given, no code is made.
        is_pair = siblings and alike[first.shape, wires.get(first.module)] == 2
        if is_pair and _takes_code(first, after) and _is_open((first, second), wires):
            yield _code(run, (first.module, second.module))
    for first, after in pairwise(heads):
        if _units(first) == 2 * _width(after) and _is_open((first,), wires):
            yield _code(run, (first.module,))


def _takes_code(head: TensorInfo, after: TensorInfo) -> bool:
    """A decoder may be given more than the code; then the code is narrow."""
    narrow = _units(head) < min(_width(head), _width(after))
    return narrow or _units(head) == _width(after)


def _units(tensor: TensorInfo) -> int:
    return int(tensor.shape.split("x")[0])


def _width(tensor: TensorInfo) -> int:
    return int(tensor.shape.split("x")[1])


def _is_open(heads: tuple[TensorInfo, ...], wires: Mapping[str, str]) -> bool:
    """Is what they give changed by hand, before any layer gets it?"""
    return not {head.module for head in heads} & set(wires.values())


def _code(run: Run, layers: tuple[str, ...]) -> Code:
    """Of a normal distribution of log variances; one head's halves are taken to be alike."""
    both = [layers[0], layers[-1]]
    mean, std = (run.column("activations", kind, both) for kind in ("mean", "std"))  # [t, 2]
    known = np.isfinite(mean + std).all(1)
    mean, std = mean[known], std[known]
    squares = mean**2 + std**2
    if len(layers) == 1:  # at most this, for values so small that it matters
        divergence = squares[:, 0]
    else:
        variance = np.exp(np.minimum(mean[:, 1] + std[:, 1] ** 2 / 2, 50.0))
        divergence = 0.5 * (squares[:, 0] + variance - 1 - mean[:, 1])
    return Code(layers, run.steps("activations")[known], divergence, is_pair=len(layers) == 2)


def _finding(code: Code) -> Finding:
    empty = code.divergence < LIMITS["divergence"]
    begun = np.flatnonzero(~empty)
    since = min(int(begun[-1]) + 1 if len(begun) else 0, len(empty) - 1)
    return Finding(
        disease="posterior_collapse",
        severity="error",
        symptom=(
            f"The code that {' and '.join(repr(n) for n in code.layers)} give is the same for "
            f"every input: it holds {code.late:.2g} nats a latent variable, from step "
            f"{code.steps[since]:,} on."
        ),
        cause=(
            "Its divergence from the prior costs more than the decoder gains by it: it is weighed "
            "too much, or too early, and the decoder learns to do without."
        ),
        remedy=(
            "Weigh the divergence less, let it grow, or leave each latent a little for free:\n"
            "    kl = kl.clamp(min=0.1).sum(1).mean()\n"
            "    loss = reconstruction + min(1, step / warm_up) * beta * kl"
        ),
        evidence=(Evidence("nats a latent", code.late, LIMITS["divergence"], "below"),),
        layers=code.layers,
        steps=(int(code.steps[since]), int(code.steps[-1])),
        confidence=succession(int(empty[len(empty) // 2 :].sum()), len(empty) - len(empty) // 2),
        panel="gradient_flow",
    )
