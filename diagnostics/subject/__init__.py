"""A model, its loss and its data as a function of one flat vector: the one torch door."""

from diagnostics.subject.subject import Subject

__all__ = ["Subject"]
