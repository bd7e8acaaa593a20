from __future__ import annotations

import pytest
from torch import nn
from torch.nn.modules import module as hooks

from probes.global_hooks import GlobalHooks


def test_every_module_call_is_seen_and_nothing_is_left():
    seen = []
    watching = GlobalHooks(
        lambda module, inputs: seen.append(("in", type(module).__name__)),
        lambda module, inputs, keywords, output: seen.append(("out", type(module).__name__)),
        always=True,
    )
    model = nn.Sequential(nn.Identity())
    model(1)
    assert seen == [("in", "Sequential"), ("in", "Identity"), ("out", "Identity"),
                    ("out", "Sequential")]  # fmt: skip
    assert not model._forward_hooks
    watching.remove()
    model(1)
    assert len(seen) == 4
    assert not hooks._has_any_global_hook()
    assert not hooks._global_forward_hooks_with_kwargs
    assert not hooks._global_forward_hooks_always_called


def test_a_module_that_raises_is_seen_too_if_asked():
    class Broken(nn.Module):
        def forward(self):
            raise ZeroDivisionError

    seen = []
    watching = GlobalHooks(leaves=lambda module, *_: seen.append(module), always=True)
    model = Broken()
    with pytest.raises(ZeroDivisionError):
        model()
    watching.remove()
    assert seen == [model]


def test_without_hooks_nothing_is_registered():
    GlobalHooks().remove()
    assert not hooks._has_any_global_hook()
