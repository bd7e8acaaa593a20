from __future__ import annotations

import pytest

from probes.folder import ProgramError
from probes.program import operations
from probes.program.form import Graph, Node, Program, TensorSpec
from probes.program.soundness import check
from tests.probes.program.models import MODELS, program_of

TENSORS = {
    spec.reference: spec
    for spec in (
        TensorSpec("input", "x", (None, 6), "float32"),
        TensorSpec("parameter", "w", (5, 6), "float32"),
    )
}


def program(*nodes, loss="%l", tensors=TENSORS):
    return Program(tensors, {"eval": Graph(tuple(nodes), {"loss": loss})}, 8, dynamic=True)


def last(reference):
    return Node("l", "sum.default", (reference,))


@pytest.mark.parametrize("name", MODELS)
def test_every_models_program_is_sound(name):
    check(program_of(name)[1].program)


SOUND = {
    "numbers for a tensor": (Node("a", "add.Tensor", ("input:x", 2.5)), last("%a")),
    "one size for two": (Node("a", "sum.dim_IntList", ("input:x", [1])), last("%a")),
    "an optional left out": (Node("a", "linear.default", ("input:x", "parameter:w")), last("%a")),
    "an optional of nothing": (
        Node("a", "linear.default", ("input:x", "parameter:w", None)),
        last("%a"),
    ),
    "by name, where it has no place": (
        Node("a", "add.Tensor", ("input:x", "input:x"), {"alpha": 2}),
        last("%a"),
    ),
    "a size that is computed": (
        Node("n", "sym_size.int", ("input:x", 0)),
        Node("m", "size.mul", ("%n", 6)),
        Node("a", "reshape.default", ("input:x", ["%m"])),
        last("%a"),
    ),
    "a size where a tensor is due": (
        Node("n", "sym_size.int", ("input:x", 0)),
        Node("a", "div.Tensor", ("input:x", "%n")),
        last("%a"),
    ),
    "a part of a list": (
        Node("s", "chunk.default", ("input:x", 2, 1)),
        Node("a", "getitem", ("%s", 1)),
        last("%a"),
    ),
    "a part of several results": (
        Node("s", "sort.default", ("input:x",)),
        Node("a", "getitem", ("%s", 0)),
        last("%a"),
    ),
    "infinity": (
        Node("m", "gt.Scalar", ("input:x", 0)),
        Node("a", "masked_fill.Scalar", ("input:x", "%m", {"float": "-inf"})),
        last("%a"),
    ),
    "a list of tensors": (
        Node("a", "cat.default", (["input:x", "parameter:w"],)),
        last("%a"),
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_torch_takes_is_sound(name):
    check(program(*SOUND[name]))


UNSOUND = {
    "a list where a tensor is due": (
        (Node("s", "chunk.default", ("input:x", 2)), last("%s")),
        "node 1 'l' gives sum.default '%s' as 'self', which is to be Tensor",
    ),
    "a tensor where a size is due": (
        (Node("a", "unsqueeze.default", ("input:x", "input:x")), last("%a")),
        "'dim', which is to be int",
    ),
    "a part that is not there": (
        (
            Node("s", "sort.default", ("input:x",)),
            Node("a", "getitem", ("%s", 2)),
            last("%a"),
        ),
        "a part of something that has no such part",
    ),
    "a part of one tensor": (
        (Node("a", "getitem", ("input:x", 0)), last("%a")),
        "a part of something that has no such part",
    ),
    "a literal of another kind": (
        (
            Node("a", "gelu.default", ("input:x",), {"approximate": {"dtype": "float32"}}),
            last("%a"),
        ),
        "'approximate', which is to be str",
    ),
    "a name that it does not take": (
        (Node("a", "relu.default", ("input:x",), {"out": "input:x"}), last("%a")),
        "'out' by name; it takes",
    ),
    "an argument twice": (
        (Node("a", "add.Tensor", ("input:x", "input:x"), {"other": 2}), last("%a")),
        "'other' by name",
    ),
    "a tensor of none": ((last("%nobody"),), "which nothing defines"),
    "training told by a size": (
        (
            Node("n", "sym_size.int", ("input:x", 0)),
            Node("a", "dropout.default", ("input:x", 0.5, "%n")),
            last("%a"),
        ),
        "which is to be bool",
    ),
    "a size of tensors": (
        (
            Node("n", "size.add", ("input:x", 1)),
            Node("a", "reshape.default", ("input:x", ["%n"])),
            last("%a"),
        ),
        "gives size.add 'input:x', which is no size",
    ),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_torch_does_not_take_is_named_with_its_place(name):
    nodes, said = UNSOUND[name]
    with pytest.raises(ProgramError) as caught:
        check(program(*nodes))
    assert said in str(caught.value)
    assert str(caught.value).startswith("eval graph: node ")


def test_an_operation_that_only_a_newer_torch_has_is_said_so(monkeypatch):
    monkeypatch.setattr(operations, "ATEN", operations.ATEN | {"norm_of_2030.default"})
    node = Node("l", "norm_of_2030.default", ("input:x",))
    with pytest.raises(ProgramError, match=r"'norm_of_2030.default', which torch .* newer torch"):
        check(program(node))


def test_a_node_may_not_take_a_tensors_name():
    with pytest.raises(ProgramError, match="has the name of an earlier one"):
        check(program(last("input:x"), last("input:x")))


def test_a_tensor_of_an_unknown_type():
    tensors = {"input:x": TensorSpec("input", "x", (None, 6), "float4")}
    with pytest.raises(ProgramError, match="'x' is of unknown dtype 'float4'"):
        check(program(last("input:x"), tensors=tensors))
