from __future__ import annotations

import copy
import gc
import pickle
import threading
import weakref
from unittest import mock

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as hooks
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from probes import ActivationGradients, Activations, Recorder
from tests.probes.watching import Seen, Watching
from tests.trainings import cnn, mlp, train


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def names(seen):
    return [call.name for call in seen.calls]


def test_every_leaf_is_shown_once_a_pass_and_no_container():
    model, seen = cnn(), Seen()
    with Watching(model, sgd(model), seen) as rig:
        model(numbers(4, 8)).sum().backward()
        assert names(seen) == [name for name, _ in model.named_modules() if name]
        rig.step()
    assert [whole.module for whole in seen.passes] == [model]


def test_k_passes_are_merged_as_if_their_outputs_were_one():
    model = nn.Sequential(nn.Linear(8, 5), nn.Tanh())
    halves = [numbers(3, 8), 4 * numbers(7, 8, seed=1), numbers(2, 8, seed=2)]
    with Watching(model, sgd(model), Activations()) as rig:
        outputs = torch.cat([model[0](half).detach() for half in halves])
        rig.watch.arm()  # those calls were none of the step's
        rig.watch._arenas.begin()
        for half in halves:
            model(half).sum().backward()
        rig.step()
        row = rig.rows("activations")["0"]
    assert row["count"] == outputs.numel()
    assert row["negatives"] == int((outputs < 0).sum())
    assert row["mean"] == pytest.approx(float(outputs.mean()), rel=1e-5)
    assert row["std"] == pytest.approx(float(outputs.std(correction=0)), rel=1e-5)
    assert (row["min"], row["max"]) == (float(outputs.min()), float(outputs.max()))


def test_outputs_are_looked_at_before_they_are_changed_in_place():
    model = nn.Sequential(nn.Linear(8, 6), nn.ReLU(inplace=True))
    x = numbers(5, 8)
    before = model[0](x).detach()
    with Watching(model, sgd(model), Activations(), ActivationGradients()) as rig:
        model(x).square().sum().backward()
        rig.step()
        row, after = (rig.rows("activations")[name] for name in "01")
        gradient = rig.rows("activation_gradients")["0"]
    assert before.min() < 0
    assert (row["min"], row["max"]) == (float(before.min()), float(before.max()))
    assert after["min"] == 0
    assert gradient["min"] == pytest.approx(float((2 * before.relu()).min()))
    assert gradient["max"] == pytest.approx(float((2 * before.relu()).max()))


def validate(model):
    model.eval()
    with torch.no_grad():
        model(numbers(50, 8))
    model(numbers(50, 8))  # somebody forgot no_grad
    model.train()
    with torch.no_grad():
        model(numbers(50, 8))
    with torch.inference_mode():
        model(numbers(50, 8))


def test_passes_of_evaluation_are_never_counted():
    model = mlp()
    with Watching(model, sgd(model), Activations(), seen := Seen()) as rig:
        for _ in range(3):
            model(numbers(4, 8)).sum().backward()
            validate(model)
            rig.step()
            validate(model)
        counts = [rig.rows("activations", step)["0"]["count"] for step in (1, 2, 3)]
    assert counts == [4 * 16] * 3
    assert len(seen.passes) == 3


def test_a_model_that_is_always_trained_in_evaluation_mode_is_seen():
    model = mlp().eval()
    with Watching(model, sgd(model), Activations()) as rig:
        model(numbers(4, 8)).sum().backward()
        rig.step()
        assert rig.rows("activations")["0"]["count"] == 4 * 16


