from torch import nn

from tests.diagnostics.treatment.treated import only, points, proposed, training


def test_between_layers_that_follow_each_other():
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.1), nn.Linear(8, 8), nn.Linear(8, 3))
    course = only("nonlinearity_added", training(model), "missing_nonlinearity")
    x = points()[0]
    hidden = course.model[0](x)
    assert (hidden >= 0).all()
    assert (course.model[2](hidden) >= 0).all()
    assert isinstance(course.model[3], nn.Linear)


def test_a_model_that_bends_is_left_alone():
    assert proposed("nonlinearity_added", training()) == []
