"""The draws of one example, and the density that they make together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.theme import Palette
from diagnostics.mc_dropout import McDropout
from diagnostics.uncertainty import members, noise

Floats = NDArray[np.float64]
Trace = dict[str, Any]

BINS, MOST_BINS = 8, 24  # of few draws, and of many
CURVE = 61  # points of a density
WIDE = 3.5  # standard deviations to either side of the mean that a density is drawn over
DRAWS, ALIKE, DENSITY, PLAIN = "draws", "Gaussian", "with noise", "dropout off"


def value_traces(found: McDropout, example: int, output: int, colours: Palette) -> list[Trace]:
    """Of one output: densities, all on one scale."""
    draws, within = _of_example(found, example, output)
    edges = np.histogram_bin_edges(draws, _bins(len(draws)))
    height = np.histogram(draws, edges, density=True)[0]
    middle, sd = float(draws.mean()), float(draws.std(ddof=1))
    traces = [_steps(edges, height, DRAWS, colours.accent)]
    alike = _gaussian(x := _around(middle, sd), middle, sd)
    traces.append(_curve(x, alike, ALIKE, colours.accent))
    if within is not None:
        whole = float(np.hypot(sd, np.sqrt(within.mean())))
        x = _around(middle, whole)
        each = _gaussian(x[:, None], draws, np.sqrt(within))
        traces.append(_curve(x, each.mean(1), DENSITY, colours.dimmed))
    if found.plain.shape == found.uncertainty.mean.value.shape:
        plain = float(found.plain.reshape(len(found.plain), -1)[example, output])
        traces.append(_upright(plain, float(height.max()), colours))
    return traces


def _of_example(found: McDropout, example: int, output: int) -> tuple[Floats, Floats | None]:
    """Each draw's value, and the variance about it where it is known."""
    reading, kept = found.uncertainty.reading, found.kept[:, example : example + 1]
    means, within = members(kept, reading), noise(kept, reading)
    draws = means.reshape(len(kept), -1)[:, output]
    return draws, None if within is None else within.reshape(len(kept), -1)[:, output]


def class_traces(found: McDropout, example: int, colours: Palette) -> list[Trace]:
    """Of the two classes that are likeliest by the mean of the draws: shares of the draws."""
    reading = found.uncertainty.reading
    mean = found.uncertainty.mean.value
    first, second = np.argsort(-mean.reshape(-1, mean.shape[-1])[example], kind="stable")[:2]
    each = _probabilities(found, example)
    edges = np.linspace(0, 1, _bins(len(each)) + 1)
    traces = [
        _steps(
            edges,
            np.histogram(each[:, one], edges)[0] / len(each),
            _class_name(found, example, int(one)),
            colour,
        )
        for one, colour in ((first, colours.accent), (second, colours.dimmed))
    ]
    if found.plain.shape == mean.shape and reading.classes:
        plain = found.plain.reshape(-1, mean.shape[-1])[example, first]
        highest = max(float(trace["y"].max()) for trace in traces)
        traces.append(_upright(float(plain), highest, colours))
    return traces


def _probabilities(found: McDropout, example: int) -> Floats:
    """[draw, class]; an example may be one place of many in a batch's row."""
    mean = found.uncertainty.mean.value
    inside = int(np.prod(mean.shape[1:-1]))
    row, place = divmod(example, inside)
    each = members(found.kept[:, row : row + 1], found.uncertainty.reading)
    return np.asarray(each.reshape(len(each), inside, -1)[:, place])


def _class_name(found: McDropout, example: int, one: int) -> str:
    targets = found.targets
    known = targets is not None and example < targets.size
    aimed = known and int(np.asarray(targets).ravel()[example]) == one
    return f"class {one} (target)" if aimed else f"class {one}"


def _gaussian(x: Floats, mean: Any, sd: Any) -> Floats:
    """A density without width is no curve."""
    width = np.where(np.asarray(sd) > 0, sd, np.nan)
    return np.asarray(np.exp(-(((x - mean) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi)))


def _bins(draws: int) -> int:
    return int(np.clip(round(np.sqrt(draws) * 1.6), BINS, MOST_BINS))


def _around(middle: float, sd: float) -> Floats:
    return np.linspace(middle - WIDE * sd, middle + WIDE * sd, CURVE)


def _steps(edges: Floats, heights: Floats, name: str, colour: str) -> Trace:
    """A histogram as one outline."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.repeat(edges, 2),
        "y": np.concatenate([[0.0], np.repeat(heights, 2), [0.0]]),
        "fill": "tozeroy",
        "line": {"width": 1, "color": colour},
        "opacity": 0.55,
        "name": name,
        "hovertemplate": "%{x:.4g}: %{y:.3g}",
    }


def _curve(x: Floats, density: Floats, name: str, colour: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": np.where(np.isfinite(density), density, np.nan),
        "line": {"width": 2, "color": colour},
        "name": name,
        "hovertemplate": "%{x:.4g}: %{y:.3g}",
    }


def _upright(place: float, height: float, colours: Palette) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.array([place, place]),
        "y": np.array([0.0, height]),
        "line": {"width": 2, "color": colours.fit, "dash": "dot"},
        "name": PLAIN,
        "hovertemplate": "%{x:.4g}",
    }