class Blocks(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first, self.last = nn.Linear(8, 6), nn.Linear(6, 3)
        self.block = nn.Sequential(nn.Linear(6, 6), nn.Tanh())
        self.reentrant = reentrant

    def forward(self, x):
        x = self.first(x)
        if self.reentrant is None:
            return self.last(self.block(x))
        return self.last(checkpoint(self.block, x, use_reentrant=self.reentrant))


def looked_at(reentrant, *, everything=False):
    """Rows of a step of the same model with checkpoints of one kind, or none."""
    torch.manual_seed(0)
    model = Blocks(None if everything else reentrant)
    x = numbers(5, 8).requires_grad_()
    with Watching(model, sgd(model), Activations(), ActivationGradients()) as rig:
        whole = checkpoint(model, x, use_reentrant=reentrant) if everything else model(x)
        whole.square().sum().backward()
        rig.step()
        return rig.rows("activations"), rig.rows("activation_gradients")


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("reentrant", [False, True])
def test_with_activation_checkpointing_all_is_as_without(reentrant, everything):
    plain, checkpointed = looked_at(None), looked_at(reentrant, everything=everything)
    for bare, found in zip(plain, checkpointed, strict=True):
        assert bare.keys() == found.keys() == {"first", "block.0", "block.1", "last"}
        for name, row in bare.items():
            assert found[name] == pytest.approx(row, nan_ok=True), name


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointed_parts_of_a_model_that_is_never_called_count_once(reentrant):
    model, seen = mlp(), Seen()
    with Watching(model, sgd(model), Activations(), ActivationGradients(), seen) as rig:
        x = numbers(4, 8).requires_grad_()
        checkpoint_sequential(model, 2, x, use_reentrant=reentrant).sum().backward()
        rig.step()
        rows, gradients = rig.rows("activations"), rig.rows("activation_gradients")
    assert rows.keys() == gradients.keys() == {name for name, _ in model.named_modules() if name}
    assert {rows[name]["count"] for name in ("0", "1", "2", "3", "4")} == {4 * 16}
    assert {gradients[name]["count"] for name in ("0", "1", "2", "3", "4")} == {4 * 16}
    assert sum(not call.recomputed for call in seen.calls) == len(model)


def test_tensors_of_torch_func_are_skipped_and_that_is_said(caplog):
    model, seen = mlp(), Seen(functional.linear)
    parameters = dict(model.named_parameters())

    def loss(parameters, x):
        return torch.func.functional_call(model, parameters, (x,)).sum()

    with Watching(model, sgd(model), Activations(), seen):
        torch.func.grad(loss)(parameters, numbers(4, 8))
        vectorised = torch.func.vmap(model, randomness="different")
        found = vectorised(numbers(3, 4, 8))
        assert found.shape == (3, 4, 3)
    assert seen.calls == []
    assert seen.ran_in == []
    assert caplog.text.count("torch.func or vmap") == 1
    assert "failed" not in caplog.text


def test_parts_called_without_the_root_are_seen():
    both = nn.ModuleDict({"critic": nn.Linear(2, 1), "generator": nn.Linear(4, 2)})
    steps = [sgd(both["critic"]), sgd(both["generator"])]
    with Watching(both, steps, Activations(), seen := Seen()) as rig:
        false = both["generator"](numbers(3, 4))
        (both["critic"](numbers(5, 2)).sum() - both["critic"](false).sum()).backward()
        rig.step()
        rows = rig.rows("activations")
    assert (rows["critic"]["count"], rows["generator"]["count"]) == (5 + 3, 3 * 2)
    assert [whole.module for whole in seen.passes] == [
        both["generator"], both["critic"], both["critic"],
    ]  # fmt: skip


def test_a_module_under_two_names_goes_by_the_first():
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.Tanh(), layer)
    x = numbers(3, 4)
    first = layer(x).detach()
    both = torch.cat([first, layer(first.tanh()).detach()])
    with Watching(model, sgd(model), Activations()) as rig:
        model(x).sum().backward()
        rig.step()
        rows = rig.rows("activations")
    assert rows.keys() == {"0", "1"}
    assert rows["0"]["count"] == both.numel()
    assert rows["0"]["mean"] == pytest.approx(float(both.mean()), rel=1e-5)


