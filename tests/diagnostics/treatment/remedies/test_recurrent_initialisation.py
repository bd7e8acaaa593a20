import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, proposed, training


class Last(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn, self.head = kind(2, 5, batch_first=True), nn.Linear(5, 3)

    def forward(self, x):
        return self.head(self.rnn(x.view(len(x), 3, 2))[0][:, -1])


def test_every_gates_matrix_is_orthogonal_and_the_forget_gate_open():
    rnn = only("recurrent_initialisation", training(Last(nn.LSTM))).model.rnn
    for gate in rnn.weight_hh_l0.split(5):
        assert torch.allclose(gate @ gate.T, torch.eye(5), atol=1e-5)
    assert torch.equal(rnn.bias_hh_l0[5:10], torch.ones(5))


def test_a_plain_recurrence_has_one_matrix():
    rnn = only("recurrent_initialisation", training(Last(nn.RNN))).model.rnn
    assert torch.allclose(rnn.weight_hh_l0 @ rnn.weight_hh_l0.T, torch.eye(5), atol=1e-5)


def test_without_recurrence_nothing_is_proposed():
    assert proposed("recurrent_initialisation", training()) == []
