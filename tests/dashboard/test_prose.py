"""Text as rules write it becomes elements."""

from __future__ import annotations

import re

from dashboard.markup import to_html
from dashboard.prose import prose
from diagnostics.rules import documentation


def written(text: str) -> str:
    return "".join(to_html(each) for each in prose(text))


def test_paragraphs_bold_and_code() -> None:
    text = "One\nline.\n\n**Two.** And:\n\n    a = 1\n\n    b = 2\n"
    pieces = ["<p>One line.</p>", "<p><strong>Two.</strong> And:</p>"]
    assert written(text) == "".join(pieces) + "<pre>a = 1</pre><pre>b = 2</pre>"


def test_markup_in_the_text_is_text() -> None:
    assert written("**<img>** <b>") == "<p><strong>&lt;img&gt;</strong> &lt;b&gt;</p>"


def test_no_pages_words_keep_their_stars() -> None:
    pages = documentation()
    code = re.compile(r"<pre>.*?</pre>", re.DOTALL)
    words = {slug: code.sub("", written(page)) for slug, page in pages.items()}
    assert len(words) > 30
    assert [slug for slug, told in words.items() if "**" in told] == []
