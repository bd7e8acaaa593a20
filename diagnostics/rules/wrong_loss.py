"""The loss does not fit the task, or is not given what it is for.

**What it looks at.** The kind of the loss, the function that makes the model's answer, and the
targets: zeros and ones under a distance between numbers; probabilities given to a loss that wants
their logarithms; a choice among a single class; answers and targets whose shapes do not agree, and
that were spread out to all pairs.

**Why it is bad.** Where a sigmoid is wrong and sure of it, it is flat: a squared error's gradient
vanishes just there, and cross-entropy's does not. Of all pairs of answers and targets, the best
answer is the mean. Among one class, every answer is right.

**Where it comes from.** The loss of a regression kept for a classification; `nn.NLLLoss` after
`nn.Softmax` instead of `nn.LogSoftmax`; answers of shape [n, 1] and targets of shape [n].

**What to do.** Cross-entropy for classes, on logits; squared or Huber error for numbers, of one
shape:

    loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y)  # one yes or no
    loss = nn.functional.cross_entropy(model(x), y)                                # one of several
    loss = nn.functional.mse_loss(model(x).squeeze(1), y)                          # numbers

**What it cannot see.** Losses of your own making.
"""

from __future__ import annotations

import numpy as np

from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.signs.learning import Learning, learning
from diagnostics.signs.objective import Objective, objective
from diagnostics.thresholds import thresholds

LIMITS = thresholds("wrong_loss")
EXPLAINS = (
    *("vanishing_gradient", "lr_too_low", "underfitting", "plateau", "saturated_activations"),
    *("no_signal", "class_imbalance", "loss_unbounded", "wrong_objective", "no_update"),
    *("label_noise", "loss_too_good"),
)
DISTANCES = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")
CHOICES = ("Sigmoid", "Softmax")


def wrong_loss(run: Run) -> Verdict:
    """Is the loss given what it is for?"""
    asked = objective(run)
    if not asked.kind:
        return NotEnough("the loss was not seen: it is no function of torch's")
    if asked.broadcast:
        told = f"{asked.kind} is given answers and targets of different shapes: it takes all pairs."
        return _finding(run, asked, told, Evidence("shapes that differ", 1, 0, "above"))
    if asked.kind == "CrossEntropyLoss" and asked.outputs == 1:
        told = "Cross-entropy is given a single logit: its softmax is 1, whatever it is."
        return _finding(run, asked, told, Evidence("classes", 1, 2, "below"))
    if asked.kind == "NLLLoss" and asked.on_answer and _is_no_logarithm(run):
        told = "The loss wants logarithms of probabilities, and is given what is not negative."
        return _finding(run, asked, told, Evidence("largest answer", _largest(run), 0, "above"))
    return _of_a_choice(run, asked) if asked.kind in DISTANCES else None


def _is_no_logarithm(run: Run) -> bool:
    return _largest(run) > LIMITS["logarithm"]


def _largest(run: Run) -> float:
    if "answers/max" not in run.scalar_names:
        return np.nan
    return float(np.nanmedian(run.scalar("answers/max").values))


def _of_a_choice(run: Run, asked: Objective) -> Verdict:
    """Zeros and ones under a distance, and a training that suffers."""
    targets, progress = _targets(run), learning(run)
    if targets is None or progress is None:
        return NotEnough("targets or the training loss are not recorded")
    off, cost = targets
    limit = "left" if asked.output in CHOICES else "left_of_numbers"
    left = progress.end / max(cost if asked.kind == "MSELoss" else _fair(cost), 1e-12)
    if off > LIMITS["off_binary"] or not _suffers(progress, left, LIMITS[limit]):
        return None
    told = (
        f"The targets are zeros and ones, the answers come from a {asked.output or 'layer'}, and "
        f"the loss is {asked.kind}."
    )
    return _finding(
        run, asked, told, Evidence("share of the loss left", left, LIMITS[limit], "above")
    )


def _suffers(progress: Learning, left: float, limit: float) -> bool:
    badly = np.isnan(progress.score) or progress.score < LIMITS["score"]
    return bool(left > limit and badly)


def _targets(run: Run) -> tuple[float, float] | None:
    """How far the targets are from being zeros and ones; and their variance, if they are."""
    names = [f"batches/target_{kind}" for kind in ("mean", "rms", "min", "max")]
    if not set(names) <= set(run.scalar_names):
        return None
    mean, low, high = (float(np.nanmean(run.scalar(names[n]).values)) for n in (0, 2, 3))
    square = float(np.nanmean(run.scalar(names[1]).values ** 2))
    ends = max(abs(low), abs(high - 1))
    return max(ends, abs(square - mean)), max(0.0, mean * (1 - mean))


def _fair(variance: float) -> float:
    """What an absolute error costs that always answers the commoner of zero and one."""
    return 0.5 - float(np.sqrt(max(0.0, 0.25 - variance)))


def _finding(run: Run, asked: Objective, symptom: str, evidence: Evidence) -> Finding:
    return Finding(
        disease="wrong_loss",
        severity="error",
        symptom=symptom,
        cause="The loss does not fit what the model gives, or what it is asked for.",
        remedy=(
            "Give logits to a cross-entropy, and numbers of one shape to a distance:\n"
            "    nn.functional.binary_cross_entropy_with_logits(logits, y)     # one yes or no\n"
            "    nn.functional.cross_entropy(logits, y)                        # one of several\n"
            "    nn.functional.mse_loss(model(x).squeeze(1), y)                # numbers"
        ),
        evidence=(evidence,),
        layers=(),
        steps=(asked.step, run.last_step),
        confidence=0.95,
        panel="loss_curve",
    )
