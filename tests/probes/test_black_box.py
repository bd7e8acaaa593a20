from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as hooks

from probes.black_box import REST, SKIPS, BlackBox, NonFiniteError
from probes.recording import BINS, STATISTICS
from probes.unfolding import Reduced
from tests.probes.plants import (
    MARK,
    Divides,
    LosesGradient,
    Roots,
    Spoiler,
    batch,
    boxed,
    reports_of,
    stack,
)


def armed_at(middle, at=30):
    def at_step(step, part, given):
        middle.armed = step >= at
        return given

    return at_step


def spoilt_at(at, change, part_of=1):
    def at_step(step, part, given):
        if (step, part) == (at, part_of):
            change(given[0])
        return given

    return at_step


def the_report(model, at_step, **options):
    (report,) = reports_of(model, at_step, **options)
    told = json.loads(report.to_json())
    assert told["summary"].startswith(f"step {report.step}: ")
    return report


@pytest.mark.parametrize(("value", "kind"), [("nan", "NaN"), ("inf", "+inf"), ("-inf", "-inf")])
def test_a_value_lost_in_a_forward_pass_is_traced_to_its_layer_and_row(value, kind):
    layer = Spoiler(float(value))
    report = the_report(stack(layer), armed_at(layer))
    assert (report.step, report.where, report.module) == (30, "forward", "2")
    assert (report.module_type, report.kind, report.rows) == ("Spoiler", kind, (5,))
    assert (report.forward_pass, report.passes) == (1, 1)
    assert report.counts["count"] == 12 * 16
    assert report.counts["nan"] + report.counts["posinf"] + report.counts["neginf"] == 1
    assert [layer["module"] for layer in report.order] == ["0", "1", "2", "3", "4", "5"]
    assert f"{kind} first in the output of '2' (Spoiler); its input was finite" in report.summary
    assert "row 5 is concerned" in report.summary
    given, _ = report.arrays["black_box/input/0"]
    assert torch.equal(given, batch(30, 1)[0])


def test_a_gradient_lost_in_a_layer_is_traced_to_it():
    layer = LosesGradient()
    report = the_report(stack(layer), armed_at(layer))
    assert (report.step, report.where, report.module) == (30, "backward", "2")
    assert report.module_type == "LosesGradient"
    assert {g["name"] for g in report.gradients} == {"0.weight", "0.bias"}
    assert not any(layer["nan"] for layer in report.order)


def test_a_division_by_zero_in_a_containers_own_code():
    layer = Divides()
    report = the_report(stack(layer), armed_at(layer))
    assert (report.step, report.where, report.module) == (30, "forward", "2")
    assert (report.after, report.before) == ("2.up", "2.down")
    assert "between '2.up' and '2.down', in the code of '2' (Divides) itself" in report.summary


def test_a_root_of_zero_in_a_containers_own_code_has_no_gradient():
    layer = Roots()
    report = the_report(stack(layer), armed_at(layer))
    assert (report.step, report.where, report.module) == (30, "backward", "2")
    assert (report.after, report.before) == ("2.up", "2.down")
    assert "root" in report.summary


def test_rows_of_the_input_that_are_not_finite():
    def spoil(x):
        x[5, 3] = x[7, 1] = float("nan")

    report = the_report(stack(nn.Tanh()), spoilt_at(30, spoil))
    assert (report.step, report.where, report.input) == (30, "inputs", "0")
    assert report.rows == (5, 7)
    assert "was given NaN" in report.summary
    assert "2 of 96 elements of input 0, in rows 5, 7" in report.summary


def test_rows_of_the_input_that_are_far_from_the_others():
    def spoil(x):
        x[2, :] = 3e38

    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3))
    nn.init.constant_(model[0].weight, 10.0)
    report = the_report(model, spoilt_at(3, spoil), steps=3)
    assert (report.step, report.where, report.module) == (3, "forward", "0")
    assert report.rows == (2,)
    assert "Row 2 of input 0 holds values up to 3e+38, where" in report.summary


