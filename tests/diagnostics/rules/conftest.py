"""The clinic that rules' tests share."""

from __future__ import annotations

import pytest

from tests.diagnostics.judged import Clinic


@pytest.fixture(scope="session")
def clinic(tmp_path_factory):
    return Clinic(tmp_path_factory.mktemp("zoo"))
