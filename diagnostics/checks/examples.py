"""Does an example's answer depend on other examples, or an answer at t on what comes after t?"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from diagnostics.checks.answer import Answer, CannotAsk
from diagnostics.checks.setup import Scene, Setup, changed, pair_of, rows_of, tensors_in
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.examples")


def examples(setup: Setup) -> Answer:
    """Is each answer made of what it may know alone?"""
    rows = rows_of(setup.batch)
    if rows < 2:
        raise CannotAsk(f"it takes two examples, and the batch holds {rows}")
    with setup.scene() as scene, torch.no_grad():
        scene.train(False)
        leak = Evidence(
            "change of the others' answers, eval mode", _leak(scene, rows), LIMITS["leak"], "above"
        )
        scene.train()
        training = _leak(scene, rows)
        scene.train(False)
        future = [*_future(scene)]
    normalised = any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in setup.model.modules())
    findings = [_mixed(leak)] if leak.value > leak.threshold else []
    findings += [_leaking(number) for number in future if number.value > number.threshold]
    told = "In eval mode no example's answer depends on another's"
    if leak.value > leak.threshold:
        told = "In eval mode an example's answer depends on the others of its batch"
    if training > LIMITS["leak"] >= leak.value:
        why = "as batch normalisation means it to" if normalised else "which nothing explains"
        told += f"; in training mode it does, {why}"
    return Answer(f"{told}.", (leak, *future), tuple(findings))


def _leak(scene: Scene, rows: int) -> float:
    """How far the other answers move, of their size, when one example is replaced by another."""
    before = scene.run()[1]
    after = scene.run(_replaced(scene, rows))[1]
    if before is None or after is None or before.ndim == 0 or len(before) != rows:
        raise CannotAsk("the model gives no answer for each example")
    return _change(before[:-1], after[:-1])


def _replaced(scene: Scene, rows: int) -> object:
    """The same batch with another example in the place of the last; targets stay."""
    inputs, target = pair_of(scene.loss, scene.batch)

    def moved(tensor: Tensor) -> Tensor:
        if tensor.ndim == 0 or len(tensor) != rows:
            return tensor
        other = tensor.clone()
        other[-1] = tensor[0] if not torch.equal(tensor[0], tensor[-1]) else tensor[rows // 2]
        return other

    return changed(inputs, moved) if target is None else (changed(inputs, moved), target)


def _change(before: Tensor, after: Tensor) -> float:
    size = before.double().square().mean().sqrt()
    moved = (after.double() - before.double()).abs().max()
    return float(moved / size) if size > 0 and bool(moved.isfinite()) else 0.0


def _future(scene: Scene) -> Iterator[Evidence]:
    """Where targets are the inputs one place on: does an answer change with inputs after it?"""
    found = _text(scene)
    if found is None:
        return
    name, tokens = found
    length = tokens.shape[1]
    place, most = length // 2, int(tokens.max())

    def later(tensor: Tensor) -> Tensor:
        if tensor is not tokens:
            return tensor
        other = tensor.clone()
        other[:, place:] = (other[:, place:] + 1) % (most + 1)
        return other

    before, after = scene.run()[1], scene.run(changed(scene.batch, later))[1]
    if before is None or after is None or before.shape[:2] != tokens.shape:
        return
    moved = _change(before[:, :place], after[:, :place])
    told = f"change of answers with {name} after them"
    yield Evidence(told, moved, LIMITS["leak"], "above")


def _text(scene: Scene) -> tuple[str, Tensor] | None:
    """Whole numbers in time, that are asked for one place later."""
    inputs, target = pair_of(scene.loss, scene.batch)
    given = {n: t for n, t in tensors_in(inputs).items() if _is_text(t)}
    asked = [target] if isinstance(target, Tensor) else [*given.values()]
    for name, tokens in given.items():
        for other in asked:
            if target is None and other is not tokens and torch.equal(other, tokens):
                return name, tokens  # a model that shifts its labels by itself
            if _is_text(other) and other.shape == tokens.shape and target is not None:
                same = (other[:, :-1] == tokens[:, 1:]).double().mean()
                if float(same) > LIMITS["shifted"]:
                    return name, tokens
    return None


def _is_text(tensor: Tensor) -> bool:
    whole = not tensor.is_floating_point() and tensor.dtype != torch.bool
    return whole and tensor.ndim == 2 and tensor.shape[1] > 3


def _leaking(number: Evidence) -> Finding:
    return noticed(
        "target_leakage",
        "error",
        Words(
            "Answers change with the inputs after them, and these are what is to be predicted.",
            "The model sees the target in its input: the loss falls far below what is possible, "
            "and nothing of use is learnt.",
            "Mask what comes later:\n    F.scaled_dot_product_attention(q, k, v, is_causal=True)",
        ),
        [number],
        confidence=0.99,
    )


def _mixed(leak: Evidence) -> Finding:
    return noticed(
        "target_leakage",
        "hint",
        Words(
            "In eval mode an example's answer changes with the other examples of its batch.",
            "A reshape or a mean over the wrong axis mixes examples, where it is not meant.",
            "Keep the first axis for examples: x.flatten(1), x.mean(1) and not x.mean(0).",
        ),
        [leak],
        confidence=0.6,
    )
