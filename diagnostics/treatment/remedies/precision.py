"""bfloat16, which has float32's range, in the place of float16; or a GradScaler; or float32."""

from __future__ import annotations

import torch

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("fp16_overflow", "fp16_underflow", "unstable_loss", "nonfinite_loss"), mends=True)


def precision(case: Case) -> Proposals:
    if case.course.autocast is not torch.float16:
        return
    yield Change("bfloat16 for float16", "torch.autocast(device, torch.bfloat16)", _wider)
    if case.course.scaler is None:
        code = (
            "scaler = torch.amp.GradScaler()\n"
            "scaler.scale(loss).backward()\n"
            "scaler.step(optimizer)\n"
            "scaler.update()"
        )
        yield Change("a GradScaler", code, _scaled)
    yield Change("float32 for float16", "loss = loss_fn(model(x), y)  # without autocast", _full)


def _wider(course: Course) -> None:
    course.autocast, course.scaler = torch.bfloat16, None


def _scaled(course: Course) -> None:
    kind = next(course.model.parameters()).device.type
    course.scaler = torch.amp.GradScaler(kind)


def _full(course: Course) -> None:
    course.autocast, course.scaler = None, None