class Raises(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.layer, self.error = nn.Linear(8, 3), error

    def forward(self, x):
        y = self.layer(x)
        if self.error is not None:
            raise self.error
        return y


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt()], ids=["bad", "stop"])
def test_an_exception_in_the_forward_leaves_all_in_balance(error):
    inner = Raises(error)
    model = nn.Sequential(nn.Identity(), inner)
    seen = Seen(functional.linear)
    with Watching(model, sgd(model), Activations(), seen) as rig:
        with pytest.raises(type(error)), torch.device("cpu"):
            model(numbers(4, 8))
        rig.watch.arm()
        assert _get_current_function_mode_stack() == []
        inner.error = None
        rig.watch._arenas.begin()
        model(numbers(6, 8)).sum().backward()
        rig.step()
        assert rig.rows("activations")["1.layer"]["count"] == 6 * 3
    assert _get_current_function_mode_stack() == []
    assert not hooks._global_forward_hooks
    assert not hooks._global_forward_pre_hooks
    assert not hooks._global_forward_hooks_always_called
    assert seen.ran_in == ["1.layer", "1.layer"]


def test_an_interrupt_right_before_the_end_leaves_nothing():
    model = Raises(KeyboardInterrupt())
    seen = Seen(functional.linear)
    with pytest.raises(KeyboardInterrupt), Watching(model, sgd(model), seen):
        model(numbers(4, 8))
    assert seen.ran_in == ["layer"]
    assert _get_current_function_mode_stack() == []


@pytest.mark.parametrize("where", ["called", "gradient", "ran", "passed"])
def test_a_probe_that_raises_never_reaches_training_and_is_left_alone_after_three(caplog, where):
    model, broken = mlp(), Seen(functional.linear, failing=where)
    torch.manual_seed(0)
    with Watching(model, sgd(model), broken, Activations()) as rig:
        for _ in range(6):
            model(numbers(4, 8)).sum().backward()
            rig.step()
            assert len(rig.rows("activations")) == len(model)
    assert broken.failures == 3
    assert caplog.text.count("a probe's own fault") == 1
    assert _get_current_function_mode_stack() == []


class Half(Activations):
    """Fails at a layer in the middle."""

    series = "half"

    def called(self, call):
        super().called(call)
        if call.name == "3" and self._records == 1:
            raise RuntimeError("a probe's own fault")


def test_a_step_in_which_a_probe_failed_gives_no_row_of_it():
    model = mlp()
    with Watching(model, sgd(model), Half(), Activations()) as rig:
        for _ in range(3):
            model(numbers(4, 8)).sum().backward()
            rig.step()
        found = [len(rig.rows("half", step)) for step in (1, 2, 3)]
    assert found == [len(model), 0, len(model)]


def test_modules_that_come_later_are_seen():
    model = nn.ModuleDict({"old": nn.Linear(4, 4)})
    with Watching(model, sgd(model), Activations()) as rig:
        model["old"](numbers(3, 4)).sum().backward()
        rig.step()
        model["new"] = nn.Linear(4, 2)
        model["new"](model["old"](numbers(3, 4))).sum().backward()
        rig.step()
        assert rig.rows("activations", 1).keys() == {"old"}
        assert rig.rows("activations", 2).keys() == {"old", "new"}


def test_a_loss_is_shown_as_module_and_as_function_but_only_with_gradients():
    model, loss, seen = mlp(), nn.CrossEntropyLoss(), Seen()
    x, y = numbers(4, 8), torch.tensor([0, 1, 2, 0])
    with Watching(model, sgd(model), seen):
        functional.cross_entropy(model(x), y).backward()
        output = model(x)
        loss(output, y).backward()
        with torch.no_grad():
            loss(output, y)
    assert [whole.is_loss for whole in seen.passes] == [False, True, False, True]
    assert [type(whole.module) for whole in seen.passes[1::2]] == [nn.CrossEntropyLoss] * 2
    assert [id(given) for given in seen.passes[-1].inputs] == [id(output), id(y)]


def test_keywords_of_a_pass_are_shown():
    class Keyed(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x, *, scale):
            return self.layer(x) * scale

    model, seen = Keyed(), Seen()
    with Watching(model, sgd(model), seen):
        model(numbers(3, 2), scale=2.0)
    assert seen.passes[0].keywords == {"scale": 2.0}


