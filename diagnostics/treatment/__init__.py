"""The prescription is tried before it is given: remedies on short copies of a training.

Reading a stored Treatment (diagnostics.treatment.treatment) does not load torch; all else does.
"""
