"""Which parameters will train: held by an optimizer, not frozen, and reached by the gradient."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from diagnostics.checks.answer import Answer
from diagnostics.checks.passes import gradients, watched
from diagnostics.checks.setup import Scene, Setup
from diagnostics.finding import Evidence, Finding
from diagnostics.flight import Words, noticed
from diagnostics.thresholds import thresholds

LIMITS = thresholds("preflight.parameters")


@dataclass(frozen=True)
class Ties:
    """Names of parameters by what becomes of them."""

    cut: tuple[str, ...]  # the loss depends on them and no gradient reaches them
    unused: tuple[str, ...]
    missing: tuple[str, ...]  # they have a gradient and no optimizer
    frozen: tuple[str, ...]


def parameters(setup: Setup) -> Answer:
    """Will every parameter that should train be trained?"""
    ties = _ties(setup)
    sizes = {n: p.numel() for n, p in setup.model.named_parameters()}
    whole = max(1, sum(sizes.values()))
    shares = {
        field: sum(sizes[name] for name in getattr(ties, field)) / whole
        for field in ("cut", "missing", "frozen", "unused")
    }
    findings = []
    if ties.cut:
        findings.append(_cut(ties.cut, shares["cut"]))
    if ties.missing:
        findings.append(_missing(ties.missing, shares["missing"]))
    if shares["frozen"] > LIMITS["frozen"]:
        findings.append(_frozen(setup.model, ties.frozen, shares["frozen"]))
    numbers = tuple(
        Evidence(f"share {field}", share, 0, "above") for field, share in shares.items()
    )
    told = f"{len(sizes)} parameter tensors: {len(ties.missing)} held by no optimizer, "
    told += f"{len(ties.frozen)} frozen, {len(ties.cut)} that no gradient reaches."
    return Answer(told, numbers, tuple(findings))


def _ties(setup: Setup) -> Ties:
    held = {id(p) for o in setup.optimizers for group in o.param_groups for p in group["params"]}
    own = dict(setup.model.named_parameters())
    frozen = tuple(n for n, p in own.items() if not p.requires_grad)
    with setup.scene() as scene:
        trained = scene.trained
        seen = watched(scene)
        found = dict(zip(trained, gradients(seen, [*trained.values()]), strict=True))
        without = [name for name, gradient in found.items() if gradient is None]
        cut = _depended_on(scene, without)
    unused = tuple(name for name in without if name not in cut)
    reached = [name for name in trained if found[name] is not None]
    missing = tuple(n for n in reached if id(own[n]) not in held) if setup.optimizers else ()
    return Ties(tuple(cut), unused, missing, frozen)


def _depended_on(scene: Scene, names: Iterable[str]) -> list[str]:
    """Which of them change the loss when they are moved, although it has no gradient by them."""
    with torch.no_grad():
        before = scene.run()[0]
        return [name for name in names if _moves(scene, scene.trained[name], before)]


def _moves(scene: Scene, parameter: nn.Parameter, before: Tensor) -> bool:
    kept = parameter.detach().clone()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(kept.shape, generator=generator).to(kept)
    parameter.add_(noise * (kept.abs().mean() + 0.1))
    moved = scene.run()[0]
    parameter.copy_(kept)
    return bool((moved - before).abs() > 1e-6 * before.abs().clamp_min(1e-6))


def _cut(names: tuple[str, ...], share: float) -> Finding:
    return noticed(
        "graph_detached",
        "error",
        Words(
            f"{len(names)} parameter tensors ({share:.0%} of all weights) change the loss, and no "
            "gradient reaches them.",
            "The graph is cut between them and the loss: by .detach(), .data, .item(), numpy or "
            "torch.no_grad().",
            "Take the cut out of forward, or freeze what is not to train:\n"
            "    for p in layer.parameters(): p.requires_grad_(False)",
        ),
        [Evidence("share of weights cut off", share, 0, "above")],
        _layers(names),
        0.97,
    )


def _missing(names: tuple[str, ...], share: float) -> Finding:
    return noticed(
        "params_not_in_optimizer",
        "error" if share > LIMITS["large"] else "warning",
        Words(
            f"{len(names)} parameter tensors ({share:.0%} of all weights) have a gradient and no "
            "optimizer.",
            "They keep their first values: the optimizer was made of other parameters, or before "
            "these were.",
            "Make the optimizer last, of all that should train:\n"
            "    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)",
        ),
        [Evidence("share of weights no optimizer holds", share, 0, "above")],
        _layers(names),
        0.99,
    )


def _frozen(model: nn.Module, names: tuple[str, ...], share: float) -> Finding:
    """Weights that look like a random draw are frozen by mistake; trained ones are on purpose."""
    edges = [e for e in (_beyond_edge(p) for n, p in model.named_parameters() if n in names) if e]
    random = bool(edges) and max(edges) < LIMITS["edge"]
    number = Evidence("share of weights frozen", share, LIMITS["frozen"], "above")
    edge = Evidence(
        "largest singular value / that of a random draw",
        max(edges, default=float("nan")), LIMITS["edge"], "below",
    )  # fmt: skip
    return noticed(
        "frozen_parameters",
        "warning" if random else "hint",
        Words(
            f"{share:.0%} of the weights are frozen"
            + (", and they look like a fresh random draw." if random else "."),
            "requires_grad is False, as is left over from fine-tuning; what is frozen while random "
            "never learns.",
            "Unfreeze, or load the weights that were meant:\n"
            "    for p in model.parameters(): p.requires_grad_(True)",
        ),
        [number, edge] if edges else [number],
        _layers(names),
        0.95 if random else 0.5,
    )


def _beyond_edge(parameter: Tensor) -> float | None:
    """The largest singular value over Marchenko and Pastur's edge; training leaves some beyond."""
    if parameter.ndim < 2 or min(parameter.shape[0], parameter[0].numel()) < LIMITS["narrow"]:
        return None
    matrix = parameter.detach().double().flatten(1)
    matrix = matrix - matrix.mean()
    rows, columns = matrix.shape
    edge = float(matrix.std()) * (rows**0.5 + columns**0.5)
    return float(torch.linalg.matrix_norm(matrix, 2)) / edge if edge else None


def _layers(names: Iterable[str]) -> list[str]:
    return [*dict.fromkeys(name.rpartition(".")[0] or name for name in names)]
