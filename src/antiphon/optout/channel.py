"""Ways that the originator itself published, each with every proof of where it leads (LAW §4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from antiphon.campaign.gate import Gate
from antiphon.errors import RefusedByLaw
from antiphon.formats.domain import Url, is_covered_by, organisational_domain, parse_url
from antiphon.formats.mailto import parse_mailto
from antiphon.formats.message import Message
from antiphon.formats.providers import ProviderMap
from antiphon.formats.unsubscribe import LIST_RULES, mailto, one_click
from antiphon.ledger.entry import ChannelKind
from antiphon.optout.originator import Originator, account_of
from antiphon.terms import Domain


class Kind(StrEnum):
    """Which way an opt-out would go."""

    ONE_CLICK = "one-click"
    MAILTO = "mailto"
    CFBL = "cfbl"


CHANNELS = {Kind.ONE_CLICK: ChannelKind.ONE_CLICK, Kind.MAILTO: ChannelKind.MAIL, Kind.CFBL: ChannelKind.CFBL}
"""Under which kind an attempt through it stands in the ledger."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One channel of one message: where it leads, and every rule that fails for it, the deciding one first.

    `personal` waits for a second member's message of the campaign, or for the member's click on the shown URL. `xarf`:
    a feedback address that asks for that form.
    """

    kind: Kind
    target: str
    host: str
    subject: str
    reasons: tuple[str, ...] = ()
    xarf: bool = False

    @property
    def usable(self) -> bool:
        """Every proof is there."""
        return not self.reasons

    @property
    def on_click(self) -> bool:
        """Only what a member's click may approve is missing."""
        return set(self.reasons) <= {"personal"}


@dataclass(frozen=True, slots=True)
class Proofs:
    """What the channel rules look at: the message with its gate and originator, and one channel of it."""

    message: Message
    gate: Gate
    originator: Originator | None
    providers: ProviderMap
    relayed: bool
    transactional: bool
    host: str
    url: Url | None
    form: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """A name, the sentence for people, and the question, true when it holds."""

    name: str
    sentence: str
    check: Callable[[Proofs], bool]


def is_kin(host: str, signer: str) -> bool:
    """A parent or sibling of the signer: of its organisation, but neither the d= itself nor below it (LAW §4)."""
    if not host or not signer or is_covered_by(Domain(host), Domain(signer)):
        return False
    return organisational_domain(Domain(host)) == organisational_domain(Domain(signer))


def with_hosts(offers: Sequence[Offer], signer: str, approved: Collection[str]) -> tuple[Offer, ...]:
    """The offers with the question of the host answered where a person approved that exact host for that exact d=."""

    def answered(offer: Offer) -> Offer:
        if offer.host not in approved or not is_kin(offer.host, signer):
            return offer
        return replace(offer, reasons=tuple(reason for reason in offer.reasons if reason != "host"))

    return tuple(answered(offer) for offer in offers)


def waits_for_host(offer: Offer, signer: str) -> bool:
    """Only a person's word on this exact pair of d= and host is missing, beside what shows a URL to be personal."""
    return "host" in offer.reasons and set(offer.reasons) <= {"host", "personal"} and is_kin(offer.host, signer)


def _host_is_theirs(p: Proofs) -> bool:
    """At or below d=, or a place of the provider whose own signature covers the fields, for this very account."""
    if p.originator is None or not p.host:
        return False
    own = p.originator.signature.domain if "/" not in p.originator.name else ""
    if own and is_covered_by(Domain(p.host), Domain(own)):
        return True
    return p.url is not None and _provider_takes(p, p.url)


def _provider_takes(p: Proofs, url: Url) -> bool:
    for signature in p.gate.passing:
        provider = p.providers.signing_as(signature.domain, signature.key_chain)
        if provider is not None and provider.takes(url, account_of(p.message, signature, provider)):
            return True
    return False


RULES: tuple[ChannelRule, ...] = (
    ChannelRule("form", "The header does not have the one form that can be trusted.", lambda p: not p.form),
    ChannelRule("gate", "No signature covers it as the gate demands.", lambda p: p.gate.passes),
    ChannelRule("originator", "Nobody answers for this mail.", lambda p: p.originator is not None),
    ChannelRule("host", "It leads to somebody who did not sign this mail.", _host_is_theirs),
    ChannelRule("relayed", "A list relayed this mail: the opt-out is the list's.", lambda p: not p.relayed),
)


def offers_of(
    message: Message, gate: Gate, originator: Originator | None, providers: ProviderMap, *, relayed: bool
) -> tuple[Offer, ...]:
    """Both kinds of opt-out that a List-Unsubscribe may name, if there is one, one-click first; `personal` is open."""
    value = message.one("list-unsubscribe")
    if value is None:
        return ()
    post = message.one("list-unsubscribe-post")
    proofs = Proofs(message, gate, originator, providers, relayed, False, "", None, ())
    found = (_one_click(value.value, post.value if post else "", proofs), _mailto(value.value, proofs))
    return tuple(offer for offer in found if offer is not None)


def reasons(proofs: Proofs, rules: tuple[ChannelRule, ...]) -> tuple[str, ...]:
    """Every rule that fails, and what exactly about form and gate."""
    failed = tuple(rule.name for rule in rules if not rule.check(proofs))
    detail = (*proofs.form, *(f"gate:{reason}" for reason in proofs.gate.reasons if "gate" in failed))
    return (*failed, *detail)


