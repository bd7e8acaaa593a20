"""What can be attached to a training, and how the peers are installed."""

from __future__ import annotations

import importlib.util

from attachment import Bare, Naive
from ours import Fathom
from peers import Cockpit, Delve, TensorBoard, TorchLens, Wandb

TOOLS: dict[str, type[Bare]] = {
    "bare": Bare,
    "fathom": Fathom,
    "wandb": Wandb,
    "tensorboard": TensorBoard,
    "cockpit": Cockpit,
    "delve": Delve,
    "torchlens": TorchLens,
    "naive": Naive,
}

# BackPACK asks for torchvision, which it does not use here and which wants a torch of its own.
COCKPIT = (
    'pip install "setuptools<81" json-tricks matplotlib pandas seaborn einops unfoldNd && '
    "pip install --no-deps cockpit-for-pytorch==1.0.2 backpack-for-pytorch==1.7.1"
)
PACKAGES = {  # of each peer: what is imported, and how that is installed
    "wandb": ("wandb", "pip install wandb"),
    "tensorboard": ("tensorboard", "pip install tensorboard"),
    "cockpit": ("cockpit", COCKPIT),
    "delve": ("delve", "pip install delve==0.1.50"),
    "torchlens": ("torchlens", "pip install torchlens==2.36.1"),
}
DISTRIBUTIONS = ("wandb", "tensorboard", "cockpit-for-pytorch", "delve", "torchlens")
INSTALL = f"""To install the peers: `make bench` does, or
  pip install wandb tensorboard psutil delve==0.1.50 torchlens==2.36.1
  {COCKPIT}"""


def missing(tool: str) -> str:
    """How to install what a tool needs; nothing when it is there."""
    package, install = PACKAGES.get(tool, ("torch", ""))
    return "" if importlib.util.find_spec(package) else install
