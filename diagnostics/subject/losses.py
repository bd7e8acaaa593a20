"""What a subject asks of the loss inside it, and a live model's copy that answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from diagnostics.subject.data import examples_in
from diagnostics.weight_space import Piece, Role
from probes.folder import FathomError
from probes.program.objective import Loss, Objective, Whole

Statistics = Literal["running", "batch", "re-estimated"]
Reduction = Literal["mean", "sum"]
Tensors = dict[str, Tensor]

SEEN = ("loss", "predictions")
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


@dataclass(frozen=True)
class Batch:
    """Some examples: tensors by name, and for a live model how they are put back together."""

    inputs: Tensors
    size: int
    objective: Objective | None = None


class Source(Protocol):
    """A loss as a pure function of named tensors. The same for a live model and a recorded one."""

    pieces: tuple[Piece, ...]
    varied: Tensors  # by the pieces' names
    rest: Tensors  # buffers, frozen parameters, constants
    normalises: bool  # is there a layer for which the statistics matter?
    by_batch: bool  # does it use the statistics of the batch?
    recurrent: bool
    reduction: str  # of examples' losses: their mean, their sum, other, or unknown
    words: str  # by which it is told from others, as far as words can

    def batch(self, data: Any) -> Batch:
        """Data as the user has it."""

    def __call__(self, weights: Tensors, batch: Batch, wanted: tuple[str, ...]) -> Tensors:
        """Of the outputs wanted (loss, predictions, examples, counts) those there are."""

    def statistics(self, weights: Tensors, batch: Batch) -> Tensors:
        """The mean and variance of each normalisation's input, by its buffers' names."""


class LiveLoss:
    """A copy of a model and its loss: the caller's may go on training."""

    reduction: str = "unknown"  # until it is tried on data

    def __init__(self, model: nn.Module, loss: Loss, statistics: Statistics) -> None:
        training = model.training
        self._model, self._loss = deepcopy((model, loss))
        norms = [m for m in self._model.modules() if isinstance(m, _NormBase)]
        norms = [m for m in norms if m.track_running_stats and (m.training or not training)]
        for module in self._model.modules():  # eval() does more in some models
            module.training = False
        self.normalises = bool(norms)
        self.by_batch = self.normalises and statistics == "batch"
        if statistics == "batch":
            _forget_statistics(norms)
        self._adapted = [m for m in norms if isinstance(m, _BatchNorm)]
        parameters = dict(self._model.named_parameters())
        self.varied = {n: p.detach() for n, p in parameters.items() if p.requires_grad}
        frozen = {n: p.detach() for n, p in parameters.items() if not p.requires_grad}
        self.rest = frozen | {n: b.detach() for n, b in self._model.named_buffers()}
        self.pieces = tuple(_pieces(self._model, self.varied))
        self.recurrent = any(isinstance(m, nn.RNNBase) for m in self._model.modules())
        self.words = repr(self._model)

    def batch(self, data: Any) -> Batch:
        objective = Objective(self._model, self._loss, data)
        return Batch(dict(objective.inputs), examples_in(objective.inputs.values()), objective)

    def __call__(self, weights: Tensors, batch: Batch, wanted: tuple[str, ...]) -> Tensors:
        found = dict(zip(("loss", "predictions"), self._run(weights, batch), strict=False))
        if "examples" in wanted and "predictions" in found and self._takes_pairs(batch):
            each = self._each(found["predictions"], batch.inputs["target"])
            if each is not None and self._make(each, found["loss"]):
                found["examples"] = each
        return {name: value for name, value in found.items() if name in wanted}

    def _run(self, weights: Tensors, batch: Batch) -> Any:
        assert batch.objective is not None
        named = {f"model.{name}": tensor for name, tensor in weights.items()}
        return functional_call(batch.objective, named, tuple(batch.inputs.values()))

    def _takes_pairs(self, batch: Batch) -> bool:
        return self._loss is not None and not isinstance(self._loss, Whole) and (
            "target" in batch.inputs
        )  # fmt: skip

    def _each(self, predictions: Tensor, target: Tensor) -> Tensor | None:
        """The loss of each example's own prediction, where the loss can be had of one."""
        assert callable(self._loss)
        loss = self._loss
        try:
            found: Tensor = vmap(lambda o, t: loss(o[None], t[None]))(predictions, target)
        except Exception:  # what the user's loss may raise is not ours to know
            return None
        return found if found.ndim == 1 else None

    def _make(self, each: Tensor, loss: Tensor) -> bool:
        whole = each.sum() if self.reduction == "sum" else each.mean()
        return torch.allclose(whole, loss, rtol=agrees(loss.dtype))

    def statistics(self, weights: Tensors, batch: Batch) -> Tensors:
        found: Tensors = {}
        names = {m: name for name, m in self._model.named_modules() if m in self._adapted}
        with _hearing(names, found):
            self._run(weights, batch)
        return found


