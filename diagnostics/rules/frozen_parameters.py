"""Parameters that do not require a gradient, in a training that does not get on.

**What it looks at.** The flags `requires_grad`, and what is left of the loss. A frozen trunk under
a new head is the usual way of fine-tuning: as long as the loss falls it is not worth a word.

**Why it is bad.** What is frozen keeps the features it has. If these are those of a random draw,
the layers on top have little to work with.

**Where it comes from.** A line left over from fine-tuning; weights that were to be loaded and were
not; a flag set for the whole model where a part was meant.

**What to do.** Let it train, or load the weights that make freezing worth it:

    for parameter in model.parameters():
        parameter.requires_grad_(True)

**What it cannot see.** Whether the frozen weights are good ones, other than by the loss.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import Learning, learning
from diagnostics.thresholds import thresholds

LIMITS = thresholds("frozen_parameters")
EXPLAINS = ("underfitting", "plateau", "no_update", "no_signal", "saturated_activations")


def frozen_parameters(run: Run) -> Verdict:
    """Is much of the model frozen, and does the rest not suffice?"""
    if not run.parameters:
        return NotEnough("no parameters are recorded")
    frozen = {n: t for n, t in run.parameters.items() if not t.trainable and t.role != "norm"}
    share = sum(t.size for t in frozen.values()) / max(
        1, sum(t.size for t in run.parameters.values())
    )
    if share <= LIMITS["share"]:
        return None
    progress = learning(run)
    if progress is None:
        return NotEnough("parameters are frozen, and no training loss was logged to judge it by")
    if not progress.left > LIMITS["left"]:
        return None
    layers = tuple(dict.fromkeys(tensor.module or "(model)" for tensor in frozen.values()))
    return _finding(run, share, layers, progress)


def _finding(run: Run, share: float, layers: tuple[str, ...], progress: Learning) -> Finding:
    return Finding(
        disease="frozen_parameters",
        severity="warning",
        symptom=(
            f"{share:.0%} of all weights do not require a gradient, and {progress.left:.0%} of the "
            "loss is left."
        ),
        cause="requires_grad is False there; what trains does not make up for it.",
        remedy=(
            "Let them train, or load the pretrained weights that they were frozen for:\n"
            "    for parameter in model.parameters():\n"
            "        parameter.requires_grad_(True)"
        ),
        evidence=(
            Evidence("share of all weights", share, LIMITS["share"], "above"),
            Evidence("share of the loss left", progress.left, LIMITS["left"], "above"),
        ),
        layers=layers,
        steps=(int(progress.steps[0]), run.last_step),
        confidence=0.9,
        panel="loss_curve",
    )
