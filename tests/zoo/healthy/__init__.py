"""Trainings without a fault. A docstring says which naive rule its training is meant to fool."""
