"""A digit that turns: `python examples/rotated_digit.py [folder]`.

Figure 4 of Gal & Ghahramani (2016), on smaller digits: a convolutional network with dropout learns
upright digits; then a 1 that it has not seen is turned, 15 degrees at a time, and predicted many
times with dropout left on. Upright, all draws agree. Turned, softmax inputs of several classes
overlap, so that draws disagree about the class, and the mutual information rises: most where one
class gives way to the next. Between these it falls again, though no digit lies on its side: what is
strange is doubted only as far as draws take it for different things. Drawn in `rotated_digit.html`
in the folder, beside the run's report.

The digits, 8 by 8, are the Optical Recognition of Handwritten Digits of E. Alpaydin & C. Kaynak
(1998), UCI Machine Learning Repository, doi 10.24432/C50P49, CC BY 4.0: of these the 1797 for
testing, as scikit-learn's load_digits has them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from plotly.graph_objects import Figure
from scipy.ndimage import rotate
from torch import Tensor, nn

from dashboard import report
from dashboard.canvas import Canvas
from dashboard.theme import CONFIG, Palette, Scheme, palette, template
from diagnostics import Run
from diagnostics.active.mc_dropout import PlacedDropout
from diagnostics.mc_dropout import McDropout, mc_dropout
from diagnostics.store import save
from diagnostics.uncertainty import members
from probes import Recorder

Floats = NDArray[np.float64]
Trace = dict[str, Any]

DATA = Path(__file__).parent / "data" / "digits.npz"
LEARNT, TURNED = 1500, 1634  # the first so many are for training; which of the others is turned
STEP, ANGLES = 15, np.arange(0.0, 180, 15)
STEPS, BATCH, RATE, DRAWS = 1500, 64, 1e-3, 200
SIDE = 8  # pixels of a digit
PIXEL = STEP / (SIDE + 2)  # degrees on the axis: two pixels are left between digits
MOST_CLASSES, APART = 4, 3.4  # shown, and how far from one another, in degrees
LAYERS = 20  # of strokes: a line that crosses itself gets no darker, one that crosses others does


def digits() -> tuple[Tensor, Tensor]:
    """Images [digit, 1, 8, 8] from 0 to 1, and what they are."""
    with np.load(DATA) as held:
        images = torch.tensor(held["images"]).float().reshape(-1, 1, SIDE, SIDE) / 16
        return images, torch.tensor(held["labels"]).long()


def network() -> nn.Sequential:
    """As LeNet, with dropout before its fully connected layers."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(128, 128), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def train(folder: Path, steps: int = STEPS, seed: int = 0) -> Run:
    """Record a training on upright digits."""
    images, labels = (each[:LEARNT] for each in digits())
    torch.manual_seed(seed)
    model, loss_fn = network(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    seen = images[:256], labels[:256]
    with Recorder(model, optimizer, folder, loss=loss_fn, batch=seen) as recorder:
        for _ in range(steps):
            some = torch.randint(LEARNT, (BATCH,))
            loss = loss_fn(model(images[some]), labels[some])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            recorder.log(loss=loss)
    return Run(folder)


def turned() -> Floats:
    """One digit at each angle: [angle, 8, 8]"""
    upright = digits()[0][TURNED, 0].numpy()
    each = [rotate(upright, -angle, reshape=False, order=1) for angle in ANGLES]
    return cast("Floats", np.stack(each).clip(0, 1).astype(np.float64))


def analyse(run: Run, draws: int = DRAWS) -> McDropout:
    """From the recording and the turned digit alone."""
    images = torch.tensor(turned()).float()[:, None]
    truth = torch.full((len(images),), int(digits()[1][TURNED]))
    there = run.subject().on(
        (images, truth), f"a {truth[0]}, turned by 0 to {ANGLES[-1]:g} degrees"
    )
    found = mc_dropout(there, draws)
    save(run.path, PlacedDropout(found, None), "turned")
    return found


def told(found: McDropout) -> str:
    """Angle by angle; then what turning does."""
    of = found.uncertainty
    chance, doubt = of.mean.value, of.epistemic
    lines = ["angle  likeliest  mean probability  mutual information, nats"]
    for n, angle in enumerate(ANGLES):
        named = int(chance[n].argmax())
        lines.append(
            f"{angle:4.0f}°{named:9d}{chance[n, named]:14.2f} ± {of.mean.error[n, named]:.2f}"
            f"{doubt.value[n]:15.3f} ± {doubt.error[n]:.3f}"
        )
    across = int(np.flatnonzero(ANGLES == 90)[0])
    times, favourite = doubt.value[across] / doubt.value[0], chance[across].max()
    lines.append(
        f"At 90° the draws disagree {times:.0f} times as much as upright, though the mean gives "
        f"its favourite {favourite:.0%}."
    )
    return "\n".join(lines)


def likely(found: McDropout) -> list[int]:
    """Classes that are the likeliest at some angle: the most likely few of them, in order."""
    chance = found.uncertainty.mean.value
    named = np.unique(chance.argmax(1))
    most = named[np.argsort(-chance[:, named].max(0), kind="stable")][:MOST_CLASSES]
    return sorted(most.tolist())


def draw(found: McDropout, images: Floats, scheme: Scheme = "light") -> Figure:
    """The digits above; below them what every draw says of each, and how far draws disagree."""
    shown, colours = likely(found), palette(scheme)
    traces = [_pictures(images, colours), _doubt(found, colours)]
    for place, name in enumerate(shown):
        aside = APART * (place - (len(shown) - 1) / 2)
        traces += _of_one_class(
            found, name, ANGLES + aside, (_colour(place, colours), colours.card)
        )
    traces += _verdicts(found, shown, colours)
    figure = Canvas(data=traces)
    figure.update_layout(_layout(scheme))
    return figure


def _colour(place: int, colours: Palette) -> str:
    return (colours.accent, colours.chosen, colours.fit, colours.nonfinite)[place]


def _pictures(images: Floats, colours: Palette) -> Trace:
    """All side by side in one picture, with gaps between."""
    gap = np.full((len(images), SIDE, 2), np.nan)
    strip = np.concatenate([images, gap], 2).transpose(1, 0, 2).reshape(SIDE, -1)[:, :-2]
    return {
        "type": "heatmap",
        "z": strip[::-1],
        "x": PIXEL * (np.arange(strip.shape[1]) - (SIDE - 1) / 2),
        "y": PIXEL * np.arange(SIDE),
        "zmin": 0,
        "zmax": 1,
        "colorscale": [[0, colours.sunken], [1, colours.ink]],
        "showscale": False,
        "hoverinfo": "skip",
        "yaxis": "y",
    }


def _verdicts(found: McDropout, shown: list[int], colours: Palette) -> list[Trace]:
    """Above each digit what it is taken for."""
    named = found.uncertainty.mean.value.argmax(1)
    inks = [_colour(shown.index(n), colours) if n in shown else colours.dimmed for n in named]
    return [
        {
            "type": "scatter",
            "mode": "text",
            "x": ANGLES,
            "y": np.full(len(ANGLES), PIXEL * (SIDE - 0.5)),
            "text": [f"<b>{n}</b>" for n in named],
            "textposition": "top center",
            "textfont": {"size": 14, "color": inks},
            "cliponaxis": False,
            "hoverinfo": "skip",
            "showlegend": False,
            "yaxis": "y",
        }
    ]


def _of_one_class(found: McDropout, name: int, x: Floats, colours: tuple[str, str]) -> list[Trace]:
    """Each draw a stroke, before and after the softmax; the mean a dot with an edge."""
    colour, edge = colours
    after = members(found.kept, found.uncertainty.reading)[..., name]
    of = found.uncertainty.mean
    mean = {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": of.value[:, name],
        "error_y": {"array": of.error[:, name], "color": colour, "thickness": 1.5, "width": 0},
        "marker": {"size": 7, "color": colour, "line": {"width": 1, "color": edge}},
        "name": str(name),
        "yaxis": "y3",
        "hovertemplate": f"{name}: %{{y:.2f}}<extra></extra>",
    }
    before = found.kept[..., name].astype(np.float64)
    rows = {"y2": before, "y3": after}
    strokes = [
        _strokes(x, values[layer::LAYERS], colour) | {"yaxis": axis}
        for axis, values in rows.items()
        for layer in range(min(LAYERS, len(values)))
    ]
    return [*strokes, mean]


def _strokes(x: Floats, y: Floats, colour: str) -> Trace:
    """As wide as the classes are apart, whatever the figure's width."""
    half = 0.42 * APART
    ends = np.stack([x - half, x + half, np.full_like(x, np.nan)], -1)  # [angle, end]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": np.tile(ends.ravel(), len(y)),
        "y": np.repeat(y.ravel(), 3).astype(np.float32),
        "line": {"width": 1, "color": f"{colour}4d"},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _doubt(found: McDropout, colours: Palette) -> Trace:
    doubt = found.uncertainty.epistemic
    return {
        "type": "bar",
        "x": ANGLES,
        "y": doubt.value,
        "width": 0.6 * STEP,
        "marker": {"color": colours.missing},
        "error_y": {"array": doubt.error, "color": colours.fit, "thickness": 1.5, "width": 4},
        "showlegend": False,
        "yaxis": "y4",
        "hovertemplate": "%{y:.3f} nats<extra></extra>",
    }


def _layout(scheme: Scheme) -> dict[str, Any]:
    def row(title: str, low: float, high: float) -> dict[str, Any]:
        text = {"text": title, "standoff": 6}
        return {"title": text, "domain": [low, high], "anchor": "x", "zeroline": False}

    names = [f"{angle:.0f}°" for angle in ANGLES]
    ticks = {"tickvals": ANGLES, "ticktext": names, "showgrid": False, "anchor": "y4"}
    strokes = {"text": "strokes: draws; dots: their means", "side": "top", "font": {"size": 12}}
    legend = {"orientation": "h", "title": strokes, "x": 0, "xanchor": "left"}
    top = {"x": 0, "xref": "paper", "y": 0.98, "yref": "container", "yanchor": "top"}
    edges = [-STEP / 2, ANGLES[-1] + STEP / 2]
    square = {"scaleanchor": "x", "constrain": "domain", "constraintoward": "bottom"}
    return {
        "template": template(scheme),
        "height": 872,
        "margin": {"l": 60, "r": 16, "t": 104, "b": 48},
        "title": {"text": "<b>What a turning 1 is taken for</b>"} | top,
        "legend": legend | {"y": 1.035, "yanchor": "bottom"},
        "hovermode": "x",
        "xaxis": ticks | {"range": edges, "title": {"text": "turned by"}},
        "yaxis": row("", 0.87, 1) | square | {"visible": False},
        "yaxis2": row("softmax input", 0.56, 0.85),
        "yaxis3": row("softmax output", 0.24, 0.52) | {"range": [-0.02, 1.02]},
        "yaxis4": row("mutual information, nats", 0, 0.21) | {"rangemode": "tozero"},
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, nargs="?", default="runs/rotated_digit")
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    run = train(given.folder, seed=given.seed)
    found = analyse(run)
    print(told(found))
    page = run.path / "rotated_digit.html"
    draw(found, turned()).write_html(page, include_plotlyjs=True, config=CONFIG)
    print(f"drawn: {page} and {report(run, run.path / 'report.html')}")


if __name__ == "__main__":
    main()
