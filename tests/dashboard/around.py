"""Hand-made results around the weights: a bowl, its curvature, and what else is stored of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from diagnostics.curvature import Curvature
from diagnostics.curvature_history import CurvatureHistory
from diagnostics.layer_curvature import Layers
from diagnostics.loss_landscape import Landscape
from diagnostics.mode_connectivity import ModeConnectivity
from diagnostics.sharpness import Sharpness
from diagnostics.slice_figures import Figure
from diagnostics.spectrum import Share
from diagnostics.trajectory import Trajectory
from diagnostics.weight_space import About

NAN = float("nan")


def make_about(**changes: Any) -> About:
    """Of a snapshot, with a batch norm."""
    made: dict[str, Any] = {
        "run": "digits",
        "step": 400,
        "data": "256 examples of the recorded batch",
        "examples": 256,
        "population": 4000,
        "batches": 1,
        "statistics": "batch",
        "precision": "float32",
        "key": "5f2c",
    }
    return About(**(made | changes))


def make_landscape(nodes: int = 11, **changes: Any) -> Landscape:
    """The bowl 0.1 + x² + 4 y², every second node interpolated."""
    axis = np.linspace(-1, 1, nodes)
    x, y = np.meshgrid(axis, axis)
    loss = 0.1 + x**2 + 4 * y**2
    evaluated = np.indices(loss.shape).sum(0) % 2 == 0
    made: dict[str, Any] = {
        "about": make_about(),
        "directions": ("random 0 (filter-normalised)", "random 1 (filter-normalised)"),
        "axes": (axis, axis),
        "scale": "log",
        "tolerance": 0.01,
        "loss": loss,
        "evaluated": evaluated,
        "interpolation_error": np.where(evaluated, 0.0, 0.004),
        "audited": 12,
        "audit_error": 0.0061,
        "error": np.full(loss.shape, 0.02),
        "rise_error": np.full(loss.shape, 0.01),
        "accuracy": 1 / (1 + loss),
        "held_out": "100 held-out examples",
        "held_out_loss": loss * 2,
        "held_out_accuracy": 0.9 / (1 + loss),
        "centre_loss": 0.1,
        "lengths": np.array([25.0, 25.0]),
        "centre_length": 26.0,
        "cosines": np.array([[1.0, 0.01], [0.01, 1.0]]),
        "trajectory": make_trajectory(),
        "figures": (Figure("flatness radius", 0.3, "within which it stays low"),),
        "finished": True,
        "classes": (),
        "class_loss": None,
    }
    return Landscape(**(made | changes))


def make_line(**changes: Any) -> Landscape:
    """The same along one direction."""
    axis = np.linspace(-1, 1, 11)
    loss = 0.1 + axis**2
    made: dict[str, Any] = {
        "directions": ("towards step 9",),
        "axes": (axis,),
        "loss": loss,
        "evaluated": np.ones(11, bool),
        "interpolation_error": np.zeros(11),
        "error": np.full(11, 0.02),
        "rise_error": np.abs(axis) * 0.01,
        "accuracy": 1 / (1 + loss),
        "held_out_loss": loss * 2,
        "held_out_accuracy": None,
        "lengths": np.array([25.0]),
        "cosines": np.ones((1, 1)),
        "trajectory": None,
    }
    return make_landscape(**(made | changes))


def make_trajectory(**changes: Any) -> Trajectory:
    """Three snapshots, the first beyond the picture's edge."""
    made: dict[str, Any] = {
        "steps": np.array([0, 100, 300]),
        "coordinates": np.array([[3.0, 0.5], [0.5, 0.2], [0.1, 0.0]]),
        "distance": np.array([4.0, 1.0, 0.0]),
        "loss": np.array([2.0, 0.5, 0.12]),
        "slice_loss": np.array([9.0, 0.51, 0.11]),
        "explained": 0.93,
        "chance": 0.9,
        "variance": np.array([0.8, 0.13, 0.07]),
        "chance_variance": np.array([0.81, 0.09, 0.1]),
    }
    return Trajectory(**(made | changes))


