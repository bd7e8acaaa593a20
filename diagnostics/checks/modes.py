"""Training mode beside eval mode: dropout, batch normalisation, and answers that differ."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from diagnostics.checks.answer import Answer
from diagnostics.checks.passes import WEIGHTED, Call, Pass, watched
from diagnostics.checks.setup import Scene, Setup, rows_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.modes")


def modes(setup: Setup) -> Answer:
    """What changes between the modes, and is it meant to?"""
    findings = []
    with setup.scene() as scene, torch.no_grad():
        answering = scene.train(False).run()
        again = scene.run(seed=1)
        findings += [*_batches(setup, scene)]
        if not findings:
            seen = watched(scene.train())
            findings += [*_dropouts(seen)]
            told = f"The loss is {float(seen.loss):.4g} in training mode and "
        else:
            told = "The loss is "
    told += f"{float(answering[0]):.4g} in eval mode; {_repeated(answering[1], again[1])}"
    return Answer(told, tuple(e for f in findings for e in f.evidence), tuple(findings))


def _repeated(one: Tensor | None, other: Tensor | None) -> str:
    if one is None or other is None:
        return "there are no predictions to compare."
    same = one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, equal_nan=True)
    return f"two passes in eval mode {'agree' if same else 'differ: something draws at random'}."


def _batches(setup: Setup, scene: Scene) -> Iterator[Finding]:
    """How many values each batch normalisation takes its statistics from."""
    fewest: dict[str, float] = {}

    def heard(name: str, given: tuple[Tensor, ...]) -> None:
        values = given[0].numel() / max(1, given[0].shape[1])
        fewest[name] = min(fewest.get(name, values), values)

    handles = [
        module.register_forward_pre_hook(lambda _, given, name=name: heard(name, given))
        for name, module in scene.model.named_modules()
        if isinstance(module, _BatchNorm)
    ]
    try:
        if handles:
            scene.train(False).run()
    finally:
        for handle in handles:
            handle.remove()
    few = [name for name, count in fewest.items() if count <= LIMITS["values"]]
    if few:
        least = Evidence("values a channel", fewest[few[0]], LIMITS["values"] + 1, "below")
        yield _too_few(least, few, rows_of(setup.batch))


def _too_few(least: Evidence, layers: list[str], rows: int) -> Finding:
    return noticed(
        "bn_small_batch",
        "error",
        Words(
            f"Batch normalisation takes mean and variance of {least.value:g} values a channel "
            f"(batches of {rows}).",
            "Of one or two values they are noise: each example is normalised by its neighbour, and "
            "the running statistics fit nothing.",
            "Use larger batches, or a normalisation that needs none:\n"
            "    nn.GroupNorm(8, channels)    # or nn.LayerNorm",
        ),
        [least],
        layers,
        0.98,
    )


def _dropouts(seen: Pass) -> Iterator[Finding]:
    places = {id(call): place for place, call in enumerate(seen.calls)}
    calls = [call for call in seen.calls if isinstance(call.module, _DropoutNd)]
    strong = {call.name: call.module.p for call in calls if call.module.p > LIMITS["p"]}  # type: ignore[operator]
    if strong:
        yield _excess({name: float(p) for name, p in strong.items()})  # type: ignore[arg-type]
    weighted = [places[id(call)] for call in seen.calls if isinstance(call.module, WEIGHTED)]
    ending = [
        call
        for call in calls
        if weighted and places[id(call)] > max(weighted) and call.module.p and _ends(seen, call)
    ]
    if ending:
        yield _on_outputs(ending[0])


def _ends(seen: Pass, call: Call) -> bool:
    """Is its very output the prediction, or passed to it by modules that have no weights?"""
    while call is not seen.last:
        following = seen.after(call)
        if len(following) != 1 or following[0].parameters:
            return False
        call = following[0]
    return True


def _excess(strong: dict[str, float]) -> Finding:
    worst = Evidence("dropout p", max(strong.values()), LIMITS["p"], "above")
    return noticed(
        "excess_dropout",
        "warning",
        Words(
            f"Dropout takes away {worst.value:.0%} of the values of {len(strong)} layers.",
            "So little passes that examples can hardly be told apart while training.",
            "Use 0.5 or less:\n    nn.Dropout(0.2)",
        ),
        [worst],
        strong,
        0.9,
    )


def _on_outputs(call: Call) -> Finding:
    number = Evidence("dropout p on the outputs", float(call.module.p), 0, "above")  # type: ignore[arg-type]
    return noticed(
        "misplaced_dropout",
        "warning",
        Words(
            "Dropout comes after the last layer: it zeroes the outputs themselves.",
            "The right class's logit is set to 0 at random, and no weight can do anything about "
            "it: the loss has a floor.",
            "Move it before the last layer:\n    nn.Dropout(0.2), nn.Linear(n, classes)",
        ),
        [number],
        [call.name],
        0.97,
    )
