from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.held_out import has_held_out
from probes import demo


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(demo, "STEPS", 60)


def points(count=4000):
    return demo.spirals(count, torch.Generator().manual_seed(0))


def test_the_spirals_are_two_of_equal_size():
    place, label = points()
    assert place.shape == (4000, 2)
    assert label.bincount().tolist() == [2000, 2000]


def test_a_point_lies_on_its_spiral():
    place, label = points()
    radius = place.norm(dim=1) / 1.6
    angle = torch.atan2(place[:, 1], place[:, 0])
    expected = 3 * math.pi * (radius - 0.1) + math.pi * label
    off = torch.remainder(angle - expected + math.pi, 2 * math.pi) - math.pi
    outer = radius > 0.4  # near the centre the noise turns a point all around
    assert off[outer].abs().median() < 0.4
    assert (radius.amax(), radius.amin()) < (1.3, 0.2)


def test_the_same_seed_gives_the_same_points():
    assert torch.equal(points()[0], points()[0])


def test_only_activation_and_initialisation_differ():
    healthy, sick = demo.network(healthy=True), demo.network(healthy=False)
    shapes = [[tuple(p.shape) for p in model.parameters()] for model in (healthy, sick)]
    assert shapes[0] == shapes[1]
    kinds = [{type(m) for m in model if not isinstance(m, nn.Linear)} for model in (healthy, sick)]
    assert kinds == [{nn.ReLU}, {nn.Sigmoid}]
    assert sum(isinstance(module, nn.Linear) for module in healthy) == demo.DEPTH
    assert isinstance(healthy[-1], nn.Linear)


def test_a_training_is_recorded(tmp_path, short, capsys):
    accuracy = demo.train(tmp_path / "healthy", healthy=True)
    run = Run(tmp_path / "healthy")
    assert (run.state, run.last_step) == ("finished", 60)
    assert run.scalar("loss").steps.tolist() == list(range(1, 61))
    assert run.scalar("accuracy").values.tolist() == [accuracy]
    assert 0.4 < accuracy <= 1


def test_a_landscape_can_be_computed_of_it(tmp_path, short, capsys):
    demo.train(tmp_path / "sick", healthy=False)
    run = Run(tmp_path / "sick")
    assert run.has_program
    assert has_held_out(run)
    assert run.snapshots[-1] == 60
    assert run.subject().loss_at(run.subject().centre) < 1


def test_in_a_pipe_the_bar_is_drawn_once(tmp_path, short, capsys):
    assert list(demo._progress("sick")) == list(range(1, 61))
    drawn = capsys.readouterr().out
    assert drawn.count("\r") == 1
    assert "█" * demo.BAR in drawn


def test_both_networks_are_recorded(tmp_path, short, capsys):
    threads = torch.get_num_threads()
    demo.main(tmp_path)
    torch.set_num_threads(threads)
    assert {path.name for path in tmp_path.iterdir()} == {"healthy", "sick"}
    assert capsys.readouterr().out.count("accuracy") == 2