def make_curvature(layers: int = 3, **changes: Any) -> Curvature:
    """Of three eigenvalues, with one negative."""
    made: dict[str, Any] = {
        "about": make_about(),
        "loss": 0.1,
        "weights": 1234,
        "eigenvalues": np.array([8.0, 2.0]),
        "residuals": np.array([1e-3, 1e-2]),
        "lowest": -0.5,
        "lowest_residual": 1e-4,
        "complete": True,
        "gradient_norm": 0.3,
        "gradient_share": np.array([0.4, 0.7]),
        "trace": 12.5,
        "trace_error": 0.25,
        "trace_converged": True,
        "nodes": np.array([[-0.5, 0.0, 8.0], [-0.4, 0.1, 8.0]]),
        "density": np.array([[0.1, 0.8, 0.1], [0.2, 0.7, 0.1]]),
        "negative": Share(0.15, 0.02, 0.003, 0.99),
        "positive": Share(0.1, 0.01, 0.05, 0.9),
        "negative_mass": 0.06,
        "negative_mass_error": 0.004,
        "layers": Layers(
            tuple(f"block.{n}" for n in range(layers)),
            np.full(layers, 100),
            np.full((2, layers), 1 / layers),
            np.linspace(1, 5, layers),
            np.full(layers, 0.1),
            np.linspace(0.5, 2, layers),
            np.full(layers, 1e-3),
        ),
        "preconditioned": NAN,
        "preconditioned_residual": NAN,
        "preconditioner": "",
        "products": 300,
        "most": 400,
    }
    return Curvature(**(made | changes))


def make_history(**changes: Any) -> CurvatureHistory:
    """Sharpness that rises to 2 / lr = 20."""
    top = np.array([5.0, 12.0, 19.0, 20.5])
    made: dict[str, Any] = {
        "about": make_about(),
        "steps": np.array([0, 100, 200, 300]),
        "loss": np.array([2.0, 1.0, 0.5, 0.3]),
        "eigenvalues": np.stack([top, top / 3], axis=1),
        "residuals": np.full((4, 2), 0.01),
        "lowest": np.full(4, -0.1),
        "lowest_residual": np.full(4, 1e-3),
        "complete": np.ones(4, bool),
        "trace": top * 2,
        "trace_error": top * 0.01,
        "gradient_norm": np.ones(4),
        "gradient_share": np.full((4, 2), 0.5),
        "negative_mass": np.full(4, 0.05),
        "learning_rate": np.full(4, 0.1),
        "edge": np.full(4, 20.0),
        "edge_rule": "2 / lr",
        "preconditioned": np.full(4, NAN),
        "preconditioned_residual": np.full(4, NAN),
        "preconditioner": "",
        "products": np.full(4, 50),
    }
    return CurvatureHistory(**(made | changes))


def make_sharpness(**changes: Any) -> Sharpness:
    """Four rises, and ten directions of which the loss doubles along nine."""
    made: dict[str, Any] = {
        "about": make_about(),
        "loss": 0.1,
        "radius": 0.05,
        "sam_step": 2e-4,
        "ball_rise": 5e-4,
        "adaptive_radius": 0.5,
        "adaptive_rise": 0.5,
        "noise": 0.02,
        "noise_rise": 3e-3,
        "noise_rise_error": 1e-4,
        "doubling": np.array([*np.linspace(0.1, 0.9, 9), np.inf]),
    }
    return Sharpness(**(made | changes))


def make_modes(**changes: Any) -> ModeConnectivity:
    """A barrier on the line, and a curve around it."""
    t = np.linspace(0, 1, 101)
    made: dict[str, Any] = {
        "about": make_about(),
        "other": "digits-seed-2, step 400",
        "t": t,
        "line": 0.1 + 4 * t * (1 - t),
        "curve": 0.1 + 0.2 * t * (1 - t),
        "line_barrier": 1.0,
        "curve_barrier": 0.05,
        "distance": 35.0,
        "bend": 1.2,
        "training": np.geomspace(1, 0.1, 200),
    }
    return ModeConnectivity(**(made | changes))
