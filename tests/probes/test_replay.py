from __future__ import annotations

from contextlib import contextmanager, nullcontext

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import module as hooks

from probes.backward_replay import replay_backward
from probes.keeper import Keeper
from probes.replay import replay
from tests.probes.plants import Divides, Spoiler, batch, kept_pass, stack
from tests.trainings import Transformer, cnn

NAN = float("nan")


def played(model, *inputs, **keywords):
    return replay(model, kept_pass(model, *inputs, **keywords), nullcontext)


def armed(layer):
    layer.armed = True
    return layer


def state(model):
    tensors = [*model.named_parameters(), *model.named_buffers()]
    told = {name: (t.detach().numpy().tobytes(), t._version) for name, t in tensors}
    grads = {
        name: (p.grad.numpy().tobytes(), p.grad._version)
        for name, p in model.named_parameters()
        if p.grad is not None
    }
    return told, grads, [m.training for m in model.modules()], torch.get_rng_state().tolist()


@pytest.mark.parametrize("model", [lambda: stack(armed(Spoiler())), cnn, Transformer])
def test_a_replay_does_no_harm(model):
    model, (x, y) = model(), batch(1)
    functional.cross_entropy(model(x), y).backward()
    model[-2:].eval() if isinstance(model, nn.Sequential) else model.head.eval()
    kept, given = kept_pass(model, x), x.clone()
    before = state(model)
    hooked = len(hooks._global_forward_hooks), len(hooks._global_forward_pre_hooks)
    assert replay(model, kept, nullcontext).failed is None
    replay_backward(model, kept, nullcontext)
    assert state(model) == before
    assert torch.equal(x, given)
    assert not x.requires_grad
    assert x._version == 0
    assert (len(hooks._global_forward_hooks), len(hooks._global_forward_pre_hooks)) == hooked


def test_training_goes_on_to_the_bit():
    def weights(looks):
        net = stack(nn.Tanh())
        optimizer = torch.optim.Adam(net.parameters())
        torch.manual_seed(5)
        for step in range(4):
            x, y = batch(step)
            keeper = Keeper(net, compiled=False)
            functional.cross_entropy(net(x), y).backward()
            if looks:
                with keeper.still():
                    replay(net, keeper.kept[0], nullcontext)
                    replay_backward(net, keeper.kept[0], nullcontext)
            keeper.leave()
            optimizer.step()
            optimizer.zero_grad()
        return [tensor.clone() for tensor in net.state_dict().values()]

    assert all(map(torch.equal, weights(looks=True), weights(looks=False)))


def test_layers_are_seen_whole_and_in_order():
    model = nn.Sequential(nn.Linear(8, 500), nn.ReLU(inplace=True), nn.Linear(500, 3))
    x = batch(1)[0]
    found = played(model, x)
    assert [look.module for look in found.leaves] == ["0", "1", "2"]
    h = model[0](x).detach()
    assert [look.tally.count for look in found.leaves] == [6000, 6000, 36]
    largest = [float(t.detach().abs().max()) for t in (h, h.relu(), model[2](h.relu()))]
    assert [look.tally.largest for look in found.leaves] == pytest.approx(largest)
    assert (found.origin, found.failed) == (None, None)


def test_a_value_lost_in_one_of_many_elements_is_seen_before_it_is_overwritten():
    class Wide(nn.Module):
        def forward(self, x):
            y = x.repeat(1, 4000)
            y[7, 31999] = NAN
            return y

    model = nn.Sequential(Wide(), nn.ReLU(inplace=True), nn.Linear(32000, 3))
    origin = played(model, batch(1)[0]).origin
    assert (origin.module, origin.look.rows, origin.look.tally.nan) == ("0", (7,), 1)


