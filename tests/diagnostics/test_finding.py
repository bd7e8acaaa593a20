from __future__ import annotations

import pytest

from diagnostics.finding import succession


@pytest.mark.parametrize(("seen", "looked", "sure"), [(0, 0, 1 / 2), (5, 5, 6 / 7), (0, 8, 1 / 10)])
def test_laplaces_rule_of_succession(seen, looked, sure):
    assert succession(seen, looked) == pytest.approx(sure)
