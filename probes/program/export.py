"""A live model and its loss, made into a loss program by torch.export.

The graph is torch's own before any lowering: `batch_norm`, `dropout`, `cross_entropy_loss`,
`scaled_dot_product_attention` stay whole, which keeps every bit and lets a mode be chosen later.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from probes.compiled import is_compiled
from probes.folder import NotRecordable
from probes.program.batching import batched, few
from probes.program.capturable import check_capturable
from probes.program.comparison import Flags, check_live, compare, set_flags
from probes.program.examples import with_examples
from probes.program.form import Graph, Program, Recorded, TensorSpec
from probes.program.inplace import WritesIntoView, make_pure
from probes.program.objective import Loss, Objective, batch_size
from probes.program.refusals import refusal
from probes.program.soundness import check
from probes.program.translation import Translation
from probes.unharmed import unharmed


def capture(model: nn.Module, loss: Loss, batch: Any) -> Recorded:
    """The program of this model, loss and batch; the model stays as it is.

    NotRecordable says why there can be none, and the way round.
    """
    objective = Objective(model, loss, batch)
    check_capturable(model)
    with undisturbed(objective):
        own = training_flags(objective)
        check_live(objective, own, objective.inputs, train=False)
        evaluated = _graph(objective, own, train=False)
        try:
            _check_training(objective, own, evaluated)
            trained, note = _graph(objective, own, train=True), ""
        except NotRecordable as error:
            trained, note = None, f"no train graph: {error}"
        recorded = _joined(objective, evaluated, trained)
        check(recorded.program)
        recorded = compare(objective, own, recorded)
        return replace(recorded, program=_noted(recorded.program, note))


@contextmanager
def undisturbed(objective: Objective) -> Iterator[None]:
    """Whatever is run inside, the model stays as it is, and nobody is told what torch says."""
    with torch.inference_mode(mode=False), unharmed(objective), _quiet(), _eagerly(objective):
        yield


def _check_training(objective: Objective, flags: Flags, evaluated: Translation) -> None:
    """On few examples; on all where the model does not take few."""
    some = few(objective.inputs, batched(evaluated.specs))
    try:
        check_live(objective, flags, some, train=True)
    except NotRecordable:
        check_live(objective, flags, objective.inputs, train=True)


def _eagerly(objective: Objective) -> AbstractContextManager[None]:
    """A model that was compiled in place is exported as it was written."""
    if is_compiled(objective):
        return cast("AbstractContextManager[None]", torch.compiler.set_stance("force_eager"))
    return nullcontext()


def training_flags(objective: Objective) -> Flags:
    """As the user has set them; of a model in eval mode, all on."""
    modules = list(objective.modules())
    if objective.model.training:
        return {module: module.training for module in modules}
    return dict.fromkeys(modules, True)


@contextmanager
def _quiet() -> Iterator[None]:
    """What torch.export says while it fails is said by us."""
    loggers = [logging.getLogger(name) for name in ("torch.fx", "torch._export", "torch.export")]
    loggers += [logging.getLogger("torch.fx.experimental.symbolic_shapes")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _graph(objective: Objective, flags: Flags, *, train: bool) -> Translation:
    set_flags(flags, train=train)
    exported = _exported(objective)
    try:
        for module in exported.graph_module.modules():
            if isinstance(module, torch.fx.GraphModule):
                make_pure(module)
        return Translation.of(exported, objective)
    except WritesIntoView as error:
        return _lowered(_exported(objective), objective, error)


def _exported(objective: Objective) -> ExportedProgram:
    size = batch_size(objective.inputs)
    tensors = tuple(tensor.detach() for tensor in objective.inputs.values())
    axes = tuple({0: Dim.AUTO} if t.dim() and t.shape[0] == size else None for t in tensors)
    try:
        with torch.enable_grad():
            return torch.export.export(
                objective, tensors, dynamic_shapes={"tensors": axes}, strict=False
            )
    except Exception as error:
        raise refusal(error) from error


def _lowered(
    exported: ExportedProgram, objective: Objective, reason: WritesIntoView
) -> Translation:
    """torch's own functionalisation; it forgets no_grad, so not where that stands."""
    if any("set_grad" in str(node.target) for node in exported.graph.nodes):
        raise NotRecordable(
            f"the model writes into a part of a tensor ({reason}) and uses no_grad, which cannot "
            "be told apart any more; write torch.where or torch.cat instead of `x[…] = …`, or "
            "detach() instead of no_grad. Or analyse live: Subject(model, loss, batch)."
        )
    return Translation.of(exported.run_decompositions({}), objective)


def _joined(objective: Objective, evaluated: Translation, trained: Translation | None) -> Recorded:
    """Both graphs over the tensors of both."""
    both = [evaluated, trained] if trained else [evaluated]
    tensors: dict[str, TensorSpec] = {}
    constants: dict[str, Tensor] = {}
    for mode, found in zip(("eval", "train"), both, strict=False):
        found.tell_apart(mode, constants)
        tensors |= {spec.reference: spec for spec in found.specs}
        constants |= found.constants
    graphs = {
        mode: with_examples(Graph(tuple(found.nodes), found.outputs), tensors)
        for mode, found in zip(("eval", "train"), both, strict=False)
    }
    dynamic = any(spec.batched for spec in tensors.values())
    program = Program(tensors, graphs, batch_size(objective.inputs), dynamic)
    batch = {name: tensor.detach().clone() for name, tensor in objective.inputs.items()}
    return Recorded(program, constants, batch)


def _noted(program: Program, note: str) -> Program:
    notes = (note,) if note else ()
    if not program.dynamic:
        fixed = f"the batch is fixed at {program.batch}: the model's code depends on its size"
        notes = (*notes, fixed if program.batch > 1 else "recorded with a batch of one: fixed")
    return replace(program, notes=(*program.notes, *notes))
