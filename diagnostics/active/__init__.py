"""The analyses that compute rather than read: of a run, as is wished, stored in the run."""
