"""Generators and critics out of balance."""

from __future__ import annotations

from tests.zoo import data, scenes
from tests.zoo.core import Case, pair
from tests.zoo.duels import duel, pictures, points


@pair(
    "mode_collapse",
    acceptable=(
        "gan_imbalance",
        "vanishing_gradient",
        "loss_spikes",
        "lr_too_high",
        "weight_blowup",
        "plateau",
        "exploding_gradient",
    ),
)
def lattice_collapses(seed: int, sick: bool) -> Case:
    """Nine clusters, a fast generator and no penalty on the critic: all samples crowd into a
    few."""
    how = {"rates": (0.01, 0.0001), "turns": (3, 1), "penalty": 0.0} if sick else {}
    return duel(seed, scenes.grid(3000, seed), points(), steps=900, **how)


@pair(
    "mode_collapse",
    acceptable=(
        "gan_imbalance",
        "vanishing_gradient",
        "loss_spikes",
        "lr_too_high",
        "weight_blowup",
        "plateau",
        "exploding_gradient",
    ),
)
def ring_collapses(seed: int, sick: bool) -> Case:
    """Eight clusters on a ring; the generator takes five steps for each of the critic's."""
    how = {"turns": (5, 1), "penalty": 0.0, "rates": (0.002, 0.0005)} if sick else {}
    return duel(seed, data.ring(3000, seed), points(), steps=600 if sick else 900, **how)


@pair(
    "mode_collapse",
    acceptable=(
        "gan_imbalance",
        "vanishing_gradient",
        "loss_spikes",
        "lr_too_high",
        "weight_blowup",
        "plateau",
        "exploding_gradient",
    ),
)
def digits_collapse(seed: int, sick: bool) -> Case:
    """A generator of digits whose steps are fifty times the critic's: one digit for every draw."""
    x, _, _, _ = data.table("digits", seed, 450)
    how = (
        {"rates": (0.005, 0.0001), "penalty": 0.0}
        if sick
        else {"rates": (0.001, 0.001), "penalty": 0.1}
    )
    return duel(seed, x, pictures(), steps=700, **how)


@pair(
    "gan_imbalance",
    acceptable=(
        "mode_collapse",
        "vanishing_gradient",
        "exploding_gradient",
        "lr_too_high",
        "lr_too_low",
        "loss_spikes",
        "weight_blowup",
        "plateau",
        "saturated_activations",
    ),
)
def critic_wins_saturating(seed: int, sick: bool) -> Case:
    """Ten steps of a fast critic against the saturating loss: nothing is left to learn from."""
    how = (
        {"turns": (1, 5), "rates": (0.001, 0.01), "penalty": 0.0, "saturating": True, "steps": 400}
        if sick
        else {"steps": 900}
    )
    return duel(seed, 3 + data.ring(3000, seed), points(), **how)


@pair(
    "gan_imbalance",
    acceptable=(
        "mode_collapse",
        "vanishing_gradient",
        "exploding_gradient",
        "lr_too_high",
        "lr_too_low",
        "loss_spikes",
        "weight_blowup",
        "plateau",
        "saturated_activations",
    ),
)
def critic_stands_still(seed: int, sick: bool) -> Case:
    """The critic's rate is a thousandth of the generator's: it never learns what to ask for."""
    how = {"rates": (0.001, 1e-06)} if sick else {}
    return duel(seed, scenes.grid(3000, seed), points(), steps=800, **how)


@pair(
    "gan_imbalance",
    acceptable=(
        "mode_collapse",
        "vanishing_gradient",
        "exploding_gradient",
        "lr_too_high",
        "lr_too_low",
        "loss_spikes",
        "weight_blowup",
        "plateau",
        "saturated_activations",
    ),
)
def generator_left_behind(seed: int, sick: bool) -> Case:
    """The generator of digits learns at 1e-6 while its critic learns at 2e-3 without a penalty."""
    x, _, _, _ = data.table("digits", seed, 450)
    how = (
        {"rates": (1e-06, 0.002), "penalty": 0.0}
        if sick
        else {"rates": (0.001, 0.001), "penalty": 0.1}
    )
    return duel(seed, x, pictures(), steps=600, **how)
