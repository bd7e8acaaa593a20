from __future__ import annotations

import pytest

from diagnostics.checks.answer import Answer, CannotAsk


def test_an_answer_may_be_a_sentence_alone():
    assert Answer("All is well.") == Answer("All is well.", (), ())


def test_a_reason_is_kept_word_for_word():
    with pytest.raises(CannotAsk, match=r"^the batch is empty$"):
        raise CannotAsk("the batch is empty")
