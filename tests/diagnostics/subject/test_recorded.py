import contextlib
import json

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics import Run
from diagnostics.subject import Subject
from diagnostics.subject.recorded import check_rehearsed
from probes import Recorder, Snapshots
from probes.folder import FathomError, ProgramError
from probes.program import capture
from tests.probes.program.hostile import forged, mutated, place

torch.set_num_threads(1)
MUTANTS = 60


def data(count, seed=1):
    torch.manual_seed(seed)
    return torch.randn(count, 6), torch.randint(3, (count,))


def recording(folder, loss=functional.cross_entropy, held_out=None, batch=None):
    torch.manual_seed(0)
    model, (x, y) = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)), batch or data(8)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    how = {"loss": loss, "batch": (x, y), "held_out": held_out}
    with Recorder(model, optimizer, folder, probes=[Snapshots()], **how):
        for _ in range(2):
            optimizer.zero_grad()
            loss(model(x), y).backward()
            optimizer.step()
    return model.eval()


@pytest.fixture
def folder(tmp_path):
    recording(tmp_path / "run")
    return tmp_path / "run"


def forge(folder, name):
    path = folder / "program.json"
    text = forged(name, json.loads(path.read_text()))
    path.write_text(text)


def test_held_out_data_is_a_subject_of_the_same_weights(tmp_path):
    other = data(13, seed=5)
    model = recording(tmp_path / "run", held_out=other)
    subject = Run(tmp_path / "run").subject()
    ours = subject.held_out
    live = Subject(model, functional.cross_entropy, other)
    assert ours.loss_at(ours.centre) == live.loss_at(live.centre) != subject.loss_at(subject.centre)
    assert ours.accuracy(ours.centre) == live.accuracy(live.centre)
    assert ours.about.data == "13 held-out examples of the recording"
    assert ours.classes.tolist() == other[1].tolist()
    assert (ours.about.run, ours.about.step) == ("run", 2)
    double = subject.double().held_out
    exact = live.double()
    assert double.loss_at(double.centre) == exact.loss_at(exact.centre)


