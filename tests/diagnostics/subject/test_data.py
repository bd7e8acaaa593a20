import pytest
import torch

from diagnostics.subject.data import are_classes, correct, examples_in, fingerprint, free_memory


def test_a_fingerprint_tells_words_tensors_names_shapes_and_types_apart():
    a = torch.arange(6.0)
    found = [
        fingerprint("a", {"x": a}),
        fingerprint("b", {"x": a}),
        fingerprint("a", {"y": a}),
        fingerprint("a", {"x": a.reshape(2, 3)}),
        fingerprint("a", {"x": a.int()}),
        fingerprint("a", {"x": a + 1e-6}),
        fingerprint("a", {"x": a.bfloat16()}),
        fingerprint("ax", {}),
    ]
    assert len(set(found)) == len(found)
    assert fingerprint("a", {"x": a.clone()}) == found[0]


@pytest.mark.parametrize(
    ("predictions", "target", "classes"),
    [
        (torch.zeros(4, 3), torch.zeros(4, dtype=torch.long), True),
        (torch.zeros(4, 3, 7), torch.zeros(4, 7, dtype=torch.long), True),
        (torch.zeros(4, 7, 3), torch.zeros(4, 7, dtype=torch.long), False),
        (torch.zeros(4, 1), torch.zeros(4, dtype=torch.long), False),
        (torch.zeros(4, 3), torch.zeros(4), False),
        (torch.zeros(4, 3), torch.zeros(4, dtype=torch.bool), False),
        (torch.zeros(4), torch.zeros(4, dtype=torch.long), False),
        (None, torch.zeros(4, dtype=torch.long), False),
        (torch.zeros(4, 3), None, False),
    ],
)
def test_which_targets_are_classes(predictions, target, classes):
    assert are_classes(predictions, target) is classes


def test_targets_that_are_not_to_be_met_are_not_counted():
    predictions = torch.eye(3)[torch.tensor([[0, 1, 2], [1, 1, 1]])].transpose(1, 2)
    met, counted = correct(predictions, torch.tensor([[0, 2, -100], [1, 1, 0]]))
    assert met.tolist() == [1, 2]
    assert counted.tolist() == [2, 3]


def test_the_number_of_examples_is_the_length_that_most_tensors_have():
    assert examples_in([torch.zeros(4, 2), torch.zeros(4), torch.zeros(9)]) == 4
    assert examples_in([torch.tensor(1.0)]) == 1


def test_some_memory_is_free():
    assert 1 << 20 < free_memory() < 1 << 50
