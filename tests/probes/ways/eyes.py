"""Three who look at one training: Bare sees the losses, Truth everything by plain hooks, Recorded
has a Recorder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from probes import Recorder

ROOT = "(model)"  # the row of a model that is a single layer


class Bare:
    """Looks at nothing inside: what the training is like without any of this."""

    plain = False  # whether to take the plainest way to the same numbers

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.notes: list[Any] = []  # whatever else must be the same with a Recorder
        self.final: dict[str, Any] = {}

    @contextmanager
    def on(self, model: nn.Module, optimizers: Any) -> Iterator[None]:
        with self.looking(model, optimizers):
            yield
        self.finish(inside(model))

    def finish(self, model: nn.Module) -> None:
        """What the training came to."""
        self.final = {name: _kept(value) for name, value in model.state_dict().items()}
        self.final["rng"] = torch.get_rng_state()
        self.notes.append(hooks(model))

    def looking(self, model: nn.Module, optimizers: Any) -> Any:
        return nullcontext()

    def unseen(self) -> Any:
        """Around what must not enter the recording."""
        return nullcontext()

    def note(self, value: Any) -> None:
        """Something that must come out the same with a Recorder."""
        self.notes.append(value)

    def look_again(self) -> None:
        """The model has other modules now."""

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around an update written by hand."""
        self.before()
        yield
        self.after()

    def before(self, optimizer: Any = None, *, scale: float = 1.0, outputs: float = 1.0) -> None:
        """The step is about to be taken; gradients are still scaled by `scale`, those of the
        outputs by `outputs` too."""

    def after(self, optimizer: Any = None) -> None:
        """The step was taken."""

    def scalar(self, name: str, value: Any) -> None:
        """A number that the recording should have by itself."""

    def end(self, loss: Tensor, *, skipped: bool = False) -> None:
        self.losses.append(loss.item())


class Recorded(Bare):
    """Looks through a Recorder."""

    recorder: Recorder

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @contextmanager
    def looking(self, model: nn.Module, optimizers: Any) -> Iterator[None]:
        with Recorder(model, optimizers, self.path, every=1) as self.recorder:
            yield

    def step(self) -> Any:
        return self.recorder.step()


Rows = dict[int, dict[str, list[Tensor]]]  # step, row, the tensors that it is made of


