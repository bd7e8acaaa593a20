"""The loss along one direction, or over the plane of two, around a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import griddata

from diagnostics.class_losses import between
from diagnostics.directions import Direction, cosines, random_direction
from diagnostics.refinement import Refined, Scale, refining, scale_for
from diagnostics.shown import Shown
from diagnostics.slice_figures import Figure, slice_figures
from diagnostics.slices import CLASS, HELD_OUT, Grid, Slice, axis_of
from diagnostics.tiles import Asked, Work
from diagnostics.trajectory import Trajectory
from diagnostics.weight_space import About, Floats, WeightSpace, length, loss_at

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Landscape(Shown):
    """A slice of the loss. NaN and infinity are the loss's own: there it has no value.

    `loss[y, x]` over a plane, as a heat map draws it; `loss[x]` along a line.
    """

    about: About
    directions: tuple[str, ...]  # [axis]  in words, x first
    axes: tuple[Floats, ...]  # [axis][node]  coordinates, in lengths of the direction
    scale: Scale  # on which errors are shares of the range; linear where a loss is not above 0
    tolerance: float  # largest error allowed, as a share of the range; 0: every node evaluated
    loss: Floats  # [y, x] or [x]
    evaluated: Mask  # [y, x]  False: interpolated
    interpolation_error: Floats  # [y, x]  estimate, as a share of the range drawn; 0: evaluated
    audited: int  # interpolated nodes drawn at random and checked; none was beyond the tolerance
    audit_error: float  # the largest error among them, as a share of the range drawn
    error: Floats  # [y, x]  standard error of the loss, the data being a sample; NaN: not known
    rise_error: Floats  # [y, x]  that of the loss less the centre's: far smaller, examples pair up
    accuracy: Floats | None  # [y, x]  linear between evaluated nodes; None: targets are no classes
    held_out: str  # which held-out examples, in words; "": none were given
    held_out_loss: Floats | None  # [y, x]  refined after the loss, to the same tolerance
    held_out_accuracy: Floats | None  # [y, x]
    centre_loss: float
    lengths: Floats  # [axis]  of the direction
    centre_length: float  # of the weights
    cosines: Floats  # [axis, axis]  between the directions
    trajectory: Trajectory | None  # the way of training on this plane; `trajectory` gives it
    figures: tuple[Figure, ...]  # how sharp this slice is, each definition named
    finished: bool  # False: known so far, not within the tolerance; nothing was checked
    classes: tuple[str, ...]  # [class]  if asked for, and of 2 to 12 classes
    class_loss: Floats | None  # [class, y, x]  between evaluated nodes smooth, not checked


def loss_landscape(
    space: WeightSpace,
    directions: Sequence[Direction] | None = None,
    grid: Grid | None = None,
    *,
    held_out: WeightSpace | None = None,
    work: Work | None = None,
) -> Landscape:
    """The loss on a grid, to the grid's tolerance; by default over a random plane.

    With a folder to work in, each tile is kept, and a killed landscape goes on where it was.
    """
    for found in growing_landscape(space, directions, grid, held_out=held_out, work=work):
        last = found
    return last


def growing_landscape(
    space: WeightSpace,
    directions: Sequence[Direction] | None = None,
    grid: Grid | None = None,
    *,
    held_out: WeightSpace | None = None,
    work: Work | None = None,
) -> Iterator[Landscape]:
    """The landscape as it is known after each mesh: to look at while it is refined.

    The last is finished and the others say that they are not.
    """
    grid, work = grid or Grid(), work or Work()
    plane = tuple(directions or (random_direction(space, seed) for seed in (0, 1)))
    axes = tuple(axis_of(grid.reach, grid.resolution) for _ in plane)
    cut = Slice(space, plane, axes, held_out, by_class=grid.by_class)
    asked = Asked(cut, cut.key(), work)
    for quantity in ("loss", HELD_OUT + "loss")[: 2 if held_out else 1]:
        column = cut.quantities.index(quantity)
        for found in _refining(asked, column, cut.shape, grid):
            if quantity == "loss":
                main, second = found, None
            else:
                second = found
            yield _landscape(cut, grid, asked, (main, second))


def _refining(asked: Asked, column: int, shape: tuple[int, ...], grid: Grid) -> Iterator[Refined]:
    if grid.tolerance > 0:
        return refining(lambda nodes: asked(nodes)[:, column], shape, grid.tolerance, grid.scale)
    values = asked(np.arange(int(np.prod(shape))))[:, column].reshape(shape)
    return iter([Refined(values, np.ones(shape, bool), np.zeros(shape), 0, 0.0)])


def _landscape(
    cut: Slice, grid: Grid, asked: Asked, found: tuple[Refined, Refined | None]
) -> Landscape:
    """All that is known by now, in its place."""
    main, second = found
    space, shape = cut.space, cut.shape
    columns = dict(zip(cut.quantities, asked.columns(shape), strict=True))  # NaN: not asked
    known = asked.mask(shape)
    loss = np.where(known, columns["loss"], main.values)
    centre_loss = loss_at(space, space.centre)
    return Landscape(
        about=space.about,
        directions=tuple(direction.name for direction in cut.directions),
        axes=cut.axes,
        scale=scale_for(grid.scale, loss[known]),
        tolerance=float(grid.tolerance),
        loss=loss,
        evaluated=known,
        interpolation_error=np.where(known, 0.0, main.error),
        audited=main.audited,
        audit_error=main.audit_error,
        error=columns["error"],
        rise_error=columns["rise_error"],
        accuracy=_between(columns.get("accuracy"), known),
        held_out=cut.held_out.about.data if cut.held_out else "",
        held_out_loss=_held_out_loss(columns.get(HELD_OUT + "loss"), known, loss, second),
        held_out_accuracy=_between(columns.get(HELD_OUT + "accuracy"), known),
        centre_loss=centre_loss,
        lengths=np.array([length(direction.vector) for direction in cut.directions]),
        centre_length=length(space.centre),
        cosines=cosines(space, cut.directions),
        trajectory=None,
        figures=_figures(cut, loss, known, centre_loss),
        finished=_is_finished(main) and (not cut.held_out or _is_finished(second)),
        classes=cut.classes,
        class_loss=_class_loss(columns, cut.classes, known, loss),
    )


def _is_finished(found: Refined | None) -> bool:
    """What is still being refined was not audited."""
    return found is not None and bool(np.isfinite(found.audit_error))


def _held_out_loss(
    values: Floats | None, known: Mask, loss: Floats, second: Refined | None
) -> Floats | None:
    """Before its own refinement is through, smooth between the nodes that the loss asked for."""
    if values is None:
        return None
    if second is None or not _is_finished(second):
        (found,) = between(values[None], known, loss)
        return np.asarray(found)
    return np.where(known, values, second.values)


def _class_loss(
    columns: Mapping[str, Floats], classes: tuple[str, ...], known: Mask, loss: Floats
) -> Floats | None:
    if not classes:
        return None
    return between(np.stack([columns[CLASS + name] for name in classes]), known, loss)


def _figures(cut: Slice, loss: Floats, known: Mask, centre_loss: float) -> tuple[Figure, ...]:
    double = cut.space.about.precision == "float64"
    rounding = float(np.finfo(np.float64 if double else np.float32).eps)
    return slice_figures(cut.axes, loss, bool(known.all()), rounding, centre_loss)


def _between(values: Floats | None, known: Mask) -> Floats | None:
    """Linear between the nodes evaluated: accuracy moves in steps that no law foresees."""
    if values is None or known.all():
        return values
    places = np.argwhere(known).astype(float)
    everywhere = np.argwhere(np.ones_like(known)).astype(float)
    if values.ndim == 1:
        return np.asarray(np.interp(everywhere[:, 0], places[:, 0], values[known]))
    found = griddata(places, values[known], everywhere, method="linear")
    return np.where(known, values, np.reshape(found, values.shape))
