from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from probes.folder import ProgramError
from probes.program import capture, prepare
from tests.probes.program.models import ENTROPY, images, made, program_of, resnet, weights_for

STATISTICS = ("statistics",)


def own_weights(statistics):
    return {name.removeprefix("buffer:"): value for name, value in statistics.items()}


def test_statistics_of_the_batch_are_what_training_normalises_by():
    model, loss, (x, y) = made("resnet")
    _, recorded = program_of("resnet")
    found = prepare(recorded.program, norm="batch")(weights_for(model, recorded), recorded.batch)
    for module in model.modules():
        module.training = isinstance(module, nn.BatchNorm2d)  # and no dropout
    assert torch.equal(found["loss"], loss(model(x), y))


def test_without_running_statistics_the_weights_are_never_written_to():
    model, recorded = program_of("resnet")
    weights = weights_for(model, recorded)
    before = {name: tensor.clone() for name, tensor in weights.items()}
    for norm in ("running", "batch"):
        prepare(recorded.program, mode="train", norm=norm)(weights, recorded.batch)
    assert all(torch.equal(weights[name], before[name]) for name in weights)


def test_statistics_are_those_of_each_layers_input():
    model, recorded = program_of("resnet")
    model, inputs = copy.deepcopy(model).eval(), {}
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(
                lambda _, given, name=name: inputs.update({name: given[0].detach()})
            )
    model(recorded.batch["inputs"])
    evaluate = prepare(recorded.program, wanted=STATISTICS)
    found = evaluate(weights_for(model, recorded), recorded.batch)
    assert len(inputs) == 5
    assert len(found) == 10
    for name, given in inputs.items():
        rows = given.double().transpose(0, 1).flatten(1)
        mean, var = found[f"buffer:{name}.running_mean"], found[f"buffer:{name}.running_var"]
        torch.testing.assert_close(mean.double(), rows.mean(1), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(var.double(), rows.var(1, correction=0), rtol=1e-5, atol=1e-6)


def test_given_back_as_running_statistics_they_normalise_as_the_batch_did():
    model, recorded = program_of("resnet")
    weights = weights_for(model, recorded)
    by_batch = prepare(recorded.program, norm="batch", wanted=("loss", *STATISTICS))
    found = by_batch(weights, recorded.batch)
    loss = found.pop("loss")
    again = prepare(recorded.program)(weights | own_weights(found), recorded.batch)["loss"]
    torch.testing.assert_close(again, loss, rtol=1e-5, atol=1e-6)
    as_stored = prepare(recorded.program)(weights, recorded.batch)["loss"]
    assert abs(as_stored - loss) > 0.01


def test_averaged_over_batches_they_are_those_of_all_together():
    """Of a first layer, whose input does not hang on the others' statistics."""
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 5))
    x, y = torch.randn(24, 3) * 5 + 2, torch.randint(0, 5, (24,))
    recorded = capture(model, ENTROPY, (x[:8], y[:8]))
    evaluate, weights = prepare(recorded.program, wanted=STATISTICS), weights_for(model, recorded)
    parts = [evaluate(weights, {"inputs": part, "target": y[:8]}) for part in x.split(8)]
    means = torch.stack([part["buffer:0.running_mean"] for part in parts])
    squares = torch.stack([part["buffer:0.running_var"] for part in parts]) + means**2
    torch.testing.assert_close(means.mean(0), x.mean(0))
    torch.testing.assert_close(squares.mean(0) - means.mean(0) ** 2, x.var(0, correction=0))


def test_a_layer_called_twice_has_those_of_both_inputs():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x):
            return self.norm(x) + self.norm(3 * x + 1)

    model, x = Twice(), torch.randn(8, 3)
    recorded = capture(model, functional.mse_loss, (x, torch.zeros(8, 3)))
    evaluate = prepare(recorded.program, wanted=STATISTICS)
    found = evaluate(weights_for(model, recorded), recorded.batch)
    both = torch.cat([x, 3 * x + 1])
    torch.testing.assert_close(found["buffer:norm.running_mean"], both.mean(0))
    torch.testing.assert_close(found["buffer:norm.running_var"], both.var(0, correction=0))


def test_a_layer_that_training_holds_still_keeps_what_is_stored():
    torch.manual_seed(0)
    model, (x, y) = resnet().train(), images()
    model[1].eval()  # the stem's
    recorded = capture(model, ENTROPY, (x, y))
    evaluate = prepare(recorded.program, norm="batch", wanted=("loss", *STATISTICS))
    found = evaluate(weights_for(model, recorded), recorded.batch)
    assert "buffer:1.running_mean" not in found
    assert "buffer:3.first_norm.running_mean" in found
    for module in model.modules():
        module.training = isinstance(module, nn.BatchNorm2d) and module is not model[1]
    assert torch.equal(found["loss"], ENTROPY(model(x), y))


def test_a_model_without_batch_normalisation_has_no_statistics():
    model, recorded = program_of("mlp")
    weights = weights_for(model, recorded)
    assert prepare(recorded.program, wanted=STATISTICS)(weights, recorded.batch) == {}


def test_where_the_train_graph_is_missing_it_is_said():
    class Chance(nn.Module):
        """A course that Python chooses: no train graph."""

        def __init__(self):
            super().__init__()
            self.norm, self.out = nn.BatchNorm1d(6), nn.Linear(6, 5)

        def forward(self, x):
            if self.training and torch.rand(()) < 0.5:
                return self.out(x)
            return self.out(self.norm(x))

    x, y = torch.randn(8, 6), torch.randint(0, 5, (8,))
    recorded = capture(Chance(), ENTROPY, (x, y))
    assert [*recorded.program.graphs] == ["eval"]
    with pytest.raises(
        ProgramError, match=r"this program has none .*Python decides.*norm='running'"
    ):
        prepare(recorded.program, norm="batch")
