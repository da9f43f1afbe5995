"""Why nothing would be asked about one mail: what a person is told first, in one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from antiphon.optout.channel import Offer
from antiphon.optout.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A name, the sentence for people, and the question, true where the mail is free of it."""

    name: str
    sentence: str
    check: Callable[[Evidence, Offer | None], bool]


def _gate_but(*names: str) -> Callable[[Evidence, Offer | None], bool]:
    return lambda evidence, offer: set(evidence.reasons) <= set(names)


def _offer_without(name: str) -> Callable[[Evidence, Offer | None], bool]:
    return lambda evidence, offer: offer is None or name not in offer.reasons


OBSTACLES: tuple[Obstacle, ...] = (
    Obstacle(
        "written-by-a-person",
        "A mail system wrote it: a bounce, a receipt, a report. Such mail is never reported.",
        lambda evidence, offer: not evidence.robot,
    ),
    Obstacle(
        "opt-out-offered",
        "Its header offers no opt-out (List-Unsubscribe), so there is no channel to ask through.",
        lambda evidence, offer: offer is not None,
    ),
    Obstacle(
        "signed",
        "No signature on it holds, so anybody may have written it, in anybody's name.",
        lambda evidence, offer: "signature-passes" not in evidence.reasons,
    ),
    Obstacle(
        "trusted-form",
        "Its opt-out is not written in the one form that can be trusted; many of these name a stranger.",
        _offer_without("form"),
    ),
    Obstacle(
        "one-click-said",
        "It does not say that one click is enough (List-Unsubscribe-Post, RFC 8058).",
        lambda evidence, offer: "one-list-unsubscribe-post" not in evidence.reasons,
    ),
    Obstacle(
        "covered",
        "The signature does not cover the opt-out as it must: somebody else may have set it.",
        _gate_but("signature-passes", "one-list-unsubscribe-post"),
    ),
    Obstacle(
        "answered-for",
        "Who signed it is not who it says it is from, so nobody answers for it.",
        _offer_without("originator"),
    ),
    Obstacle(
        "own-host",
        "The opt-out leads to a host that did not sign the mail: asking there would trouble a stranger.",
        _offer_without("host"),
    ),
    Obstacle(
        "not-relayed",
        "A mailing list passed it on, and the opt-out is the list's.",
        _offer_without("relayed"),
    ),
    Obstacle(
        "not-transactional",
        "It reads like an answer to what you did yourself (a code, a receipt, a ticket): never acted on unasked.",
        lambda evidence, offer: not evidence.transactional,
    ),
)


def best_offer(evidence: Evidence) -> Offer | None:
    """The channel with the fewest reasons against it, one-click before mail."""
    return min(evidence.offers, key=lambda offer: len(offer.reasons), default=None)


def obstacles(evidence: Evidence) -> tuple[str, ...]:
    """The names of all that stand in the way, the deciding one first; none means that the member's click on this very
    mail would do, once its originator is found to be accountable."""
    offer = best_offer(evidence)
    return tuple(rule.name for rule in OBSTACLES if not rule.check(evidence, offer))


def sentence_of(name: str) -> str:
    """What an obstacle means."""
    return next(rule.sentence for rule in OBSTACLES if rule.name == name)