AGREES = 1e-4  # between the mean over examples and the loss of a batch, in float32
ROUNDINGS = 8  # that halves may be off by, which round far above that


def agrees(dtype: torch.dtype) -> float:
    """How far, relative, two ways to the same loss may be apart in such numbers."""
    return max(AGREES, ROUNDINGS * torch.finfo(dtype).eps)


def _forget_statistics(norms: list[Any]) -> None:
    """Without running statistics a norm uses its batch's, and writes to nothing."""
    for norm in norms:
        norm.track_running_stats = False
        norm.running_mean = norm.running_var = norm.num_batches_tracked = None


@contextmanager
def _hearing(names: Mapping[Any, str], found: Tensors) -> Iterator[None]:
    """Notes what each norm is given, while all of them use what their batch has."""

    def enters(norm: Any, given: tuple[Tensor]) -> Tensor:
        rows = given[0].transpose(0, 1).flatten(1)  # [channel, value]
        found[f"{names[norm]}.running_mean"] = rows.mean(1)
        found[f"{names[norm]}.running_var"] = rows.var(1, correction=0)
        return given[0]

    handles = [norm.register_forward_pre_hook(enters) for norm in names]
    kept = [(norm, norm.momentum) for norm in names]
    try:
        for norm in names:
            norm.training, norm.momentum = True, 0.0  # and what is stored stays as it is
        yield
    finally:
        for norm, momentum in kept:
            norm.training, norm.momentum = False, momentum
        for handle in handles:
            handle.remove()


def _pieces(model: nn.Module, parameters: Tensors) -> Iterator[Piece]:
    modules, start = dict(model.named_modules()), 0
    for name, parameter in parameters.items():
        owner = modules[name.rpartition(".")[0]]
        axis = 1 if isinstance(owner, TRANSPOSED) and parameter.ndim > 1 else 0
        piece = Piece(name, tuple(parameter.shape), start, _role(owner, parameter), axis)
        yield piece
        start = piece.stop


def _role(owner: nn.Module, parameter: Tensor) -> Role:
    if isinstance(owner, NORMS):
        return "norm"
    return "bias" if parameter.ndim < 2 else "weight"


def fitting(arrays: Mapping[str, NDArray[Any]], piece: Piece) -> NDArray[Any]:
    """A tensor of a snapshot, end to end."""
    if piece.name not in arrays:
        there = ", ".join([*arrays][:8])
        raise FathomError(f"the snapshot has no '{piece.name}' (it has: {there}); another model?")
    if arrays[piece.name].shape != piece.shape:
        raise FathomError(
            f"'{piece.name}' is of shape {[*arrays[piece.name].shape]} in the snapshot and of "
            f"{[*piece.shape]} in this model; another model?"
        )
    return arrays[piece.name].reshape(-1)


def checked(statistics: Statistics) -> Statistics:
    if statistics not in get_args(Statistics):
        known = ", ".join(get_args(Statistics))
        raise FathomError(f"no statistics '{statistics}' (there are: {known}).")
    return statistics


def checked_reduction(reduction: Reduction) -> Reduction:
    if reduction not in get_args(Reduction):
        known = ", ".join(get_args(Reduction))
        raise FathomError(f"a loss cannot be reduced by '{reduction}' (there are: {known}).")
    return reduction


def check_device(device: str) -> None:
    try:
        torch.empty(0, device=device).cpu()  # of one that holds no numbers, none can be read
    except (AssertionError, ImportError, RuntimeError) as error:  # torch asserts how it was built
        told = str(error).splitlines()[0]
        raise FathomError(f"there is no device '{device}' here: {told}; use cpu.") from error


def listed(source: Source, batch: Any) -> list[Batch]:
    batches = [source.batch(each) for each in (batch if isinstance(batch, list) else [batch])]
    if not batches:
        raise FathomError("no batches: a loss needs at least one; give batch=(inputs, target).")
    if not all(batch.size for batch in batches):
        raise FathomError("a batch holds no examples, and none have no loss; leave it out.")
    return batches


def all_double(dtypes: Iterable[torch.dtype]) -> bool:
    """Is all that is of floating point of float64?"""
    return {dtype for dtype in dtypes if dtype.is_floating_point} == {torch.float64}


def widest(dtypes: Iterable[torch.dtype]) -> torch.dtype:
    """Float32 at least: steps as small as a surface's need it."""
    return torch.float64 if torch.float64 in dtypes else torch.float32
