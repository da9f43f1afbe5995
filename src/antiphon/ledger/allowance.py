"""THE LAW: one sighting, at most one attempt. A `Permit` exists only in exchange for a purse; there is no refund.

`judge` holds what is asked against one table of rules and lists every rule that fails. `spend` judges, takes the
purses and returns the permit, inside the one transaction that also appends the intent. Nothing here can give a
purse back, and no other code can make a permit (LAW §2, §3, §5).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Protocol

from antiphon.errors import RefusedByLaw
from antiphon.terms import DAY, Digest, Identifier, Instant

FRESH = 30 * DAY
"""A sighting buys nothing when its mail came longer ago than this."""
ONE_CLICK_RESERVE = 12 * 1024
MAIL_OVERHEAD = 8 * 1024


class Act(StrEnum):
    """What a permit is for."""

    NOTICE = "notice"
    REQUEST = "request"
    CLICKED_REQUEST = "clicked-request"
    OWN_OPT_OUT = "own-opt-out"
    CLICKED_OPT_OUT = "clicked-own-opt-out"
    COMPLAINT = "complaint"


class Armed(IntEnum):
    """How far this node may go: a new one observes."""

    OBSERVING = 0
    OWN = 1
    COMMUNITY = 2


class Side(StrEnum):
    """The two purses of a sighting."""

    ORIGINATOR = "originator"
    NETWORK = "network"


def side_of(act: Act) -> Side:
    """The purse that an act takes from."""
    return Side.NETWORK if act is Act.COMPLAINT else Side.ORIGINATOR


@dataclass(frozen=True, slots=True)
class Coin:
    """One sighting as the law sees it at one instant, with its member's mandate and clock.

    `spendable_class`: seen by us, and spendable without its member's click. `to_signed`: the signature covers To.
    `after_window`: received and signed after this member's window for this originator, which this case started (for
    a clicked request: by an own opt-out). `asked`: the member was asked for. `waiting`: an own opt-out or notice naming
    this member is not settled. `retired`: its mail or report is from before the anchor was lost. `keys`: the spend
    keys of the purse that this act takes from.
    """

    report: Identifier
    member: Identifier
    index: int | None
    received_at: Instant
    hold_until: Instant
    size: int
    spendable_class: bool
    clicked: bool
    retracted: bool
    spared: bool
    retired: bool
    mandate_live: bool
    has_token: bool
    may_complain: bool
    consents_to_opt_out: bool
    asked: bool
    after_window: bool
    waiting: bool
    tries: int
    last_try_at: Instant | None
    spent: bool
    keys: tuple[Digest, ...]
    to_signed: bool


@dataclass(frozen=True, slots=True)
class Question:
    """All that the law asks before one attempt. Booleans say what is so; unknown is False. `click_names`: it would
    leave as an opt-out, for which a click is consent enough; a CFBL report needs *token* (LAW §6)."""

    act: Act
    now: Instant
    armed: Armed
    one_click: bool
    published_size: int
    anchor_agrees: bool
    halted: bool
    case_allows: bool
    same_case: bool
    accountable: bool
    channel_usable: bool
    pair_allowed: bool
    no_stop_published: bool
    approved: bool
    pace_allows: bool
    mail_spaced: bool
    named_stand: bool
    click_names: bool
    quorum: bool
    reserve: int
    coins: tuple[Coin, ...]


Check = Callable[[Question], bool]
ALL = frozenset(Act)
OWN = frozenset({Act.OWN_OPT_OUT, Act.CLICKED_OPT_OUT})
REQUESTS = frozenset({Act.REQUEST, Act.CLICKED_REQUEST})
CLICKED = frozenset({Act.CLICKED_OPT_OUT, Act.CLICKED_REQUEST})
ASKING = ALL - {Act.COMPLAINT}
"""What goes to an originator; a complaint goes to whoever carried its mail."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition of the law: the acts it binds, and its question, true when it holds."""

    name: str
    sentence: str
    acts: frozenset[Act]
    check: Check


class Each:
    """The condition holds for every sighting that pays."""

    __slots__ = ("check",)

    def __init__(self, check: Callable[[Coin, Question], bool]) -> None:
        self.check = check

    def __call__(self, asked: Question) -> bool:
        """True when no sighting fails."""
        for coin in asked.coins:  # noqa: SIM110 - each look at a case asks this of every sighting, mostly of one coin
            if not self.check(coin, asked):
                return False
        return True


