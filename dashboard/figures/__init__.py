"""One result, one drawing: each module here defines PANEL and has the stem of its analysis."""
