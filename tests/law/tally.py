"""The destinations' own tally, and a model of what people said: together they judge each attempt, without the desk.

Nothing here asks the desk what it thinks. From the ledger only what it publishes is read: entries by index.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from antiphon.ledger.entry import (
    Basis,
    ComplaintIntended,
    Intended,
    NoticeIntended,
    Outcome,
    Purpose,
    RequestIntended,
    Settled,
)
from antiphon.terms import DAY, HOUR, MINUTE, Instant

WINDOW = 16 * DAY
BOUNCES_WITHIN = 72 * HOUR
MONTH = 30 * DAY
"""After its window, in which no request could be made: its host may be told all the same (decision 0020)."""
ACCEPTED, SPENT = "accepted", "spent"
CARRIER, REGISTRAR, AUTHORITY = "carrier.example", "registrar.example", "cert.example"
BEFORE = {REGISTRAR: CARRIER, AUTHORITY: REGISTRAR}
"""Who is told before whom."""
NAMELESS = "nameless.example"
"""The one originator of the town that can not be asked: nothing waits for it."""


def window_end(asked_at: int) -> int:
    """The close of the UTC day in which 16 x 24 hours end."""
    return ((asked_at + WINDOW) // DAY + 1) * DAY


@dataclass
class Person:
    """A member, as the world knows what it said. `left`: revoked or erased, and not come back since."""

    address: str
    token: bool
    optout: bool
    proved_at: int = 0
    complain: bool = False
    left: bool = False


@dataclass
class Said:
    """One report of one mail. `dead`: taken back, or its member left after it."""

    person: str
    originator: str
    target: str
    size: int
    received_at: int
    reported_at: int
    uploaded: bool
    clicked_at: int | None = None
    quick: bool = False
    dead: bool = False
    to_signed: bool = True


@dataclass
class Attempt:
    """One attempt that reached a socket. `people` are those whom it asks for."""

    intent: int
    host: str
    originator: str
    at: int
    mail: bool
    bytes: int
    people: tuple[str, ...]
    act: str
    outcome: str
    retry_until: int = 0
    unknown: bool = False
    lost: bool = False
    unread: set[str] = field(default_factory=set)

    def heeded(self) -> bool:
        """Whether its answer was kept: one that a crash took was read by nobody."""
        return not self.unknown


@dataclass
class Leave:
    """A standing approval as its signer remembers it."""

    originator: str
    limit: int
    last_day: int
    used: int = 0


@dataclass
class Tally:
    """All that destinations and people know."""

    people: dict[str, Person] = field(default_factory=dict)
    said: dict[str, Said] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    leaves: dict[int, Leave] = field(default_factory=dict)
    approved_notices: set[bytes] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)
    young_until: dict[str, int] = field(default_factory=dict)
    spared: dict[tuple[str, str], int] = field(default_factory=dict)
    handed: dict[tuple[str, str], int] = field(default_factory=dict)
    pairs: dict[str, bool] = field(default_factory=dict)
    halted: set[tuple[str, str]] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    armed: int = 0
    stop_file: bool = False
    may_not_send: bool = False
    offences: list[str] = field(default_factory=list)

    def forget(self, person: str) -> None:
        """Who is erased and comes again is somebody new: what was asked for the earlier one is nobody's any more."""
        for attempt in self.attempts:
            attempt.people = tuple(f"{each}, erased" if each == person else each for each in attempt.people)
        self.spared = {key: at for key, at in self.spared.items() if key[0] != person}
        self.handed = {key: at for key, at in self.handed.items() if key[0] != person}

    def wanted(self, person: str, originator: str, now: int) -> bool:
        """Whether this person took mail of this originator out of Junk less than a year ago."""
        at = self.spared.get((person, originator))
        return at is not None and now - at <= 365 * DAY

    def asked_at(self, person: str, originator: str, now: int, *, own_only: bool = False) -> int | None:
        """When this person was asked for, at the earliest: by an attempt that was accepted and did not bounce, or by a
        row that the originator fetched."""
        times = [
            a.at + (BOUNCES_WITHIN if a.mail else 0)
            for a in self.attempts
            if a.outcome == ACCEPTED and a.originator == originator and person in a.people
            if a.act == "own" or (a.act == "notice" and not own_only)
        ]
        times += [at for key, at in self.handed.items() if key == (person, originator) and not own_only]
        return min((t for t in times if t <= now), default=None)

    def unsettled(self, person: str, originator: str, now: int) -> bool:
        """Whether a mail that asks for this person may still bounce."""
        return any(
            a.mail and a.outcome == ACCEPTED and a.act != "request" and now < a.at + BOUNCES_WITHIN
            for a in self.attempts
            if a.originator == originator and person in a.people
        )

    def judge(self, host: str, entry: Intended, paid: list[Said], now: Instant) -> list[str]:
        """Every sentence of the law that this attempt breaks, as its destination could know it."""
        wrong: list[str] = []
        originator = paid[0].originator if paid else ""
        clicked = isinstance(entry, RequestIntended) and entry.basis is Basis.CLICK
        own = isinstance(entry, RequestIntended) and entry.purpose is Purpose.OWN_OPT_OUT

        def holds(true: object, sentence: str) -> None:
            if not true:
                wrong.append(sentence)

        holds(paid, "an attempt that nothing paid for")
        holds(not self.may_not_send, "the anchor knows a later ledger")
        least = 1 if (own or clicked) and not isinstance(entry, ComplaintIntended) and entry.channel == 1 else 2
        holds(self.armed >= least, "not armed for this")
        holds(not self.stop_file, "the file STOP lies in the home")
        case = {"stopped", "disputed", "withdrawn", "closed"} if not own else {"stopped"}
        holds(self.ended.get(originator) not in case, f"the case is {self.ended.get(originator)}")
        switches = [("everything", ""), ("host", host), ("case", originator)]
        for switch in (*switches, *(("channel", channel) for channel in _channels(entry))):
            holds(switch not in self.halted, f"halted: {switch}")
        there = [a for a in self.attempts if a.host == host]
        holds(not any(a.heeded() and now < a.retry_until for a in there), "sooner than the host allows")
        holds(not any(now - a.at < MINUTE for a in there), "two attempts within a minute")
        holds(not any(a.heeded() and "host" in a.unread for a in there), "a 403 of this host that nobody read")
        mine = [a for a in self.attempts if a.originator == originator]
        holds(not any(a.heeded() and "case" in a.unread for a in mine), "a 403 in this case that nobody read")
        holds(sum(said.size for said in paid) >= entry.reserve_bytes, "the mail that pays does not cover the reserve")
        for said in paid:
            wrong += self._judge_payer(said, now, entry)
        holds(len({said.originator for said in paid}) == 1, "mail of two cases pays")
        holds(self.pairs.get(host, clicked), "no person allowed this domain at this network")
        holds(not any(a.outcome == "certificate" and a.heeded() for a in there), "its certificate failed once")
        old = now >= self.young_until.get(originator, 0) or isinstance(entry, ComplaintIntended)
        holds(old or (own and clicked), "asked before it was old enough, though no member vouched by its click")
        if isinstance(entry, NoticeIntended):
            return wrong + self._judge_notice(entry, originator, paid, now)
        if isinstance(entry, ComplaintIntended):
            return wrong + self._judge_complaint(host, originator, paid, now)
        people = {said.person for said in paid}
        asked = [a for a in there if a.mail and a.act in ("own", "request") and people & set(a.people)]
        mails = asked if entry.channel == 2 else []
        holds(not any(now - a.at < 30 * DAY for a in mails), "a member's second opt-out by mail in 30 days")
        if own:
            return wrong + self._judge_own(originator, entry, paid, now)
        return wrong + self._judge_request(originator, entry, paid, now)

    def _judge_payer(self, said: Said, now: int, entry: Intended) -> list[str]:
        person, told = self.people[said.person], isinstance(entry, ComplaintIntended)
        clicked = isinstance(entry, RequestIntended) and entry.basis is Basis.CLICK
        own = isinstance(entry, RequestIntended) and entry.purpose is Purpose.OWN_OPT_OUT
        quick = said.quick and clicked and own
        held = said.reported_at + 24 * HOUR
        if clicked:
            held = (said.clicked_at or now + 1) + (10 * MINUTE if quick else 24 * HOUR)
        return [
            sentence
            for sentence, wrong in (
                ("somebody who left", person.left),
                ("a mandate that was not proved for a year", now - person.proved_at > 365 * DAY),
                ("a report that was taken back", said.dead),
                ("mail that its member wants to have", self.wanted(said.person, said.originator, now)),
                ("no consent to be identified", not told and not person.token and not clicked),
                ("no consent to complaints", told and not person.complain),
                ("an upload without a click", said.uploaded and not clicked),
                ("a click that nobody made", clicked and said.clicked_at is None),
                ("still held", now < held),
                ("mail older than 30 days", now - said.received_at > 30 * DAY),
                ("mail whose To nobody signed", not said.to_signed and not (clicked and own)),
            )
            if wrong
        ]

    def _judge_own(self, originator: str, entry: RequestIntended, paid: list[Said], now: int) -> list[str]:
        people = {said.person for said in paid}
        person = paid[0].person
        tries = [a for a in self.attempts if a.act == "own" and a.originator == originator and person in a.people]
        return [
            sentence
            for sentence, wrong in (
                ("one member pays for another's opt-out", len(people) != 1),
                ("an own opt-out after one was accepted", self.asked_at(person, originator, now) is not None),
                ("an own opt-out while another is open", self.unsettled(person, originator, now)),
                ("a fourth own opt-out", len(tries) >= 3),
                ("own opt-outs less than 24 h apart", any(now - a.at < 24 * HOUR for a in tries)),
                ("no standing consent", entry.basis is Basis.CONSENT and not self.people[person].optout),
            )
            if wrong
        ]

    def _judge_request(self, originator: str, entry: RequestIntended, paid: list[Said], now: int) -> list[str]:
        wrong = []
        by_click = entry.basis is Basis.CLICK
        for said in paid:
            asked = self.asked_at(said.person, originator, now, own_only=by_click)
            if asked is None:
                wrong.append("a request for a member who was not asked for")
            elif said.received_at < window_end(asked):
                wrong.append("a request for mail inside its member's window")
        if by_click:
            return wrong
        notices = [
            a.at for a in self.attempts if a.act == "notice" and a.originator == originator and a.outcome == ACCEPTED
        ]
        if not notices or now < window_end(min(notices) + BOUNCES_WITHIN):
            wrong.append("a request inside the notice's window")
        leave = self.leaves.get(entry.approval or -1)
        if leave is None or leave.originator != originator:
            wrong.append("a request without an approval of this case")
            return wrong
        leave.used += 1
        if leave.used > leave.limit or now // DAY > leave.last_day:
            wrong.append("an approval that is exhausted or expired")
        return wrong

    def _judge_complaint(self, host: str, originator: str, paid: list[Said], now: int) -> list[str]:
        told = [a.at for a in self.attempts if a.act == "complaint" and a.host == host]
        asked = [a for a in self.attempts if a.act == "request" and a.originator == originator]
        again = [
            s for s in self.said.values() for a in asked
            if s.originator == originator and s.person in a.people and s.received_at >= a.at + 72 * HOUR
        ]  # fmt: skip
        failed = [a for a in self.attempts if a.act == "notice" and a.originator == originator]
        deaf = bool(again) or (bool(failed) and not any(a.outcome == ACCEPTED for a in failed))
        heard = [a.at + BOUNCES_WITHIN for a in failed if a.outcome == ACCEPTED]
        deaf |= bool(heard) and now >= window_end(min(heard)) + MONTH
        wrong = []
        # Nothing waits for one that can not be asked: nameless, or still too young.
        if originator != NAMELESS and now >= self.young_until.get(originator, 0) and not deaf:
            wrong.append("a complaint before the originator had its time")
        if told and (now < min(told) + 7 * DAY or now < max(told) + DAY):
            wrong.append("a complaint in the silence after another")
        for said in paid:
            since = self.asked_at(said.person, originator, now)
            if originator != NAMELESS and since is not None and since <= said.received_at < window_end(since):
                wrong.append("a complaint about mail inside its member's window")
        before = [
            a.at for a in self.attempts if a.act == "complaint"
            if (a.host, a.outcome, a.originator) == (BEFORE.get(host), ACCEPTED, originator)
        ]  # fmt: skip
        if host in BEFORE and originator not in self.found:
            wrong.append("a complaint beyond the host about mail in which nobody found harm")
        if host in BEFORE and not all(before and said.received_at >= min(before) + 3 * DAY for said in paid):
            wrong.append("a complaint to this tier before the one below it had its time")
        return wrong

    def _judge_notice(self, entry: NoticeIntended, originator: str, paid: list[Said], now: int) -> list[str]:
        before = [a for a in self.attempts if a.act == "notice" and a.originator == originator]
        return [
            sentence
            for sentence, wrong in (
                ("a notice that no person approved", bytes(entry.message) not in self.approved_notices),
                ("a fourth try of a notice", len(before) >= 3),
                ("a second notice", any(a.outcome == ACCEPTED for a in before)),
                ("fewer than five behind it", entry.try_number == 1 and len(self._behind(originator, now)) < 5),
            )
            if wrong
        ]

    def _behind(self, originator: str, now: int) -> set[str]:
        """Members who reported this originator lately, were not asked for, and whose own opt-out is not to come."""
        found = set()
        for said in self.said.values():
            person = self.people[said.person]
            tries = [a for a in self.attempts if a.act == "own" and a.originator == originator]
            waits = person.optout and sum(said.person in a.people for a in tries) < 3
            if said.originator == originator and not said.dead and now - said.received_at <= 30 * DAY:
                asked = self.asked_at(said.person, originator, now) is not None
                asked |= self.wanted(said.person, originator, now)
                if not (person.left or waits or asked or self.unsettled(said.person, originator, now)):
                    found.add(said.person)
        return found

    def judge_named(self, people: tuple[str, ...], said: list[Said], originator: str, now: int) -> list[str]:
        """Whom the rows of a notice name."""
        wrong = [] if len(people) >= 1 else ["a notice without a row"]
        for person in people:
            known = self.people[person]
            if known.left or not known.token or self.wanted(person, originator, now):
                wrong.append("a notice names somebody who did not agree")
            if self.asked_at(person, originator, now) is not None or self.unsettled(person, originator, now):
                wrong.append("a notice names somebody who was asked for, or waits")
        if any(each.dead for each in said):
            wrong.append("a notice has a row that was taken back")
        return wrong

    def settled(self, entry: Settled) -> None:
        """What the ledger says became of an attempt: only less than the destination said, never more."""
        for attempt in [a for a in self.attempts if a.intent == entry.intent]:
            attempt.unknown = entry.outcome is Outcome.UNKNOWN
            if (
                entry.outcome is Outcome.ACCEPTED
                and attempt.mail
                and (entry.day + 1) * DAY <= attempt.at + BOUNCES_WITHIN
            ):
                self.offences.append(f"entry {entry.intent} is called accepted while it may still bounce")
            if entry.outcome is Outcome.ACCEPTED and not attempt.lost and attempt.outcome == ACCEPTED:
                return
            if attempt.outcome == ACCEPTED:
                attempt.outcome = SPENT
        if entry.outcome is Outcome.ACCEPTED:
            self.offences.append(f"entry {entry.intent} is called accepted, and nobody heard that")

    def bytes_at(self, host: str) -> int:
        """TCP payload both ways."""
        return sum(a.bytes for a in self.attempts if a.host == host)


def _channels(entry: Intended) -> tuple[str, ...]:
    if isinstance(entry, ComplaintIntended):
        return "mail", "complaint"
    return ("one-click",) if entry.channel == 1 else ("mail",)
