"""The way that training took: the plane that holds most of it, and what any plane shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from diagnostics.directions import Direction, gram_of, placed, point_at
from diagnostics.weight_space import Floats, Vector, WeightSpace, length
from probes.folder import FathomError


@dataclass(frozen=True)
class Trajectory:
    """Snapshots on a plane: where they lie, how far off it, what it shows instead of them."""

    steps: NDArray[np.int64]  # [snapshot]
    coordinates: Floats  # [snapshot, axis]  of the nearest point of the plane
    distance: Floats  # [snapshot]  from the plane: what the picture cannot show
    loss: Floats  # [snapshot]  its own
    slice_loss: Floats  # [snapshot]  the plane's, at the nearest point
    explained: float  # share of all squared movement to the centre that lies in the plane
    chance: float  # what the best plane would show of aimless wandering in as many snapshots
    variance: Floats  # [component]  what each principal direction explains, the largest first
    chance_variance: Floats  # [component]  the same of aimless wandering


def trajectory(
    space: WeightSpace,
    directions: Sequence[Direction],
    snapshots: Mapping[int, Vector],
    losses: Floats | None = None,
) -> Trajectory:
    """Does the plane show where training went? Each snapshot, by its step, beside its shadow.

    `losses` are the snapshots' own, where more than the weights has changed since: running
    statistics have. By default all but the weights is the centre's.
    """
    if not snapshots:
        raise FathomError("no snapshots were given; a trajectory needs at least one.")
    points = list(snapshots.values())
    ways = [point - space.centre for point in points]
    coordinates, distance = placed(space, directions, points)
    shadows = (point_at(space, directions, place) for place in coordinates)
    gram = gram_of(space, ways)
    moved, away = float(np.trace(gram)), int((np.diag(gram) > 0).sum())
    variance = np.linalg.eigvalsh(gram)[::-1].clip(0)[: max(away, 1)]
    chance = random_walk_shares(max(away, 1))
    return Trajectory(
        steps=np.array(list(snapshots), np.int64),
        coordinates=coordinates,
        distance=distance,
        loss=space.losses_at(points) if losses is None else losses,
        slice_loss=space.losses_at(shadows),
        explained=1 - float((distance**2).sum()) / moved if moved else 1.0,
        chance=float(chance[: len(directions)].sum()),
        variance=variance / moved if moved else variance,
        chance_variance=chance,
    )


def principal_directions(
    space: WeightSpace, snapshots: Sequence[Vector], count: int = 2
) -> tuple[Direction, ...]:
    """Those in which the snapshots' way to the centre moved most; of length 1, orthogonal.

    Taken about the centre and not about their mean, so that the plane goes through the centre. Few
    snapshots in many dimensions: the eigenvectors of the snapshots' own products give those of the
    weights.
    """
    ways = [snapshot - space.centre for snapshot in snapshots]
    if len(ways) < count:
        raise FathomError(
            f"{len(ways)} snapshots cannot give {count} directions; record more snapshots."
        )
    gram = gram_of(space, ways)
    values, mixes = np.linalg.eigh(gram)
    values, mixes = values[::-1].clip(0), mixes[:, ::-1]
    rounding = float(np.finfo(space.about.precision).eps) * length(space.centre)  # of a snapshot
    if values[count - 1] <= len(gram) * (np.finfo(float).eps * values[0] + rounding**2):
        raise FathomError(
            f"the {len(ways)} snapshots span fewer than {count} directions from the centre; "
            "choose another centre, or random directions."
        )
    return tuple(_component(ways, mixes[:, n], n) for n in range(count))


def _component(ways: list[Vector], mix: Floats, rank: int) -> Direction:
    vector = sum(float(m) * way for m, way in zip(mix, ways, strict=True))
    return Direction(f"principal {rank + 1} of the trajectory", vector / length(vector))


def random_walk_shares(steps: int) -> Floats:
    """What principal directions explain of aimless wandering, seen from its end.

    The covariance of a walk t and s steps before its end is min(t, s) in every coordinate. For many
    steps the first holds 8/π² = 81 % and two hold 90 %: only what goes beyond says anything.
    """
    back = np.arange(1, steps + 1)
    values = np.linalg.eigvalsh(np.minimum.outer(back, back).astype(float))[::-1]
    shares: Floats = values / values.sum()
    return shares
