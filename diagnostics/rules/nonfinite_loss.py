"""The loss or a gradient became NaN or infinite.

**What it looks at.** The black box's report, if there is one: the first module, forward pass and
rows of the batch, forwards or backwards. Without one: the logged losses, and the counts of NaN and
infinity in the recorded gradients.

**Why it is bad.** What is not finite stays so: one step later all weights are NaN, and every step
after that is lost.

**Where it comes from.** A logarithm, a division or a power of zero; a root or a norm at zero, whose
slope is infinite; an exponential of large numbers; weights that have grown beyond all measure, most
often by too high a learning rate.

**What to do.** Look at the place that is named. Keep what is divided by, or rooted, away from zero,
and leave exponentials to functions that shift them:

    torch.sqrt(x + 1e-8);   x / y.clamp_min(1e-6)
    functional.cross_entropy(logits, y)      # not log(softmax(logits))
    functional.binary_cross_entropy_with_logits(logits, y)

Stop at once the next time, before the weights are lost:

    Recorder(model, optimizer, path, on_nonfinite="raise")

**What it cannot see.** Values that are not finite and come to nothing: masks of -inf. And where the
cause is known better, `nan_inputs` and `fp16_overflow` speak in its place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diagnostics.black_box import BlackBox, black_box
from diagnostics.finding import Evidence, Finding, NotEnough, Verdict
from diagnostics.run import Run
from diagnostics.thresholds import thresholds

LIMITS = thresholds("nonfinite_loss")
EXPLAINS = ("plateau", "no_signal", "weight_blowup", "loss_spikes")
SHORT_OF_ZERO = (
    "Keep roots and divisions away from zero, and use the functions that take logits:\n"
    "    torch.sqrt(x + 1e-8);   x / y.clamp_min(1e-6)\n"
    "    functional.cross_entropy(logits, y)"
)
REMEDIES = {
    "weights": "Lower the learning rate and clip the gradient's norm, and check what else writes "
    'to the weights; stop before they are lost: Recorder(…, on_nonfinite="raise").',
    "forward": SHORT_OF_ZERO,
    "backward": SHORT_OF_ZERO,
    "loss": SHORT_OF_ZERO,
}
CAUSES = {
    "weights": "A weight was no longer finite before the step began: an earlier update, or code "
    "beside the optimizer, wrote it.",
    "forward": "The operation named gives no finite value for what it was given.",
    "backward": "The operation named has no finite slope at the values it was given.",
    "loss": "The model's outputs are finite; the loss or its slope is not.",
}
OPEN = "It could not be traced to one operation."


def nonfinite_loss(run: Run) -> Verdict:
    """Did the loss or a gradient stop being finite?"""
    box = black_box(run)
    if box is not None and box.where != "exception" and not box.is_passing:
        spoken_for = box.where == "inputs" or box.is_overflow
        return None if spoken_for else _from_box(run, box)
    losses = [name for name in run.scalar_names if "loss" in name.lower()]
    if not losses and "gradients" not in run.series:
        return NotEnough("no loss was logged and no gradients were recorded")
    found = [_in_scalar(run, name) for name in losses] + [_in_gradients(run)]
    return next((finding for finding in found if finding is not None), None)


def _from_box(run: Run, box: BlackBox) -> Finding:
    where = f" In forward pass {box.forward_pass} of {box.passes}." if box.forward_pass else ""
    note = f" ({box.note})" if box.note else ""
    bad = float(max(box.bad, 1))
    return Finding(
        disease="nonfinite_loss",
        severity="error",
        symptom=box.summary,
        cause=CAUSES.get(box.where, OPEN) + where + note,
        remedy=REMEDIES.get(box.where, SHORT_OF_ZERO),
        evidence=(Evidence("elements not finite", bad, LIMITS["elements"], "above"),),
        layers=box.layers,
        steps=(box.step, max(box.step, run.last_step)),
        confidence=1.0,
        panel="gradient_flow",
    )


def _in_scalar(run: Run, name: str) -> Finding | None:
    scalar = run.scalar(name)
    bad = scalar.steps[~np.isfinite(scalar.values)]
    if len(bad) <= LIMITS["values"]:
        return None
    whole = "every" if len(bad) == len(scalar.values) else f"{len(bad)} of {len(scalar.values)}"
    symptom = f"'{name}' is not finite from step {bad[0]} on: {whole} logged values."
    return _unplaced(
        symptom, Evidence("values not finite", len(bad), LIMITS["values"], "above"), bad
    )


def _in_gradients(run: Run) -> Finding | None:
    if "gradients" not in run.series:
        return None
    names = [name for name, tensor in run.tensors.items() if tensor.role != "output"]
    counts = [run.column("gradients", kind, names) for kind in ("nan", "posinf", "neginf")]
    bad, steps = np.nansum(counts, axis=(0, 2)), run.steps("gradients")
    left_out = [event.step for event in run.events if event.kind == "skipped"]  # by a GradScaler
    bad[np.isin(steps, left_out)] = 0
    steps = steps[bad > LIMITS["elements"]]
    if not len(steps):
        return None
    symptom = f"Gradients are not finite from step {steps[0]} on, at {len(steps)} recorded steps."
    most = Evidence("elements not finite", float(bad.max()), LIMITS["elements"], "above")
    return _unplaced(symptom, most, steps)


def _unplaced(symptom: str, evidence: Evidence, steps: NDArray[np.int64]) -> Finding:
    return Finding(
        disease="nonfinite_loss",
        severity="error",
        symptom=symptom,
        cause=f"{OPEN} There is no report of a black box in this recording.",
        remedy=SHORT_OF_ZERO,
        evidence=(evidence,),
        layers=(),
        steps=(int(steps[0]), int(steps[-1])),
        confidence=1.0,
        panel="gradient_flow",
    )