def test_the_micro_batch_is_named():
    def mark(x):
        x[5, 1] = MARK

    model = nn.Sequential(Spoiler(), stack(nn.Tanh()))
    report = the_report(model, spoilt_at(30, mark, part_of=2), parts=3)
    assert (report.step, report.module, report.rows) == (30, "0", (5,))
    assert (report.forward_pass, report.passes) == (2, 3)
    assert "forward pass 2 of 3" in report.summary


def test_a_weight_that_was_overwritten_is_named():
    model = stack(nn.Linear(16, 16))

    def at_step(step, part, given):
        if step == 30:
            model[2].weight.data[3, 4] = float("nan")
        return given

    report = the_report(model, at_step)
    assert (report.step, report.where, report.module) == (30, "weights", "2")
    assert [(w["name"], w["nan"]) for w in report.weights] == [("2.weight", 1)]
    assert "NaN in '2.weight' (1 of 256 elements)" in report.summary


def test_a_root_of_zero_in_the_loss_is_not_blamed_on_the_model():
    report = the_report(
        stack(nn.Tanh()),
        lambda step, part, given: given,
        steps=2,
        loss=lambda output, _: (output - output.detach()).square().sum().sqrt(),
    )
    assert (report.step, report.where, report.module) == (1, "loss", "5")
    assert "it is the loss that sent another" in report.summary


