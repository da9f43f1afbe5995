"""The bench's own mailbox: what it reaches without a limit it does not reach with it, and more mailboxes do."""

from __future__ import annotations

from random import Random

import pytest

from bench.grouping.adversary import WAYS
from bench.grouping.mailboxes import LATER, LIMITS, Make, _dragged, _most_led

LADDER = WAYS["a ladder of texts from one to the other"]
HALVES = WAYS["half of each text, links of both"]


@pytest.mark.parametrize("way", [LADDER, HALVES])
def test_the_limit_is_what_stops_a_lead(way: Make) -> None:
    """The same mails, by nobody, by one, by many."""
    led = {name: _most_led(Random(1), way, hands) for name, hands in LIMITS.items()}
    assert led == {"no limit": LATER, "one mailbox": 0, "one mailbox a message": LATER}


def test_the_limit_is_what_keeps_single_mails() -> None:
    """One at most."""
    dragged = {name: _dragged(Random(1), HALVES, hands) for name, hands in LIMITS.items()}
    assert dragged["one mailbox"] <= 1 < min(dragged["no limit"], dragged["one mailbox a message"])
