"""Who the members are, and that all see the first one's examples by programs of their own."""

from __future__ import annotations

from shutil import copytree

import numpy as np
import pytest
import torch
from torch import nn

from diagnostics import Run
from diagnostics.active import members
from diagnostics.active.members import company_of, members_of, names_of
from diagnostics.active.wish import Wish
from probes import Recorder, Weights
from probes.folder import FathomError
from tests.diagnostics.active.straight import HELD_OUT, X, growing, slope, still


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("members")


@pytest.fixture(scope="module")
def one(root):
    return still(root / "one", slope(1.0), held_out=HELD_OUT)


@pytest.fixture(scope="module")
def two(root):
    """On other examples than the first."""
    other = (torch.tensor([[5.0], [6.0]]), torch.ones(2, 1))
    return still(root / "two", slope(2.0), batch=other, held_out=other)


@pytest.fixture(scope="module")
def grown(root):
    return growing(root / "grown")


def predicted(runs, wish=None, **asked):
    company = company_of(members_of(runs, None, asked.get("snapshots")), wish or Wish())
    return [np.concatenate(each.predict(each.centre))[:, 0] for each in company.subjects()]


def test_all_see_the_examples_of_the_first(one, two):
    first, second = predicted([one, two])
    np.testing.assert_allclose(first, X[:, 0])
    np.testing.assert_allclose(second, 2 * X[:, 0])
    assert len(predicted([two, one])[1]) == 2
    first, second = predicted([one, two], Wish(held_out="recorded"))
    np.testing.assert_allclose(second, [-4.0, 4.0])


def test_what_a_function_gives_is_asked_for_once(one, two, monkeypatch):
    fresh = np.random.default_rng(0)

    def another(_):
        return torch.tensor(fresh.standard_normal((5, 1)), dtype=torch.float32), torch.zeros(5, 1)

    monkeypatch.setattr(members, "made_by", another)
    first, second = predicted([one, two], Wish(held_out="own:batch"))
    np.testing.assert_allclose(second, 2 * first, rtol=1e-6)


def test_weights_of_the_same_shapes_are_used_as_their_own_network_does(root):
    folders = [root / "tanh", root / "relu"]
    models = [nn.Sequential(nn.Linear(1, 3), act(), nn.Linear(3, 1)) for act in (nn.Tanh, nn.ReLU)]
    runs = [still(folder, model) for folder, model in zip(folders, models, strict=True)]
    for found, model in zip(predicted(runs), models, strict=True):
        np.testing.assert_allclose(found, model(X).detach()[:, 0], atol=1e-6)


def test_of_one_run_the_weights_are_those_of_its_steps(grown):
    found = members_of([grown], None, 3)
    assert [each.step for each in found] == list(grown.snapshots[-3:][::-1])
    for values, member in zip(predicted([grown], snapshots=3), found, strict=True):
        np.testing.assert_allclose(values, member.step * X[:, 0], rtol=1e-6)


def test_the_last_half_of_training_is_taken_unless_a_number_is_asked(grown):
    steps = [each.step for each in members_of([grown], None, None)]
    assert steps == [step for step in grown.snapshots if step >= 6][::-1]
    assert len(steps) >= 3
    early = members_of([grown], 3, None)  # few are of the second half of three steps
    assert [each.step for each in early] == [3, 2, 1]
    assert [each.step for each in members_of([grown], 2, None)] == [2, 1]


def test_names_are_as_short_as_still_tells_them_apart(one, two, grown, root):
    assert names_of(members_of([one, two], None, None)) == ("one", "two")
    assert names_of(members_of([one, grown], None, None)) == ("one at step 1", "grown at step 12")
    assert names_of(members_of([grown], None, 2))[0] == "step 12"
    copytree(one.path, root / "deep" / "one")
    alike = [one, Run(root / "deep" / "one")]
    assert names_of(members_of(alike, None, None)) == tuple(str(run.path) for run in alike)


def test_what_cannot_be_put_together_is_refused(one, two, grown, root):
    with pytest.raises(FathomError, match="given twice"):
        members_of([one, two, one], None, None)
    with pytest.raises(FathomError, match=r"snapshots=3 are of one run, and 2 runs"):
        members_of([one, two], None, 3)
    with pytest.raises(FathomError, match="1 snapshot up to step 1, and two are the least"):
        members_of([one], None, None)
    with pytest.raises(FathomError, match="ask for fewer"):
        members_of([grown], None, 99)
    with pytest.raises(FathomError, match=r"no snapshot of step 11 .*12"):
        members_of([grown], 11, None)
    wide = still(root / "wide", nn.Linear(2, 1), batch=(torch.ones(4, 2), torch.zeros(4, 1)))
    with pytest.raises(FathomError, match=r"wide' cannot be put on the examples of the first"):
        predicted([one, wide])
    live = Wish(subject="tests.diagnostics.active.straight:parts")
    with pytest.raises(FathomError, match=r"wide' cannot be .*\[1, 2\] in the snapshot"):
        predicted([one, wide], live)
    np.testing.assert_allclose(predicted([one, two], live)[1], 2 * X[:, 0])


def test_without_snapshots_there_are_no_weights(root):
    model = slope(1.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with Recorder(model, optimizer, root / "bare", probes=[Weights()]):
        model(X).sum().backward()
        optimizer.step()
    with pytest.raises(FathomError, match=r"holds no snapshots.*probes.Snapshots"):
        members_of([Run(root / "bare")], None, None)
