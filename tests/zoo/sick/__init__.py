"""Trainings with one fault, and the same without it: one file a group of diseases."""