_FIELD_FAULTS = {rule.name for rule in LIST_RULES}
"""What spoils the whole field: then no URL is found in it, and the reason is kept with the first kind."""


def _one_click(value: str, post: str, proofs: Proofs) -> Offer | None:
    url, failed = one_click(value, post)
    if "url-offered" in failed and not _FIELD_FAULTS & set(failed):
        return None
    proofs = replace(proofs, host=url.host if url else "", url=url, form=failed)
    return Offer(Kind.ONE_CLICK, url.text if url else "", proofs.host, "", (*reasons(proofs, RULES), "personal"))


def _mailto(value: str, proofs: Proofs) -> Offer | None:
    text, failed = mailto(value)
    if "mailto-offered" in failed:
        return None
    target, subject, host = "", "", ""
    try:
        parsed = parse_mailto(text) if text else None
        if parsed is not None:
            target, subject, host = str(parsed.to), parsed.subject, parsed.to.domain
            tokens = (parsed.token, *_SEPARATOR.split(parsed.to.local), parsed.to.local)
            failed += () if any(is_token(t) and _has_digit(t) for t in tokens) else ("mailto-token",)
    except RefusedByLaw as refusal:
        failed += refusal.rules
    proofs = replace(proofs, host=host, form=failed)
    return Offer(Kind.MAILTO, target, host, subject, (*reasons(proofs, RULES), "personal"))


_WORD = re.compile(r"[A-Za-z0-9_-]+")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_SEPARATOR = re.compile(r"[.=+-]")
SHORTEST_TOKEN = 11
SHORTEST_HEX = 16


def _pieces(url: Url) -> list[str]:
    values = [pair.partition("=")[2] for pair in url.query.split("&")] if url.query else []
    return [*url.path.split("/"), *values]


def is_token(piece: str) -> bool:
    """Whether a piece can tell recipients apart: 11 characters of a word, or 16 of hex (LAW §4)."""
    if _HEX.fullmatch(piece):
        return len(piece) >= SHORTEST_HEX
    return bool(_WORD.fullmatch(piece)) and len(piece) >= SHORTEST_TOKEN


def _has_digit(piece: str) -> bool:
    """A word such as `unsubscribe` is long enough for a token, and is none."""
    return any(c.isdigit() for c in piece)


def _keys(url: Url) -> list[str]:
    return [pair.partition("=")[0] for pair in url.query.split("&")] if url.query else []


def personal(first: str, second: str) -> bool:
    """Whether two members' URLs differ only in path segments or query values, one of them long enough to be a token.

    A URL that is equal for two recipients is not an opt-out (LAW §4).
    """
    try:
        a, b = parse_url(first), parse_url(second)
    except RefusedByLaw:
        return False
    mine, theirs = _pieces(a), _pieces(b)
    if a.host != b.host or len(mine) != len(theirs) or _keys(a) != _keys(b):
        return False
    differing = [(x, y) for x, y in zip(mine, theirs, strict=True) if x != y]
    return any(is_token(x) and is_token(y) for x, y in differing)


def token_of(url: str) -> str:
    """The token that the originator issued to one recipient: the longest piece of its URL that can be one."""
    try:
        tokens = [piece for piece in _pieces(parse_url(url)) if is_token(piece)]
    except RefusedByLaw:
        return ""
    return max(tokens, key=lambda piece: (_has_digit(piece), len(piece)), default="")


def may_open(offers: Sequence[Offer], signer: str) -> bool:
    """Whether one of them lacks nothing but what other members' mail, a click or a person may still give."""
    return any(offer.on_click or waits_for_host(offer, signer) for offer in offers)


@dataclass(frozen=True, slots=True)
class Peer:
    """The one-click URL of another mail of the case, and whose mail of which campaign it is."""

    member: bytes
    campaign: bytes | None
    url: str


def proven(offers: Sequence[Offer], own: Peer, peers: Sequence[Peer], *, clicked: bool) -> tuple[Offer, ...]:
    """The offers with the question of the personal URL answered: by the member's click, or by another member's mail of
    the same campaign: two mailings differ in their URLs even where nobody's own name stands in them. One equal URL
    anywhere decides against it, click or not."""
    others = [peer for peer in peers if peer.member != own.member and peer.url]
    alike = [peer.url for peer in others if own.campaign is not None and peer.campaign == own.campaign]

    def answered(offer: Offer) -> Offer:
        shown = clicked or any(personal(offer.target, url) for url in alike)
        if not shown or any(offer.target == peer.url for peer in others):
            return offer
        return replace(offer, reasons=tuple(reason for reason in offer.reasons if reason != "personal"))

    return tuple(answered(offer) for offer in offers)


def chain_allowed(chain: Sequence[str], host: str, own_domain: str, providers: ProviderMap) -> bool:
    """Whether every CNAME and MX target stays inside the organisational domain of the host or of the originator, or
    in a zone of the provider map. What leaves is refused without asking anybody."""
    homes = {organisational_domain(Domain(host)), organisational_domain(Domain(own_domain))}
    return all(organisational_domain(Domain(name)) in homes or providers.holds(name) for name in chain)
