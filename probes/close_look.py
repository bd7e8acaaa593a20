"""What the black box does once something is not finite: looks at everything, and judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from torch import nn

from probes.backward_replay import replay_backward
from probes.finiteness import Tally, tally
from probes.first_bad import (
    Report,
    Where,
    batch_rows,
    counts,
    inputs_of,
    listed,
    order_of,
    told,
    told_backward,
    told_forward,
)
from probes.keeper import Keeper
from probes.replay import Origin, Pause, Replayed, replay
from probes.sampling import local

INNOCENT = (
    "played again, the model gives finite values, and a finite gradient goes back through it and "
    "stays so: it is the loss that sent another"
)


@dataclass(frozen=True)
class Scene:
    """All there is to look at."""

    step: int
    model: nn.Module
    keeper: Keeper
    pause: Pause
    noticed: str  # what made one look, where it was not the gradients
    skipped: int  # steps in a row that a GradScaler has left out

    @property
    def gradients(self) -> dict[str, Tally]:
        named = self.model.named_parameters()
        return {name: tally(local(p.grad)) for name, p in named if p.grad is not None}

    @property
    def weights(self) -> dict[str, Tally]:
        return {name: tally(local(p)) for name, p in self.model.named_parameters()}


def replays(scene: Scene) -> list[Replayed]:
    """The step's forward passes, as far as they can be played again."""
    kept = [kept for kept in scene.keeper.kept if not kept.is_changed]
    return [replay(scene.model, one, scene.pause) for one in kept]


def close_look(scene: Scene, played: Sequence[Replayed]) -> Report:
    """Forward passes first, for what is lost there is lost in the backward pass too."""
    gradients = scene.gradients
    bad = any(found.bad for found in gradients.values())
    for one in played:
        origin = one.origin or (one.infinite if bad else None)
        if origin is not None:
            return _at(scene, one, origin, told_forward(origin))
    if bad:
        complete = [one for one in played if not one.failed]
        sent = [replay_backward(scene.model, one.kept, scene.pause) for one in complete]
        for one, back in zip(complete, sent, strict=True):
            if back.origin is not None:
                return _at(scene, one, back.origin, told_backward(back.origin))
        is_innocent = _are_complete(played) and _are_complete(sent)
        return _by_gradients(scene, played, gradients, is_innocent=is_innocent)
    return _unseen(scene, played)


def scaled_too_far(scene: Scene, played: Sequence[Replayed]) -> Report:
    """Only the backward pass overflows, whatever the loss scale is lowered to."""
    first = scene.step - scene.skipped + 1
    text = (
        f"steps {first} to {scene.step}: float16 gradients overflowed in each of these "
        f"{scene.skipped} steps although the GradScaler lowered the loss scale"
    )
    if _are_complete(played):
        text += "; the forward passes are finite"
    report = _plain(scene, played, f"{text}.")
    return replace(report, where="backward", kind="+inf", dtype="float16")


def _at(scene: Scene, played: Replayed, origin: Origin, said: str) -> Report:
    kept, look = played.kept, origin.look
    passes = f"forward pass {kept.number} of {scene.keeper.passes}"
    name, rows, on_rows = batch_rows(kept, origin)
    after, before = origin.between or (None, None)
    return replace(
        _plain(scene, [played], f"step {scene.step}: {said}; {passes}. {on_rows}".strip()),
        where=origin.where,
        kind=look.tally.kind,
        module=origin.module,
        module_type=origin.kind,
        after=after,
        before=before,
        forward_pass=kept.number,
        input=name,
        rows=rows,
        dtype=look.tally.dtype,
        counts=counts(look.tally),
        order=order_of(played, look),
        arrays=inputs_of(kept, rows),
    )


