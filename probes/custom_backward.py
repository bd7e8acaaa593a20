"""Do the user's own autograd functions give the derivatives of what they compute?

Looked for in the graphs of the first step's passes. Where there are some, these passes are run once
more after that step, of at most eight rows, and what each function is given is kept; then it alone
is asked for its slope by differences and for its derivative by its backward pass. For that, and
only where there is such a function, a device is waited for. Told is one event of JSON for each
module and function: a slope of 0 beside a derivative is a straight-through estimator, and
"identity" says that the function gives what it was given, as one that only changes gradients does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from probes.compiled import is_compiled
from probes.directional import derivative
from probes.global_hooks import GlobalHooks
from probes.named_tensors import named_tensors
from probes.opening import ranks
from probes.probe import Moment, Pass
from probes.program.live_gradients import written
from probes.unharmed import unharmed

ROWS = 8  # of a batch
PASSES = 4  # that are run once more, each of another module
MODULES = 16  # whose functions are compared
LARGEST = 1 << 22  # elements that a pass may be given, and all functions together
NODES = 1 << 16  # of a graph that are looked at
PLAIN = (Tensor, int, float, bool, str, type(None), torch.dtype, torch.device)


class CustomBackward:
    """Tells how far backward passes that are written by hand are off."""

    series = "custom_backward"
    state = "after the first step, of the inputs of its passes"

    def __init__(self) -> None:
        self._is_done = False
        self._seen: set[int] = set()  # outermost modules that were called
        self._passes: list[_Kept] = []

    def passed(self, whole: Pass) -> None:
        if self._is_done or whole.is_loss or id(whole.module) in self._seen:
            return
        self._seen.add(id(whole.module))
        functions = functions_behind(tensor for _, tensor in named_tensors("", whole.output))
        kept = _kept(whole, functions) if functions and len(self._passes) < PASSES else None
        if kept is not None:
            self._passes.append(kept)

    def step(self, moment: Moment) -> None:
        if self._is_done or not self._seen:
            return
        self._is_done, passes, self._passes = True, self._passes, []
        if not passes or is_compiled(moment.model) or ranks()[1] > 1:
            return
        with unharmed(moment.model):
            for found in _compared(moment.model, passes):
                moment.event("backward", json.dumps(found, separators=(",", ":")))


def functions_behind(outputs: Iterable[Tensor]) -> set[type]:
    """The autograd functions not of torch's own that these tensors came through."""
    waiting: list[Any] = [output.grad_fn for output in outputs]
    met: set[Any] = set()
    while waiting and len(met) < NODES:
        node = waiting.pop()
        if node is not None and node not in met:
            met.add(node)
            waiting += [before for before, _ in node.next_functions]
    found = {getattr(node, "_forward_cls", None) for node in met}
    return {kind for kind in found if kind and kind.__module__.partition(".")[0] != "torch"}


@dataclass(frozen=True)
class _Kept:
    """A pass that can be run again."""

    module: nn.Module
    inputs: tuple[Any, ...]
    keywords: dict[str, Any]
    functions: set[type]


def _kept(whole: Pass, functions: set[type]) -> _Kept | None:
    """Its first rows; None where what it was given is too large, or cannot be copied."""
    leaves, form = pytree.tree_flatten((whole.inputs, dict(whole.keywords)))
    given = (tensor for _, tensor in named_tensors("", whole.output))
    batch = next((len(tensor) for tensor in given if tensor.ndim), 0)
    cut = [leaf[:ROWS] if _has_rows(leaf, batch) else leaf for leaf in leaves]
    if not all(isinstance(leaf, PLAIN) for leaf in cut) or _elements(cut) > LARGEST:
        return None
    copies = [leaf.detach().clone() if isinstance(leaf, Tensor) else leaf for leaf in cut]
    inputs, keywords = pytree.tree_unflatten(copies, form)
    return _Kept(whole.module, inputs, keywords, functions)


def _has_rows(leaf: Any, batch: int) -> bool:
    return isinstance(leaf, Tensor) and leaf.ndim > 0 and len(leaf) == batch > ROWS


def _elements(values: Iterable[Any]) -> int:
    return sum(value.numel() for value in values if isinstance(value, Tensor))


@dataclass
class _Given:
    """What a function was given, inside a module."""

    module: str
    function: type
    inputs: tuple[Any, ...]
    wanted: list[int]  # places of the inputs whose gradients are asked for
    is_identity: bool = False


