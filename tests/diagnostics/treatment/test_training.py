import pytest

from probes.folder import FathomError
from tests.diagnostics.treatment.treated import points, split, training


def test_what_can_be_read_only_once_is_refused_with_the_way_round():
    with pytest.raises(FathomError, match=r"batches is a list_iterator.*give the loader itself"):
        training(batches=iter(split(*points())))
    with pytest.raises(FathomError, match="held_out is a generator"):
        training(held_out=(batch for batch in split(*points())))


def test_what_gives_no_batches_is_refused():
    with pytest.raises(FathomError, match="batches is a int, which gives no batches"):
        training(batches=3)


def test_negative_numbers_are_refused():
    with pytest.raises(FathomError, match="steps=-1, zero_grad_every=1"):
        training(steps=-1)
