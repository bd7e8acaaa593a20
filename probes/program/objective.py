"""How a user's loss is said, and the one function of tensors that it becomes.

loss(model(x), y)      loss=fn,        batch=(inputs, target); a tuple or dict of inputs is
                       spread: model(*inputs), model(**inputs)
model(**batch).loss    loss=None,      batch=what the model takes; it gives the loss itself
anything else          loss=Whole(fn), batch=anything: fn(model, batch) gives the loss, or the
                       loss and the predictions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from torch import Tensor, nn

from probes.folder import NotRecordable


@dataclass(frozen=True)
class Whole:
    """A loss that calls the model by itself: contrastive, two passes, penalties on weights."""

    function: Callable[[nn.Module, Any], Any]


Loss = Callable[[Any, Any], Any] | Whole | None


class Objective(nn.Module):
    """Model and loss as one module of tensors alone; all else in the batch is part of it."""

    def __init__(self, model: nn.Module, loss: Loss, batch: Any) -> None:
        super().__init__()
        self.model, self.loss = model, loss
        named: dict[str, Tensor] = {}
        pattern = _named(batch if _is_whole(loss) else _pair(batch), named)
        self.pattern, self.inputs = pattern, named

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        batch = _filled(self.pattern, dict(zip(self.inputs, tensors, strict=True)))
        loss, output = self._evaluate(batch)
        prediction = _prediction(output)
        return (_scalar(loss),) if prediction is None else (_scalar(loss), prediction)

    def _evaluate(self, batch: Any) -> tuple[Any, Any]:
        if isinstance(self.loss, Whole):
            found = self.loss.function(self.model, batch)
            return found if isinstance(found, tuple) else (found, None)
        if self.loss is None:
            output = _called(self.model, batch)
            return _own_loss(output), output
        output = _called(self.model, batch["inputs"])
        return self.loss(output, batch["target"]), output


def model_inputs(loss: Loss, batch: Any) -> Any:
    """What of the batch the model is called with; None where the loss alone knows."""
    if isinstance(loss, Whole):
        return None
    if loss is None:
        return batch
    is_pair = isinstance(batch, (tuple, list)) and len(batch) == 2
    return batch[0] if is_pair else None


def _is_whole(loss: Loss) -> bool:
    return loss is None or isinstance(loss, Whole)


def _pair(batch: Any) -> dict[str, Any]:
    if not isinstance(batch, (tuple, list)) or len(batch) != 2:
        raise NotRecordable(
            f"batch is a {type(batch).__name__}, and loss(output, target) needs the pair "
            "batch=(inputs, target); for a model that gives its loss itself leave loss out, for "
            "all else pass loss=Whole(lambda model, batch: …)"
        )
    return {"inputs": batch[0], "target": batch[1]}


@dataclass(frozen=True)
class _Place:
    """Where a tensor of the batch goes."""

    name: str


def _named(value: Any, named: dict[str, Tensor], name: str = "") -> Any:
    """The batch without its tensors, which get names such as "inputs.input_ids"."""
    if isinstance(value, Tensor):
        named[name or "batch"] = value
        return _Place(name or "batch")
    if isinstance(value, Mapping):
        return {k: _named(v, named, _under(name, k)) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        parts = [_named(v, named, _under(name, n)) for n, v in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def _under(name: str, key: Any) -> str:
    return f"{name}.{key}" if name else str(key)


def _filled(pattern: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(pattern, _Place):
        return tensors[pattern.name]
    if isinstance(pattern, dict):
        return {k: _filled(v, tensors) for k, v in pattern.items()}
    if isinstance(pattern, (tuple, list)):
        parts = [_filled(v, tensors) for v in pattern]
        return type(pattern)(*parts) if hasattr(pattern, "_fields") else type(pattern)(parts)
    return pattern


def _called(model: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, (tuple, list)) else model(inputs)


def _own_loss(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output
    found = dict(_parts(output))
    return found.get("loss", found.get(0))


def _scalar(loss: Any) -> Tensor:
    if not isinstance(loss, Tensor):
        raise NotRecordable(
            f"the loss is a {type(loss).__name__}, not a tensor; pass loss= a function that gives "
            "the tensor that backward() is called on"
        )
    if loss.dim() and loss.numel() != 1:
        raise NotRecordable(
            f"the loss is a tensor of shape {[*loss.shape]}, not one number; let it end as in "
            "training, such as with .mean(), and pass loss= where the model gives predictions"
        )
    return loss.reshape(())


def _prediction(output: Any) -> Tensor | None:
    """Of several tensors the logits, else the first of floating point that is not the loss."""
    if isinstance(output, Tensor):
        return output if output.dim() else None
    found = {k: v for k, v in _parts(output) if isinstance(v, Tensor) and v.dim()}
    floating = [v for v in found.values() if v.is_floating_point()]
    return found.get("logits", floating[0] if floating else None)


def _parts(output: Any) -> list[tuple[Any, Any]]:
    if isinstance(output, Mapping):
        return list(output.items())
    if isinstance(output, (tuple, list)):
        return list(enumerate(output))
    if is_dataclass(output):
        return [(field.name, getattr(output, field.name)) for field in fields(output)]
    return []


def batch_size(inputs: dict[str, Tensor]) -> int:
    """The size of the first axis that most tensors of the batch have."""
    sizes = [tensor.shape[0] for tensor in inputs.values() if tensor.dim()]
    if not sizes:
        raise NotRecordable("the batch holds no tensor with an axis; pass batch=(inputs, target)")
    return max(sizes, key=sizes.count)
