"""The model as a tree of modules, as far as it was recorded: types, sizes, and which are alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from diagnostics.run import Run
from probes.recording import TensorInfo

ROOT_NAME = "(model)"  # a module without a path: the same word in every picture
NO_PARAMETERS = ("output", "state")


@dataclass(frozen=True)
class Module:
    """One module; what contains it comes before it."""

    path: str  # "encoder.layers.0"
    parent: int  # its place among all modules; -1: the model itself
    module_type: str  # "" of one that does nothing but contain others: those are not recorded
    shapes: tuple[str, ...]  # of its own parameters: "weight 64x32"
    size: int  # elements of its parameters, of those inside too
    frozen: int  # how many of these are not trained
    like: str  # path of the first module beside it that is built alike; "": it is the first

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2] or ROOT_NAME


@dataclass(frozen=True)
class ModuleTree:
    """All modules, depth first; those beside one another in the order of the forward pass."""

    run: str
    modules: tuple[Module, ...]

    @cached_property
    def inside(self) -> dict[int, tuple[int, ...]]:
        """Of each module that contains others, their places; -1: of the model itself."""
        found: dict[int, list[int]] = {}
        for place, module in enumerate(self.modules):
            found.setdefault(module.parent, []).append(place)
        return {parent: tuple(places) for parent, places in found.items()}

    @property
    def layers(self) -> tuple[str, ...]:
        """The paths of those that were recorded themselves."""
        return tuple(module.path for module in self.modules if module.module_type)


def module_tree(run: Run) -> ModuleTree:
    """From the names of all that was recorded."""
    root = _Branch("")
    for tensor in run.tensors.values():
        root.reached(tensor.module).tensors.append(tensor)
    own = [_Branch("", root.tensors)] if root.tensors else []
    branches = [*own, *root.inside.values()]
    return ModuleTree(run.name, tuple(_flat(branches, -1, [])))


@dataclass
class _Branch:
    """A module while its tensors are gathered."""

    path: str
    tensors: list[TensorInfo] = field(default_factory=list)
    inside: dict[str, _Branch] = field(default_factory=dict)

    def reached(self, path: str) -> _Branch:
        """The branch of that path, made on the way."""
        here = self
        for part in path.split(".") if path else ():
            whole = f"{here.path}.{part}" if here.path else part
            here = here.inside.setdefault(part, _Branch(whole))
        return here

    @property
    def parameters(self) -> list[TensorInfo]:
        return [tensor for tensor in self.tensors if tensor.role not in NO_PARAMETERS]

    @property
    def module_type(self) -> str:
        return self.tensors[0].module_type if self.tensors else ""

    @property
    def shapes(self) -> tuple[str, ...]:
        return tuple(f"{_last(t.name)} {t.shape}".strip() for t in self.parameters)

    @cached_property
    def built(self) -> str:
        """Equal for modules that are built alike."""
        within = ",".join(f"{name}={branch.built}" for name, branch in self.inside.items())
        return f"{self.module_type}{self.shapes}({within})"

    @cached_property
    def size(self) -> int:
        return sum(t.size for t in self.parameters) + sum(b.size for b in self.inside.values())

    @cached_property
    def frozen(self) -> int:
        mine = sum(t.size for t in self.parameters if not t.trainable)
        return mine + sum(branch.frozen for branch in self.inside.values())


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _flat(branches: list[_Branch], parent: int, before: list[Module]) -> list[Module]:
    """Appended to those before, each with what is inside."""
    first: dict[str, str] = {}
    for branch in branches:
        like = first.setdefault(branch.built, branch.path)
        place = len(before)
        before.append(
            Module(
                path=branch.path,
                parent=parent,
                module_type=branch.module_type,
                shapes=branch.shapes,
                size=branch.size,
                frozen=branch.frozen,
                like="" if like == branch.path else like,
            )
        )
        _flat(list(branch.inside.values()), place, before)
    return before
