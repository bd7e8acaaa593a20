import numpy as np

from diagnostics.active.connectivity import connectivity_of
from diagnostics.active.wish import Wish
from diagnostics.mode_connectivity import ModeConnectivity, Search
from diagnostics.store import load


def test_from_one_run_to_another_its_ends_are_their_losses(run, trained):
    told = []
    search = Search(5, progress=lambda *now: told.append(now))
    found = connectivity_of(run, Wish(), trained[0] / "adam", 4, search)
    subject = run.subject()
    there = subject.at(trained[0] / "adam", 4)
    ends = [subject.loss_at(subject.centre), subject.loss_at(there.centre)]
    np.testing.assert_allclose(found.line[[0, -1]], ends, rtol=1e-6)
    np.testing.assert_allclose(found.curve[[0, -1]], ends, rtol=1e-6)
    assert found.other == "step 4 of adam"
    assert told[-1] == (5, 5)
    stored = load(run.path, ModeConnectivity, "step4ofadam_from12_running")
    assert stored.distance == found.distance
