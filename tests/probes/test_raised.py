from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from probes.keeper import Keeper
from probes.raised import LONGEST, raised


class Inner(nn.Module):
    def forward(self, x, *, mask=None):
        return self.mixed(x, mask)

    def mixed(self, x, mask):
        raise IndexError("no such column")


def report_of(model, *inputs, **keywords):
    keeper = Keeper(model, compiled=False)
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011
            model(*inputs, **keywords)
        return raised(7, model, caught.value, keeper)
    finally:
        keeper.leave()


def test_the_innermost_module_its_code_and_its_inputs_are_named():
    model = nn.Sequential(nn.Linear(4, 6), nn.Sequential(nn.ReLU(), Inner()))
    report = report_of(model, torch.ones(3, 4))
    assert (report.where, report.module, report.module_type) == ("exception", "1.1", "Inner")
    assert (report.kind, report.forward_pass) == ("IndexError", 1)
    assert "raised in '1.1' (Inner), which was given x float32 [3, 6], in mixed() at" in (
        report.summary
    )
    assert report.summary.endswith("IndexError: no such column")


def test_torchs_own_errors_name_the_layer():
    report = report_of(nn.Sequential(nn.Linear(4, 6), nn.Linear(5, 2)), torch.ones(3, 4))
    assert (report.module, report.kind) == ("1", "RuntimeError")
    assert "input float32 [3, 6]" in report.summary


def test_modules_of_others_are_passed_over():
    class Outer(nn.Module):
        def forward(self, x):
            return HIDDEN(x)

    report = report_of(nn.Sequential(Outer()), torch.ones(3, 4))
    assert (report.module, report.module_type) == ("0", "Outer")


HIDDEN = Inner()


def test_a_long_text_is_cut_and_no_frame_is_held():
    class Fails(nn.Module):
        def forward(self, x):
            held.append(weakref.ref(x))
            raise ValueError("x" * 10_000)

    held = []
    report = report_of(Fails(), torch.ones(3, 4) * 2)
    assert len(report.summary) < 2 * LONGEST + 200
    given = report.arrays["black_box/input/0"][0]
    assert torch.equal(given, torch.full((3, 4), 2.0))
    gc.collect()
    assert held[0]() is None
