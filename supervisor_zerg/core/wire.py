"""What XML, and so XML-RPC, can carry."""

from __future__ import annotations

import re

INT_LIMIT = 2**31  # XML-RPC integers have 32 bits

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """The text with a replacement character for each one that XML 1.0 forbids.

    >>> clean("a\\x00b")
    'a\\ufffdb'
    """
    return _FORBIDDEN.sub("\ufffd", text)