@dataclass
class _Listener:
    """Hears of functions while passes are run again: the first call in each module."""

    names: dict[nn.Module, str]
    heard: dict[tuple[str, type], _Given] = field(default_factory=dict)
    room: int = LARGEST
    _stack: list[str] = field(default_factory=list)

    def enters(self, module: nn.Module, _: Any) -> None:
        if module in self.names:
            self._stack.append(self.names[module])

    def leaves(self, module: nn.Module, *_: Any) -> None:
        if module in self.names and self._stack:
            self._stack.pop()

    @contextmanager
    def inside(self, module: nn.Module) -> Iterator[None]:
        """The outermost one, which is not called by its own name but by its forward."""
        self._stack = [self.names[module]]
        hooks = GlobalHooks(self.enters, self.leaves)
        try:
            yield
        finally:
            hooks.remove()

    @contextmanager
    def on(self, function: type) -> Iterator[None]:
        """Its forward is stood in for; `apply` may be known under other names by now."""
        own = "forward" in vars(function)
        before = vars(function).get("forward")
        forward = function.forward  # type: ignore[attr-defined]

        def listened(*given: Any) -> Any:
            call = self._begun(function, given)
            output = forward(*given)
            if call is not None:
                call.is_identity = _is_same(output, call)
            return output

        function.forward = staticmethod(listened)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            if own:
                function.forward = before  # type: ignore[attr-defined]
            else:
                del function.forward  # type: ignore[attr-defined]

    def _begun(self, function: type, given: tuple[Any, ...]) -> _Given | None:
        """Without the context that comes first, unless that is set up by a method of its own."""
        inputs = given[1:] if given and isinstance(given[0], _CONTEXT) else given
        place = (self._stack[-1], function)
        size = _elements(inputs)
        if place in self.heard or len(self.heard) >= MODULES or size > self.room:
            return None
        self.room -= size
        wanted = [n for n, value in enumerate(inputs) if _is_followed(value)]
        copies = tuple(v.detach().clone() if isinstance(v, Tensor) else v for v in inputs)
        self.heard[place] = _Given(*place, copies, wanted)
        return self.heard[place]


_CONTEXT = torch._C._FunctionBase


def _is_followed(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad and value.is_floating_point()


def _is_same(output: Any, call: _Given) -> bool:
    first = next((value for value in call.inputs if isinstance(value, Tensor)), None)
    if not isinstance(output, Tensor) or first is None or output.dtype != first.dtype:
        return False
    return torch.equal(output, first)


def _compared(model: nn.Module, passes: Iterable[_Kept]) -> Iterator[dict[str, Any]]:
    for call in _heard(model, passes).values():
        with torch.enable_grad():
            found = derivative(call.function.apply, call.inputs, call.wanted)  # type: ignore[attr-defined]
        if found is not None:
            yield {
                "module": call.module,
                "function": written(call.function),
                "error": _rounded(found.error),
                "slope": _rounded(found.slope),
                "derivative": _rounded(found.said),
                "identity": call.is_identity,
            }


def _heard(model: nn.Module, passes: Iterable[_Kept]) -> dict[tuple[str, type], _Given]:
    """All calls of the user's functions, in the order in which they were made."""
    listener = _Listener({module: name for name, module in model.named_modules()})
    _silence(model)
    for one in passes:
        with suppress(Exception), ExitStack() as stack:  # of what cannot be run, nothing is told
            for function in one.functions:
                stack.enter_context(listener.on(function))
            stack.enter_context(listener.inside(one.module))
            with torch.enable_grad():
                one.module.forward(*one.inputs, **one.keywords)
    return listener.heard


def _silence(model: nn.Module) -> None:
    """The user's hooks would take this for training; torch's own, which make weights, stay."""
    for module in model.modules():
        for kind in ("_forward_hooks", "_forward_pre_hooks"):
            held = vars(module)[kind]
            if held:
                own = {key: hook for key, hook in held.items() if _is_torchs(hook)}
                vars(module)[kind] = type(held)(own)


def _is_torchs(hook: Any) -> bool:
    function = getattr(hook, "func", hook)
    kind = getattr(function, "__module__", None) or type(function).__module__
    return str(kind).partition(".")[0] == "torch"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
