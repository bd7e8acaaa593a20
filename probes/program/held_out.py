"""A second batch, held out from training: the program must take it as it takes the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from probes.folder import NotRecordable
from probes.program.comparison import check_live, compare_loss
from probes.program.export import training_flags, undisturbed
from probes.program.form import Program, Recorded, TensorSpec
from probes.program.objective import Loss, Objective


def with_held_out(
    recorded: Recorded, model: nn.Module, loss: Loss, batches: tuple[Any, Any]
) -> Recorded:
    """`batches` are the recorded one and the one held out; NotRecordable where they differ."""
    first, other = (Objective(model, loss, batch) for batch in batches)
    _check_names(first.inputs, other.inputs)
    _check_alike(first.pattern, other.pattern, "held_out")
    check_fits(recorded.program, other.inputs)
    with undisturbed(other):
        own = training_flags(other)
        check_live(other, own, other.inputs, train=False)
        compare_loss(other, own, recorded)
    kept = {name: tensor.detach().clone() for name, tensor in other.inputs.items()}
    return replace(recorded, held_out=kept)


def _check_names(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    if ours.keys() != theirs.keys():
        raise NotRecordable(
            f"its tensors are {_listed(theirs)}, and those of batch are {_listed(ours)}; give "
            "held_out the structure of batch"
        )


def _check_alike(ours: Any, theirs: Any, place: str) -> None:
    """All but the tensors, which is part of the program."""
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        for key in ours:
            _check_alike(ours[key], theirs[key], f"{place}[{key!r}]")
    elif _is_row(ours) and _is_row(theirs) and len(ours) == len(theirs):
        for n, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            _check_alike(one, other, f"{place}[{n}]")
    elif not _same(ours, theirs):
        raise NotRecordable(
            f"{place} is {str(theirs)[:60]!r}, and of batch it is {str(ours)[:60]!r}: what is no "
            "tensor is part of the program; make it a tensor, or the same in both"
        )


def _is_row(value: Any) -> bool:
    return isinstance(value, (tuple, list))


def _same(one: Any, other: Any) -> bool:
    try:
        return type(one) is type(other) and bool(one == other)
    except Exception:  # such as of arrays, whose comparison is no yes or no
        return False


def check_fits(program: Program, tensors: Mapping[str, Tensor]) -> None:
    """Of the types and shapes that the program was recorded with, but for how many examples."""
    lengths = dict[str, int]()
    for spec in program.of_kind("input"):
        tensor = tensors[spec.name]
        _check_type(spec, tensor)
        _check_shape(program, spec, tensor)
        if spec.batched:
            lengths[spec.name] = len(tensor)
    if len({*lengths.values()}) > 1:
        each = ", ".join(f"{length} of '{name}'" for name, length in lengths.items())
        raise NotRecordable(f"its tensors are of several lengths ({each}); give as many of each")
    if 0 in lengths.values():
        raise NotRecordable("it holds no example; give some, or leave held_out away")


def _check_type(spec: TensorSpec, tensor: Tensor) -> None:
    found = str(tensor.dtype).removeprefix("torch.")
    if found != spec.dtype:
        raise NotRecordable(
            f"'{spec.name}' is of {found}, and in batch it is of {spec.dtype}; convert it: "
            f".to(torch.{spec.dtype})"
        )


def _check_shape(program: Program, spec: TensorSpec, tensor: Tensor) -> None:
    found = tuple(tensor.shape)
    same = [wanted in (None, size) for size, wanted in zip(found, spec.shape, strict=False)]
    if len(found) == len(spec.shape) and all(same):
        return
    only_longer = len(found) == len(spec.shape) > 0 and all(same[1:]) and not program.dynamic
    if only_longer and spec.shape[0] == program.batch:
        raise NotRecordable(
            f"'{spec.name}' has {found[0]} examples, and the program takes {program.batch} alone "
            f"({'; '.join(program.notes)}); hold out {program.batch}, or give a batch of another "
            "size" + (" of several examples" if program.batch == 1 else "")
        )
    raise NotRecordable(
        f"'{spec.name}' is of shape {[*found]}, and the program takes {_shape(spec)}; give it the "
        "shape that it has in batch"
    )


def _shape(spec: TensorSpec) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in spec.shape)}]"


def _listed(tensors: Mapping[str, Tensor]) -> str:
    return (", ".join([*tensors][:8]) or "none") + (", …" if len(tensors) > 8 else "")