def test_re_estimated_statistics_are_of_the_data_that_was_not_held_out(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
    (x, y), (other, target) = data(8), data(13, seed=5)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    how = {"loss": functional.cross_entropy, "batch": (x, y), "held_out": (other, target)}
    with Recorder(model, optimizer, tmp_path / "run", probes=[Snapshots()], **how):
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    held_out = Run(tmp_path / "run").subject(statistics="re-estimated").double().held_out
    exact = model.double().eval()
    with torch.no_grad():
        hidden = exact[0](x.double())
        exact[1].running_mean, exact[1].running_var = hidden.mean(0), hidden.var(0, correction=0)
        expected = functional.cross_entropy(exact(other.double()), target).item()
    assert held_out.loss_at(held_out.centre) == pytest.approx(expected, rel=1e-12)
    own = held_out.on((other, target))
    assert own.loss_at(own.centre) != pytest.approx(expected, rel=1e-3)
    assert own.key != held_out.key


def test_where_nothing_was_held_out_there_is_nothing(folder):
    assert Run(folder).subject().held_out is None
    live = Subject(nn.Linear(6, 3), functional.cross_entropy, data(8))
    assert live.held_out is None


FORGED = {
    "64 TiB between": r"one tensor .* of 70,368,744,177,664 bytes, and [\d,]+ are free",
    "shapes that do not fit": r"'%a' cannot be computed",
    "a loss that is no number": "not a number",
    "an operation that writes": "not one of those that a program may have",
}


@pytest.mark.parametrize("name", FORGED)
def test_a_program_that_cannot_be_run_is_refused_and_it_is_said_why(folder, name):
    forge(folder, name)
    with pytest.raises(ProgramError, match=FORGED[name]):
        Run(folder).subject()


def test_what_values_alone_show_is_said_too(folder):
    """A class beyond those there are: no shape tells."""
    path = folder / "program.json"
    content = json.loads(path.read_text())
    nodes = content["graphs"]["eval"]["nodes"]
    at = place(content, "cross_entropy_loss.default")
    nodes[at][2][1] = "%beyond"
    nodes.insert(at, ["beyond", "add.Scalar", ["input:target", 90]])
    path.write_text(json.dumps(content))
    with pytest.raises(ProgramError, match=r"fails on the batch .*IndexError: Target 9\d is out"):
        Run(folder).subject()


@pytest.mark.filterwarnings("ignore")
def test_whatever_is_damaged_it_is_said_or_all_questions_have_answers(folder, monkeypatch):
    monkeypatch.setattr("diagnostics.subject.recorded.free_memory", lambda: 1 << 30)
    path, refused = folder / "program.json", 0
    content = json.loads(path.read_text())
    for seed in range(MUTANTS):
        path.write_text(mutated(content, seed))
        try:
            subject = Run(folder).subject()
        except FathomError:
            refused += 1
            continue
        assert np.ndim(subject.loss_at(subject.centre)) == 0
        assert len(subject.hvp(subject.centre, subject.centre)) == len(subject.centre)
        with contextlib.suppress(FathomError):  # some have no losses of single examples
            assert len(subject.per_example_losses(subject.centre)) == 8
    assert MUTANTS / 2 < refused < MUTANTS


def test_a_tensor_beyond_the_free_memory_is_never_made(folder, monkeypatch):
    monkeypatch.setattr("diagnostics.subject.recorded.free_memory", lambda: 48 << 30)
    monkeypatch.setattr(
        "diagnostics.subject.subject.Subject._begin", lambda *_: pytest.fail("it is run")
    )
    forge(folder, "16 GiB that make sense")
    with pytest.raises(ProgramError, match="of 17,179,869,184 bytes, and 51,539,607,552 are free"):
        Run(folder).subject()


def masked(output, target):
    kept = target > 0
    return functional.cross_entropy(output[kept], target[kept])


def test_where_values_decide_on_shapes_the_run_tells(tmp_path):
    model, (x, y) = recording(tmp_path / "run", loss=masked), data(8)
    subject = Run(tmp_path / "run").subject()
    assert subject.loss_at(subject.centre) == masked(model(x), y).item()


def test_a_rehearsal_takes_no_longer_for_more_examples():
    """And no memory: 256 GiB of them."""
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    recorded = capture(model, functional.cross_entropy, data(8))
    x, y = data(8)
    many = 1 << 33
    endless = {"inputs": x[:1].expand(many, -1), "target": y[:1].expand(many)}
    with pytest.raises(ProgramError, match="one tensor on the way"):
        check_rehearsed(recorded.program, endless, "running")
    check_rehearsed(recorded.program, recorded.batch, "running")


def test_a_diverged_run_is_not_a_broken_program(tmp_path):
    x, y = data(8)
    recording(tmp_path / "run", batch=(x * np.inf, y))
    subject = Run(tmp_path / "run").subject()
    assert np.isnan(subject.loss_at(subject.centre))


def test_all_errors_name_the_folder(folder):
    forge(folder, "shapes that do not fit")
    with pytest.raises(FathomError, match=f"'{folder}': "):
        Run(folder).subject()


def test_of_another_size_than_a_program_is_fixed_at_nothing_is_said(tmp_path):
    def by_length(output, target):
        return functional.cross_entropy(output, target, reduction="none").sum() / len(target)

    recording(tmp_path / "run", loss=by_length)  # it divides by 8, whatever it is given
    subject = Run(tmp_path / "run").subject()
    assert subject.on(data(8, seed=2)).loss_at(subject.centre) > 0
    with pytest.raises(FathomError, match=r"takes 8 of 'inputs' alone .*, and 13 are asked for"):
        subject.on([data(8), data(13)])
    with pytest.raises(FathomError, match="and 1 are asked for"):
        subject.per_example_losses(subject.centre)


class InTwoPrecisions(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(6, 8), nn.Linear(8, 3).double()

    def forward(self, x):
        return self.head(self.body(x).double())


@pytest.mark.parametrize("frozen", [False, True])
def test_a_model_of_two_precisions_is_given_other_data_as_they_are(tmp_path, frozen):
    torch.manual_seed(0)
    model, other = InTwoPrecisions(), data(13, seed=5)
    model.body.requires_grad_(not frozen)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    how = {"loss": functional.cross_entropy, "batch": data(8), "held_out": other}
    with Recorder(model, optimizer, tmp_path / "run", probes=[Snapshots()], **how):
        functional.cross_entropy(model(data(8)[0]), data(8)[1]).backward()
        optimizer.step()
    expected = float(functional.cross_entropy(model(other[0]), other[1]).detach())
    subject = Run(tmp_path / "run").subject()
    live = Subject(model, functional.cross_entropy, data(8)).on(other)
    for ours in (subject.held_out, subject.on(other), live):
        assert ours.loss_at(ours.centre) == pytest.approx(expected, rel=1e-12)
    exact = subject.double().on(other)
    assert exact.loss_at(exact.centre) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        (torch.zeros(4, 7), torch.zeros(4, dtype=torch.long)),
        (torch.zeros(4, 6), torch.zeros(3, dtype=torch.long)),
        (torch.zeros(4, 6).double(), torch.zeros(4, dtype=torch.long)),
        (torch.zeros(4, 6), torch.full((4,), 7)),
    ],
)
def test_data_that_no_loss_can_be_had_of_are_refused_with_a_sentence(folder, other):
    with pytest.raises(FathomError, match=r"give them as .* 'inputs' \[8, 6\] of torch.float32"):
        Run(folder).subject().on(other)
