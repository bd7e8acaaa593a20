from tests.diagnostics.treatment.treated import only, proposed, training


def test_the_best_weights_are_kept():
    assert only("early_stop", training(), "overfitting").keeps_best


def test_without_held_out_data_there_is_no_best():
    assert proposed("early_stop", training(held_out=None)) == []
