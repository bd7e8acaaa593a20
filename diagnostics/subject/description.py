"""What a subject says of itself: what its numbers are of, and the key that they are told by."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from diagnostics.subject.batches import Batches
from diagnostics.subject.data import are_classes, fingerprint
from diagnostics.subject.losses import SEEN, Tensors
from diagnostics.weight_space import About
from probes.folder import FathomError


def first_seen(batches: Batches, varied: Tensors) -> tuple[float, tuple[str, ...]]:
    """The first batch's loss, and the measures that can be had."""
    first = batches.all[0]
    found = batches.source(batches.rest | varied, first, SEEN)
    classes = are_classes(found.get("predictions"), first.inputs.get("target"))
    return float(found["loss"]), ("loss", "accuracy") if classes else ("loss",)


def described(batches: Batches, about: About, centre: Tensor, loss: float) -> About:
    """All that the data and the loss say; `loss` is the first batch's at the centre."""
    if about.population < 0:
        raise FathomError(
            f"population={about.population}: give how many examples these were drawn from, or "
            "leave it out."
        )
    source, read = batches.source, [*batches.all, *batches.estimates]
    statistics = about.statistics if source.normalises else "none"
    precision = str(centre.dtype).removeprefix("torch.")
    seen = "" if about.step >= 0 else f"{loss:.5e}"  # of a live loss words fail
    words = (source.words, seen, statistics, precision, source.reduction)
    return replace(
        about,
        examples=batches.examples,
        batches=len(batches.all),
        statistics=statistics,
        precision=precision,
        reduction=source.reduction,
        key=fingerprint(*words, batches.rest, *(batch.inputs for batch in read)),
    )
