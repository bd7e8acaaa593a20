"""Training with dropout, and predicting with it, in the one case that is solved in closed form."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from diagnostics.mc_dropout import mc_dropout
from diagnostics.subject import Subject
from tests.diagnostics.masked import within

P, STEPS, SETTLED = 0.3, 3000, 500


def data(count=200, width=5, seed=0):
    torch.manual_seed(seed)
    x = torch.randn(count, width, dtype=torch.float64) * torch.linspace(0.5, 1.5, width)
    truth = torch.linspace(-1, 1, width, dtype=torch.float64)[:, None]
    return x, x @ truth + 0.3 * torch.randn(count, 1, dtype=torch.float64)


def ridge(x, y):
    """Dropout of the inputs penalises each weight by the size of its feature."""
    gram = x.T @ x
    return torch.linalg.solve(gram + P / (1 - P) * gram.diag().diag(), x.T @ y)


def trained(x, y):
    """The mean of the weights over the later steps: single ones never stop to tremble."""
    model = nn.Sequential(nn.Dropout(P), nn.Linear(x.shape[1], 1, bias=False)).double()
    optimizer = torch.optim.SGD(model.parameters(), 0.02)
    mean = torch.zeros_like(model[1].weight)
    for step in range(STEPS):
        optimizer.zero_grad()
        functional.mse_loss(model(x), y).backward()
        optimizer.step()
        if step >= SETTLED:
            mean += model[1].weight.detach() / (STEPS - SETTLED)
    model[1].weight.data.copy_(mean)
    return model


def test_it_is_a_ridge_of_scaled_features_and_spreads_as_its_weights_do():
    x, y = data()
    exact, model = ridge(x, y), trained(x, y)
    found = model[1].weight.detach().T
    assert float((found - exact).norm() / exact.norm()) < 0.02
    plain = torch.linalg.lstsq(x, y).solution
    assert float((plain - exact).norm() / exact.norm()) > 0.2
    subject = Subject(model, functional.mse_loss, (x[:8], y[:8]))
    spread = mc_dropout(subject, 4000).uncertainty.epistemic
    by_hand = P / (1 - P) * (x[:8] ** 2 @ found**2)
    assert within(spread, np.asarray(by_hand))
