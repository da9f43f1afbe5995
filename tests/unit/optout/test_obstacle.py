"""Why nothing would be asked about a mail: one fault, one sentence, and each rule is needed."""

from __future__ import annotations

import pytest

from antiphon.formats.message import parse_message
from antiphon.optout import obstacle
from antiphon.optout.evidence import Evidence
from antiphon.optout.obstacle import OBSTACLES, best_offer, obstacles, sentence_of
from tests.unit.formats.dkim_vectors import NEWSLETTER, sign
from tests.unit.optout.census import assumed

LIST = {**NEWSLETTER, "List-Id": "<talk.lists.example>"}
LACKING = {name: value for name, value in NEWSLETTER.items() if not name.startswith("List-")}
NO_POST = {name: value for name, value in NEWSLETTER.items() if name != "List-Unsubscribe-Post"}
PLAIN = b"".join(f"{name}: {value}\r\n".encode() for name, value in NEWSLETTER.items()) + b"\r\nHello.\r\n"
UNCOVERED = ("From", "To", "Date", "Message-ID", "List-Unsubscribe")


def evidence(raw: bytes) -> Evidence:
    """What is known of a mail, its signatures assumed valid."""
    return assumed(parse_message(raw))


FAULTS: dict[str, bytes] = {
    "written-by-a-person": sign({**NEWSLETTER, "Auto-Submitted": "auto-replied"}),
    "opt-out-offered": sign(LACKING, covers=("From", "To", "Date")),
    "signed": PLAIN,
    "trusted-form": sign({**NEWSLETTER, "List-Unsubscribe": "<http://shop.example/u/k3j5h2g9d8s7a6>"}),
    "one-click-said": sign(NO_POST, covers=("From", "To", "Date", "List-Unsubscribe")),
    "covered": sign(NEWSLETTER, covers=UNCOVERED),
    "answered-for": sign(NEWSLETTER, domain="other.example"),
    "own-host": sign({**NEWSLETTER, "List-Unsubscribe": "<https://innocent.example/u/k3j5h2g9d8s7a6>"}),
    "not-relayed": sign(LIST, domain="lists.example"),
    "not-transactional": sign({**NEWSLETTER, "Subject": "Your invoice"}),
}


def test_a_good_newsletter_has_no_obstacle() -> None:
    """The member's click would do."""
    good = evidence(sign(NEWSLETTER))
    offer = best_offer(good)
    assert obstacles(good) == ()
    assert offer is not None and offer.on_click


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_among_the_obstacles(name: str) -> None:
    """By the name under which it is counted."""
    assert name in obstacles(evidence(FAULTS[name]))


def test_every_obstacle_has_an_example_and_a_sentence() -> None:
    """None is there for show."""
    assert {rule.name for rule in OBSTACLES} == set(FAULTS)
    assert all(sentence_of(rule.name).endswith(".") for rule in OBSTACLES)


@pytest.mark.parametrize("name", [n for n in FAULTS if n not in ("not-relayed", "one-click-said")])
def test_without_its_rule_a_fault_is_counted_elsewhere_or_not_at_all(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deciding rule of each example is the one it stands for."""
    found = evidence(FAULTS[name])
    assert obstacles(found)[0] == name
    monkeypatch.setattr(obstacle, "OBSTACLES", tuple(rule for rule in OBSTACLES if rule.name != name))
    assert name not in obstacles(found)


def test_a_mail_that_a_click_would_open_has_no_obstacle_in_its_channel() -> None:
    """What is shown as askable is what the channel rules say."""
    for raw in (*FAULTS.values(), sign(NEWSLETTER)):
        found = evidence(raw)
        channel = set(obstacles(found)) - {"written-by-a-person", "not-transactional"}
        assert any(offer.on_click for offer in found.offers) == (not channel)
