import pytest

from tests.diagnostics.treatment.treated import case_of, proposed, training


def test_at_the_ninetieth_percentile_of_the_untreated_norms():
    given = training()
    expected = case_of(given).quantile(0.9)
    (change, course), *others = proposed("clipping", given, "loss_spikes")
    assert course.clip == pytest.approx(expected)
    assert f"{expected:.3g}" in change.code
    assert [other.clip for _, other in others] == [pytest.approx(case_of(given).quantile(0.5)), 1.0]


def test_where_gradients_are_clipped_already_nothing_is_proposed():
    assert proposed("clipping", training(clip=1.0)) == []