def _armed(asked: Question) -> bool:
    enough = Armed.OWN if asked.one_click and asked.act in OWN | {Act.CLICKED_REQUEST} else Armed.COMMUNITY
    return asked.armed >= enough


RULES: tuple[Rule, ...] = (
    Rule("armed", "A node that observes lets nothing out.", ALL, _armed),
    Rule(
        "not-halted",
        "A person halted everything, this host, this case or this kind of channel.",
        ALL,
        lambda q: not q.halted,
    ),
    Rule(
        "anchor-agrees",
        "The anchor is missing or knows another ledger than this home; `antiphon anchor` says what to do.",
        ALL,
        lambda q: q.anchor_agrees,
    ),
    Rule("case-allows", "The state of the case bars this act.", ALL, lambda q: q.case_allows),
    Rule(
        "accountable",
        "This originator is not accountable: it must learn nothing from us.",
        ASKING,
        lambda q: q.accountable,
    ),
    Rule("channel-usable", "The message offers no channel with every proof.", ALL, lambda q: q.channel_usable),
    Rule(
        "pair-allowed",
        "No person has allowed this domain at this network, or a certificate failed there.",
        ALL,
        lambda q: q.pair_allowed,
    ),
    Rule(
        "no-stop-published",
        "The host publishes a stop, or could not be asked whether it does.",
        ALL,
        lambda q: q.no_stop_published,
    ),
    Rule(
        "approved",
        "No live approval of a person covers this.",
        frozenset({Act.NOTICE, Act.REQUEST}),
        lambda q: q.approved,
    ),
    Rule(
        "named-stand",
        "Somebody whom the notice names took it back, was asked for, or is not to be named.",
        frozenset({Act.NOTICE}),
        lambda q: q.named_stand,
    ),
    Rule(
        "quorum",
        "Fewer than five independent members stand behind this notice now.",
        frozenset({Act.NOTICE}),
        lambda q: q.quorum,
    ),
    Rule("paid", "An attempt needs a sighting that pays.", ALL, lambda q: len(q.coins) > 0),
    Rule("same-case", "A sighting of another case can not pay.", ALL, lambda q: q.same_case),
    Rule(
        "distinct",
        "A sighting can not pay twice.",
        ALL,
        lambda q: len({key for c in q.coins for key in c.keys}) == sum(len(c.keys) for c in q.coins),
    ),
    Rule(
        "covered",
        "The bytes of the mail that pays do not cover what the attempt may use.",
        ALL,
        lambda q: sum(c.size for c in q.coins) >= q.reserve,
    ),
    Rule(
        "one-member",
        "Only the same member's mail pays for an own opt-out.",
        OWN,
        lambda q: len({c.member for c in q.coins}) == 1,
    ),
    Rule(
        "mandate-live",
        "A mandate is pending, suspended, revoked or older than a year.",
        ALL,
        Each(lambda c, q: c.mandate_live),
    ),
    Rule(
        "may-identify",
        "A member did not agree to be identified by the originator's token.",
        ASKING,
        Each(lambda c, q: c.has_token or (c.clicked and q.act in CLICKED and q.click_names)),
    ),
    Rule(
        "may-complain",
        "A member did not agree that its reports are part of complaints.",
        frozenset({Act.COMPLAINT}),
        Each(lambda c, q: c.may_complain),
    ),
    Rule(
        "class-allows",
        "An upload, or mail that only a click made spendable, buys only what its member clicked on it.",
        ALL,
        Each(lambda c, q: c.spendable_class or (c.clicked and q.act in CLICKED)),
    ),
    Rule(
        "to-signed",
        "A mail whose To is not signed buys no more than the own opt-out that its member clicked.",
        ALL - {Act.CLICKED_OPT_OUT},
        Each(lambda c, q: c.to_signed),
    ),
    Rule("clicked", "This act needs the member's click on that very message.", CLICKED, Each(lambda c, q: c.clicked)),
    Rule(
        "consented",
        "The member gave no standing consent to opt out of this originator.",
        frozenset({Act.OWN_OPT_OUT}),
        Each(lambda c, q: c.consents_to_opt_out),
    ),
    Rule(
        "committed",
        "A sighting is not under a published checkpoint yet.",
        ALL,
        Each(lambda c, q: c.index is not None and c.index < q.published_size),
    ),
    Rule("hold-over", "A sighting is still held.", ALL, Each(lambda c, q: q.now >= c.hold_until)),
    Rule("fresh", "A mail came more than 30 days ago.", ALL, Each(lambda c, q: 0 <= q.now - c.received_at <= FRESH)),
    Rule("not-retracted", "A member took this report back.", ALL, Each(lambda c, q: not c.retracted)),
    Rule(
        "not-spared",
        "The member took mail of this originator out of Junk less than a year ago.",
        ALL,
        Each(lambda c, q: not c.spared),
    ),
    Rule(
        "not-retired",
        "A mail or its report is from before the anchor was lost; what was unspent then was given up for good.",
        ALL,
        Each(lambda c, q: not c.retired),
    ),
    Rule("unspent", "A sighting has paid already.", ALL, Each(lambda c, q: not c.spent)),
    Rule("not-asked-for", "This member was asked for already.", OWN | {Act.NOTICE}, Each(lambda c, q: not c.asked)),
    Rule(
        "none-waiting",
        "An own opt-out or notice for this member is not settled yet.",
        OWN | {Act.NOTICE},
        Each(lambda c, q: not c.waiting),
    ),
    Rule("tries-left", "Three own opt-outs were tried for this member.", OWN, Each(lambda c, q: c.tries < 3)),
    Rule(
        "tries-apart",
        "The last own opt-out of this member is less than 24 hours old.",
        OWN,
        Each(lambda c, q: c.last_try_at is None or q.now - c.last_try_at >= DAY),
    ),
    Rule(
        "window-over",
        "A mail was not signed and received after its own member's window.",
        REQUESTS,
        Each(lambda c, q: c.asked and c.after_window),
    ),
    Rule(
        "mail-spaced",
        "A member's opt-out went by mail to this destination less than 30 days ago.",
        OWN | REQUESTS,
        lambda q: q.mail_spaced,
    ),
    Rule(
        "pace", "The destination's budget of host, domain or network is used up for now.", ALL, lambda q: q.pace_allows
    ),
)


