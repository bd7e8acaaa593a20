"""In which mode the model was, and which of its modules go by it."""

from __future__ import annotations

from diagnostics.run import Run
from diagnostics.signs.remembered import remembered
from diagnostics.signs.settings import settings

BATCH = "Batch"  # in the names of normalisations that go by the batch


@remembered
def training_share(run: Run) -> float | None:
    """The share of steps, from the first that was recorded on, that the model trained in."""
    told = settings(run)
    if not told:
        return None
    ends = [*(each.step for each in told[1:]), max(run.last_step, told[-1].step) + 1]
    spans = [end - each.step for each, end in zip(told, ends, strict=True)]
    trained = sum(
        span
        for each, span in zip(told, spans, strict=True)
        if each.flag("training", "") is not False
    )
    return trained / max(1, sum(spans))


@remembered
def depends_on_mode(run: Run) -> tuple[str, ...]:
    """Dropouts that drop, and normalisations that go by the batch."""
    told = settings(run)
    if not told:
        return ()
    drops = {
        n: p for key in ("p", "drop_prob", "dropout") for n, p in told[-1].modules(key).items()
    }
    dropping = [name for name, p in drops.items() if isinstance(p, (int, float)) and p > 0]
    return (*dropping, *batch_norms(run))


@remembered
def batch_norms(run: Run) -> tuple[str, ...]:
    """Normalisations that go by the batch while they train."""
    told = settings(run)
    return tuple(told[-1].modules("statistics")) if told else ()
