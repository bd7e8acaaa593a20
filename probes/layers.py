"""A model's modules by name: which of them are layers, and what each was seen to give."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from torch import Tensor, nn
from torch.nn.utils import parametrize

KEEPERS = (parametrize.ParametrizationList, nn.ParameterList, nn.ParameterDict)  # no layers
OPAQUE = (nn.MultiheadAttention,)  # uses its children's weights and never calls them
ROOT = "(model)"  # what a model that is a single layer gives
Given = tuple[str, nn.Module, str, str]  # module's name, module, shape, type


class Layers:
    """Names are found once, and again when a module comes up that is not known."""

    def __init__(self, model: nn.Module, selection: str | None) -> None:
        self.model, self._selection = model, selection
        self._names: dict[int, str] = {}
        self._computing: set[int] = set()
        self._strangers: dict[int, weakref.ref[nn.Module]] = {}
        self.given: dict[str, Given] = {}  # by the name of the tensor given

    def name_of(self, module: nn.Module) -> str | None:
        """As the model calls it, or None for a module that is not the model's."""
        name = self._names.get(id(module))
        if name is None and not self._is_stranger(module):
            self._learn()
            name = self._names.get(id(module))
            if name is None:
                self._strangers[id(module)] = weakref.ref(module)
        return name

    def _is_stranger(self, module: nn.Module) -> bool:
        known = self._strangers.get(id(module))
        return isinstance(module, nn.modules.loss._Loss) or (
            known is not None and known() is module
        )

    def module_of(self, name: str) -> nn.Module:
        return self.model.get_submodule(name)

    def computes(self, module: nn.Module) -> bool:
        """Is it a layer, one that does not only call others; and one that is asked for?"""
        return id(module) in self._computing

    def note(self, name: str, module: nn.Module, tensors: Sequence[tuple[str, Tensor]]) -> None:
        """Remember what a layer gave, for the table of tensors."""
        for found, tensor in tensors:
            if found not in self.given:
                shape = "x".join(map(str, tensor.shape))
                kind = str(tensor.dtype).removeprefix("torch.")
                self.given[found] = (name, module, shape, kind)

    def silent(self) -> list[str]:
        """Layers that have not been seen to give anything."""
        heard = {module for module, *_ in self.given.values()}
        return [name for name, _ in self.selected() if name not in heard]

    def _learn(self) -> None:
        self._strangers.clear()
        self._names = {id(module): name for name, module in self.model.named_modules()}
        self._computing = {id(module) for _, module in self.selected()}

    def selected(self) -> Iterator[tuple[str, nn.Module]]:
        """The layers that are asked for, by name."""
        for name, module in self.model.named_modules():
            if _is_layer(name, module) and (
                self._selection is None or fnmatchcase(name, self._selection)
            ):
                yield name, module


def _is_layer(name: str, module: nn.Module) -> bool:
    children = [
        child
        for local, child in module.named_children()
        if local != "parametrizations" and not isinstance(child, KEEPERS)
    ]
    inside = "parametrizations" in name.split(".")
    kept = isinstance(module, (*KEEPERS, nn.ModuleList, nn.ModuleDict))
    return (not children or isinstance(module, OPAQUE)) and not inside and not kept
