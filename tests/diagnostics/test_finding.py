from __future__ import annotations

from diagnostics.finding import Evidence


def test_evidence_reads_as_a_number_beside_its_threshold():
    assert (
        str(Evidence("first / last", 1.234e-7, 0.01, "below"))
        == "first / last 1.23e-07 (below 0.01)"
    )
