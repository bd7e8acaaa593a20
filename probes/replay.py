"""Plays a forward pass again, to find the first thing in it that is not finite.

Looked at are whole tensors, at once, before anything is changed in place. A model that calls random
numbers gets others than in training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from probes.finiteness import Tally, bad_rows, tally
from probes.global_hooks import GlobalHooks
from probes.keeper import Kept
from probes.layers import Layers
from probes.named_tensors import named_tensors
from probes.unharmed import unharmed

Pause = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Look:
    """What went into a module, or came out of it; or the gradient with respect to that."""

    module: str  # "" is the model itself
    kind: str
    inside: str | None  # the module that called it
    is_leaf: bool
    enters: bool
    tally: Tally
    rows: tuple[int, ...] = ()  # of the first tensor, where it is not finite
    size: int = 0  # rows that it has


@dataclass(frozen=True)
class Origin:
    """Where a pass was finite for the last time."""

    where: Literal["inputs", "weights", "forward", "backward"]
    module: str
    kind: str
    between: tuple[str | None, str | None] | None  # modules, where it is a function between them
    look: Look  # the first that is not finite
    weights: tuple[tuple[str, Tally], ...] = ()  # the module's parameters that are not
    masked: int = 0  # elements of -inf that went in
    given: float = 0.0  # the largest magnitude that went in …
    held: float = 0.0  # … and of the module's parameters


@dataclass
class Replayed:
    """One pass, played again."""

    kept: Kept
    looks: list[Look] = field(default_factory=list)
    origin: Origin | None = None  # of what is not finite at the end, or NaN anywhere
    infinite: Origin | None = None  # an infinity that came to nothing in the forward pass
    failed: str | None = None  # it could not be played to its end

    @property
    def leaves(self) -> list[Look]:
        """What every layer gave, in the order of the forward pass."""
        return [look for look in self.looks if look.is_leaf and not look.enters]


def replay(model: nn.Module, kept: Kept, pause: Pause) -> Replayed:
    """Play the pass again: without gradients, unless the model itself asks for some."""
    played = _played(model, kept, pause, torch.no_grad())
    if played.failed:
        played = _played(model, kept, pause, torch.enable_grad())
    first = _first_bad(played.looks)
    if first is not None:
        origin = _origin(model, played.looks, first)
        is_lost = any(look.tally.nan for look in played.looks) or played.looks[-1].tally.bad
        if is_lost:
            played.origin = origin
        elif origin.look.tally.posinf:
            played.infinite = origin
    return played


def _played(
    model: nn.Module, kept: Kept, pause: Pause, mode: AbstractContextManager[Any]
) -> Replayed:
    played = Replayed(kept)
    try:
        with apart(model, kept, pause, Watcher(model, played.looks)), mode:
            model(*copied(kept.inputs), **copied(kept.keywords))
    except Exception as error:
        played.failed = told_error(error)
    return played


def told_error(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def apart(model: nn.Module, kept: Kept, pause: Pause, watcher: Watcher) -> Iterator[None]:
    """As the pass was run, and with no trace of it left."""
    precision = torch.autocast(
        "cpu", kept.autocast or torch.bfloat16, kept.autocast is not None, cache_enabled=False
    )
    with ExitStack() as stack:
        stack.enter_context(pause())
        stack.enter_context(unharmed(model))
        stack.enter_context(precision)
        stack.callback(GlobalHooks(watcher.enters, watcher.leaves).remove)
        yield


def copied(value: Any) -> Any:
    """The model may write into its inputs."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if type(value) in (tuple, list):
        return type(value)(copied(part) for part in value)
    if type(value) is dict:
        return {key: copied(part) for key, part in value.items()}
    return value


class Watcher:
    """Looks at every call of the model's modules."""

    def __init__(self, model: nn.Module, looks: list[Look]) -> None:
        self._layers, self._looks = Layers(model, None), looks
        self._stack: list[tuple[str, int]] = []  # modules under way, and where their look is

    def enters(self, module: nn.Module, inputs: tuple[Any, ...]) -> Any:
        name = self._layers.name_of(module)
        if name is None:
            return None
        self._stack.append((name, len(self._looks)))
        return self.look(self._seen(name, module, enters=True), inputs)

    def leaves(self, module: nn.Module, _: Any, keywords: dict[str, Any], output: Any) -> None:
        name = self._layers.name_of(module)
        if name is None:
            return
        while self._stack[-1][0] != name:
            self._stack.pop()  # a module inside was left by an exception
        at = self._stack[-1][1]
        if keywords:  # only now are they shown
            given = tally(keywords)
            self._looks[at] = replace(self._looks[at], tally=self._looks[at].tally + given)
        seen = self._seen(name, module, enters=False)
        self._stack.pop()
        self.look(seen, output)

    def _seen(self, name: str, module: nn.Module, *, enters: bool) -> Look:
        inside = self._stack[-2][0] if len(self._stack) > 1 else None
        kind, leaf = type(module).__name__, self._layers.computes(module)
        return Look(name, kind, inside, leaf, enters, Tally())

    def look(self, seen: Look, value: Any) -> Any:
        found = tally(value)
        if found.bad:
            broken = next(t for _, t in named_tensors("", value) if tally(t).bad)
            size = len(broken) if broken.ndim else 0
            seen = replace(seen, rows=tuple(bad_rows(broken)), size=size)
        self._looks.append(replace(seen, tally=found))


def _first_bad(looks: list[Look]) -> int | None:
    """A layer that gives -inf counts; one that is given it may have been given a mask."""
    given: dict[str, int] = {}
    for n, look in enumerate(looks):
        if look.enters:
            given[look.module] = look.tally.neginf
        born = look.is_leaf and not look.enters and look.tally.neginf and not given[look.module]
        if look.tally.is_broken or born:
            return n
    return None


def _origin(model: nn.Module, looks: list[Look], first: int) -> Origin:
    look = looks[first]
    given = look.tally if look.enters else _given(looks, first)
    masked = 0 if look.enters else given.neginf
    if first == 0 or (masked and looks[0].tally.neginf):
        return Origin("inputs", "", looks[0].kind, None, looks[0])
    if look.is_leaf and not look.enters:
        owner, between = look.module, None
    else:
        owner = (look.inside or "") if look.enters else look.module
        between = (_layer_before(looks, first), look.module if look.enters else None)
    module = model.get_submodule(owner)
    own = _own_tallies(module, owner, inside=between is None)
    weights = tuple((name, found) for name, found in own.items() if found.is_broken)
    return Origin(
        "weights" if weights else "forward",
        owner,
        type(module).__name__,
        between,
        look,
        weights,
        masked,
        given.largest,
        max((found.largest for found in own.values()), default=0.0),
    )


def _given(looks: list[Look], at: int) -> Tally:
    """What went into the module that gave this."""
    module = looks[at].module
    return next(
        seen.tally for seen in reversed(looks[:at]) if seen.enters and seen.module == module
    )


def _layer_before(looks: list[Look], at: int) -> str | None:
    before = (seen.module for seen in reversed(looks[:at]) if seen.is_leaf and not seen.enters)
    return next(before, None)


def _own_tallies(module: nn.Module, name: str, *, inside: bool) -> dict[str, Tally]:
    """Of its parameters and buffers, and where it is a layer, of those inside."""
    prefix = f"{name}." if name else ""
    held = [*module.named_parameters(recurse=inside), *module.named_buffers(recurse=inside)]
    return {f"{prefix}{local}": tally(tensor) for local, tensor in held}