def _plain(scene: Scene, played: Sequence[Replayed], summary: str) -> Report:
    """What can be said whatever it was."""
    autocast = next((str(p.kept.autocast) for p in played if p.kept.autocast), "")
    return Report(
        scene.step,
        "unknown",
        summary,
        passes=scene.keeper.passes or None,
        autocast=autocast.removeprefix("torch."),
        order=order_of(played[0], None) if played else (),
        weights=listed(scene.weights),
        gradients=listed(scene.gradients),
        skipped=scene.skipped,
        note=_note(scene, played),
        arrays=inputs_of(played[0].kept, ()) if played else {},
    )


def _note(scene: Scene, played: Sequence[Replayed]) -> str:
    """What could not be looked at, and why."""
    failed = next((one.failed for one in played if one.failed), None)
    if failed:
        return f"a forward pass could not be played again to its end: {failed}"
    if not scene.keeper.looks:
        return (
            "forward passes are not played again on an accelerator, between several processes, "
            "or for a compiled model"
        )
    if not scene.keeper.passes:
        return "the model itself was not called with gradients in this step, only parts of it"
    if len(played) < scene.keeper.passes and not any(one.origin for one in played):
        return f"only {len(played)} of {scene.keeper.passes} forward passes could be played again"
    return ""


def _are_complete(played: Sequence[Replayed]) -> bool:
    return bool(played) and not any(one.failed or one.origin for one in played)


def _by_gradients(
    scene: Scene,
    played: Sequence[Replayed],
    gradients: Mapping[str, Tally],
    *,
    is_innocent: bool,
) -> Report:
    """The parameters' gradients, from the output towards the input: the first that is bad."""
    order = _in_order(played, gradients)
    bad = {_owner(name) for name, found in gradients.items() if found.bad}
    last = max(n for n, module in enumerate(order) if module in bad)
    module = order[last]
    own = {name: found for name, found in gradients.items() if _owner(name) == module}
    name = next(name for name, found in own.items() if found.bad)
    layer = told(module, type(scene.model.get_submodule(module)).__name__)
    lost = f"the gradient of '{name}' is {own[name].kind}"
    finite = [other for other, found in own.items() if not found.bad]
    where: Where
    if finite:
        where = "backward"
        said = f"{lost} and that of '{finite[0]}' finite: it is the backward pass of {layer} itself"
    elif last + 1 < len(order):
        where = "backward"
        said = f"{lost} and {_after(gradients, order[last + 1])}"
    elif is_innocent:
        where = "loss"
        said = f"{lost}, of the last layer with parameters; {INNOCENT}"
    else:
        where = "unknown"
        said = f"{lost}, of the last layer with parameters: it arose there or after it"
    return replace(
        _plain(scene, played, f"step {scene.step}: {said}."),
        where=where,
        module=module,
        module_type=type(scene.model.get_submodule(module)).__name__,
        kind=own[name].kind,
        dtype=own[name].dtype,
        counts=counts(own[name]),
    )


def _after(gradients: Mapping[str, Tally], module: str) -> str:
    largest = max(found.largest for name, found in gradients.items() if _owner(name) == module)
    return (
        f"was finite, up to {largest:.2g}, in {told(module)}, which comes after it: it was lost in "
        "the backward pass of one of the two or of what lies between"
    )


def _in_order(played: Sequence[Replayed], gradients: Mapping[str, Tally]) -> list[str]:
    """Modules with gradients as they run; those that were not seen to run come first."""
    owners = list(dict.fromkeys(map(_owner, gradients)))
    ran = [look.module for one in played[:1] for look in one.leaves]
    last = {module: n for n, module in enumerate(ran)}
    return sorted(owners, key=lambda owner: last.get(owner, -1)) if ran else owners


def _owner(name: str) -> str:
    return name.rpartition(".")[0]


def _unseen(scene: Scene, played: Sequence[Replayed]) -> Report:
    """Something was logged, and neither the passes nor the gradients show it."""
    if not _are_complete(played):
        return _plain(scene, played, f"step {scene.step}: {scene.noticed}.")
    said = (
        "the step's forward passes are finite when played again, and so are the gradients there "
        "are, so it arose in the loss, or in a pass without gradients"
    )
    return replace(
        _plain(scene, played, f"step {scene.step}: {scene.noticed}; {said}."), where="loss"
    )
