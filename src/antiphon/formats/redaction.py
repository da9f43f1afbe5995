"""Redaction for reports (RFC 6590): the same private text becomes the same word for one reader, and another for others.

The word is a keyed digest that no dictionary opens without the key. A report of ours is built from few facts, each
redacted or harmless by itself, instead of from a copy in which every trace would have to be found.
"""

from __future__ import annotations

import base64
import hmac

WORD_BYTES = 15
"""120 bits: two texts of one reader do not meet (RFC 6590 §5.2), and the word is a legal local part of 24 letters."""


def redacted(key: bytes, private: str) -> str:
    """What stands for a private text to whoever this key is kept for: 24 letters and digits (RFC 6590 §3)."""
    drawn = hmac.digest(key, private.encode("utf-8", "surrogatepass"), "sha256")[:WORD_BYTES]
    return base64.b32encode(drawn).decode("ascii").lower()
