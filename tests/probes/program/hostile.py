"""Forged and damaged programs: what somebody could put into a folder that others open."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from probes.program.operations import ATEN

Content = dict[str, Any]


def nodes(content: Content) -> list[Any]:
    return content["graphs"]["eval"]["nodes"]


def place(content: Content, op: str) -> int:
    return next(n for n, node in enumerate(nodes(content)) if node[1] == op)


def _node(part: int, value: Any) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        nodes(content)[place(content, "linear.default")][part] = value

    return change


def _argument(value: Any) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        nodes(content)[place(content, "linear.default")][2][0] = value

    return change


def _first(*rows: list[Any]) -> Callable[[Content], None]:
    """Nodes whose last one is what the first linear layer takes."""

    def change(content: Content) -> None:
        at = place(content, "linear.default")
        nodes(content)[at][2][0] = f"%{rows[-1][0]}"
        nodes(content)[at:at] = copy.deepcopy([*rows])

    return change


def _alone(*rows: list[Any]) -> Callable[[Content], None]:
    """Nothing but these nodes, and the last one is the loss."""

    def change(content: Content) -> None:
        graph = {"nodes": [*rows], "outputs": {"loss": f"%{rows[-1][0]}"}}
        content["graphs"] = {"eval": graph}

    return change


def _itself(content: Content) -> None:
    _argument(f"%{nodes(content)[place(content, 'linear.default')][0]}")(content)


def _cycle(content: Content) -> None:
    _argument(f"%{nodes(content)[place(content, 'linear.default') + 2][0]}")(content)


def _twice(content: Content) -> None:
    nodes(content)[1][0] = nodes(content)[0][0]


def _tensor(part: int, value: Any) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        content["tensors"][0][part] = value

    return change


def _outputs(**outputs: str) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        content["graphs"]["eval"]["outputs"] = outputs

    return change


FORGED: dict[str, tuple[Callable[[Content], Any], str]] = {
    "a call of Python": (_node(1, "os.system"), "not one of those that a program may have"),
    "a file that is read": (_node(1, "from_file.default"), "not one of those"),
    "a method of Python": (_node(1, "__class__.__init__"), "not one of those"),
    "an operation that writes": (_node(1, "relu_.default"), "not one of those"),
    "memory of others": (_node(1, "as_strided.default"), "not one of those"),
    "uninitialised memory": (_node(1, "empty.memory_format"), "not one of those"),
    "too few arguments": (_node(2, []), "gives linear.default no 'input'"),
    "too many arguments": (_node(2, [1, 2, 3, 4, 5]), "5 arguments; it takes 3"),
    "a text for a tensor": (_argument({"text": "x"}), "which is to be Tensor"),
    "a list for a tensor": (_argument([1, 2]), "which is to be Tensor"),
    "an unknown literal": (_argument({"pickle": "gASV"}), "which is to be Tensor"),
    "a number beyond 64 bits": (_argument(10**30), "which is to be Tensor"),
    "a reference to nothing": (_argument("%nothing"), "which nothing defines"),
    "a node of itself": (_itself, "a cycle"),
    "a cycle": (_cycle, "a cycle"),
    "two nodes of one name": (_twice, "has the name of an earlier one"),
    "a loss that is a size": (
        _alone(["n", "sym_size.int", ["input:inputs", 0]]),
        "have 'loss', which is no tensor",
    ),
    "training told by a size": (
        _first(
            ["n", "sym_size.int", ["input:inputs", 0]],
            ["d", "dropout.default", ["input:inputs", 0.5, "%n"]],
        ),
        "which is to be bool",
    ),
    "no loss": (_outputs(), "without a loss"),
    "an unknown output": (_outputs(loss="%linear", secret="%linear"), "'secret' is none of"),
    "an unknown dtype": (_tensor(3, "object"), "unknown dtype"),
    "a negative size": (_tensor(2, [-1]), "is no size"),
    "a size that is true": (_tensor(2, [True]), "is no size"),
    "a size without end": (_tensor(2, [1 << 60]), "is no size"),
    "more elements than can be counted": (_tensor(2, [1 << 47, 1 << 47]), "cannot be"),
    "an endless name": (_tensor(1, "<script>" * 1000), "is no name"),
    "an unknown kind": (_tensor(0, "file"), "is none of parameter"),
    "two tensors of one name": (
        lambda c: c["tensors"].append(c["tensors"][0]),
        "two tensors of one name",
    ),
    "a later version": (lambda c: c.update(version=99), "install a newer torch-fathom"),
    "another format": (lambda c: c.update(format="x"), "not 'fathom-program'"),
    "no graph": (lambda c: c.update(graphs={}), "no eval graph"),
    "a graph of another mode": (lambda c: c["graphs"].update(exec={}), "none of eval, train"),
    "Python": (lambda _: "import os", "cannot be read"),
    "a list": (lambda _: "[]", "cannot be read"),
    "nothing": (lambda _: "", "cannot be read"),
    "null": (lambda _: "null", "cannot be read"),
    "bytes that are no text": (lambda _: b"\xff\xfe\xfa", "cannot be read"),
    "a deep list": (lambda _: "[" * 100_000 + "]" * 100_000, "cannot be read"),
    "deep arguments": (
        lambda c: json.dumps(c).replace('"input:inputs"', "[" * 500 + "]" * 500, 1),
        "which is to be",
    ),
    "NaN for a number": (
        lambda c: json.dumps(c).replace('"size": 8', '"size": NaN', 1),
        "NaN is no JSON",
    ),
    "too long a text": (lambda _: " " * (9 << 20), "none is larger than"),
    "too many lists": (lambda _: "[" + "[]," * 2_700_000 + "[]]", "cannot be read"),
    "a tensor of 4 PiB": (_first(["a", "full.default", [[1 << 40, 1 << 10], 1.0]]), "bytes"),
    "a huge repetition": (
        _first(["a", "repeat.default", ["input:inputs", [1 << 20, 1 << 14]]]),
        "bytes",
    ),
    "a size beyond 64 bits": (
        _first(
            ["n", "size.mul", [1 << 62, 1 << 62]],
            ["a", "full.default", [["%n"], 1.0]],
        ),
        "cannot be computed",
    ),
    "a division by nothing": (
        _first(
            ["n", "size.floordiv", [1, 0]],
            ["a", "full.default", [["%n"], 1.0]],
        ),
        "cannot be computed",
    ),
    "16 GiB that make sense": (
        _alone(
            ["a", "full.default", [[1 << 20, 1 << 12], 1.0]],
            ["b", "mul.Tensor", ["%a", "%a"]],
            ["l", "sum.default", ["%b"]],
        ),
        "bytes",
    ),
    "64 TiB between": (
        _alone(
            ["a", "full.default", [[1 << 22], 1.0]],
            ["b", "unsqueeze.default", ["%a", 1]],
            ["c", "unsqueeze.default", ["%a", 0]],
            ["d", "matmul.default", ["%b", "%c"]],
            ["l", "sum.default", ["%d"]],
        ),
        "bytes",
    ),
    "a loss that is no number": (
        _alone(["a", "relu.default", ["input:inputs"]]),
        "not a number",
    ),
    "shapes that do not fit": (
        _first(["a", "reshape.default", ["input:inputs", [7, 11]]]),
        "cannot be computed",
    ),
}


def forged(name: str, content: Content) -> str | bytes:
    changed = copy.deepcopy(content)
    text = FORGED[name][0](changed)
    return text if isinstance(text, (str, bytes)) else json.dumps(changed)


def mutated(content: Content, seed: int) -> str:
    """Some places anywhere changed for something else, left out, or doubled."""
    generator, changed = random.Random(seed), copy.deepcopy(content)
    references = [f"%{node[0]}" for node in nodes(content)]
    for _ in range(generator.choice((1, 1, 2, 5))):
        _mutate(changed, generator, references)
    return json.dumps(changed)


_JUNK = (
    *(None, True, -1, 0, 1 << 40, 3.5, "%nope", "x", "parameter:0.weight", '__import__("os")'),
    *([], [1, "%linear"], {}, {"dtype": "float32"}, {"float": "nan"}, {"text": "os"}),
)


def _mutate(value: Any, generator: random.Random, references: list[str]) -> bool:
    if not isinstance(value, (dict, list)) or not value:
        return False
    key = generator.choice([*value]) if isinstance(value, dict) else generator.randrange(len(value))
    if generator.random() < 0.75 and _mutate(value[key], generator, references):
        return True
    how = generator.random()
    if how < 0.7:
        new = generator.choice((*_JUNK, *references, generator.choice(sorted(ATEN))))
        value[key] = copy.deepcopy(new)
    elif how < 0.85:
        del value[key]
    elif isinstance(value, list):
        value.insert(key, copy.deepcopy(generator.choice(_JUNK)))
    return True
