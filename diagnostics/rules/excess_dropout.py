"""Dropout removes so much that what is left cannot carry the task.

**What it looks at.** The share that each dropout drops, and the training loss, which has dropout,
beside the validation loss, which has none.

**Why it is bad.** Of 0.8 after each of three layers, less than one path in a hundred is left.

**Where it comes from.** The probability to keep taken for the one to drop; many dropouts in a row.

**What to do.** At most one half, and less where layers are narrow:

    nn.Dropout(0.2)

**What it cannot see.** Dropout by a function whose share no module keeps.

Reference: Srivastava et al. 2014 (0.5 for hidden units, 0.2 for inputs).
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.dropouts import dropouts
from diagnostics.signs.learning import learning
from diagnostics.signs.losses import losses
from diagnostics.thresholds import thresholds

LIMITS = thresholds("excess_dropout")
EXPLAINS = ("underfitting", "plateau", "no_signal")


def excess_dropout(run: Run) -> Verdict:
    """Is training with dropout much worse than validation without?"""
    shares = dropouts(run)
    if shares is None:
        return NotEnough("modes are not recorded; add probes.Modes() to the Recorder")
    strong = {name: p for name, p in shares.items() if p > LIMITS["p"]}
    if not strong:
        return None
    progress, validation = learning(run), losses(run).validation
    if progress is None or validation is None or not len(validation.values):
        return NotEnough("no training loss or no validation loss was logged to judge dropout by")
    ratio = progress.end / max(float(validation.values[-1]), 1e-12)
    if not progress.left > LIMITS["left"] or ratio <= LIMITS["ratio"]:
        return None
    most = max(strong.values())
    return Finding(
        disease="excess_dropout",
        severity="warning",
        symptom=(
            f"The training loss, with dropout, is {ratio:.2f} times the validation loss, without; "
            f"{progress.left:.0%} of it is left."
        ),
        cause=f"Dropout drops up to {most:.0%} of what {len(strong)} layers give.",
        remedy="Drop at most one half, less in narrow layers:\n    nn.Dropout(0.2)",
        evidence=(
            Evidence("share dropped", most, LIMITS["p"], "above"),
            Evidence("training loss / validation loss", ratio, LIMITS["ratio"], "above"),
        ),
        layers=tuple(sorted(strong, key=lambda name: -strong[name])),
        steps=(1, run.last_step),
        confidence=0.9,
        panel="loss_curve",
    )
