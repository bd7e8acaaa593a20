"""Of a healthy training, however unusual, nothing is said: every second one; the rest beside it."""

from __future__ import annotations

import pytest

from tests.diagnostics.judged import Clinic, independent


@pytest.mark.parametrize("name", independent()[::2])
def test_nothing_is_said_of_a_healthy_training(name, tmp_path):
    assert Clinic(tmp_path).alarms(name) == set()
