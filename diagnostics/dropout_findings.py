"""What is wrong with a dropout ensemble: dropouts that never fire, and plain passes that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from diagnostics.draw_findings import (
    Told,
    all_alike,
    gathered,
    normalised,
    not_finite,
    repeated,
    told,
    too_few,
)
from diagnostics.finding import Evidence, Finding
from diagnostics.uncertainty import Uncertainty
from diagnostics.weight_space import About, Floats

OFF = 1e-3  # relative, and far above rounding: dropout aside, training is to be evaluation
FAR = 3.0  # standard errors between the mean and the plain prediction
RELEVANT = 0.10  # of a prediction's standard deviation, from which on a gap matters
RELEVANT_PROBABILITY = 0.02  # the same of classes
SHARE_FAR = 0.05  # of predictions that may be further apart; chance leaves 0.3 % of many draws
JUDGED = 10  # draws, from which on chance leaves 1.5 % at most; of three it leaves 9.5 %


class Fired(Protocol):
    """One random operation of the network, as the draws had it."""

    @property
    def name(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def p(self) -> float: ...
    @property
    def times(self) -> int: ...
    @property
    def behind(self) -> str: ...


class Guards(Protocol):
    """What was seen while drawing."""

    @property
    def never(self) -> tuple[str, ...]: ...  # were to be on, and took part in no draw
    @property
    def always(self) -> tuple[str, ...]: ...  # on in evaluation too
    @property
    def restless(self) -> float: ...  # two passes with dropout off differ by so much; or NaN
    @property
    def gap(self) -> float: ...  # with dropout off, training differs from evaluation; or NaN
    @property
    def changed(self) -> tuple[str, ...]: ...  # tensors of the model that a pass wrote to


class Draws(Protocol):
    """Predictions with dropout on, beside those with it off."""

    @property
    def values(self) -> NDArray[Any]: ...  # [draw, example, ...]
    @property
    def plain(self) -> NDArray[Any]: ...  # [example, ...]
    @property
    def fired(self) -> Sequence[Fired]: ...
    @property
    def guards(self) -> Guards: ...
    @property
    def how(self) -> str: ...
    @property
    def seconds(self) -> float: ...


SILENT = Told(
    "dropout_without_effect",
    "error",
    "No random operation took part, or none that the predictions depend on: the network has no "
    "dropout, its rates are 0, or dropout sits in code that keeps it off.",
    "Read no spread of 0 as certainty. Use nn.Dropout or functional.dropout with a rate above 0 "
    "on the way to the predictions.",
)
NEVER_FIRED = Told(
    "dropout_never_fired",
    "warning",
    "It lies on a branch that these examples do not take, or its code keeps it off.",
    "The spread lacks its part; see that its layer is called, and called with dropout on.",
)
RANDOM_PLAIN = Told(
    "prediction_not_fixed",
    "error",
    "Something random stays on when dropout is off: functional.dropout without training=, "
    "scaled_dot_product_attention with dropout_p above 0, or noise of the model's own.",
    "Pass training=self.training to functional.dropout, and dropout_p=p if self.training else 0.0 "
    "to attention.",
)
OTHER_WAY = Told(
    "training_differs_from_evaluation",
    "warning",
    "The model computes something else in training than in evaluation, dropout aside: a branch on "
    "self.training, or a normalisation that takes its batch's statistics.",
    "The spread holds for training's way. Let the two differ by dropout alone.",
)
WRITES = Told(
    "prediction_changes_the_model",
    "error",
    "A pass writes to the model's own tensors, as running statistics and power iterations do in "
    "training; so each draw is of another network.",
    "Keep the modules that hold them in evaluation.",
)
CHANGED_SHAPE = Told(
    "draws_change_shape",
    "error",
    "The model returns something else in training than in evaluation.",
    "Let it return the same predictions in both; draws and plain ones cannot be compared.",
)
FAR_FROM_PLAIN = Told(
    "mean_far_from_plain",
    "hint",
    "Scaling weights stands for the mean of the ensemble only where what follows the dropout is "
    "linear; batch normalisation after a dropout moves it too.",
    "Predict with the mean of the draws where it scores better; see both log likelihoods.",
)


def findings_of(
    about: About,
    drawn: Draws,
    passes: Sequence[NDArray[Any]],
    found: Uncertainty,
    gap: Floats | None,
) -> tuple[Finding, ...]:
    """All guards, the worst first; `passes` are predictions with dropout off, made twice."""
    looks = (
        silent(drawn, about),
        random_plain(drawn, passes, about),
        writes(drawn, about),
        changed_shape(drawn, about),
        not_finite(drawn.values, about),
        never_fired(drawn, about),
        other_way(drawn, about),
        normalised(drawn.values, found.reading, about),
        repeated(drawn.values, about),
        too_few(found, about),
        far_from_plain(found, gap, about),
    )
    return gathered("mc_dropout", looks)


def silent(drawn: Draws, about: About) -> Finding | None:
    """Every draw is the same: what nine in ten of such mistakes look like."""
    if not all_alike(drawn.values):
        return None
    off, count = drawn.guards.never, len(drawn.values)
    which = f"never fired: {_listed(off)}" if off else f"all {len(drawn.fired)} dropouts fired"
    symptom = f"all {count} draws are the same ({which})."
    if not drawn.fired:
        symptom = f"all {count} draws are the same: nothing in the network is random."
    return told(SILENT, about, symptom, Evidence("distinct draws", 1.0, 2.0, "below"), layers=off)


def never_fired(drawn: Draws, about: About) -> Finding | None:
    idle = {fired.name for fired in drawn.fired if fired.p == 0}  # by its own rate, not by mistake
    off = tuple(name for name in drawn.guards.never if name not in idle)
    if not off or all_alike(drawn.values):
        return None
    symptom = f"{len(off)} of {len(drawn.fired)} dropouts never fired: {_listed(off)}."
    return told(NEVER_FIRED, about, symptom, Evidence("draws", 0.0, 1.0, "below"), layers=off)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def random_plain(drawn: Draws, passes: Sequence[NDArray[Any]], about: About) -> Finding | None:
    """Two passes with dropout off are to be the same to the bit."""
    one, other = passes
    same = one.shape == other.shape and np.array_equal(one, other, equal_nan=True)
    always, restless = drawn.guards.always, drawn.guards.restless
    if same and not always and not restless > 0:
        return None
    far = float(np.abs(one - other).max()) if one.shape == other.shape else np.inf
    symptom = "two passes with dropout off give unlike predictions."
    if always:
        symptom = f"random in evaluation, too: {_listed(always)}."
    shown = Evidence("largest difference", float(np.fmax(far, restless)), 0.0, "above")
    return told(RANDOM_PLAIN, about, symptom, shown, layers=always)


def writes(drawn: Draws, about: About) -> Finding | None:
    changed = drawn.guards.changed
    if not changed:
        return None
    symptom = f"predicting wrote to {_listed(changed)}."
    shown = Evidence("tensors changed", float(len(changed)), 0.0, "above")
    return told(WRITES, about, symptom, shown, layers=changed)


def other_way(drawn: Draws, about: About) -> Finding | None:
    gap = drawn.guards.gap
    if not gap > OFF:
        return None
    symptom = f"with dropout off, training's predictions differ from evaluation's by {gap:.2g}."
    return told(OTHER_WAY, about, symptom, Evidence("relative difference", gap, OFF, "above"))


def changed_shape(drawn: Draws, about: About) -> Finding | None:
    on, off = drawn.values.shape[1:], drawn.plain.shape
    if on == off:
        return None
    symptom = f"predictions are of shape {on} with dropout on, and {off} without."
    return told(CHANGED_SHAPE, about, symptom)


def far_from_plain(found: Uncertainty, gap: Floats | None, about: About) -> Finding | None:
    """The more draws, the smaller a gap is seen; so only what is large as well is told of."""
    if gap is None or np.isnan(gap).all() or found.draws < JUDGED:
        return None
    with np.errstate(invalid="ignore"):  # where nothing spreads, the other guards see the gap
        apart = np.abs(gap) * found.mean.error
    far = (np.abs(gap) > FAR) & (apart > _relevant(found))
    each = far.any(-1) if found.reading.classes else far
    share = float(each.mean())
    if share <= SHARE_FAR:
        return None
    symptom = (
        f"in {share:.0%} of the predictions the mean of the draws is over {FAR:g} standard errors "
        f"from the plain one, and by {_size(found, apart, far)} in the median of these."
    )
    return told(
        FAR_FROM_PLAIN, about, symptom, Evidence("share that far", share, SHARE_FAR, "above")
    )


def _relevant(found: Uncertainty) -> Floats:
    """How far a mean must be from the plain prediction to matter."""
    if found.reading.classes:
        return np.full(found.mean.value.shape, RELEVANT_PROBABILITY)
    return RELEVANT * _deviation(found)


def _deviation(found: Uncertainty) -> Floats:
    """Of a prediction in all: with the noise, where that is known."""
    return np.sqrt((found.total or found.epistemic).value)


def _size(found: Uncertainty, apart: Floats, far: NDArray[np.bool_]) -> str:
    if found.reading.classes:
        return f"{np.median(apart[far]):.2g} of probability"
    shares = apart[far] / _deviation(found)[far]
    return f"{np.median(shares):.2g} of a prediction's standard deviation"
