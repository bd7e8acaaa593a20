"""A dropout stands after the last layer: it drops the answer itself.

**What it looks at.** Whether what a dropout gives is what the model gives, by the order of the
forward pass and by shape.

**Why it is bad.** The logit of the right class is zero every other time: the loss cannot fall
below what that costs, and the gradient is mostly noise. In a regression the answers are scaled.

**Where it comes from.** A list of layers in which every layer is followed by a dropout, the last
included.

**What to do.** Drop before the last layer, not after it:

    nn.Sequential(…, nn.Dropout(0.5), nn.Linear(64, 10))

**What it cannot see.** A dropout by a function, at the end of `forward`.
"""

from __future__ import annotations

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.dropouts import dropouts
from diagnostics.signs.objective import objective
from diagnostics.thresholds import thresholds
from probes.recording import TensorInfo

LIMITS = thresholds("misplaced_dropout")
EXPLAINS = ("excess_dropout", "underfitting", "plateau", "lr_too_high", "no_signal")


def misplaced_dropout(run: Run) -> Verdict:
    """Is a dropout the last thing that the model does?"""
    shares = dropouts(run)
    outputs = [t for t in run.tensors.values() if t.role == "output"]
    if shares is None or not outputs:
        return NotEnough("modes or outputs of layers are not recorded")
    last = outputs[-1]
    if shares.get(last.module, 0.0) <= LIMITS["p"] or not _is_answer(run, last, outputs):
        return None
    p = shares[last.module]
    return Finding(
        disease="misplaced_dropout",
        severity="error",
        symptom=f"'{last.module}', the last thing the model does, drops {p:.0%} of the answer.",
        cause="A dropout follows the last layer of weights.",
        remedy=(
            "Put it before the last layer:\n"
            f"    nn.Sequential(…, nn.Dropout({p:g}), nn.Linear(n, classes))"
        ),
        evidence=(Evidence("share of the answer dropped", p, LIMITS["p"], "above"),),
        layers=(last.module,),
        steps=(1, run.last_step),
        confidence=0.98,
        panel="loss_curve",
    )


def _is_answer(run: Run, last: TensorInfo, outputs: list[TensorInfo]) -> bool:
    """Told by what made the answer; else, right after a layer of weights of the same shape."""
    made_by = objective(run).output
    if made_by:
        return made_by == last.module_type
    before = outputs[-2] if len(outputs) > 1 else None
    weighty = {t.module for t in run.parameters.values() if t.role == "matrix"}
    return before is not None and before.module in weighty and before.shape == last.shape
