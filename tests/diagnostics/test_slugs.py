from __future__ import annotations

import pytest

from diagnostics.slugs import in_words


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("vanishing_gradient", "Vanishing gradient"),
        ("lr_too_high", "Learning rate too high"),
        ("dead_relu", "Dead ReLU"),
        ("nan_inputs", "NaN inputs"),
        ("params_not_in_optimizer", "Parameters not in optimizer"),
        ("rms of the inputs", "Rms of the inputs"),
        ("", ""),
    ],
)
def test_a_slug_is_said_in_words(slug, said):
    assert in_words(slug) == said
