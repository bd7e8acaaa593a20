import torch

from diagnostics.treatment.course import run
from tests.diagnostics.treatment.treated import proposed, training


def test_wider_numbers_a_scaler_or_all_of_them():
    (_, wider), (_, scaled), (_, full) = proposed(
        "precision", training(autocast=torch.float16), "fp16_overflow"
    )
    assert (wider.autocast, full.autocast) == (torch.bfloat16, None)
    assert scaled.autocast is torch.float16
    run(scaled, 0, lambda: None)
    assert scaled.scaler.get_scale() > 1


def test_the_scaler_that_is_there_goes_with_float16():
    given = training(autocast=torch.float16, scaler=torch.amp.GradScaler("cpu"))
    assert [course.scaler for _, course in proposed("precision", given)] == [None, None]


def test_other_precisions_are_left_alone():
    assert proposed("precision", training(autocast=torch.bfloat16)) == []
    assert proposed("precision", training()) == []
