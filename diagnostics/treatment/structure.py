"""Parts of a model: which there are, and one put in another's place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from diagnostics.treatment.course import Course

WEIGHTY = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
SATURATING = (nn.Sigmoid, nn.Tanh, nn.Hardtanh, nn.Softsign, nn.Hardsigmoid)
RECTIFYING = (nn.ReLU, nn.ReLU6, nn.Threshold)
ACTIVATIONS = (
    *(*SATURATING, *RECTIFYING, nn.LeakyReLU, nn.GELU, nn.SiLU, nn.ELU),
    *(nn.SELU, nn.Softplus, nn.Mish, nn.Hardswish, nn.PReLU, nn.CELU, nn.LogSigmoid),
)
BATCH_NORMS, DROPOUTS = (_BatchNorm,), (_DropoutNd,)
NORMS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def put(course: Course, name: str, new: nn.Module) -> None:
    """In the place of a module, wherever it is used; its new parameters are trained too."""
    old = course.model.get_submodule(name)
    new.to(next(course.model.parameters()).device)
    known = {id(parameter) for parameter in old.parameters()}
    new.train(old.training)
    if old is course.model:
        course.model = new
    else:
        for parent in list(course.model.modules()):
            for key, child in parent._modules.items():
                if child is old and parent is not new:
                    parent._modules[key] = new
    fresh = [p for p in new.parameters() if id(p) not in known]
    hold(course, fresh)


def hold(course: Course, parameters: Iterable[nn.Parameter]) -> list[nn.Parameter]:
    """Have the optimizer hold these too, with the first group's settings."""
    held = {id(p) for group in course.groups for p in group["params"]}
    missing = [p for p in parameters if id(p) not in held]
    course.groups[0]["params"].extend(missing)
    return missing


def chain(model: nn.Module) -> Sequence[nn.Module]:
    """The parts of a plain stack of layers, in their order; nothing of any other model."""
    if not isinstance(model, nn.Sequential):
        return ()
    parts: list[nn.Module] = []
    for child in model:
        inner = chain(child) if isinstance(child, nn.Sequential) else (child,)
        parts += inner
    return parts if all(is_leaf(part) for part in parts) else ()


def channels(layer: nn.Module) -> int:
    """How many values a layer with weights gives at each place."""
    width = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
    assert isinstance(width, int)
    return width


def groups_of(width: int) -> int:
    """Into how many groups of channels a GroupNorm divides them: 8, or what divides them."""
    return next(count for count in (8, 4, 2, 1) if width % count == 0)
