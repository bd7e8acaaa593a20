import pytest

from tests.diagnostics.treatment.treated import case_of, proposed, training


def test_the_limit_is_raised_or_dropped():
    given = training(clip=1e-3)
    (_, higher), (_, none) = proposed("looser_clipping", given, "over_clipping")
    assert higher.clip == pytest.approx(case_of(given).quantile(0.9))
    assert higher.clip > 0.1
    assert none.clip is None


def test_where_nothing_is_clipped_nothing_is_proposed():
    assert proposed("looser_clipping", training()) == []


def test_a_limit_above_most_norms_is_dropped_at_most():
    assert [course.clip for _, course in proposed("looser_clipping", training(clip=1e3))] == [None]
