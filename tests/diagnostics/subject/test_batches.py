import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.subject import Subject
from diagnostics.subject.batches import at_a_time, at_each, at_once, exactly, own_measures
from diagnostics.subject.recorded import RecordedLoss
from probes import Recorder, Snapshots
from probes.folder import FathomError
from probes.program import capture

torch.set_num_threads(1)


def data():
    torch.manual_seed(1)
    return torch.randn(8, 5), torch.randint(3, (8,))


def test_unequal_batches_count_by_their_examples():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    data = [(torch.randn(n, 5).double(), torch.randint(3, (n,))) for n in (8, 3, 2)]
    together = tuple(torch.cat(parts) for parts in zip(*data, strict=True))
    parts, whole = (Subject(model, functional.cross_entropy, d) for d in (data, together))
    assert parts.measures_at([parts.centre]) == pytest.approx(whole.measures_at([whole.centre]))
    ours, theirs = parts.examples_at(parts.centre), whole.examples_at(whole.centre)
    assert ours.values == pytest.approx(theirs.values)
    assert (parts.about.examples, parts.about.batches) == (13, 3)


def test_a_loss_that_is_no_mean_nor_sum_over_examples_says_so():
    def squared(output, target):
        return functional.cross_entropy(output, target) ** 2

    torch.manual_seed(0)
    subject = Subject(nn.Linear(5, 3), squared, data())
    assert subject.about.reduction == "other"
    with pytest.raises(FathomError, match="not the mean over its examples"):
        subject.per_example_losses(subject.centre)
    with pytest.raises(FathomError, match="not the sum over its examples"):
        subject.reduced_by("sum").per_example_losses(subject.centre)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(11, 4), nn.Linear(4, 11)

    def forward(self, tokens):
        return self.head(self.embed(tokens)).transpose(1, 2)


def test_padded_targets_count_by_what_is_kept_of_them():
    torch.manual_seed(0)
    model, tokens = Words(), torch.randint(11, (6, 5))
    target = tokens.roll(1, 1).clone()
    for n in range(5):
        target[n, : n + 1] = -100
    recorded = capture(model, functional.cross_entropy, (tokens, target))
    weights = {n: p.detach() for n, p in model.named_parameters()}
    source = RecordedLoss(recorded, weights, "running")
    (losses, accuracies), counts = own_measures(source, weights, source.batch(recorded.batch))
    with torch.no_grad():
        output = model(tokens)
        terms = functional.cross_entropy(output, target, reduction="none")
    kept = target >= 0
    assert counts.tolist() == kept.sum(1).tolist() == [4, 3, 2, 1, 0, 5]
    means = terms.sum(1) / kept.sum(1).clamp_min(1)
    assert losses.numpy() == pytest.approx(means.numpy(), rel=1e-6)
    assert float((losses * counts).sum() / counts.sum()) == pytest.approx(
        float(functional.cross_entropy(output, target)), rel=1e-6
    )
    right = ((output.argmax(1) == target) & kept).sum(1) / kept.sum(1).clamp_min(1)
    assert accuracies.numpy() == pytest.approx(right.numpy())


def test_what_it_sets_it_puts_back():
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    with exactly(smooth=True, recurrent=True):
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cudnn.enabled
        assert not torch.backends.cuda.flash_sdp_enabled()
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled) == before
    assert torch.backends.cuda.flash_sdp_enabled()


def test_several_points_at_once_or_where_that_fails_one_by_one():
    points, calls = [torch.arange(3.0) * n for n in range(4)], []

    def together(w):
        calls.append(w)
        return w.sum()

    assert at_once(together, points).tolist() == [0, 3, 6, 9]
    assert len(calls) == 1
    assert at_once(lambda w: w.sum() if bool(w[1] > 1) else w[0], points).tolist() == [0, 0, 6, 9]
    assert at_once(together, points[2:3]).tolist() == [6]


def test_points_come_one_by_one_or_some_at_once_and_all_are_met():
    points = [torch.arange(3.0) * n for n in range(7)]
    for size in (1, 3, 8):
        assert at_each(lambda w: w.sum(), iter(points), size).tolist() == [
            3.0 * n for n in range(7)
        ]


def test_on_a_processor_points_come_one_by_one():
    subject = Subject(nn.Linear(5, 3), functional.cross_entropy, data())
    assert at_a_time(subject._batches, subject.centre) == 1


def test_a_batch_of_no_examples_is_refused():
    x, y = data()
    with pytest.raises(FathomError, match="a batch holds no examples"):
        Subject(nn.Linear(5, 3), functional.cross_entropy, [(x, y), (x[:0], y[:0])])


class Scaled(nn.Module):
    def __init__(self, many):
        super().__init__()
        self.layer, self.scale = nn.Linear(6, 3), nn.Parameter(torch.ones(many), False)

    def forward(self, x):
        return self.layer(x) * self.scale


def test_what_stands_still_has_to_be_of_the_same_shape(tmp_path):
    """Of one number, it would be spread over three in silence."""
    model = Scaled(1)
    optimizer = torch.optim.SGD(model.layer.parameters(), 0.1)
    with Recorder(model, optimizer, tmp_path / "run", probes=[Snapshots()]):
        optimizer.step()
    batch = torch.randn(4, 6), torch.randint(3, (4,))
    subject = Subject(Scaled(3), functional.cross_entropy, batch)
    with pytest.raises(
        FathomError, match=r"'scale' is of shape \[1\] in the snapshot and of \[3\]"
    ):
        subject.at(tmp_path / "run")
