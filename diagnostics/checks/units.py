"""Hidden units before training: on their flat ends, silent on every example, or one-hot."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.passes import RELUS, SQUASHERS, Call, Pass, by_unit, watched
from diagnostics.checks.setup import Setup, rows_of
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.units")
Share = Callable[[Call], float]


def units(setup: Setup) -> Answer:
    """Can the hidden units tell examples apart, and be taught to?"""
    with setup.scene() as scene, torch.no_grad():
        scene.train(False)
        seen = watched(scene)
    hidden = [call for call in seen.calls if call is not seen.last]
    flat = _shares(hidden, SQUASHERS, _saturated)
    silent = dead(seen) if rows_of(setup.batch) >= LIMITS["rows"] else {}
    even = _shares(hidden, (nn.Softmax,), _evenness)
    if not (flat or silent or even):
        raise CannotAsk("no hidden module is a tanh, sigmoid, ReLU or softmax")
    numbers = tuple(_numbers(flat, silent, even))
    told = ", ".join(f"{each.name} {each.value:.2g}" for each in numbers)
    return Answer(f"In the worst layer: {told}.", numbers, tuple(_findings(flat, silent, even)))


def dead(seen: Pass) -> dict[str, float]:
    """By layer: the share of ReLU units that are 0 for all examples."""
    return _shares([call for call in seen.calls if call is not seen.last], RELUS, _silent)


def _shares(calls: list[Call], kinds: tuple[type, ...], share: Share) -> dict[str, float]:
    found: dict[str, float] = {}
    for call in calls:
        if isinstance(call.module, kinds) and call.values.numel():
            found[call.name] = max(found.get(call.name, 0.0), share(call))
    return found


def _saturated(call: Call) -> float:
    """Values within 3 % of a limit."""
    low = 0.0 if isinstance(call.module, (nn.Sigmoid, nn.Hardsigmoid)) else -1.0
    values, near = call.values.float(), LIMITS["near"]
    return float(((values > 1 - near) | (values < low + near)).double().mean())


def _silent(call: Call) -> float:
    """Units that are 0 for all examples, wherever in them.

    Of [example, ?, ?] either axis may be the units': the one with fewer silent ones counts.
    """
    silent = float((by_unit(call, call.values) <= 0).all(1).double().mean())
    if call.values.ndim != 3:
        return silent
    other = (call.values.movedim(1, 0).flatten(1) <= 0).all(1)
    return min(silent, float(other.double().mean()))


def _evenness(call: Call) -> float:
    """Mean entropy of rows over that of even ones; what a mask leaves out is not counted."""
    axis = getattr(call.module, "dim", -1)
    rows = call.values.float().movedim(-1 if axis is None else axis, -1).flatten(0, -2)
    room = (rows > 0).sum(1)
    rows, room = rows[room > 1], room[room > 1]
    if not len(rows):
        return 1.0
    entropy: Tensor = -(rows * rows.clamp_min(1e-30).log()).sum(1)
    return float((entropy / room.float().log()).mean())


def _numbers(
    flat: dict[str, float], silent: dict[str, float], even: dict[str, float]
) -> Iterator[Evidence]:
    if flat:
        yield Evidence("saturated", max(flat.values()), LIMITS["saturated"], "above")
    if silent:
        yield Evidence("dead", max(silent.values()), LIMITS["dead"], "above")
    if even:
        yield Evidence("evenness of attention", min(even.values()), LIMITS["even"], "below")


def _findings(
    flat: dict[str, float], silent: dict[str, float], even: dict[str, float]
) -> Iterator[Finding]:
    for found, name, told in ((flat, "saturated", SATURATED), (silent, "dead", DEAD)):
        limit = LIMITS[name]
        worst = sorted((n for n in found if found[n] > limit), key=lambda n: -found[n])
        if worst:
            number = Evidence(f"{name} in the worst layer", found[worst[0]], limit, "above")
            disease = "saturated_activations" if name == "saturated" else "dead_relu"
            yield noticed(disease, "warning", told, [number], worst, 0.85)
    sharp = sorted((n for n in even if even[n] < LIMITS["even"]), key=even.__getitem__)
    if sharp:
        number = Evidence("evenness of attention", even[sharp[0]], LIMITS["even"], "below")
        yield noticed("attention_collapse", "warning", SHARP, [number], sharp, 0.8)


SATURATED = Words(
    "Hidden units sit on their flat ends for nearly all inputs.",
    "There the slope is near 0: they pass hardly any gradient on, and tell few examples apart.",
    "Normalise the inputs, draw the weights smaller, or use another nonlinearity:\n"
    "    nn.init.xavier_normal_(layer.weight)",
)
DEAD = Words(
    "Most units of a ReLU layer are zero for every example of the batch.",
    "A unit that is zero everywhere gets no gradient, and stays so.",
    "Normalise the inputs, start biases at 0, use He initialisation, or LeakyReLU:\n"
    "    nn.init.zeros_(layer.bias)",
)
SHARP = Words(
    "A softmax inside the model gives nearly all to one entry, before anything is learnt.",
    "Scores that are too large leave the softmax no slope: which entry wins is hard to change.",
    "Divide the scores by the root of the head's width, and draw queries and keys smaller:\n"
    "    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])",
)
