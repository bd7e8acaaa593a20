from __future__ import annotations

import json

import pytest
import torch

from probes.finiteness import tally
from probes.first_bad import INPUTS, Report, batch_rows, inputs_of, listed, told, told_forward
from probes.keeper import Kept
from probes.replay import Look, Origin

NAN = float("nan")


def kept(*inputs, **keywords):
    return Kept(1, inputs, keywords, None, ())


def origin(values=None, where="forward", rows=(), size=0, **options):
    found = tally(values if values is not None else torch.tensor([NAN]))
    look = Look("a.b", "Linear", "a", is_leaf=True, enters=False, tally=found, rows=rows, size=size)
    return Origin(where, "a.b", "Linear", None, look, **options)


def test_a_report_is_json_but_for_its_arrays():
    report = Report(3, "forward", "step 3: …", rows=(1, 2), arrays={"x": (torch.ones(2), "")})
    read = json.loads(report.to_json())
    assert read["rows"] == [1, 2]
    assert read["where"] == "forward"
    assert "arrays" not in read
    assert set(read) == set(vars(report)) - {"arrays"}


def test_only_what_is_not_finite_is_listed():
    tallies = {"a": tally(torch.ones(2)), "b": tally(torch.tensor([NAN, 3.0]))}
    (one,) = listed(tallies)
    assert (one["name"], one["nan"], one["count"], one["largest"]) == ("b", 1, 2, 3.0)


def test_rows_of_the_bad_output_are_the_batchs_where_it_has_as_many():
    x = torch.randn(6, 2)
    assert batch_rows(kept(x), origin(rows=(1, 4), size=6))[1] == (1, 4)
    assert batch_rows(kept(x), origin(rows=(1, 4), size=12))[1] == ()
    everywhere = origin(rows=tuple(range(6)), size=6)
    assert batch_rows(kept(x), everywhere) == (None, (), "")


def test_rows_by_keyword_and_within_a_dict():
    x = torch.randn(6, 2)
    x[4, 0] = NAN
    assert batch_rows(kept({"pixels": x}), None)[:2] == ("0[pixels]", (4,))
    name, rows, text = batch_rows(kept(torch.arange(6), values=x), None)
    assert (name, rows) == ("values", (4,))
    assert text == "1 of 12 elements of input values, in row 4."


def test_a_masks_infinities_are_not_the_rows_concerned():
    mask = torch.zeros(6, 6)
    mask[0, 1] = -torch.inf
    assert batch_rows(kept(torch.randn(6, 2), mask), origin())[0] is None
    assert batch_rows(kept(torch.randn(6, 2), mask), origin(where="inputs"))[0] == "1"


def test_large_inputs_give_the_rows_concerned_or_nothing():
    large, small = torch.zeros(40, INPUTS // 40), torch.arange(40.0)
    arrays = inputs_of(kept(large, small), (3, 5))
    shapes = [list(values.shape) for values, _ in arrays.values()]
    assert shapes == [[2, INPUTS // 40], [40]]
    assert arrays["black_box/input/0"][1].endswith("rows [3, 5]")
    assert [v.shape for v, _ in inputs_of(kept(large, small), ()).values()] == [(40,)]


def test_what_is_written_out_is_a_copy():
    x = torch.zeros(3)
    arrays = inputs_of(kept(x), ())
    x.fill_(1)
    assert arrays["black_box/input/0"][0].sum() == 0


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            origin(given=2.5, held=0.25),
            "its input was finite, up to 2.5, its parameters up to 0.25",
        ),
        (origin(given=2.5), "finite, up to 2.5"),
        (origin(masked=4), "4 of its inputs were -inf"),
    ],
)
def test_the_sentence_says_what_went_in(found, said):
    assert told_forward(found).startswith("NaN first in the output of 'a.b' (Linear); ")
    assert told_forward(found).endswith(said)


def test_a_model_that_is_one_layer_has_no_name():
    assert told("", "Linear") == "the model (Linear)"
    assert told("a.b") == "'a.b'"
