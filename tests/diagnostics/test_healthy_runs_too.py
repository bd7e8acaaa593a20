"""The other half of the healthy trainings, in a file of its own for another process to take."""

from __future__ import annotations

import pytest

from tests.diagnostics.judged import Clinic, independent


@pytest.mark.parametrize("name", independent()[1::2])
def test_nothing_is_said_of_a_healthy_training(name, tmp_path):
    assert Clinic(tmp_path).alarms(name) == set()
