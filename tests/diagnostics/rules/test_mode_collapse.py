from __future__ import annotations

import pytest

from diagnostics.finding import Finding, NotEnough
from diagnostics.rules.mode_collapse import mode_collapse
from tests.diagnostics.written import written

GAME = {"optimizer/0.0/lr": [1e-3], "optimizer/1.0/lr": [1e-3]}


def judge(path, spreads, middle=0.0, game=GAME, **others):
    """Of samples with a std of 1, around a middle."""
    count = len(spreads)
    answers = {
        "answers/spread": spreads,
        "answers/std": [1.0] * count,
        "answers/min": [middle - 2.0] * count,
        "answers/max": [middle + 2.0] * count,
    }
    return mode_collapse(written(path, scalars={**answers, **game}, **others))


def test_samples_that_are_all_alike_are_found(tmp_path):
    finding = judge(tmp_path, [0.5] * 6 + [0.1] * 6)
    assert isinstance(finding, Finding)
    assert (finding.disease, finding.severity) == ("mode_collapse", "error")
    assert finding.steps == (7, 12)
    assert finding.evidence[0].value == pytest.approx(0.1)


def test_a_generator_that_hops_is_found_at_its_worst_moment(tmp_path):
    finding = judge(tmp_path, [0.5] * 6 + [0.9, 0.1, 0.9, 0.9, 0.9, 0.9])
    assert isinstance(finding, Finding)
    assert [e.value for e in finding.evidence] == [pytest.approx(0.1)]


def test_where_the_data_lie_does_not_count(tmp_path):
    """Far from the origin samples differ little from one another relative to their size."""
    assert judge(tmp_path / "a", [0.2] * 12, middle=4.9) is None
    assert isinstance(judge(tmp_path / "b", [0.2] * 12), Finding)


def test_a_slow_start_passes(tmp_path):
    assert judge(tmp_path, [0.1] * 5 + [0.9] * 10) is None


@pytest.mark.parametrize(
    "others",
    [
        {"game": {"optimizer/0/lr": [1e-3]}},
        {"events": [(1, "loss", {"kind": "MSELoss", "on": "answer"})]},
    ],
    ids=["one optimizer", "a loss on answers"],
)
def test_what_is_no_game_is_let_be(tmp_path, others):
    assert judge(tmp_path, [0.1] * 12, **others) is None


def test_too_little_is_not_enough(tmp_path):
    assert isinstance(judge(tmp_path / "a", [0.1] * 3), NotEnough)
    assert isinstance(mode_collapse(written(tmp_path / "b", scalars=GAME)), NotEnough)
