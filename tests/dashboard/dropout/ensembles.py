"""Dropout ensembles of small networks whose masks numpy draws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from diagnostics.active.line import Line
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.active.plane import Plane
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


def over_a_plane(own: McDropout, **asked: Any) -> PlacedDropout:
    """With a grid of 5 by 4 places around two of its inputs; the other inputs are 0 there."""
    across, up = np.linspace(-2, 2, 5), np.linspace(-1.5, 1.5, 4)
    places = np.stack(np.meshgrid(across, up), -1).reshape(-1, 2)
    of_classes = own.uncertainty.reading.classes
    net = masked(examples=20, out=3 if of_classes else 1, p=(0.2, 0.4), squash=relu)
    net = replace(net, x=np.pad(places, ((0, 0), (0, 2))))
    reading = own.uncertainty.reading
    there = mc_dropout(net, own.uncertainty.draws, reading=reading, plan=Plan(**asked))
    known = np.random.default_rng(0).standard_normal((12, 2))
    targets = np.where(np.arange(12) < 11, np.arange(12) % 3, np.nan)[:, None]
    return PlacedDropout(own, None, Plane(across, up, there, known, targets, "recorded"))
