from torch.optim import SGD, Adam

from tests.diagnostics.treatment.treated import only, proposed, stack, training


def settings(optimizer, **how):
    model = stack()
    given = training(model, optimizer=optimizer(model.parameters(), 0.01, **how))
    return only("optimizer_defaults", given).groups[0]


def test_eps_and_betas():
    found = settings(Adam, eps=1.0, betas=(0.0, 0.5))
    assert (found["eps"], found["betas"], found["lr"]) == (1e-8, (0.9, 0.999), 0.01)


def test_momentum():
    assert settings(SGD, momentum=0.999)["momentum"] == 0.9


def test_the_wrong_way_up():
    assert settings(Adam, maximize=True)["maximize"] is False


def test_defaults_and_none_at_all_are_left_alone():
    model = stack()
    assert proposed("optimizer_defaults", training()) == []
    plain = training(model, optimizer=SGD(model.parameters(), 0.1))
    assert proposed("optimizer_defaults", plain) == []
