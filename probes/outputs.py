"""What the model predicts for one fixed batch, at steps that lie evenly on a log scale.

From these predictions follow the path that training takes through the space of functions, and
which frequencies are learnt first. The model is called once more, in evaluation mode and without
gradients, and is left as it was: every attribute, flag and buffer, and all random numbers.
"""

from __future__ import annotations

import copy
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from probes.compiled import is_compiled
from probes.named_tensors import named_tensors, the_answer
from probes.parameters import unwrapped
from probes.probe import Moment

A_DECADE = 16  # predictions in each tenfold of steps
MOST = 1 << 16  # numbers recorded of a prediction; of wider ones every n-th output
LARGEST_INPUT = 1 << 22  # elements


class Outputs:
    """Calls the model with `inputs`: a tuple is its arguments, a mapping its keywords.

    inputs    if not said, those of the Recorder's `batch`
    every     predict at every n-th step, in place of 16 times in each tenfold of steps; only at
              those that the Recorder records. To keep its time budget it leaves some out, which
              an event then says; Recorder(every=n) records every n-th, whatever it costs
    autocast  predict in this type, as training does; if not said, in that of the weights
    """

    series = "outputs"
    state = "after the step; in evaluation mode, without gradients"

    def __init__(
        self, inputs: Any = None, *, every: int | None = None, autocast: torch.dtype | None = None
    ) -> None:
        self._inputs: Any = None
        if every is not None and every < 1:
            raise ValueError(f"every={every}: it counts steps and starts at 1")
        if inputs is not None:
            self.feed(inputs)
        self._every, self._autocast = every, autocast
        self._next = 0
        self._told = self._told_missing = False

    @property
    def is_fed(self) -> bool:
        """Does it know what to call the model with?"""
        return self._inputs is not None

    def feed(self, inputs: Any) -> None:
        if not named_tensors("", inputs):
            raise ValueError(
                f"inputs are a {type(inputs).__name__} without a tensor: give what the model is "
                "called with, such as x, (x, mask) or {'input_ids': ids}"
            )
        self._inputs = _mapped(inputs, lambda tensor: tensor.detach().clone())

    def step(self, moment: Moment) -> None:
        if moment.step < self._next:
            return
        self._tell_missing(moment)
        self._next = self._after(moment.step)
        if shared_out():
            self._excuse(moment)
            return
        model = unwrapped(moment.model)
        output = self._predict(model)
        if not self._told:
            self._tell_inputs(moment)
        _tell(moment, output)

    def _after(self, step: int) -> int:
        """The first step from which on the next prediction is due."""
        if self._every is not None:
            return step - step % self._every + self._every
        place = math.floor(A_DECADE * math.log10(max(step, 1))) + 1
        return max(step + 1, math.ceil(10 ** (place / A_DECADE)))

    def _tell_missing(self, moment: Moment) -> None:
        """Once, if at a step that was asked for nobody came by."""
        if self._every is None or self._told_missing or not self._next:
            return
        if moment.step >= self._next + self._every:
            self._told_missing = True
            moment.event(
                "outputs",
                f"predictions were to be recorded every {self._every} steps, and none was at step "
                f"{self._next}: the Recorder records fewer steps than that, to keep its time "
                f"budget; Recorder(every={self._every}) records them all",
            )

    def _predict(self, model: nn.Module) -> Any:
        device = next((t.device for t in (*model.parameters(), *model.buffers())), None)
        # A copy: some models change their inputs in place.
        inputs = _mapped(self._inputs, lambda tensor: tensor.to(device, copy=True))
        with torch.no_grad(), undisturbed(model), _precision(device, self._autocast):
            if isinstance(inputs, Mapping):
                return model(**inputs)
            return model(*inputs) if isinstance(inputs, tuple) else model(inputs)

    def _excuse(self, moment: Moment) -> None:
        if not self._told:
            self._told = True
            moment.event(
                "outputs",
                "no predictions are recorded: several processes train this model, and a call by "
                "one of them alone could wait for the others forever",
            )

    def _tell_inputs(self, moment: Moment) -> None:
        self._told = True
        first = named_tensors("", self._inputs)[0][1]
        if first.numel() > LARGEST_INPUT:
            text = f"inputs of {first.numel()} elements are not recorded: over {LARGEST_INPUT}"
            moment.event("outputs", text)
        else:
            values = _real(first)
            values = values.float() if values.is_floating_point() else values
            moment.array("outputs/inputs", values, about="what the model was given, [example, …]")


def _tell(moment: Moment, output: Any) -> None:
    """The first tensor that the model gives, or its logits, as [example, output]."""
    table = _real(_first(output).detach())
    table = table.reshape(1, 1) if table.ndim == 0 else table.unsqueeze(-1).flatten(1)
    step = max(1, -(-table.numel() // MOST))
    thinned = f", every {step}. of {table.shape[1]} outputs" if step > 1 else ""
    values = table[:, ::step].to(torch.float32, copy=True)
    moment.array("outputs", values, about=f"[example, output]{thinned}")


def _first(output: Any) -> Tensor:
    answer = the_answer(output)
    if answer is None:
        raise TypeError(
            f"the model gives a {type(output).__name__} without a tensor: its predictions cannot "
            "be recorded; leave out probes.Outputs()"
        )
    return answer


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """In evaluation mode; afterwards all is as it was."""
    modules = list(model.modules())
    contents = [kept for module in modules for kept in _contents(module)]
    buffers = [(buffer, _version(buffer), buffer.clone()) for buffer in model.buffers()]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices))
        if is_compiled(model):  # or it would be compiled anew, for evaluation
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            for module in modules:
                module.training = False  # not eval(), which some models make their own
            yield
        finally:
            for container, before in contents:
                _put_back(container, before)
            for buffer, version, values in buffers:
                if _version(buffer) != version:
                    buffer.copy_(values)


def _contents(module: nn.Module) -> Iterator[tuple[Any, Any]]:
    """What the module holds, and what the collections hold that it holds: hidden states, caches."""
    own = vars(module)
    yield own, dict(own)
    for value in own.values():
        if type(value) in (dict, OrderedDict, list, set):
            yield value, copy.copy(value)


def _put_back(container: Any, before: Any) -> None:
    if isinstance(container, list):
        container[:] = before
        return
    for new in set(container) - set(before):
        container.discard(new) if isinstance(container, set) else container.pop(new)
    container.update(before)


def _version(buffer: Tensor) -> int:
    """Counts the changes in place; what was made in inference mode cannot be changed here."""
    return 0 if buffer.is_inference() else buffer._version


def _precision(device: torch.device | None, dtype: torch.dtype | None) -> torch.autocast:
    """Keeps no cast weights, which have no gradients and which some torches give to training."""
    kind = "cpu" if device is None else device.type
    return torch.autocast(kind, dtype=dtype, enabled=dtype is not None, cache_enabled=False)


def shared_out() -> bool:
    """Do several processes train the model?"""
    distributed = torch.distributed
    return bool(
        distributed.is_available()
        and distributed.is_initialized()
        and distributed.get_world_size() > 1
    )


def _real(values: Tensor) -> Tensor:
    return torch.view_as_real(values) if values.is_complex() else values


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same with every tensor changed, wherever `named_tensors` finds one."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _mapped(part, change) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [_mapped(part, change) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if is_dataclass(value):
        new = copy.copy(value)
        for field in fields(value):  # around its constructor, which may want other things
            object.__setattr__(new, field.name, _mapped(getattr(value, field.name), change))
        return new
    return value
