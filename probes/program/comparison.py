"""A new program against the live model, before anybody relies on it: values and gradients."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from probes.folder import NotRecordable
from probes.program.batching import cut, of_few, of_one_size, with_reduction, with_true_examples
from probes.program.capturable import alone
from probes.program.form import Program, Recorded
from probes.program.interpreter import Mode, prepare
from probes.program.live_gradients import LiveGradients, seed
from probes.program.objective import Objective
from probes.program.weights_by_name import live_weights

NEAR = 1e-3  # relative; rounding is far below, another function far above
NEAR_IN_HALF = 3e-2  # of bfloat16 and float16
SOME = 2  # examples that gradients are compared on; the loss also on all, or on many
LIVE = "Or analyse live: Subject(model, loss, batch)."

_WHAT = {"loss": "loss", "whole": "loss of the whole batch", "gradient": "gradient"}

Flags = dict[nn.Module, bool]
Tensors = dict[str, Tensor]


def compare(objective: Objective, flags: Flags, recorded: Recorded) -> Recorded:
    """The recording with what the comparison gave; refused when they are not the same function."""
    recorded = _as_dynamic_as_live(objective, flags, recorded)
    some = of_few(recorded)
    some = replace(some, program=_compared(objective, flags, some))
    weights = live_weights(objective.model) | recorded.constants
    some = with_true_examples(with_reduction(some, weights), weights)
    return replace(recorded, program=replace(some.program, batch=recorded.program.batch))


def compare_loss(objective: Objective, flags: Flags, recorded: Recorded) -> None:
    """Of other data, few examples of it: refused where the program's is not the model's."""
    some = of_few(replace(recorded, batch=objective.inputs))
    set_flags(flags, train=False)
    weights = live_weights(objective.model) | recorded.constants
    with torch.no_grad():
        live = _live(objective, {name: some.batch[name] for name in objective.inputs})
        ours = prepare(recorded.program)(weights, some.batch)["loss"]
    _judge(recorded.program, {"loss": _relative(live, ours)}, [])


def check_live(objective: Objective, flags: Flags, batch: Tensors, *, train: bool) -> None:
    """The model and the loss take this batch: else the user's own error, not one of an export."""
    set_flags(flags, train=train)
    try:
        with torch.no_grad(), alone():
            _live(objective, batch)
    except NotRecordable:
        raise
    except Exception as error:
        raise NotRecordable(
            f"the loss of this batch cannot be computed: {type(error).__name__}: {error}; see that "
            "loss(model(inputs), target) works as it stands"
        ) from error


def set_flags(flags: Flags, *, train: bool) -> None:
    """Without train() and eval(), which some models have do more (merge LoRA weights, say)."""
    for module, flag in flags.items():
        module.training = flag and train


def _as_dynamic_as_live(objective: Objective, flags: Flags, recorded: Recorded) -> Recorded:
    """A batch of another size is allowed only if the model itself takes one."""
    program = recorded.program
    if not program.dynamic:
        return recorded
    set_flags(flags, train=False)
    try:
        with torch.no_grad():
            _live(objective, cut(program, recorded.batch, 0, SOME if program.batch > SOME else 1))
    except Exception:
        return of_one_size(recorded)
    return recorded


def _compared(objective: Objective, flags: Flags, recorded: Recorded) -> Program:
    """Each graph with its differences; a train graph that is not the model's is left out."""
    graphs, checked, notes = {}, dict[str, float](), list[str]()
    for mode in recorded.program.graphs:
        set_flags(flags, train=mode == "train")
        try:
            differences = _differences(objective, recorded, "train" if mode == "train" else "eval")
            graphs[mode] = recorded.program.graphs[mode]
            checked |= {f"{mode}/{name}": found for name, found in differences.items()}
        except Exception as error:
            if mode == "eval":
                raise
            notes.append(f"no train graph: {error}")
    return replace(recorded.program, graphs=graphs, checked=checked, notes=tuple(notes))


def _differences(objective: Objective, recorded: Recorded, mode: Mode) -> dict[str, float]:
    program, batch = recorded.program, recorded.batch
    some = cut(program, batch, 0, SOME)
    evaluate = prepare(program, mode=mode)
    seed()
    live = LiveGradients(objective.model, lambda: _live(objective, some))
    leaves = live.leaves()
    seed()
    with torch.enable_grad():
        loss = evaluate(leaves | recorded.constants, some)["loss"]
        if live.known and loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call]
    found = {"loss": _relative(live.loss, loss.detach())}
    if live.known:
        found["gradient"] = live.worst()
    if mode == "eval" and program.dynamic:
        weights = live_weights(objective.model) | recorded.constants
        with torch.no_grad():
            found["whole"] = _relative(_live(objective, batch), evaluate(weights, batch)["loss"])
    _judge(program, found, live.own_functions)
    return found


def _live(objective: Objective, batch: dict[str, Tensor]) -> Tensor:
    """On copies of the buffers: batch normalisation in training writes to them."""
    buffers = {name: buffer.clone() for name, buffer in objective.named_buffers()}
    loss: Tensor = functional_call(objective, buffers, tuple(batch.values()))[0]
    return loss


def _relative(one: Tensor, other: Tensor) -> float:
    """NaN and infinity are equal to themselves."""
    if torch.allclose(one, other, 0, 0, equal_nan=True):
        return 0.0
    return float((one - other).double().norm() / one.double().norm().clamp_min(1e-30))


def _judge(program: Program, checked: dict[str, float], own_functions: list[str]) -> None:
    """The loss first: where it differs, gradients tell nothing."""
    near = _nearness(program)
    worst = next((name for name in _WHAT if not _is(checked, name, near)), "")
    if not worst:
        return
    raise NotRecordable(
        f"the program's {_WHAT[worst]} differs from the model's by {checked[worst]:.2g} of it: "
        f"{_cause(worst, own_functions)}. {LIVE}"
    )


def _is(checked: dict[str, float], name: str, near: float) -> bool:
    return name not in checked or checked[name] <= near  # NaN is not


def _cause(what: str, own_functions: list[str]) -> str:
    if what != "gradient":
        return "the model computes something else when called again, or for another size of batch"
    if own_functions:
        return (
            f"of an autograd.Function with a backward of its own ({', '.join(own_functions[:3])}) "
            "only the forward is kept; write a straight-through estimator as x + (f(x) - x)"
            ".detach(), and others by torch operations"
        )
    return "is a hook of a parameter changing gradients? remove it for the recording"


def _nearness(program: Program) -> float:
    halves = ("float16", "bfloat16")
    regions = {node.autocast for graph in program.graphs.values() for node in graph.nodes}
    dtypes = {spec.dtype for spec in program.tensors.values()}
    return NEAR_IN_HALF if (regions | dtypes) & {*halves} else NEAR
