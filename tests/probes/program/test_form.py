from __future__ import annotations

from probes.program.form import Node, Program, TensorSpec


def test_everything_goes_by_its_reference():
    assert TensorSpec("parameter", "0.weight", (2, 3), "float32").reference == "parameter:0.weight"
    assert Node("relu_1", "relu.default").reference == "%relu_1"


def test_a_size_that_is_not_said_is_the_batchs():
    assert TensorSpec("input", "x", (None, 3), "float32").batched
    assert not TensorSpec("input", "mask", (3, 3), "bool").batched
    assert not TensorSpec("input", "scale", (), "float32").batched


def test_tensors_of_some_kinds():
    kinds = ("parameter", "buffer", "constant", "input")
    specs = [TensorSpec(kind, f"a {kind}", (), "float32") for kind in kinds]
    program = Program({spec.reference: spec for spec in specs}, {}, 1, dynamic=False)
    assert [spec.name for spec in program.of_kind("buffer", "input")] == ["a buffer", "a input"]
