from __future__ import annotations

import weakref

import pytest
import torch
from torch.func import functional_call, grad, jvp, vmap

from probes.folder import ProgramError
from probes.program import prepare
from probes.program.form import Graph, Node, Program, TensorSpec
from probes.program.interpreter import needed
from tests.probes.program.models import ENTROPY, made, program_of, weights_for


def varied(recorded, weights):
    return {spec.name: weights[spec.name] for spec in recorded.program.of_kind("parameter")}


@pytest.mark.parametrize("name", ["mlp", "resnet", "gpt", "vit"])
def test_many_points_at_once_are_the_points_one_by_one(name):
    model, recorded = program_of(name)
    weights, evaluate = weights_for(model, recorded), prepare(recorded.program)
    generator = torch.Generator().manual_seed(1)
    points = {
        key: tensor + 0.05 * torch.randn(3, *tensor.shape, generator=generator)
        for key, tensor in varied(recorded, weights).items()
    }
    together = vmap(lambda point: evaluate(weights | point, recorded.batch)["loss"])(points)
    alone = torch.stack(
        [
            evaluate(weights | {k: p[n] for k, p in points.items()}, recorded.batch)["loss"]
            for n in range(3)
        ]
    )
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # torch, of itself
def test_derivatives_are_those_of_the_live_model():
    model, loss, (x, y) = made("mlp in float64")
    _, recorded = program_of("mlp in float64")
    weights, evaluate = weights_for(model, recorded), prepare(recorded.program)
    direction = {key: torch.randn_like(tensor) for key, tensor in weights.items()}

    def ours(point):
        return evaluate(point, recorded.batch)["loss"]

    def live(point):
        return loss(functional_call(model, point, (x,)), y)

    for function in (
        lambda f: grad(f)(weights),
        lambda f: jvp(grad(f), (weights,), (direction,))[1],
    ):
        found, wanted = function(ours), function(live)
        assert all(
            torch.linalg.vector_norm(found[k] - wanted[k])
            <= 1e-12 * torch.linalg.vector_norm(wanted[k])
            for k in wanted
        )


def test_weights_and_batch_are_never_changed():
    model, recorded = program_of("gpt")
    weights = weights_for(model, recorded)
    before = {name: (tensor._version, tensor.clone()) for name, tensor in weights.items()}
    prepare(recorded.program, mode="train")(weights, recorded.batch)
    for name, tensor in weights.items():
        assert tensor._version == before[name][0]
        assert torch.equal(tensor, before[name][1])


def test_the_autocast_around_it_does_not_matter():
    model, recorded = program_of("mlp")
    weights, evaluate = weights_for(model, recorded), prepare(recorded.program)
    plain = evaluate(weights, recorded.batch)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(evaluate(weights, recorded.batch)["loss"], plain)
        assert torch.is_autocast_enabled("cpu")


CHAIN = Program(
    {"input:x": TensorSpec("input", "x", (None,), "float32")},
    {
        "eval": Graph(
            (
                Node("a", "exp.default", ("input:x",)),
                Node("b", "sin.default", ("%a",)),
                Node("c", "cos.default", ("%b",)),
                Node("l", "sum.default", ("%c",)),
                Node("p", "tanh.default", ("%a",)),
            ),
            {"loss": "%l", "predictions": "%p"},
        )
    },
    batch=4,
    dynamic=True,
)


def test_only_what_is_wanted_is_computed():
    x = torch.randn(4)
    assert [step.reference for step in prepare(CHAIN).steps] == ["%a", "%b", "%c", "%l"]
    predicted = prepare(CHAIN, wanted=("predictions",))
    assert [step.reference for step in predicted.steps] == ["%a", "%p"]
    assert torch.equal(predicted({}, {"x": x})["predictions"], x.exp().tanh())
    assert [node.name for node in needed(CHAIN.graphs["eval"].nodes, ["%b"])] == ["a", "b"]


def test_a_tensor_goes_as_soon_as_nobody_needs_it(monkeypatch):
    made_of = {}
    steps = prepare(CHAIN).steps
    take = type(steps[0]).take

    def watched(step, values, device):
        alive = {name for name, found in made_of.items() if found() is not None}
        assert alive <= {list(made_of)[-1]} if made_of else True
        take(step, values, device)
        made_of[step.reference] = weakref.ref(values[step.reference])

    monkeypatch.setattr(type(steps[0]), "take", watched)
    prepare(CHAIN)({}, {"x": torch.randn(4)})
    assert [*made_of] == ["%a", "%b", "%c", "%l"]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        ({"mode": "train"}, r"no train graph in this program \(it has: eval\)"),
        ({"wanted": ("examples",)}, r"no output 'examples' in the eval graph \(it has: loss, pred"),
    ],
)
def test_what_is_not_there_is_named(ask, said):
    with pytest.raises(ProgramError, match=said):
        prepare(CHAIN, **ask)


def test_a_missing_tensor_is_named():
    with pytest.raises(ProgramError, match=r"no input 'x' was given \(there are: z\)"):
        prepare(CHAIN)({}, {"z": torch.ones(3)})


def test_an_operation_that_fails_is_named_when_it_goes_step_by_step():
    nodes = (Node("l", "reshape.default", ("input:x", [7, 11])),)
    program = Program(CHAIN.tensors, {"eval": Graph(nodes, {"loss": "%l"})}, 4, dynamic=True)
    with pytest.raises(ProgramError, match="'%l' cannot be computed: shape"):
        [*prepare(program).stepwise({}, {"x": torch.ones(4)})]


def test_training_draws_what_the_live_model_draws():
    model, loss, batch = made("gpt")
    _, recorded = program_of("gpt")
    evaluate = prepare(recorded.program, mode="train")
    for n in range(3):
        torch.manual_seed(n)
        found = evaluate(weights_for(model, recorded), recorded.batch)["loss"]
        torch.manual_seed(n)
        assert torch.equal(found, loss(model(batch[0]), batch[1]))


def test_predictions_come_with_the_loss():
    model, _, (x, y) = made("mlp")
    _, recorded = program_of("mlp")
    evaluate = prepare(recorded.program, wanted=("loss", "predictions"))
    found = evaluate(weights_for(model, recorded), recorded.batch)
    assert torch.equal(found["predictions"], model(x))
    assert torch.equal(found["loss"], ENTROPY(model(x), y))
