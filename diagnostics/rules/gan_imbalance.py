"""Of two players one is left behind: it moves too slowly to answer, or gets no gradient.

**What it looks at.** Where two optimizers train two parts of one model: how far each part moves in
a step, relative to its own size; how large the gradients are that each part gets late in the
recording, beside the other's and beside those of the beginning.

**Why it is bad.** A critic that is always right, and sure of it, has no slope to learn from: the
generator stands still. One that is always fooled teaches nothing either.

**Where it comes from.** Rates, widths or numbers of steps that favour one side; saturating losses.

**What to do.** Use the non-saturating loss, bring the rates within a factor of ten, weaken the
winner or smooth it:

    loss = softplus(-critic(generator(z))).mean()          # non-saturating
    torch.nn.utils.parametrizations.spectral_norm(layer)   # of the critic

**What it cannot see.** Who wins by how much: only that one side has stopped to learn.

References: Goodfellow et al. 2014; Arjovsky & Bottou 2017; Heusel et al. 2017; Miyato et al. 2018.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.answers import judged_by
from diagnostics.signs.harm import optimizers
from diagnostics.signs.movement import movement
from diagnostics.thresholds import thresholds

LIMITS = thresholds("gan_imbalance")
EXPLAINS = ("mode_collapse", "vanishing_gradient", "dead_relu", "lr_too_low", "lr_too_high")


def gan_imbalance(run: Run) -> Verdict:
    """Is one of two players left behind?"""
    players = sorted({name.partition(".")[0] for name in run.parameters})
    if optimizers(run) < LIMITS["players"] or len(players) != LIMITS["players"] or judged_by(run):
        return None
    if "gradients" not in run.series or len(run.steps("gradients")) < LIMITS["records"]:
        return NotEnough("too few records of gradients so far")
    return _by_pace(run, players) or _by_gradient(run, players)


def _by_pace(run: Run, players: list[str]) -> Finding | None:
    """Relative steps, of all records and matrices: a fact of the two rates."""
    told = movement(run)
    if told is None:
        return None
    paces = []
    for player in players:
        own = [n for n, name in enumerate(told.names) if name.startswith(f"{player}.")]
        ratios = told.ratio[:, own]
        moved = ratios[ratios > 0]
        if not len(moved):
            return None
        paces.append(float(np.median(moved)))
    share = min(paces) / max(paces)
    if share > LIMITS["pace"]:
        return None
    loser = players[int(np.argmin(paces))]
    symptom = f"'{loser}' moves by {share:.2g} of what its opponent does, relative to its size."
    proof = Evidence("relative step over the opponent's", share, LIMITS["pace"], "below")
    steps = int(told.steps[0]), int(told.steps[-1])
    return _finding(symptom, proof, (loser,), steps)


def _by_gradient(run: Run, players: list[str]) -> Finding | None:
    sizes = np.stack([_rms(run, player) for player in players], 1)  # [t, player]
    known = np.isfinite(sizes).all(1) & (sizes.max(1) > 0)
    steps, sizes, few = run.steps("gradients")[known], sizes[known], int(LIMITS["late"])
    if len(steps) < LIMITS["records"]:
        return None
    share = sizes.min(1) / sizes.max(1)
    usual = float(np.median(share[-few:]))
    if usual < LIMITS["share"]:
        loser = players[int(np.argmin(np.median(sizes[-few:], axis=0)))]
        symptom = f"'{loser}' gets gradients of {usual:.2g} of its opponent's size."
        proof = Evidence("gradient over the opponent's", usual, LIMITS["share"], "below")
        return _finding(symptom, proof, (loser,), _since(steps, share < LIMITS["share"]))
    left = sizes / np.median(sizes[:few], axis=0)
    faded = float(np.median(left[-few:].max(1)))
    if faded > LIMITS["faded"]:
        return None
    symptom = f"Both players' gradients have faded to {faded:.2g} of their first size, or less."
    proof = Evidence("gradients over the first ones", faded, LIMITS["faded"], "below")
    return _finding(symptom, proof, tuple(players), _since(steps, left.max(1) < LIMITS["faded"]))


def _since(steps: NDArray[np.int64], shows: NDArray[np.bool_]) -> tuple[int, int]:
    return int(steps[shows][0]), int(steps[shows][-1])


def _rms(run: Run, player: str) -> NDArray[np.float64]:
    """[t]  of the gradient of all of a player's parameters."""
    own = [n for n, t in run.parameters.items() if n.startswith(f"{player}.") and t.trainable]
    squares = np.nansum(run.column("gradients", "norm", own) ** 2, axis=1)
    return np.asarray(np.sqrt(squares / max(1, sum(run.parameters[n].size for n in own))))


def _finding(
    symptom: str, proof: Evidence, layers: tuple[str, ...], steps: tuple[int, int]
) -> Finding:
    return Finding(
        disease="gan_imbalance",
        severity="error",
        symptom=symptom,
        cause=(
            "One side is too fast, too strong or too slow for the other: who is sure of everything "
            "gives no slope to learn by, and who stands still gives no answer."
        ),
        remedy=(
            "Use the non-saturating loss, bring the two rates within a factor of ten, and weaken "
            "or smooth the winner:\n"
            "    loss = softplus(-critic(generator(z))).mean()"
        ),
        evidence=(proof,),
        layers=layers,
        steps=steps,
        confidence=0.9,
        panel="gradient_flow",
    )
