"""Weight decay and dropout, more of them."""

from __future__ import annotations

from functools import partial

from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import put

ABOUT = About(("overfitting", "weight_blowup"), judged_by="validation")
DECAYS, SHARE = (1e-3, 1e-2), 0.5


def regularised(case: Case) -> Proposals:
    """Of the optimizer's weight decay, and of dropout before the last layer."""
    kind = type(case.course.optimizer).__name__
    if "weight_decay" in case.course.groups[0]:
        for decay in DECAYS:
            value = decay * (100 if kind == "AdamW" else 1)  # of which a rate takes a part
            code = f"optimizer = torch.optim.{kind}(model.parameters(), lr, weight_decay={value:g})"
            yield Change(f"weight decay of {value:g}", code, partial(_decayed, value=value))
    if case.weighty:
        code = f"logits = last_layer(nn.functional.dropout(x, {SHARE}, self.training))"
        made = partial(_dropping, last=case.weighty[-1])
        yield Change(f"dropout of {SHARE} before the last layer", code, made)


def _decayed(course: Course, value: float) -> None:
    for group in course.groups:
        group["weight_decay"] = max(value, group["weight_decay"])


def _dropping(course: Course, last: str) -> None:
    put(course, last, nn.Sequential(nn.Dropout(SHARE), course.model.get_submodule(last)))
