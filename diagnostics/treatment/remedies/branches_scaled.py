"""Residual branches that start small: the last layer of each divided by the number of blocks."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from diagnostics.treatment.case import About, Case, Change, Proposals
from diagnostics.treatment.course import Course
from diagnostics.treatment.structure import WEIGHTY, is_leaf

ABOUT = About(("exploding_gradient", "bad_init_scale", "loss_spikes"))
FEWEST = 4  # blocks of one kind in a row


def branches_scaled(case: Case) -> Proposals:
    blocks = [*_blocks(case)]
    if len(blocks) < FEWEST:
        return

    def make(course: Course) -> None:
        with torch.no_grad():
            for name in blocks:
                layer = course.model.get_submodule(name)
                for parameter in layer.parameters():
                    parameter.div_(len(blocks))

    code = (
        "for block in blocks:\n"
        f"    block.last_layer.weight.data.div_({len(blocks)})  # as many as there are blocks"
    )
    yield Change(f"the last layers of {len(blocks)} blocks divided by their number", code, make)


def _blocks(case: Case) -> Iterator[str]:
    """The last layer with weights of each of several modules of the user's own kind."""
    for place, parent in case.course.model.named_modules():
        if not isinstance(parent, (nn.Sequential, nn.ModuleList)):
            continue
        own = {n: c for n, c in parent.named_children() if not is_leaf(c)}
        kinds = [type(child) for child in own.values()]
        common = max(kinds, key=kinds.count, default=None)
        for name, child in own.items():
            start = f"{place}.{name}." if place else f"{name}."
            layers = [n for n in case.order if n.startswith(start) and _weighs(case, n)]
            if type(child) is common and kinds.count(common) >= FEWEST and layers:
                yield layers[-1]


def _weighs(case: Case, name: str) -> bool:
    return isinstance(case.module(name), WEIGHTY)
