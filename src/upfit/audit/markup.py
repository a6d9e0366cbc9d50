"""HTML that was left in texts, and the texts without it."""

from __future__ import annotations

import html
import re

MARKUP = re.compile(
    r"</?(?:br|p|div|span|a|b|i|em|strong|li|ul|ol|td|tr|table|font|img)(?:\s[^<>]*)?/?>"
    r"|&(?:nbsp|amp|quot|lt|gt|apos|#\d+);",
    re.I,
)
"""Tags and escapes of HTML; `<3` and `a < b` are none."""

_ESCAPE = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6});")


def without_markup(text: str) -> str:
    """A text with its HTML tags taken out and its escapes read.

    >>> without_markup("so good<br />&amp; cheap: 3 < 4, I <3 it")
    'so good & cheap: 3 < 4, I <3 it'
    """
    bare = MARKUP.sub(lambda found: " " if found.group().startswith("<") else found.group(), text)
    read = _ESCAPE.sub(lambda found: html.unescape(found.group()), bare)
    return re.sub(r"[ \u00a0]{2,}", " ", read).strip()
