import torch
from torch import nn

from diagnostics.treatment.structure import chain, channels, groups_of, hold, put
from tests.diagnostics.treatment.treated import case_of, points, stack, training


def fresh(model=None):
    return case_of(training(model)).course


def test_a_new_module_takes_the_place_of_another_and_is_trained():
    course = fresh()
    new = nn.Linear(8, 3)
    put(course, "2", new)
    assert course.model[2] is new
    held = [p for group in course.groups for p in group["params"]]
    assert sum(p is new.weight for p in held) == 1


def test_wrapping_keeps_the_old_parameters_in_the_optimizer_once():
    course = fresh()
    old = course.model[0]
    put(course, "0", nn.Sequential(old, nn.LayerNorm(8)))
    held = [id(p) for group in course.groups for p in group["params"]]
    assert len(held) == len(set(held)) == 6


def test_a_module_used_in_two_places_is_replaced_in_both():
    shared = nn.Tanh()
    course = fresh(nn.Sequential(nn.Linear(6, 8), shared, nn.Linear(8, 8), shared, nn.Linear(8, 3)))
    put(course, "1", nn.ReLU())
    assert isinstance(course.model[1], nn.ReLU)
    assert course.model[3] is course.model[1]


def test_the_root_can_be_wrapped():
    course = fresh()
    old = course.model
    put(course, "", nn.Sequential(nn.LayerNorm(6), old))
    assert course.model[1] is old
    assert course.model(points()[0]).shape == (96, 3)


def test_the_mode_of_the_old_module_is_the_new_ones():
    course = fresh()
    course.model.eval()
    put(course, "1", nn.Dropout(0.5))
    assert not course.model[1].training


def test_holding_adds_what_is_missing_alone():
    course = fresh()
    extra = nn.Parameter(torch.zeros(2))
    assert hold(course, [*course.model.parameters(), extra]) == [extra]


def test_a_plain_stack_is_told_from_other_models():
    assert (
        len(chain(nn.Sequential(nn.Sequential(nn.Linear(1, 1), nn.ReLU()), nn.Linear(1, 1)))) == 3
    )
    assert chain(nn.Sequential(nn.TransformerEncoderLayer(4, 1))) == ()
    assert chain(nn.Linear(1, 1)) == ()


def test_widths_and_groups():
    assert (channels(nn.Linear(3, 5)), channels(nn.Conv2d(1, 12, 3))) == (5, 12)
    assert [groups_of(width) for width in (16, 12, 6, 7)] == [8, 4, 2, 1]
    assert stack()[0].out_features == 8
