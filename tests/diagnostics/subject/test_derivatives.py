from contextlib import nullcontext

import torch

from diagnostics.subject.derivatives import backward, flat_gradient, products, spare_memory

CPU = torch.device("cpu")


def test_a_tensor_that_is_not_used_has_no_gradient_and_no_product():
    leaves = {"a": torch.ones(2, requires_grad=True), "b": torch.ones(3, requires_grad=True)}
    loss = (leaves["a"] ** 3).sum()
    gradient = flat_gradient(loss, leaves, torch.float32, create_graph=True)
    assert gradient.tolist() == [3, 3, 0, 0, 0]
    assert backward(gradient, leaves, torch.tensor([1.0, 2, 3, 4, 5])).tolist() == [6, 12, 0, 0, 0]
    flat = flat_gradient(leaves["a"].sum(), leaves, torch.float32, create_graph=True)
    assert not backward(flat, leaves, torch.ones(5)).any()


def test_a_loss_that_no_weight_is_part_of_has_no_slope():
    leaves = {"a": torch.ones(2, requires_grad=True)}
    assert flat_gradient(torch.tensor(3.0), leaves, torch.float64).tolist() == [0, 0]


def cubic(batch, share):
    """The gradient of share · Σ w³ · batch, at w = 2."""
    leaves = {"w": torch.full((3,), 2.0, requires_grad=True)}
    loss = share * (leaves["w"] ** 3 * batch).sum()
    return flat_gradient(loss, leaves, torch.float32, create_graph=True), leaves


def test_products_of_all_parts_add_up():
    parts = [(torch.tensor([1.0, 2, 3]), 0.5), (torch.tensor([4.0, 0, 0]), 0.25)]
    apply = products(iter(parts), cubic, CPU, nullcontext)
    assert apply(torch.tensor([1.0, 1, 2])).tolist() == [12 * (0.5 + 1), 12 * 1.0, 24 * 1.5]


def test_short_of_memory_what_is_not_kept_is_built_for_each_product(monkeypatch):
    free = iter([100, 60, 40])  # at first, and before the second and the third part
    monkeypatch.setattr("diagnostics.subject.derivatives.spare_memory", lambda device: next(free))
    built = []

    def graph(batch, share):
        built.append(batch)
        return cubic(batch, share)

    apply = products([(n, 1.0) for n in (1, 2, 3)], graph, CPU, nullcontext)
    assert built == [1, 2]
    assert apply(torch.ones(3)).tolist() == [12 * 6.0] * 3
    assert built == [1, 2, 3]


def test_the_host_has_memory_to_spare():
    assert 1 << 20 < spare_memory(CPU) < 1 << 50
