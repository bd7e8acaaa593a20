"""Dropout ensembles of small networks whose masks numpy draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from diagnostics.active.mc_dropout import Line, PlacedDropout
from diagnostics.mc_dropout import McDropout, Plan, mc_dropout
from diagnostics.uncertainty import Reading
from tests.diagnostics.masked import masked, relu


def values(draws: int = 60, examples: int = 40, out: int = 1, **asked: Any) -> McDropout:
    """Of a network that predicts numbers."""
    reading = Reading(noise=asked.pop("noise", None))
    targets = asked.pop("targets", None)
    net = masked(examples=examples, out=out, p=(0.2, 0.4), squash=relu)
    return mc_dropout(net, draws, reading=reading, targets=targets, plan=Plan(**asked))


def classes(draws: int = 60, examples: int = 40, **asked: Any) -> McDropout:
    """Of a classifier of three classes, whose targets are what it says itself for half of them."""
    net = masked(examples=examples, out=3, p=(0.2, 0.4), squash=relu, measures=("loss", "accuracy"))
    targets = asked.pop("targets", np.where(np.arange(examples) % 2, net.of().argmax(1), 0))
    net = replace(net, classes=targets, never=asked.pop("never", ()))
    return mc_dropout(net, draws, plan=Plan(**asked))


def on_a_line(found: McDropout) -> PlacedDropout:
    """In an order that is not that of the examples, with three points where targets are known."""
    count = len(found.uncertainty.mean.value)
    places = np.linspace(3.0, -3.0, count)
    targets = np.array([[0.5], [np.nan], [-0.5]])
    return PlacedDropout(found, Line(places, np.array([-1.0, 0.0, 1.0]), targets, "recorded"))