class Truth(Bare):
    """Looks by plain hooks and clones: what a recording must say."""

    plain = True

    def __init__(self) -> None:
        super().__init__()
        self.at = 1
        self.series: dict[str, Rows] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
        self.scalars: dict[str, list[float]] = defaultdict(list)
        self.leaves: set[str] = set()  # rows of modules without children
        self.skipped: set[int] = set()
        self._blind = 0

    @contextmanager
    def looking(self, model: nn.Module, optimizers: Any) -> Iterator[None]:
        self.model, self._optimizers = inside(model), listed(optimizers)
        self._names: dict[nn.Module, str] = {}
        self._handles: list[Any] = []
        self.look_again()
        yield
        for handle in self._handles:
            handle.remove()
        for name in ("activations", "activation_gradients"):
            self.series[name].pop(self.at, None)  # no step came after them

    def look_again(self) -> None:
        for name, module in self.model.named_modules():
            if module not in self._names:
                self._names[module] = name
                self._handles.append(module.register_forward_hook(self._called))

    @contextmanager
    def unseen(self) -> Iterator[None]:
        self._blind += 1
        yield
        self._blind -= 1

    def _called(self, module: nn.Module, _: Any, output: Any) -> None:
        if self._blind or module not in self._names:  # a copy carries its original's hooks
            return
        for row, tensor in tensors_of(self._names[module] or ROOT, output):
            if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
                continue
            self._add("activations", row, tensor)
            if is_layer(self._names[module], module):
                self.leaves.add(row)
            if tensor.requires_grad:
                tensor.register_hook(lambda g, row=row: self._add("activation_gradients", row, g))

    def _add(self, series: str, row: str, tensor: Tensor) -> None:
        if not self._blind:
            self.series[series][self.at][row].append(_kept(tensor))

    def before(self, optimizer: Any = None, *, scale: float = 1.0, outputs: float = 1.0) -> None:
        self._outputs = scale * outputs
        self._weights = {}
        for name, parameter in self._share(optimizer):
            self._weights[name] = _kept(parameter)
            if parameter.grad is not None:
                gradient = _kept(parameter.grad)
                self._put("gradients", name, gradient / scale if scale != 1 else gradient)

    def after(self, optimizer: Any = None) -> None:
        for name, parameter in self._share(optimizer):
            now = _kept(parameter)
            self._put("weights", name, now)
            self._put("updates", name, _wide(now) - _wide(self._weights[name]))

    def _share(self, optimizer: Any) -> list[tuple[str, nn.Parameter]]:
        """The optimizer's own parameters; the first one's are also those that nobody holds."""
        held = {id(p): o for o in reversed(self._optimizers) for p in parameters_of(o)}
        first = self._optimizers[0] if self._optimizers else None
        mine = optimizer or first
        named = self.model.named_parameters()
        return [(n, p) for n, p in named if p.numel() and held.get(id(p), first) is mine]

    def _put(self, series: str, name: str, tensor: Tensor) -> None:
        self.series[series][self.at][name] = [tensor]  # of two looks in one step the later counts

    def scalar(self, name: str, value: Any) -> None:
        self.scalars[name].append(float(value))

    def end(self, loss: Tensor, *, skipped: bool = False) -> None:
        super().end(loss)
        for gradients in self.series["activation_gradients"][self.at].values():
            gradients[:] = [g.double() / self._outputs for g in gradients]
        if skipped:
            self.skipped.add(self.at)
        self.at += 1


def inside(model: nn.Module) -> nn.Module:
    """The user's own module, within what wraps it."""
    model = getattr(model, "_orig_mod", model)
    wrapped = isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel))
    return model.module if wrapped else model


def listed(optimizers: Any) -> list[Optimizer]:
    if optimizers is None:
        return []
    return list(optimizers) if isinstance(optimizers, Sequence) else [optimizers]


def parameters_of(optimizer: Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"]]


def is_layer(name: str, module: nn.Module) -> bool:
    """What must have a row: it calls no others; what makes a weight is not a layer."""
    passive = (nn.ParameterList, nn.ParameterDict)  # that are never called
    called = [n for n, child in module.named_children() if not isinstance(child, passive)]
    return "parametrizations" not in name.split(".") and set(called) <= {"parametrizations"}


def tensors_of(name: str, output: Any) -> list[tuple[str, Tensor]]:
    """A module's output as rows: "lstm" for a tensor, "lstm[0]", "lstm[1][0]" within a tuple."""
    if isinstance(output, Tensor):
        return [(name, output)]
    if hasattr(output, "__dict__") and not isinstance(output, dict | tuple):
        output = vars(output)  # a dataclass, say
    if isinstance(output, dict):
        parts = list(output.items())
    elif isinstance(output, tuple | list):
        parts = list(enumerate(output))  # named or not
    else:
        return []
    return [pair for key, part in parts for pair in tensors_of(f"{name}[{key}]", part)]


def hooks(model: nn.Module) -> dict[str, int]:
    """How many hooks of each kind its modules have."""
    found: dict[str, int] = {}
    for module in model.modules():
        for kind, held in vars(module).items():
            if "hooks" in kind and held:
                found[kind] = found.get(kind, 0) + len(held)
    return found


def _kept(value: Any) -> Any:
    if not isinstance(value, Tensor):
        return value
    whole = value.full_tensor() if hasattr(value, "full_tensor") else value
    return whole.detach().clone()


def _wide(tensor: Tensor) -> Tensor:
    """Where differences do not round."""
    if tensor.dtype in (torch.float64, torch.complex64):
        return tensor
    return tensor.float()
