"""What a remedy may look at before it says what to change, and how it says it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from diagnostics.treatment.course import Course, evaluating, loss_of
from diagnostics.treatment.rows import tensors
from diagnostics.treatment.structure import ACTIVATIONS, WEIGHTY, is_leaf
from diagnostics.treatment.treatment import Judge
from probes.program.objective import Loss, Whole


@dataclass(frozen=True)
class About:
    """What a remedy is for."""

    diseases: tuple[str, ...]
    mends: bool = False  # puts right what is certainly wrong
    judged_by: Judge = "training"


@dataclass(frozen=True)
class Change:
    """One thing to try: in words, as code to paste, and as done to a copy."""

    told: str
    code: str
    make: Callable[[Course], object]
    measured: Loss = None  # by which both trials are judged, where the user's loss cannot


Proposals: TypeAlias = Generator[Change, float, None]  # a change's effect comes back


@dataclass(frozen=True)
class Case:
    """An untreated copy to look at, what is said to ail it, and how its gradients were."""

    course: Course
    diseases: tuple[str, ...]
    norms: Sequence[float] = field(default=())  # of the untreated trial's gradients

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The innermost modules as a pass calls them."""
        return tuple(self._seen)

    @cached_property
    def shapes(self) -> dict[str, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Of what each of them is given and gives."""
        return {name: (tuple(i.shape), tuple(o.shape)) for name, (i, o) in self._seen.items()}

    @cached_property
    def _seen(self) -> dict[str, tuple[Tensor, Tensor]]:
        found: dict[str, tuple[Tensor, Tensor]] = {}
        with _listening(self.course.model, found), evaluating(self.course.model):
            loss_of(self.course, self.course.seen[0])
        return found

    def module(self, name: str) -> nn.Module:
        return self.course.model.get_submodule(name)

    def given_to(self, name: str) -> Tensor:
        """What a module gets of a fixed batch."""
        return self._seen[name][0]

    def given_by(self, name: str) -> Tensor:
        """And what it gives."""
        return self._seen[name][1]

    @cached_property
    def weighty(self) -> tuple[str, ...]:
        """Linear and convolutional layers in the order of the pass."""
        return tuple(name for name in self.order if isinstance(self.module(name), WEIGHTY))

    @cached_property
    def hidden_activations(self) -> tuple[str, ...]:
        """Those that a layer with weights follows."""
        if not self.weighty:
            return ()
        before = self.order[: self.order.index(self.weighty[-1])]
        return tuple(name for name in before if isinstance(self.module(name), ACTIVATIONS))

    @cached_property
    def at_the_end(self) -> str:
        """The last module of the pass, whose output is the model's answer; or nothing."""
        if not self.order or self.answers is None:
            return ""
        last = self._seen[self.order[-1]][1]
        same = last.shape == self.answers.shape and torch.equal(last, self.answers)
        return self.order[-1] if same else ""

    @cached_property
    def answers(self) -> Tensor | None:
        """The model's answers to a fixed batch, where they are one tensor."""
        if self.course.loss is None or isinstance(self.course.loss, Whole):
            return None
        inputs = self.course.seen[0][0]
        with evaluating(self.course.model):
            found = self.course.model(*inputs) if isinstance(inputs, tuple) else None
            found = self.course.model(inputs) if isinstance(inputs, Tensor) else found
        return found if isinstance(found, Tensor) else None

    @cached_property
    def target(self) -> Tensor | None:
        """What the loss of a fixed batch is to have, where it is one tensor."""
        batch = self.course.seen[0]
        pair = isinstance(batch, (tuple, list)) and len(batch) == 2
        return batch[1] if pair and isinstance(batch[1], Tensor) else None

    @property
    def has_classes(self) -> bool:
        """Are there scores for classes, and whole numbers for targets?"""
        target, answers = self.target, self.answers
        if target is None or answers is None or target.is_floating_point():
            return False
        return answers.dim() == target.dim() + 1 and answers.shape[-1] > 1

    def loss_is(self, other: Callable[[Tensor, Tensor], Tensor]) -> bool:
        """Does the user's loss give what another one gives?"""
        answers, target, loss = self.answers, self.target, self.course.loss
        if answers is None or target is None or not callable(loss):
            return False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of shapes that do not fit, which is an answer
                pair = loss(answers, target), other(answers, target)
        except (RuntimeError, ValueError, IndexError, TypeError):  # it does not take the like
            return False
        return all(each.numel() == 1 for each in pair) and torch.allclose(*pair, rtol=1e-4)

    def quantile(self, share: float) -> float:
        """Of the untreated gradients' norms; NaN if there were none."""
        usable = [norm for norm in self.norms if np.isfinite(norm) and norm > 0]
        return float(np.quantile(usable, share)) if usable else float("nan")

    def float_inputs(self) -> Tensor | None:
        """All recorded inputs, where these are one tensor of numbers."""
        inputs = [batch[0] for batch in self.course.batches if isinstance(batch, (tuple, list))]
        each_is_one = inputs and all(
            isinstance(part, Tensor) and part.is_floating_point() and part.dim() > 1
            for part in inputs
        )
        return torch.cat(inputs) if each_is_one else None


class _listening:  # noqa: N801  (read as a verb: with _listening(…))
    """Notes what each innermost module is given, and gives, the last time that it is called."""

    def __init__(self, model: nn.Module, found: dict[str, tuple[Tensor, Tensor]]) -> None:
        named = {name: module for name, module in model.named_modules() if is_leaf(module)}
        self._found = found
        self._handles = [
            module.register_forward_hook(self._hook(name)) for name, module in named.items()
        ]

    def _hook(self, name: str) -> Callable[..., None]:
        def called(_module: nn.Module, given: Any, out: Any) -> None:
            first, last = next(tensors(given), None), next(tensors(out), None)
            if first is not None and last is not None:
                self._found.pop(name, None)  # its place is that of its last call
                self._found[name] = first.detach().clone(), last.detach().clone()

        return called

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()
