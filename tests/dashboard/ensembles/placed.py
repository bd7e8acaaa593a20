"""Ensembles of chosen predictions: on a line, of several values, of classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from diagnostics.active.ensemble import Along, PlacedEnsemble
from diagnostics.active.line import Line
from diagnostics.ensemble import Ensemble, Kind, ensemble
from diagnostics.uncertainty import Reading
from diagnostics.weight_space import About

ABOUT = About("one", 12, "8 held-out examples", 8, 0, 1, "none", "float32", "key", "mean")


def known(of: Ensemble, kind: Kind = "runs", **about: Any) -> Ensemble:
    """As if recorded runs had said it."""
    return replace(of, kind=kind, about=replace(ABOUT, **about))


def values(members: int = 4, out: int = 1, kind: Kind = "runs", **asked: Any) -> Ensemble:
    """Member n predicts n times the place, and more so of each further output."""
    x = np.linspace(-1.0, 1.0, 8)
    slopes = np.arange(members)[:, None, None] * np.arange(1.0, out + 1)
    names = asked.pop("names", [f"run{n}" for n in range(members)])
    targets = asked.pop("targets", np.zeros((8, out)))
    reading = Reading(noise=asked.pop("noise", None))
    found = ensemble(slopes * x[:, None], reading=reading, targets=targets, names=names)
    return known(found, kind, **asked)


def classes(members: int = 5, examples: int = 60, kind: Kind = "runs") -> Ensemble:
    """Logits of three classes that agree on most examples, and are right on most."""
    random = np.random.default_rng(0)
    targets = random.integers(3, size=examples)
    logits = 2 * np.eye(3)[targets] + random.standard_normal((members, examples, 3))
    names = [f"run{n}" for n in range(members)]
    return known(ensemble(logits, reading=Reading("logits"), targets=targets, names=names), kind)


def on_a_line(of: Ensemble | None = None) -> PlacedEnsemble:
    of = of or values()
    places = np.linspace(-2.0, 2.0, 21)
    there = np.arange(len(of.names))[:, None, None] * places[:, None]
    drawn = ensemble(there, reading=of.uncertainty.reading, names=of.names)
    drawn = known(drawn, of.kind, data="21 even places from -2 to 2", key="there")
    line = Line(places, np.array([-1.0, 1.0]), np.array([[0.5], [-0.5]]), "held-out")
    return PlacedEnsemble(of, Along(line, drawn))
