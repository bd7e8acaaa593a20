"""Attention looks at a single token: its weights are all but one-hot.

**What it looks at.** Of every head, the entropy of its weights relative to that of uniform ones,
at the start and at the end of the recording; and whether the training goes badly. A head that has
learnt to look at one token in a training that goes well is what attention is for.

**Why it is bad.** The softmax is then flat: no gradient reaches queries and keys, and the head
keeps looking wherever it happened to look.

**Where it comes from.** Scores that are not divided by √d, queries and keys drawn too large, or
a rate so high that they grow without end.

**What to do.** Scale the scores, draw queries and keys smaller, or normalise them:

    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    q, k = nn.functional.rms_norm(q, q.shape[-1:]), nn.functional.rms_norm(k, k.shape[-1:])

**What it cannot see.** Attention that is neither torch's own nor a softmax over four axes.

References: Zhai et al. 2023 (Stabilizing Transformer Training by Preventing Attention Entropy
Collapse); Dehghani et al. 2023 (query and key normalisation).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict, succession
from diagnostics.run import Run
from diagnostics.signs.activity import ending, usual
from diagnostics.signs.harm import harm
from diagnostics.thresholds import thresholds

LIMITS = thresholds("attention_collapse")
EXPLAINS = (
    *("vanishing_gradient", "saturated_activations", "underfitting", "plateau", "no_signal"),
    "lr_too_low",
)
ATTENTION = "attention/"


def attention_collapse(run: Run) -> Verdict:
    """Do most heads look at one token each?"""
    names = [name for name in run.array_names if name.startswith(ATTENTION)]
    if not names:
        return None
    longest = {name: max(run.arrays(name), key=lambda track: len(track.steps)) for name in names}
    steps = max((track.steps for track in longest.values()), key=len)
    if len(steps) < LIMITS["records"]:
        return NotEnough(f"it has too few records so far: {len(steps)}")
    entropy = {
        name.removeprefix(ATTENTION): usual(track.values[:, :, 0], ending(len(track.steps)))
        for name, track in longest.items()
        if len(track.steps)
    }  # [head]
    heads = np.concatenate(list(entropy.values()))
    share = float((heads < LIMITS["entropy"]).mean())
    if share < LIMITS["heads"] or not harm(run).is_harm:
        return None
    since = _since([t.values[:, :, 0] for t in longest.values() if len(t.steps) == len(steps)])
    return _finding(entropy, share, (steps, since))


def _since(entropies: list[NDArray[np.float32]]) -> NDArray[np.bool_]:
    """[t]  were most heads so at this record?"""
    heads = np.concatenate(entropies, axis=1)
    return np.asarray((heads < LIMITS["entropy"]).mean(1) >= LIMITS["heads"])


def _finding(
    entropy: dict[str, NDArray[np.float64]],
    share: float,
    seen: tuple[NDArray[np.int64], NDArray[np.bool_]],
) -> Finding:
    steps, so = seen
    shows = steps[so] if so.any() else steps[-1:]
    mean = {layer: float(np.nanmean(heads)) for layer, heads in entropy.items()}
    layers = sorted((n for n in mean if mean[n] < LIMITS["entropy"]), key=mean.__getitem__)
    typical = float(np.nanmedian(np.concatenate(list(entropy.values()))))
    return Finding(
        disease="attention_collapse",
        severity="error",
        symptom=(
            f"{share:.0%} of the attention heads look at one token each, first at step "
            f"{shows[0]:,}: the entropy of a row is {typical:.2g} of that of uniform weights."
        ),
        cause=(
            "The scores that the softmax is given are far apart: they are not divided by the root "
            "of the heads' width, or queries and keys are too large. No gradient reaches them."
        ),
        remedy=(
            "Scale the scores, and draw queries and keys smaller or normalise them:\n"
            "    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])"
        ),
        evidence=(
            Evidence("entropy of a typical head", typical, LIMITS["entropy"], "below"),
            Evidence("share of collapsed heads", share, LIMITS["heads"], "above"),
        ),
        layers=tuple(layers),
        steps=(int(shows[0]), int(shows[-1])),
        confidence=succession(int(so.sum()), len(so)),
        panel="gradient_flow",
    )
