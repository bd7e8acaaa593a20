import torch

from diagnostics.treatment.remedies.shuffled import shuffled
from tests.diagnostics.treatment.treated import case_of, only, points, split, training


def test_batches_are_mixed_and_no_row_is_lost():
    x, y = points()
    order = y.argsort()
    course = only("shuffled", training(batches=split(x[order], y[order])))
    assert all(len(batch[1].unique()) > 1 for batch in course.batches)
    rows = torch.cat([batch[0] for batch in course.batches])
    assert torch.equal(rows[rows[:, 0].argsort()], x[x[:, 0].argsort()])
    kinds = {tuple(row.tolist()): int(label) for row, label in zip(x, y, strict=True)}
    for inputs, labels in course.batches:
        assert [kinds[tuple(row.tolist())] for row in inputs] == labels.tolist()


def test_one_batch_has_nothing_to_be_mixed_with():
    case = case_of(training())
    case.course.batches = case.course.batches[:1]
    assert list(shuffled(case)) == []
