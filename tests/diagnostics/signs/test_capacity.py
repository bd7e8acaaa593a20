from __future__ import annotations

import math

import pytest

from diagnostics.signs.capacity import capacity
from tests.diagnostics.written import layer, tensor, written

NET = [*layer("first", "32x8"), *layer("middle", "4x32"), *layer("last", "3x4")]
NET = [tensor(t.name, t.role, t.shape, trainable=True) for t in NET]


def test_the_last_layer_is_narrow_because_it_must_be(tmp_path):
    found = capacity(written(tmp_path, NET))
    assert found is not None
    assert (found.layer, found.narrowest) == ("middle", 4)
    assert found.parameters == 32 * 8 + 4 * 32 + 3 * 4
    assert math.isnan(found.per_example)


def test_examples_are_those_of_all_steps(tmp_path):
    run = written(tmp_path, NET, {"weights": {"first.weight": {}}}, scalars={"batches/size": [5.0]})
    found = capacity(run)
    assert found is not None
    assert found.per_example == pytest.approx(found.parameters / (5 * 10))


def test_an_embedding_hands_on_its_columns(tmp_path):
    words = tensor("words.weight", "embedding", "100x2", "Embedding", trainable=True)
    found = capacity(written(tmp_path, [words, *NET]))
    assert found is not None
    assert (found.layer, found.narrowest) == ("words", 2)


def test_a_table_of_positions_carries_nothing_of_the_example(tmp_path):
    """As T5's: what it gives, [query, key, head], is the same for every example."""
    table = tensor("bias.weight", "embedding", "16x2", "Embedding", trainable=True)
    given = tensor("bias", "output", "8x8x2", "Embedding")
    found = capacity(written(tmp_path, [table, given, *NET]))
    assert found is not None
    assert (found.layer, found.narrowest) == ("middle", 4)


def test_one_layer_has_nothing_hidden(tmp_path):
    found = capacity(written(tmp_path, [NET[0]]))
    assert found is not None
    assert (found.layer, found.narrowest) == ("first", 0)


def test_frozen_weights_do_not_count(tmp_path):
    frozen = [tensor("first.weight", "matrix", "32x8", trainable=False)]
    assert capacity(written(tmp_path, frozen)) is None
