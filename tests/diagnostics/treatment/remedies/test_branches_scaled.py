import torch
from torch import nn

from tests.diagnostics.treatment.treated import only, proposed, training


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return x + self.two(torch.relu(self.one(x)))


def blocks(count):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), *(Branch() for _ in range(count)), nn.Linear(8, 3))


def test_the_last_layer_of_each_block_is_divided_by_their_number():
    model = blocks(5)
    course = only("branches_scaled", training(model), "exploding_gradient")
    for n in range(1, 6):
        assert torch.allclose(course.model[n].two.weight, model[n].two.weight / 5)
        assert torch.equal(course.model[n].one.weight, model[n].one.weight)
    assert torch.equal(course.model[6].weight, model[6].weight)


def test_a_few_are_no_row_of_blocks():
    assert proposed("branches_scaled", training(blocks(3))) == []
    assert proposed("branches_scaled", training()) == []
