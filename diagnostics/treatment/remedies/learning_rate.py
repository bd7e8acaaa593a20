"""The learning rate times a factor: swept, for no one factor is right."""

from __future__ import annotations

from collections.abc import Callable

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(
    (
        *("lr_too_high", "lr_too_low", "loss_spikes", "nonfinite_loss", "no_update", "plateau"),
        *("exploding_gradient", "dead_relu", "weight_blowup", "underfitting", "stale_momentum"),
        *("scheduler_misuse", "over_clipping", "optimiser_misconfigured", "vanishing_gradient"),
        *("unnormalised_inputs", "wrong_loss"),
    )
)
DOWN, UP = (0.3, 0.1, 0.03), (3.0, 10.0)
FARTHEST = 1e4  # how far a sweep goes on where the last factor was the best


def learning_rate(case: Case) -> Proposals:
    """Both ways, but where it is known which; on in that way for as long as it gets better."""
    for factors in _ways(case.diseases):
        best = 0.0
        for factor in factors:
            effect = yield _change(case, factor)
            best, last = min(best, effect), effect
        while last <= best and last < 0 and 1 / FARTHEST < factor < FARTHEST:
            factor *= 10 if factor > 1 else 0.3
            last = yield _change(case, factor)
            best = min(best, last)


def _ways(diseases: tuple[str, ...]) -> tuple[tuple[float, ...], ...]:
    if "lr_too_low" in diseases:
        return (UP,)
    return (DOWN,) if {"lr_too_high", "dead_relu", "nonfinite_loss"} & {*diseases} else (DOWN, UP)


def _change(case: Case, factor: float) -> Change:
    rate, kind = float(case.course.groups[0]["lr"]), type(case.course.optimizer).__name__
    was = f"# it was {rate:.3g}"
    code = f"optimizer = torch.optim.{kind}(model.parameters(), lr={rate * factor:.3g})  {was}"
    return Change(f"learning rate times {factor:.3g}", code, scaled_by(factor))


def scaled_by(factor: float) -> Callable[[Course], None]:
    """Of all groups, and of the schedule that starts from it."""

    def make(course: Course) -> None:
        for group in course.groups:
            group["lr"] *= factor
            if "initial_lr" in group:
                group["initial_lr"] *= factor
        if hasattr(course.scheduler, "base_lrs"):
            course.scheduler.base_lrs = [rate * factor for rate in course.scheduler.base_lrs]

    return make
