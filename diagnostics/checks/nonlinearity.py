"""Layers with nothing between them: two in a row are one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import Call, Pass, nodes, watched
from diagnostics.checks.setup import Setup
from diagnostics.finding import Evidence
from diagnostics.flight import Words, noticed

STRAIGHT = (  # what keeps a line a line
    *(nn.Identity, nn.Flatten, nn.Unflatten, nn.Dropout, nn.AvgPool1d, nn.AvgPool2d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.BatchNorm1d, nn.BatchNorm2d),
)
JUDGED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def nonlinearity(setup: Setup) -> Answer:
    """Is there a nonlinearity between every two layers?"""
    with setup.scene() as scene:
        scene.train(False)
        seen = watched(scene)
        uses = consumers(seen.loss)
    if len(seen.weighted) < 2:
        raise CannotAsk(f"it takes two layers with weights, and there are {len(seen.weighted)}")
    pairs = [*_pairs(seen, uses)]
    number = Evidence("layers in a row without a nonlinearity", len(pairs), 0, "above")
    if not pairs:
        return Answer("No layer follows upon another without a nonlinearity between.", (number,))
    told = f"{pairs[0][1]} follows upon {pairs[0][0]} without a nonlinearity between them."
    finding = noticed(
        "missing_nonlinearity",
        "warning",
        Words(
            told,
            "A linear layer of a linear layer is one linear layer: the second adds nothing that "
            "the first could not do by itself.",
            "Put a nonlinearity between them:\n    nn.Linear(n, m), nn.ReLU(), nn.Linear(m, k)",
        ),
        [number],
        [name for pair in pairs for name in pair],
        0.9,
    )
    return Answer(told, (number,), (finding,))


def consumers(loss: Tensor) -> Counter[Any]:
    """How many operations take each one's result: a residual's sum takes what a layer does."""
    return Counter(before for node in nodes(loss.grad_fn) for before, _ in node.next_functions)


def _pairs(seen: Pass, uses: Counter[Any]) -> Iterator[tuple[str, str]]:
    """Layers fed by a layer's very output that are not a factorisation into something narrower."""
    makers = {call.name: call for call in seen.calls}
    for call in seen.weighted:
        before = _weighted_before(call, makers)
        alone = before is not None and uses[before.output.grad_fn] == 1
        if before is not None and alone and not _factors(before.module, call.module):
            yield before.name, call.name


def _weighted_before(call: Call, makers: dict[str, Call]) -> Call | None:
    source = makers.get(call.source)
    while source is not None and isinstance(source.module, STRAIGHT):
        source = makers.get(source.source)
    judged = source is not None and isinstance(source.module, JUDGED)
    return source if judged and isinstance(call.module, JUDGED) else None


def _factors(first: nn.Module, second: nn.Module) -> bool:
    """A narrow middle, or a convolution by channel followed by one over channels, is meant so."""
    if isinstance(first, nn.Linear) and isinstance(second, nn.Linear):
        return first.out_features < min(first.in_features, second.out_features)
    if isinstance(first, nn.Linear):
        return False
    grouped = getattr(first, "groups", 1) > 1 or getattr(second, "groups", 1) > 1
    places = getattr(first, "kernel_size", 1) != getattr(second, "kernel_size", 1)
    narrow = getattr(first, "out_channels", 1) < min(
        getattr(first, "in_channels", 1), getattr(second, "out_channels", 1 << 30)
    )
    return grouped or places or narrow