def test_code_at_the_end_of_a_container():
    class Ends(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(8, 3)

        def forward(self, x):
            return self.lin(x) * NAN

    model = nn.Sequential(Ends(), nn.Linear(3, 3))
    origin = played(model, batch(1)[0]).origin
    assert (origin.where, origin.module, origin.kind) == ("forward", "0", "Ends")
    assert origin.between == ("0.lin", None)


def test_code_before_a_container_is_the_outer_ones():
    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Divides()

        def forward(self, x):
            return self.inner(x.repeat(1, 2) / 0)

    origin = played(Outer(), batch(1)[0]).origin
    assert (origin.module, origin.kind, origin.between) == ("", "Outer", (None, "inner"))


def test_keywords_of_a_layer_count_as_what_it_was_given():
    class Scales(nn.Module):
        def forward(self, x, *, by):
            return x * by

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.scales = nn.Linear(8, 8), Scales()

        def forward(self, x):
            return self.scales(self.first(x), by=torch.tensor(NAN))

    origin = played(Outer(), batch(1)[0]).origin
    assert (origin.module, origin.between) == ("", ("first", "scales"))


def test_inputs_by_keyword_and_in_a_dict():
    class Takes(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(8, 3)

        def forward(self, given, *, mask):
            return self.lin(given["x"]) + mask

    x, mask = batch(1)[0], torch.zeros(12, 3)
    assert played(Takes(), {"x": x}, mask=mask).origin is None
    mask[3] = NAN
    assert played(Takes(), {"x": x}, mask=mask).origin.where == "inputs"
    x[2, 2] = NAN
    assert played(Takes(), {"x": x}, mask=mask * 0).origin.where == "inputs"


def test_a_mask_in_the_inputs_is_no_trouble_until_it_hides_all():
    torch.manual_seed(0)
    model = nn.MultiheadAttention(8, 2, batch_first=True)
    x, mask = torch.randn(2, 4, 8), torch.zeros(4, 4).fill_diagonal_(-torch.inf)
    found = played(model, x, x, x, attn_mask=mask)
    assert (found.origin, found.infinite) == (None, None)
    mask[1] = -torch.inf
    assert played(model, x, x, x, attn_mask=mask).origin.where == "inputs"


def test_a_buffer_that_is_not_finite_is_named():
    model = stack(nn.Tanh()).eval()
    model[3].running_var[0] = NAN
    origin = played(model, batch(1)[0]).origin
    assert (origin.where, origin.module) == ("weights", "3")
    assert [name for name, _ in origin.weights] == ["3.running_var"]


def test_a_containers_own_parameter_is_named():
    class Shifts(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.shift = nn.Linear(8, 3), nn.Parameter(torch.full((3,), NAN))

        def forward(self, x):
            return self.lin(x) + self.shift

    origin = played(nn.Sequential(Shifts()), batch(1)[0]).origin
    assert (origin.where, [name for name, _ in origin.weights]) == ("weights", ["0.shift"])


def test_an_infinity_that_comes_to_nothing_is_told_apart():
    class Peaks(nn.Module):
        def forward(self, x):
            return x + torch.inf

    found = played(nn.Sequential(nn.Linear(8, 3), Peaks(), nn.Sigmoid()), batch(1)[0])
    assert found.origin is None
    assert (found.infinite.module, found.infinite.look.tally.kind) == ("1", "+inf")


def test_a_model_that_raises_is_played_as_far_as_it_goes():
    class Raises(nn.Module):
        def forward(self, x):
            if x.isnan().any():
                raise ValueError("NaN!")
            return x

    spoiler = Spoiler()
    model = nn.Sequential(spoiler, Raises())
    kept = kept_pass(model, batch(1)[0])
    spoiler.armed = True
    found = replay(model, kept, nullcontext)
    assert (found.failed, found.origin.module) == ("ValueError: NaN!", "0")


def test_the_pause_is_kept_while_it_plays():
    inside = []

    @contextmanager
    def pause():
        inside.append("in")
        yield
        inside.append("out")

    class Tells(nn.Module):
        def forward(self, x):
            inside.append("plays")
            return x

    model = Tells()
    kept = kept_pass(model, batch(1)[0])
    inside.clear()
    replay(model, kept, pause)
    assert inside == ["in", "plays", "out"]


def test_a_model_that_asks_for_gradients_itself_is_played_with_them():
    class Force(nn.Module):
        def __init__(self):
            super().__init__()
            self.energy, self.spoil = nn.Linear(8, 1), Spoiler()

        def forward(self, x):
            x = x.detach().requires_grad_()
            energy = self.energy(self.spoil(x)).sum()
            return torch.autograd.grad(energy, x, create_graph=True)[0] + energy

    model = Force()
    assert (played(model, batch(1)[0]).failed, played(model, batch(1)[0]).origin) == (None, None)
    model.spoil.armed = True
    assert played(model, batch(1)[0]).origin.module == "spoil"
