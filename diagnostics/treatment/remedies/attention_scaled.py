"""Queries and keys drawn small enough that no row of the attention is a choice of one."""

from __future__ import annotations

import re
from functools import partial

import torch
from torch import nn
from torch.nn import init

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course

ABOUT = About(("attention_collapse",))
ASKING = re.compile(r"(?:.*\.)?(?:to_)?(?:q|k|query|key|wq|wk|w_q|w_k)(?:_?(?:proj|lin|linear))?")


def attention_scaled(case: Case) -> Proposals:
    """Layers told by their names, and torch's own attention."""
    names = [name for name in case.weighty if ASKING.fullmatch(name.lower())]
    own = [
        name
        for name, module in case.course.model.named_modules()
        if isinstance(module, nn.MultiheadAttention)
    ]
    if not names and not own:
        return
    code = (
        "for layer in (attention.q, attention.k):\n"
        "    nn.init.xavier_uniform_(layer.weight)\n"
        "    layer.weight.data *= head_width**-0.25  # a score's scale of 1 / sqrt(head_width)"
    )
    yield Change("queries and keys drawn anew, small", code, partial(_drawn, names=names, own=own))


def _drawn(course: Course, names: list[str], own: list[str]) -> None:
    with torch.no_grad():
        for name in names:
            layer = course.model.get_submodule(name)
            assert isinstance(layer, nn.Linear)
            init.xavier_uniform_(layer.weight)
            layer.weight *= layer.in_features**-0.25
        for name in own:
            module = course.model.get_submodule(name)
            assert isinstance(module, nn.MultiheadAttention)
            if module.in_proj_weight is not None:
                init.xavier_uniform_(module.in_proj_weight)
    course.optimizer.state.clear()