def test_other_models_and_other_threads_are_not_seen():
    model, other, seen = mlp(), mlp(), Seen()
    with Watching(model, sgd(model), seen):
        other(numbers(4, 8)).sum().backward()
        copy.deepcopy(model)(numbers(4, 8)).sum().backward()
        thread = threading.Thread(target=lambda: model(numbers(4, 8)))
        thread.start()
        thread.join()
    assert seen.calls == []
    assert seen.passes == []


def test_a_recorder_made_in_another_thread_sees_training():
    model, seen = mlp(), Seen()
    made = []
    thread = threading.Thread(target=lambda: made.append(Watching(model, sgd(model), seen)))
    thread.start()
    thread.join()
    with made[0]:
        model(numbers(4, 8)).sum().backward()
    assert len(seen.calls) == len(model)


def test_a_checkpoint_that_runs_again_in_another_thread_is_looked_at():
    """As on an accelerator, whose backward pass has a thread of its own."""
    model, seen = Blocks(reentrant=True), Seen()
    with Watching(model, sgd(model), seen) as rig:
        loss = model(numbers(5, 8)).sum()
        with mock.patch.object(rig.watch._forward, "_thread", -1):
            loss.backward()
    assert {name for name, _ in seen.gradients} == {"first", "block.0", "block.1", "last"}


def test_a_gradient_that_comes_too_late_is_not_taken():
    model, seen = mlp(), Seen()
    with Watching(model, sgd(model), seen) as rig:
        late = model(numbers(4, 8)).sum()
        rig.step()
        late.backward()
    assert len(seen.calls) == len(model)
    assert seen.gradients == []


def test_a_tracer_is_not_a_pass():
    model, seen = mlp().eval(), Seen()
    with Watching(model, sgd(model), seen), pytest.warns(DeprecationWarning, match="jit"):
        torch.jit.trace(model, numbers(4, 8))
    assert seen.calls == []


def test_the_model_can_go_while_it_is_watched():
    model = mlp()
    gone = weakref.ref(model[0])
    with Watching(model, sgd(model), Activations()) as rig:
        model(numbers(4, 8)).sum().backward()
        rig.step()
    del model, rig
    gc.collect()
    assert gone() is None


def test_hooks_are_there_only_in_the_steps_that_are_recorded(tmp_path):
    model = mlp()
    optimizer, there = sgd(model), []
    with Recorder(model, optimizer, tmp_path / "run", every=10) as recorder:
        train(
            model,
            optimizer,
            recorder=recorder,
            at_step=lambda _: there.append(len(hooks._global_forward_pre_hooks)),
        )
        pickle.dumps(model)
    assert [step for step, n in enumerate(there, 1) if n] == [1, 10, 20]


def test_without_a_probe_of_outputs_there_is_no_hook():
    model = mlp()
    with Watching(model, sgd(model)) as rig:
        rig.watch._order.close()
        assert not hooks._global_forward_hooks


def test_a_validation_before_the_first_training_pass_does_not_count():
    model = mlp()
    with Watching(model, sgd(model), Activations()) as rig:
        model.eval()
        model(numbers(50, 8))  # somebody forgot no_grad
        model.train()
        model(numbers(4, 8)).sum().backward()
        rig.step()
        assert rig.rows("activations")["0"]["count"] == 4 * 16


def test_a_validation_between_two_micro_batches_takes_nothing_away():
    model = mlp()
    with Watching(model, sgd(model), Activations()) as rig:
        for _ in range(2):
            model(numbers(4, 8)).sum().backward()
            model.eval()
            model(numbers(50, 8))
            model.train()
            model(numbers(3, 8)).sum().backward()
            rig.step()
            assert rig.rows("activations")["0"]["count"] == (4 + 3) * 16


def test_a_part_that_is_always_in_evaluation_mode_takes_nothing_away():
    parts = nn.ModuleDict({"judge": nn.Linear(4, 1).eval(), "student": nn.Linear(4, 4)})
    with Watching(parts, sgd(parts), Activations()) as rig:
        for step in range(3):
            for _ in range(2):
                parts["judge"](parts["student"](numbers(5, 4))).sum().backward()
            rig.step()
            if step:
                rows = rig.rows("activations")
                assert (rows["student"]["count"], rows["judge"]["count"]) == (2 * 5 * 4, 2 * 5)
