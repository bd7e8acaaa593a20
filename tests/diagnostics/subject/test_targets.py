import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from diagnostics.subject import Subject
from diagnostics.subject.targets import targets_of
from probes.folder import FathomError


def test_the_targets_of_all_batches_are_in_the_order_of_their_predictions():
    """Of the identity, they are what is predicted."""
    parts = [torch.randn(n, 2) for n in (3, 5)]
    model = nn.Linear(2, 2, bias=False)
    nn.init.eye_(model.weight)
    subject = Subject(model, functional.mse_loss, [(x, x) for x in parts])
    found = targets_of(subject)
    np.testing.assert_array_equal(found, np.concatenate(subject.predict(subject.centre)))
    assert found.shape == (8, 2)


def test_a_loss_that_knows_by_itself_has_no_targets():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 1)

        def forward(self, x):
            return {"loss": self.inner(x).mean()}

    subject = Subject(Own(), None, {"x": torch.ones(3, 2)})
    with pytest.raises(FathomError, match=r"tensors \(x\) are the targets"):
        targets_of(subject)
