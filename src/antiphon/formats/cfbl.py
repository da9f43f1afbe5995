"""CFBL-Address and CFBL-Feedback-ID (RFC 9477): where an originator asks for complaints about its own mail.

What stands here is only the form of two header fields. Whether a report may leave is for the gate, the channel
rules and the allowance to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from antiphon.errors import MalformedInput
from antiphon.formats.domain import parse_addresses
from antiphon.terms import Address

MAX_CFBL = 512
MAX_FEEDBACK_ID = 256

_REPORT = re.compile(r"report=(arf|xarf)")
_FEEDBACK_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~:.-]+")
_COMMENT = re.compile(r"\([^()\\]*\)")


@dataclass(frozen=True, slots=True)
class FeedbackAddress:
    """Who wants reports, and in which format: `arf` unless `xarf` was asked for (RFC 9477 §3.5)."""

    address: Address
    report: str


def parse_cfbl_address(value: str) -> FeedbackAddress:
    """The value of one CFBL-Address field (RFC 9477 §5.1): one address, perhaps a format, in lower case.

    Nothing is repaired: encoded words, a second address and another parameter are MalformedInput.
    """
    if len(value) > MAX_CFBL or "=?" in value or not value.isprintable():
        raise MalformedInput(f"A CFBL-Address has at most {MAX_CFBL} printable characters, none of them encoded.")
    address, semicolon, format_ = _COMMENT.sub(" ", value).partition(";")
    asked = _REPORT.fullmatch(format_.strip()) if semicolon else None
    if semicolon and asked is None:
        raise MalformedInput("The format of a CFBL-Address is report=arf or report=xarf.")
    found = parse_addresses(address)
    if len(found) != 1 or found[0] is None or set("<:") & set(address):
        raise MalformedInput("A CFBL-Address is one plain mail address.")
    return FeedbackAddress(found[0], asked[1] if asked else "arf")


def print_cfbl_address(wanted: FeedbackAddress) -> str:
    """What `parse_cfbl_address` reads back to the same."""
    return f"{wanted.address}; report={wanted.report}"


def parse_feedback_id(value: str) -> str:
    """A CFBL-Feedback-ID put together again: white space was folding and does not count (RFC 9477 §5.2).

    Raises MalformedInput for other characters, for none, and for more than 256.
    """
    whole = "".join(_COMMENT.sub(" ", value).split())
    if len(whole) > MAX_FEEDBACK_ID or not _FEEDBACK_ID.fullmatch(whole):
        raise MalformedInput(f"A CFBL-Feedback-ID has 1 to {MAX_FEEDBACK_ID} characters of an atom, or colons.")
    return whole