OF_SIGHTINGS = {act: tuple(rule for rule in RULES if isinstance(rule.check, Each) and act in rule.acts) for act in Act}


def judge(asked: Question) -> tuple[Rule, ...]:
    """Every rule that fails, the deciding one first; empty means that the attempt is lawful now."""
    return tuple([rule for rule in RULES if asked.act in rule.acts and not rule.check(asked)])


def unfit(asked: Question) -> tuple[Rule, ...]:
    """Only the rules about the sightings themselves: which could pay, wherever the attempt would go."""
    return tuple([rule for rule in OF_SIGHTINGS[asked.act] if not rule.check(asked)])


class Purses(Protocol):
    """What `spend` needs from the transaction that it runs in."""

    def take(self, side: Side, key: Digest, intent: int) -> None:
        """Marks a spend key as used for good. Raises AlreadyTaken if it ever was, by whomever."""
        ...

    def append(self) -> int:
        """Appends the intent to the ledger in this transaction and returns its index."""
        ...


_SEAL = object()


class Permit:
    """Leave to make one attempt. Only `spend` makes one; it is used up by `open_once`."""

    __slots__ = ("_open", "act", "intent", "reserve")

    def __init__(self, seal: object, act: Act, intent: int, reserve: int) -> None:
        if seal is not _SEAL:
            raise TypeError("a permit is made by spending a purse and in no other way")
        self.act, self.intent, self.reserve, self._open = act, intent, reserve, True

    def open_once(self, anchored_size: int) -> None:
        """Called before the socket opens: uses the permit up. Raises RefusedByLaw when the intent is not under a
        checkpoint that the anchor holds, or the permit was used."""
        if not self._open:
            raise RefusedByLaw("This permit was used already.", ("permit-once",))
        if self.intent >= anchored_size:
            raise RefusedByLaw("The intent is not under an anchored checkpoint.", ("anchored",))
        self._open = False

    def __repr__(self) -> str:
        return f"<Permit {self.act} intent={self.intent} {'unused' if self._open else 'used'}>"


def spend(asked: Question, purses: Purses) -> Permit:
    """Judges, appends the intent and takes every purse, in the caller's transaction.

    Raises RefusedByLaw with all failed rules, or AlreadyTaken when another worker was first; then the caller's
    transaction must not commit. There is no way back: what is taken stays taken, whatever comes of the attempt.
    """
    failed = judge(asked)
    if failed:
        raise RefusedByLaw(failed[0].sentence, tuple(rule.name for rule in failed))
    side, intent = side_of(asked.act), purses.append()
    for coin in asked.coins:
        for key in coin.keys:
            purses.take(side, key, intent)
    return Permit(_SEAL, asked.act, intent, asked.reserve)
