"""A vector's parts by name: views in each tensor's own precision, made once for one point."""

from __future__ import annotations

import torch

from diagnostics.subject.naming import LastNamed, named
from diagnostics.weight_space import Piece

PIECES = [Piece("a", (2, 3), 0, "weight"), Piece("b", (2,), 6, "bias")]
DTYPES = {"a": torch.float32, "b": torch.float16}


def test_parts_are_views_in_their_own_precision():
    point = torch.arange(8.0)
    found = named(point, PIECES, DTYPES)
    torch.testing.assert_close(found["a"], torch.arange(6.0).reshape(2, 3))
    torch.testing.assert_close(found["b"], torch.tensor([6.0, 7.0], dtype=torch.float16))
    assert found["a"].data_ptr() == point.data_ptr()


def test_they_are_made_once_for_a_point_until_it_is_written_to():
    last, point = LastNamed(), torch.arange(8.0)
    found = last(point, PIECES, DTYPES)
    assert last(point, PIECES, DTYPES) is found
    point[7] = 70
    assert float(last(point, PIECES, DTYPES)["b"][1]) == 70
    other = last(point + 1, PIECES, DTYPES)
    assert float(other["b"][1]) == 71


def test_another_precision_and_uncounted_writing_are_not_mistaken():
    last, point = LastNamed(), torch.arange(8.0)
    last(point, PIECES, DTYPES)
    wide = dict.fromkeys(DTYPES, torch.float64)
    assert last(point, PIECES, wide)["a"].dtype is torch.float64
    with torch.inference_mode():
        inside = torch.arange(8.0)
        last(inside, PIECES, DTYPES)
        inside[7] = 70
        assert float(last(inside, PIECES, DTYPES)["b"][1]) == 70
