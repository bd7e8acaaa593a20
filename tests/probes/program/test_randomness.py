"""What a graph draws, told by its operations."""

from __future__ import annotations

import math

import pytest

from probes.program.form import Node
from probes.program.randomness import (
    behind,
    by_running_statistics,
    calmed,
    is_random,
    same,
    share,
    silent,
    split,
    weights_alone,
    with_share,
)

RNN = ("input:x", ["%h", "%c"], ["parameter:w"], True, 2, 0.3, True, False, True)
DRAWING = {
    "dropout": (Node("a", "dropout.default", ("%x", 0.3, True)), 0.3),
    "channels": (Node("a", "feature_dropout.default", ("%x", 0.3, True)), 0.3),
    "attention": (Node("a", "scaled_dot_product_attention.default", (*"qkv", None, 0.3)), 0.3),
    "lstm": (Node("a", "lstm.input", RNN), 0.3),
    "mask": (Node("a", "bernoulli.p", ("%x", 0.75)), 0.25),
    "noise": (Node("a", "randn_like.default", ("%x",)), math.nan),
    "rrelu": (Node("a", "rrelu.default", ("%x", 0.1, 0.3, True)), math.nan),
}
STILL = {
    "dropout off": Node("a", "dropout.default", ("%x", 0.3, False)),
    "dropout of nothing": Node("a", "dropout.default", ("%x", 0.0, True)),
    "attention": Node("a", "scaled_dot_product_attention.default", ("%q", "%k", "%v")),
    "one layer": Node("a", "lstm.input", (*RNN[:4], 1, *RNN[5:])),
    "evaluated lstm": Node("a", "lstm.input", (*RNN[:6], False, *RNN[7:])),
    "evaluated rrelu": Node("a", "rrelu.default", ("%x", 0.1, 0.3, False)),
    "linear": Node("a", "linear.default", ("%x", "parameter:w")),
}


@pytest.mark.parametrize("name", DRAWING)
def test_what_draws_is_known_and_can_be_silenced(name):
    node, p = DRAWING[name]
    assert is_random(node)
    assert share(node) == pytest.approx(p, nan_ok=True)
    assert not is_random(silent(node))


@pytest.mark.parametrize("name", STILL)
def test_what_does_not_draw(name):
    assert not is_random(STILL[name])


def test_another_share_is_given_to_dropout_alone():
    assert share(with_share(DRAWING["lstm"][0], 0.5)) == 0.5
    noise = DRAWING["noise"][0]
    assert with_share(noise, 0.5) is noise
    assert not is_random(with_share(DRAWING["attention"][0], 0.0))


CHAIN = (
    Node("first", "linear.default", ("input:x", "parameter:one.weight")),
    Node("size", "sym_size.int", ("%first", 0)),
    Node("drop", "dropout.default", ("%first", 0.5, True)),
    Node("beside", "linear.default", ("input:x", "parameter:two.weight")),
    Node("sum", "cat.default", (["%drop", "%beside"], 1)),
    Node("shaped", "reshape.default", ("%sum", ["%size", -1])),
)


def test_only_what_follows_from_a_draw_is_run_again():
    before, after = split(CHAIN, {"%drop"})
    assert [node.name for node in before] == ["first", "size", "beside"]
    assert [node.name for node in after] == ["drop", "sum", "shaped"]


def test_the_parameter_behind_is_the_last_on_the_way():
    assert behind(CHAIN, "%drop") == "one.weight"
    assert behind(CHAIN, "%beside") == "two.weight"
    assert not behind(CHAIN[2:], "%drop")


def test_graphs_are_the_same_whatever_their_names():
    def graph(*names, p=0.5, train=True):
        one, two = names
        return [
            Node(one, "linear.default", ("input:x", "parameter:w")),
            Node(two, "dropout.default", (f"%{one}", p, train)),
        ]

    first = graph("a", "b", train=False)
    assert same(first, graph("c", "d", p=0.1, train=False), ("%b", "%d"))
    assert not same(first, graph("c", "d"), ("%b", "%d"))  # draws
    assert not same(first, graph("c", "d", train=False), ("%b", "%c"))  # another output
    assert not same(first, first[:1], ("%b", "%a"))
    assert same(first, calmed(graph("c", "d")), ("%b", "%d"))


def test_normalisation_takes_its_running_statistics_where_it_has_any():
    args = ("%x", None, None, "buffer:mean", "buffer:var", True, 0.1, 1e-5, False)
    assert by_running_statistics(Node("a", "batch_norm.default", args)).args[5] is False
    without = Node("a", "batch_norm.default", (*args[:3], None, None, *args[5:]))
    assert by_running_statistics(without).args[5] is True


def test_what_follows_from_weights_alone_is_told_from_what_examples_reach():
    nodes = [
        Node("a", "dropout.default", ("parameter:w", 0.3, True)),
        Node("b", "linear.default", ("input:x", "%a")),
        Node("c", "rand.default", ([3, 1],)),
        Node("d", "dropout.default", ("%b", 0.3, True)),
    ]
    assert weights_alone(nodes) == {"%a"}
