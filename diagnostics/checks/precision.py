"""Half precision, where the model or autocast uses it: what overflows, what is rounded to zero."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import gradients, watched
from diagnostics.checks.setup import Scene, Setup, changed, device_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.precision")
HALVES = (torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Look:
    """One pass: the largest value, where the first that is not finite is, and weights' zeros."""

    largest: float
    broken: str
    zeros: dict[str, float]  # share of a weight's gradient that is exactly 0


def precision(setup: Setup) -> Answer:
    """Do values and gradients fit into half precision?"""
    device = device_of(setup.model).type
    kinds = {p.dtype for p in setup.model.parameters()} & set(HALVES)
    if torch.is_autocast_enabled(device):
        kinds |= {torch.get_autocast_dtype(device)} & set(HALVES)
    if not kinds:
        raise CannotAsk("neither the model nor autocast is in half precision")
    kind = kinds.pop()
    limit = float(torch.finfo(kind).max)
    with setup.scene() as scene:
        half = _look(scene.train())
    with setup.scene() as scene, torch.autocast(device, enabled=False):
        whole = _look(_in_single(scene).train())
    name = str(kind).removeprefix("torch.")
    largest = Evidence("largest value", half.largest, limit, "above")
    told = f"In {name} the largest value is {half.largest:.3g} of {limit:.3g}."
    if half.broken and not whole.broken:
        return Answer(told, (largest,), (_overflow(half, whole, limit),))
    return Answer(told, (largest,), tuple(_underflow(half, whole)))


def _look(scene: Scene) -> Look:
    seen = watched(scene)
    parts = [(call.name, call.values.detach().float()) for call in seen.calls]
    broken = next((n for n, v in parts if v.numel() and not v.isfinite().all()), "")
    if not broken and not seen.loss.isfinite():
        broken = "loss"
    finite = [v[v.isfinite()].abs() for _, v in parts]
    largest = max((float(v.max()) for v in finite if v.numel()), default=0.0)
    weights = {n: p for n, p in scene.trained.items() if p.ndim > 1}
    found = gradients(seen, [*weights.values()])
    zeros = {n: _zeros(g) for n, g in zip(weights, found, strict=True) if g is not None}
    return Look(largest, broken, zeros)


def _zeros(gradient: Tensor) -> float:
    return float((gradient == 0).double().mean())


def _in_single(scene: Scene) -> Scene:
    def wider(tensor: Tensor) -> Tensor:
        return tensor.float() if tensor.dtype in HALVES else tensor

    if any(p.dtype in HALVES for p in scene.model.parameters()):
        scene.model.float()
    scene.batch = changed(scene.batch, wider)
    return scene


def _overflow(half: Look, whole: Look, limit: float) -> Finding:
    return noticed(
        "fp16_overflow",
        "error",
        Words(
            f"In half precision '{half.broken}' is not finite; in float32 it is.",
            f"Values reach {whole.largest:.3g}, and half precision ends at {limit:.3g}.",
            "Use bfloat16, which has float32's range, or keep this operation in float32:\n"
            '    with torch.autocast("cuda", dtype=torch.bfloat16): …',
        ),
        [Evidence("largest value in float32", whole.largest, limit, "above")],
        [half.broken],
        0.98,
    )


def _underflow(half: Look, whole: Look) -> Iterator[Finding]:
    lost = {n: half.zeros[n] - whole.zeros.get(n, 0.0) for n in half.zeros}
    worst = [n for n in sorted(lost, key=lambda n: -lost[n]) if lost[n] > LIMITS["lost"]]
    if worst:
        number = Evidence(
            "share of a gradient rounded to 0", lost[worst[0]], LIMITS["lost"], "above"
        )
        yield noticed(
            "fp16_underflow",
            "hint",
            Words(
                f"{number.value:.0%} of a weight's gradient is 0 in half precision alone.",
                "Gradients below 6e-8 do not exist in float16: without scaling they are lost.",
                "Scale the loss, or use bfloat16:\n    scaler = torch.amp.GradScaler()",
            ),
            [number],
            worst,
            0.8,
        )
