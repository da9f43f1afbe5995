"""How a mail came here, as reports tell it: strict forms, a word for the reverse-path, nothing that is not known."""

from __future__ import annotations

import pytest

from antiphon.desk.handover import Handover
from antiphon.terms import Instant

KEY = b"k" * 32
AT = Instant(1_780_308_000_000_000)


@pytest.mark.parametrize(
    ("seen", "names"),
    [
        (Handover("192.0.2.1", 40123, "a@b.shop.example", AT),
         ["original-mail-from", "arrival-date", "source-ip", "source-port"]),
        (Handover("192.0.2.1", 0, "a@b.shop.example", AT), ["original-mail-from", "arrival-date", "source-ip"]),
        (Handover("192.0.2.1", 25, None, AT), ["arrival-date", "source-ip", "source-port"]),
        (Handover("192.0.2.1", 25, "no address\r\nBcc: x", AT), ["arrival-date", "source-ip", "source-port"]),
    ],
)  # fmt: skip
def test_only_what_is_known_is_told(seen: Handover, names: list[str]) -> None:
    """A port that nobody told (RFC 6692 §3), a reverse-path that is unknown or no address: left out."""
    assert [name for name, _ in seen.fields(KEY)] == names


def test_addresses_stand_in_their_strict_form() -> None:
    """An address literal as RFC 5321 §4.1.3 has it, IPv6 with its tag and in its shortest form; time in UTC."""
    fields = dict(Handover("2001:db8:0:0::1", 40123, "", AT).fields(KEY))
    assert fields["source-ip"] == "IPv6:2001:db8::1" and fields["source-port"] == "40123"
    assert fields["original-mail-from"] == "<>", "a null reverse-path is known"
    assert fields["arrival-date"].endswith("+0000")


def test_a_reverse_path_is_a_word_at_its_organisation() -> None:
    """Local part and host may both name the recipient; the same path is the same word for one reader only."""
    seen = Handover("192.0.2.1", 25, "Bounce+Ann@ann.b.shop.example", AT)
    path = seen.return_path(KEY)
    assert path is not None and path.endswith("@shop.example") and "ann" not in path.lower().partition("@")[2]
    assert path.partition("@")[0].isalnum() and path == seen.return_path(KEY) != seen.return_path(b"other" * 7)
