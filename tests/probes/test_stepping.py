from __future__ import annotations

import pytest
import torch
from torch import nn

from probes.stepping import attach


class Bench:
    """An optimizer whose steps are noticed, and a closure that says when it ran."""

    def __init__(self, kind=torch.optim.SGD, **options):
        self.model, self.heard = nn.Linear(2, 1), []
        self.optimizer = kind(self.model.parameters(), 0.1, **options)
        self.handles = attach(
            self.optimizer, lambda: self.notice("before"), lambda: self.notice("after")
        )
        self.start = self.model.weight.detach().clone()

    def notice(self, when):
        moved = "moved" if not torch.equal(self.start, self.model.weight) else "still"
        self.heard.append((when, self.model.weight.grad is not None, moved))

    def closure(self):
        self.heard.append("closure")
        self.optimizer.zero_grad()
        loss = self.model(torch.ones(3, 2)).square().mean()
        loss.backward()
        return loss


def test_before_has_gradients_and_after_has_moved():
    bench = Bench()
    bench.closure()
    assert bench.optimizer.step() is None
    assert bench.heard == ["closure", ("before", True, "still"), ("after", True, "moved")]


@pytest.mark.parametrize("call", ["positional", "keyword"])
def test_with_a_closure_before_waits_for_its_gradients(call):
    bench = Bench()
    expected = bench.model(torch.ones(3, 2)).square().mean().item()
    step = bench.optimizer.step
    loss = step(bench.closure) if call == "positional" else step(closure=bench.closure)
    assert bench.heard == ["closure", ("before", True, "still"), ("after", True, "moved")]
    assert loss.item() == expected
    assert loss.requires_grad


def test_a_closures_value_comes_back_untouched():
    bench, word = Bench(), object()
    assert bench.optimizer.step(lambda: word) is word


def test_a_closure_may_take_arguments():
    class Searching(torch.optim.SGD):
        """Calls its closure as some line searches do."""

        def step(self, closure):
            return [closure(3, rate=0.5), closure(4), closure()]

    asked = []

    def closure(*args, **options):
        bench.closure()
        asked.append((args, options))
        return len(asked)

    bench = Bench(Searching)
    assert bench.optimizer.step(closure) == [1, 2, 3]
    assert asked == [((3,), {"rate": 0.5}), ((4,), {}), ((), {})]
    kinds = [heard if heard == "closure" else heard[0] for heard in bench.heard]
    assert kinds == ["closure", "before", "closure", "closure", "after"]


@pytest.mark.parametrize("none", [(), (None,)])
def test_no_closure_is_no_closure(none):
    bench = Bench()
    bench.optimizer.step(*none)
    assert [heard[0] for heard in bench.heard] == ["before", "after"]


def test_a_closure_called_often_is_noticed_once():
    bench = Bench(torch.optim.LBFGS, max_iter=4)
    bench.optimizer.step(bench.closure)
    bench.optimizer.step(bench.closure)
    assert bench.heard.count("closure") > 4
    kinds = [heard[0] for heard in bench.heard if heard != "closure"]
    assert kinds == ["before", "after", "before", "after"]


def test_a_step_with_a_closure_is_the_same_as_without_hooks():
    def outcome(*, noticed):
        torch.manual_seed(0)
        bench = Bench(torch.optim.LBFGS, max_iter=4)
        if not noticed:
            for handle in bench.handles:
                handle.remove()
        losses = [bench.optimizer.step(bench.closure).item() for _ in range(3)]
        return losses, bench.model.weight.tolist()

    assert outcome(noticed=True) == outcome(noticed=False)


def test_a_failing_closure_fails_as_ever_and_its_step_is_not_noticed():
    bench = Bench()
    with pytest.raises(ZeroDivisionError):
        bench.optimizer.step(lambda: 1 / 0)
    assert bench.heard == []


def test_removed_hooks_are_silent_and_leave_nothing():
    bench = Bench()
    for handle in bench.handles:
        handle.remove()
    bench.optimizer.step(lambda: None)
    assert bench.heard == []
    assert not bench.optimizer._optimizer_step_pre_hooks
    assert not bench.optimizer._optimizer_step_post_hooks


def test_two_may_listen_to_one_optimizer():
    bench, other = Bench(), []
    handles = attach(bench.optimizer, lambda: other.append("before"), lambda: other.append("after"))
    bench.optimizer.step(bench.closure)
    handles[0].remove()
    assert other == ["before", "after"]
    assert [heard[0] for heard in bench.heard[1:]] == ["before", "after"]