class Squares(nn.Module):
    """In float16 the square of what the layer gives is infinite."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.n, self.c = nn.Linear(8, 64), nn.LayerNorm(64), nn.Linear(64, 3)

    def forward(self, x):
        h = self.a(x * 60)
        return self.c(self.n(h * h * 8))


def test_an_overflow_in_float16_autocast():
    torch.manual_seed(0)
    report = the_report(Squares(), lambda *given: given[2], steps=1, autocast=torch.float16)
    assert (report.where, report.module, report.module_type) == ("forward", "", "Squares")
    assert (report.after, report.before) == ("a", "n")
    assert (report.kind, report.dtype, report.autocast) == ("+inf", "float16", "float16")
    h = nn.functional.linear(  # independently: which rows pass the largest float16
        (batch(1, 1)[0] * 60).half(), *[p.half() for p in fresh_layer()]
    )
    rows = torch.isinf(h * h * 8).any(1).nonzero().view(-1)
    assert report.rows == tuple(rows.tolist())
    assert not torch.isinf(h).any()


def fresh_layer():
    torch.manual_seed(0)
    layer = nn.Linear(8, 64)
    return layer.weight, layer.bias


def test_a_weight_gradient_that_overflows_alone_is_its_own_layers():
    model = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3))
    report = the_report(
        model,
        lambda step, part, given: (given[0] * 1e4, given[1]),
        steps=1,
        autocast=torch.float16,
        loss=lambda output, _: output.square().mean(),
    )
    assert (report.where, report.module, report.kind) == ("backward", "1", "+inf")
    assert "'1.weight' is +inf and that of '1.bias' finite" in report.summary


def test_healthy_training_is_not_reported():
    assert reports_of(stack(nn.Linear(16, 16))) == []


def test_a_mask_of_infinities_is_no_trouble():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.softmax, self.out = nn.Softmax(1), nn.Linear(8, 3)

        def forward(self, x):
            scores = x.masked_fill(x < x.median(1, keepdim=True).values, -torch.inf)
            return self.out(self.softmax(scores))

    layer = LosesGradient()
    model = nn.Sequential(Masked(), nn.Linear(3, 16), layer, nn.Linear(16, 3))
    report = the_report(model, armed_at(layer, 2), steps=2)
    assert (report.where, report.module) == ("backward", "2")


def test_a_sum_that_overflows_is_no_trouble():
    model = nn.Linear(8, 3)
    with boxed(model) as (optimizer, _, reports):
        model.weight.grad = torch.full((3, 8), 3e38)
        model.bias.grad = torch.zeros(3)
        assert torch.isinf(model.weight.grad.sum())
        optimizer.step()
    assert reports == []


def test_only_the_first_is_told_and_the_others_are_counted():
    layer = Spoiler()
    net = stack(layer)
    with boxed(net) as (optimizer, box, reports):
        layer.armed = True
        for step in range(6):
            x, y = batch(step)
            functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
        assert (len(reports), box.later) == (1, 5)
        assert not hooks._global_forward_hooks  # there is nothing more to find


def test_raising_leaves_the_weights_as_they_were():
    layer = Spoiler()
    net = stack(layer)
    with boxed(net, stops=True) as (optimizer, _, _):
        before = [p.detach().clone() for p in net.parameters()]
        layer.armed = True
        x, y = batch(1)
        functional.cross_entropy(net(x), y).backward()
        with pytest.raises(NonFiniteError, match="step 1: NaN first in the output of '2'"):
            optimizer.step()
    assert all(map(torch.equal, before, net.parameters()))


def test_a_logged_loss_after_the_step_still_finds_the_layer():
    layer, net = Spoiler(), stack(nn.Tanh())
    net[2] = layer
    with boxed(net) as (_, box, _):
        layer.armed = True
        net(batch(1)[0])
        box.finish()
        assert box.logged(1, "perplexity", float("inf")) is None
        assert box.logged(1, "loss", 1.0) is None
        report = box.logged(1, "train/Loss", float("nan"))
    assert (report.where, report.module) == ("forward", "2")


def test_a_logged_loss_of_an_evaluation_is_not_blamed_on_a_layer():
    net = stack(nn.Tanh())
    with boxed(net) as (_, box, _):
        net(batch(1)[0])
        report = box.logged(4, "val_loss", float("nan"))
    assert (report.where, report.module) == ("loss", None)
    assert "val_loss was logged as nan" in report.summary


def test_what_comes_after_a_step_belongs_to_the_next():
    layer, net = Spoiler(), stack(nn.Tanh())
    net[2] = layer
    with boxed(net) as (_, box, _):
        layer.armed = True
        net(batch(1)[0])
        box.finish()
        layer.armed = False
        net(batch(2)[0])
        report = box.logged(2, "loss", float("nan"))
    assert (report.where, report.passes) == ("loss", 1)


def test_skipped_steps_are_told_when_they_go_on():
    net = stack(nn.Tanh())
    with boxed(net) as (_, box, _):
        net(batch(1)[0])
        told = [box.before(step, scaled=True) for step in range(5, 5 + SKIPS)]
        assert told[:-1] == [None] * (SKIPS - 1)
        assert (told[-1].where, told[-1].skipped, told[-1].dtype) == ("backward", SKIPS, "float16")
        assert f"steps 5 to {4 + SKIPS}" in told[-1].summary


def test_a_step_that_two_optimizers_leave_out_is_one():
    with boxed(stack(nn.Tanh())) as (_, box, _):
        for step in range(1, SKIPS):
            assert [box.before(step, scaled=True) for _ in range(3)] == [None] * 3


def test_skipped_steps_with_others_between_are_as_they_should_be():
    net = stack(nn.Tanh())
    with boxed(net) as (_, box, _):
        for step in range(4 * SKIPS):
            net(batch(step)[0]).sum().backward()
            assert box.before(step, scaled=step % SKIPS != 0) is None


def test_a_skipped_step_whose_forward_pass_overflows_is_told_at_once():
    torch.manual_seed(0)
    net = Squares()
    with boxed(net) as (_, box, _):
        with torch.autocast("cpu", torch.float16):
            net(batch(1)[0])
        report = box.before(1, scaled=True)
    assert (report.where, report.module, report.dtype) == ("forward", "", "float16")


def reduced(number, names, bad=()):
    statistics = np.zeros((len(names), len(STATISTICS)), np.float32)
    statistics[:, 0] = 100
    for row in bad:
        statistics[row, STATISTICS.index("nan")] = 7
    return Reduced(number, names, statistics, np.zeros((len(names), BINS), np.uint16))


def test_rows_alone_tell_where_no_pass_was_kept():
    box = BlackBox(stack(nn.Tanh()), compiled=True)
    series = ["activations", "gradients"]
    for step in range(1, 20):
        rows = [reduced(0, ["0", "1", "2"]), reduced(1, ["0.weight", "5.weight"])]
        assert box.rows(step, series, rows) is None
    bad = [reduced(0, ["0", "1", "2"], [1, 2]), reduced(1, ["0.weight", "5.weight"], [0, 1])]
    report = box.rows(20, series, bad)
    assert (report.where, report.module, report.module_type) == ("forward", "1", "Tanh")
    assert "'0' before it was finite" in report.summary
    assert report.recorded == list(range(13, 21))  # the last eight
    values, _ = report.arrays["black_box/rows/activations"]
    assert values.shape == (8, 3, len(STATISTICS))
    assert values[-1, :, STATISTICS.index("nan")].tolist() == [0, 7, 7]
    assert report.series["gradients"] == ["0.weight", "5.weight"]
    assert box.rows(21, series, bad) is None
    assert box.later == 1
    box.leave()


def test_rows_still_tell_the_place_of_a_loss_that_was_logged():
    box = BlackBox(stack(nn.Tanh()), compiled=True)
    report = box.logged(3, "loss", float("nan"))
    assert (report.where, report.module) == ("unknown", None)
    assert box.logged(4, "loss", float("nan")) is None
    bad = [reduced(0, ["0", "1", "2"], [1, 2]), reduced(1, ["0.weight"], [0])]
    assert box.rows(3, ["activations", "gradients"], bad).module == "1"
    assert box.rows(4, ["activations", "gradients"], bad) is None
    box.leave()


def test_rows_bring_the_close_look_where_passes_are_kept():
    layer, net = Spoiler(), stack(nn.Tanh())
    net[2] = layer
    with boxed(net) as (_, box, _):
        layer.armed = True
        net(batch(1)[0])
        report = box.rows(1, ["activations"], [reduced(0, ["0", "1", "2"], [2])])
    assert (report.where, report.module, report.rows) == ("forward", "2", (5,))


def test_an_exception_is_told_once_and_ones_own_is_not():
    box = BlackBox(stack(nn.Tanh()))
    assert box.exception(1, NonFiniteError("told already")) is None
    report = box.exception(2, ValueError("no such file"))
    assert (report.where, report.module, report.kind) == ("exception", None, "ValueError")
    assert "raised outside the model's modules: ValueError: no such file" in report.summary
    assert box.exception(3, ValueError("another")) is None
    box.leave()


def test_parameters_that_get_their_gradient_later_are_watched_then():
    net = nn.Sequential(nn.Linear(8, 8), LosesGradient(), nn.Linear(8, 3))
    last = REST + 5
    with boxed(net) as (optimizer, _, reports):
        for step in range(1, last + 1):
            net[0].requires_grad_(requires_grad=step > 2)
            net[1].armed = step == last
            x, y = batch(step)
            functional.cross_entropy(net(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
    assert [(r.step, r.where, r.module) for r in reports] == [(last, "backward", "1")]


def test_sparse_gradients_are_watched():
    net = nn.Embedding(9, 4, sparse=True)
    with boxed(net) as (optimizer, _, reports):
        for loss in (1.0, float("nan")):
            (net(torch.tensor([[1, 2]])) * loss).sum().backward()
            optimizer.param_groups[0]["momentum"] = 0
            optimizer.step()
            optimizer.zero_grad()
    assert [(r.step, r.where, r.gradients[0]["name"]) for r in reports] == [(2, "loss", "weight")]


def test_a_step_without_gradients_does_not_blind_the_box():
    layer, net = Spoiler(), stack(nn.Tanh())
    net[2] = layer
    with boxed(net) as (optimizer, _, reports):
        optimizer.step()
        layer.armed = True
        net(batch(2)[0]).sum().backward()
        optimizer.step()
    assert [(r.step, r.module) for r in reports] == [(2, "2")]


def test_an_idle_step_costs_next_to_nothing():
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3))
    net(batch(1)[0]).sum().backward()
    box = BlackBox(net)
    x, took = batch(1)[0], []
    for _ in range(300):
        started = time.perf_counter()
        box._keeper._left(net, (x,), {}, None)
        assert box.before(1) is None
        box.finish()
        took.append(time.perf_counter() - started)
    box.leave()
    assert min(took) < 25e-6  # 5 where nothing else runs
