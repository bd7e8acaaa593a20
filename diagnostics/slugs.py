"""Slugs as people say them: `lr_too_high` is "Learning rate too high"."""

from __future__ import annotations

IN_FULL = {
    "lr": "learning rate",
    "bn": "batch normalisation",
    "val": "validation",
    "gan": "GAN",
    "stats": "statistics",
    "init": "initialisation",
    "params": "parameters",
    "nan": "NaN",
    "relu": "ReLU",
    "nonfinite": "non-finite",
    "fp16": "float16",
}


def in_words(slug: str) -> str:
    """A name as a heading has it."""
    parts = slug.replace("_", " ").replace("-", " ").strip().split(" ")
    words = " ".join(IN_FULL.get(part, part) for part in parts)
    return words[:1].upper() + words[1:]
