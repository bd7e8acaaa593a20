"""Signs: what rules look at, taken once from a run: facts, curves and ratios, without a verdict."""
