"""One node in its town: what people do to it, what a crash does, and what its published ledger says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from antiphon.campaign.report import Report, Witness
from antiphon.campaign.sighting import Sighting
from antiphon.desk import approve, arm, click, withdraw
from antiphon.desk.arrival import Arrival
from antiphon.desk.disclose import openings
from antiphon.desk.enrol import add_member
from antiphon.desk.erase import heed_keys, leave
from antiphon.desk.log import HOUR_CLOSED, keep_number, number
from antiphon.desk.pair import decide
from antiphon.desk.receive import commit_delivery, take_back, take_report
from antiphon.desk.round import take_round
from antiphon.desk.settle import bounced, settle_interrupted
from antiphon.errors import AlreadyTaken, AnchorLost, IllegalTransition, MalformedInput, RefusedByLaw
from antiphon.ledger.allowance import Armed
from antiphon.ledger.audit import Report as Verdict
from antiphon.ledger.audit import audit
from antiphon.ledger.commitment import hide
from antiphon.ledger.entry import KeyRotated, Settled, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.ledger.opening import print_openings
from antiphon.optout.approval import Draft, Scope
from antiphon.optout.case import Case
from antiphon.optout.click import Shown
from antiphon.optout.destination import Pair, PairState
from antiphon.optout.known import KnownOriginator
from antiphon.ports import Store, Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, HOUR, MINUTE, SECOND, Instant, ledger_day
from tests.law.fuse import Crash
from tests.law.published import Published
from tests.law.tally import Leave, Person, Said
from tests.law.town import LOG, OPERATOR_KEY, ORIGINATORS, PEER, PEOPLE, Books, Originator, open_desk, signature
from tests.unit.desk.household import START

T = TypeVar("T")
NO = (RefusedByLaw, AlreadyTaken, IllegalTransition, MalformedInput)
BURST = 12
"""Rounds that follow each other within minutes, as pace allows."""


class Node:
    """The real desk over these books and this store. Every deed of a person returns None where it was refused."""

    def __init__(self, books: Books, store: Store) -> None:
        self.loop = asyncio.new_event_loop()
        self.books, self.tally, self.store = books, books.tally, store
        self.desk = open_desk(books, store, Instant(0))
        self.blind = False
        self.published = Published()

    # --- how it runs ------------------------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """To the end, or to the crash."""
        return self.loop.run_until_complete(work)

    def close(self) -> None:
        """Ends its loop."""
        self.loop.close()

    def tries(self, work: Coroutine[Any, Any, T]) -> T | None:
        """A person's deed, which may be refused."""
        try:
            return self.run(work)
        except NO:
            return None

    def start(self) -> None:
        """As `antiphon run` starts: key book and anchor are compared, what was interrupted is settled."""
        self.books.fuse.set(0)
        closed = self.run(self.store.read(lambda tx: number(tx, HOUR_CLOSED)))
        self.desk = open_desk(self.books, self.store, Instant((closed + 1) * HOUR))
        self.run(heed_keys(self.desk))
        with contextlib.suppress(AnchorLost):
            self.run(self.desk.log.check_anchor())
        self.tally.may_not_send = not self.desk.log.agrees
        if self.desk.log.agrees:
            self.run(settle_interrupted(self.desk))
        self.read()

    @property
    def now(self) -> Instant:
        """What time it is for the desk."""
        return self.desk.clock.now()

    def round(self, *, workers: int = 1) -> Instant:
        """One round, or two workers' at once over one store; a crash ends in a new start."""

        async def work() -> Instant:
            turns = [take_round(self.desk, self.books.disk) for _ in range(workers)]
            return min(await asyncio.gather(*turns))

        try:
            due = self.run(work())
        except Crash:
            self.run(asyncio.sleep(0))
            self.start()
            due = self.now
        self.read()
        return due

    def wait(self, span: int) -> None:
        """The node lives through a span, round by round."""
        until = self.books.time.at + span
        while (due := self.round()) < until:
            self.books.time.at = max(due, Instant(self.books.time.at + SECOND))
        self.books.time.at = Instant(until)
        self.round()

    def sleep(self, span: int, *, workers: int = 1) -> None:
        """The clock jumps; then rounds follow each other as long as one waits for the next."""
        self.books.time.at = Instant(self.books.time.at + span)
        for _ in range(BURST):
            due = self.round(workers=workers)
            if due > self.books.time.at + 10 * MINUTE:
                return
            self.books.time.at = max(due, self.books.time.at)

    def go_on_from_an_old_copy(self, old: Store, newest: Store) -> None:
        """A backup is restored while the anchor knows a later ledger; days later somebody puts the newest home back.
        Meanwhile a person publishes by hand, which must not make the anchor forget."""
        self.store, self.blind = old, True
        self.start()
        for turn in range(2):
            self.report(ORIGINATORS["shop.example"], PEOPLE[turn], 16_000)
            self.sleep(4 * DAY)
            with contextlib.suppress(AnchorLost):
                self.run(self.desk.log.anchor())
            self.start()
        self.store, self.blind = newest, False
        self.start()

    # --- what its ledger says ---------------------------------------------------------------------------------------

    def find(self, kind: type[T], **where: Any) -> list[T]:
        """Records, as any reader of the store finds them."""
        return self.run(self.store.read(lambda tx: tx.find(kind, **where)))

    def read(self) -> None:
        """Reads what is new in the ledger; not in one that goes on from an old copy."""
        if self.blind:
            return
        said = self.published
        for stored in self.find(StoredEntry, index__ge=said.size, order="index"):
            entry = parse_entry(stored.body)
            if isinstance(entry, Settled):
                self.tally.settled(entry)
            said.take(stored.index, entry)

    def check(self) -> None:
        """The inequality, at every host, by the host's own count."""
        assert not self.tally.offences, self.tally.offences
        assert not self.published.twice, f"a leaf or nullifier is spent twice by {self.published.twice}"
        sizes = self.books.disk.sizes
        assert sizes == sorted(sizes), "the anchor was set back"
        salts = {case.tag: case.salt for case in self.find(Case)}
        for host in {attempt.host for attempt in self.tally.attempts}:
            mine = [e for e in self.published.intents.values() if e.host == hide(salts[e.case], host)]
            attempts = [a for a in self.tally.attempts if a.host == host]
            leaves = {leaf.index for entry in mine for leaf in entry.leaves}
            assert len(attempts) <= len(mine) <= len(leaves), host
            sources = {source for a in attempts for source in self._payers(a.intent)}
            assert self.tally.bytes_at(host) <= sum(self.tally.said[s].size for s in sources), host

    def _payers(self, intent: int) -> list[str]:
        spent = [*self.find(Sighting, paid=intent), *self.find(Sighting, complained=intent)]
        return [self.books.sources[s.report] for s in spent]

    def audited(self, folder: Path) -> Verdict:
        """The verdict of the auditor on what is published, with every opening."""
        self.books.tally.stop_file = True
        self.start()
        self.round()
        for path, data in self.books.disk.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        opened = self.run(self.desk.store.read(lambda tx: print_openings(openings(tx, self.desk))))
        return audit(str(folder), openings=opened)

    # --- what people do ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A new home: the first two entries, members, what is known of the originators, armed."""

        async def work() -> None:
            def first(tx: Transaction) -> None:
                keep_number(tx, HOUR_CLOSED, START // HOUR - 1)
                desk.log.append(tx, KeyRotated(day=ledger_day(START), key=LOG.verifier.public,
                                               community=desk.house.community), START)  # fmt: skip
                for o in ORIGINATORS.values():
                    age = None if o.days_old is None else Instant(START - o.days_old * DAY)
                    seen = Instant(START - o.days_seen * DAY)
                    left = max(180 - (o.days_old or 0), 90 - o.days_seen)
                    self.tally.young_until[o.domain] = START + left * DAY
                    tx.put(KnownOriginator(o.domain, o.domain, "", seen, age, None, None, ""))

            desk = self.desk
            desk.log.found()
            await desk.store.write(first)
            prepared = await approve.prepare_operator(desk, "ada", OPERATOR_KEY, by=None)
            own = signature(prepared.sign)
            self.books.operator = await approve.submit_operator(desk, prepared, {}, own=own)
            await desk.log.anchor()

        self.run(work())
        for person in PEOPLE:
            self.enrol(person, "count,token")
        self.arm(Armed.COMMUNITY)

    def enrol(self, person: str, consents: str) -> None:
        """A mandate, a new one or other consents. A new one brings nothing back that was reported before."""
        if self.tries(add_member(self.desk, person, consents=consents)) is not None:
            said = ("token" in consents, "optout" in consents, self.now, "complain" in consents)
            self.tally.people[person] = Person(person, *said)

    def revoke(self, person: str, *, erase: bool) -> None:
        """A member leaves; all that it reported is dead for good."""
        if self._did(leave(self.desk, person) if erase else withdraw.revoke(self.desk, person)) is False:
            return
        self.tally.people[person].left = True
        for said in self.tally.said.values():
            said.dead |= said.person == person
        if erase:
            self.tally.forget(person)

    def arm(self, level: Armed) -> None:
        """Up through the live checks, down at once."""
        if level is Armed.OBSERVING:
            self.run(arm.disarm(self.desk, scope="everything", value="", who="ada", why="a test"))
            self.tally.armed = 0
        elif self.tries(arm.arm(self.desk, level)) is not None:
            self.tally.armed = int(level)

    def report(
        self,
        o: Originator,
        person: str,
        size: int,
        *,
        uploaded: bool = False,
        to_signed: bool = True,
        stored: bool = False,
    ) -> str:
        """A mail comes and is reported at once; what our own door did not see is an upload. `stored`: the mail store
        saw it come, and, where it is no upload, its member move it."""
        now = self.now
        raw, target = self.books.letter(o, person, size, now, to_signed=to_signed)
        source = f"mail {self.books.numbers}"
        self.books.raws[source] = raw
        self.tally.said[source] = Said(person, o.domain, target, len(raw), now, now, uploaded, to_signed=to_signed)
        self.tally.said[source].dead = self.tally.people[person].left
        mandates = self.find(Mandate, address=person)
        if not mandates:
            return source  # erased: nobody here looks after this mailbox any more
        mandate = mandates[0]

        async def work() -> None:
            if stored or not uploaded:
                witness = Witness.STORE if stored else Witness.MTA
                arrival = Arrival("delivery", "", b"", now, "lmtp", PEER, 25, False, b"")
                await commit_delivery(self.desk, mandate, raw, arrival, witness=witness)
            moved = stored and not uploaded
            report = await take_report(self.desk, mandate, raw, at=now, source=source, moved=moved)
            self.books.sources[report.report] = source

        self.run(work())
        return source

    def click(self, source: str, *, quick: bool) -> None:
        """A member clicks on what it was shown."""
        (report,) = self.find(Report, source=source) or (None,)
        if report is None:
            return

        async def work() -> list[Any]:
            shown: Shown = await click.show_click(self.desk, report.report)
            return await click.click(self.desk, [shown], quick=quick)

        if self.tries(work()):
            said = self.tally.said[source]
            said.clicked_at, said.quick, said.dead = self.now, quick, False

    def undo(self, source: str) -> None:
        """A member takes back what it said of one mail."""
        (report,) = self.find(Report, source=source) or (None,)
        if report is None:
            return
        with contextlib.suppress(RefusedByLaw):
            self.run(withdraw.undo(self.desk, report.report, who="a member"))
            self.tally.said[source].dead = True

    def take_out(self, source: str) -> None:
        """A member moves a mail from Junk to the inbox: it wants mail of that originator. Of an upload nobody here
        knows who that is."""
        said, mandates = self.tally.said[source], self.find(Mandate, address=self.tally.said[source].person)
        if mandates:
            self.run(take_back(self.desk, mandates[0], self.books.raws[source], at=self.now))
            said.dead = True
            if not said.uploaded and ORIGINATORS[said.originator].signed:
                self.tally.spared[said.person, said.originator] = self.now

    def case(self, domain: str) -> Case | None:
        """The newest case of an originator."""
        return max(self.find(Case, originator=domain), key=lambda case: case.epoch, default=None)

    def approve_notice(self, domain: str) -> None:
        """A person reads the draft and signs it."""
        case = self.case(domain)
        if case is None:
            return
        drafts = self.find(Draft, case=case.case)
        if self._sign(case, Scope.NOTICE) is not None:
            self.tally.approved_notices.add(sha256(drafts[0].message).digest())

    def approve_requests(self, domain: str, limit: int, days: int) -> None:
        """A person gives a standing approval."""
        case = self.case(domain)
        if case is None:
            return
        entry = self._sign(case, Scope.STANDING, limit=limit, days=days)
        if entry is not None:
            self.tally.leaves[entry] = Leave(domain, limit, self.now // DAY + days)

    def _sign(self, case: Case, scope: Scope, **wish: int) -> int | None:
        async def work() -> int:
            by = (self.books.operator,)
            prepared = await approve.prepare_approval(self.desk, case.case, scope, by=by, **wish)
            return await approve.submit_approval(self.desk, prepared, {by[0]: signature(prepared.sign)})

        return self.tries(work())

    def end_case(self, domain: str, how: str) -> None:
        """Withdrawn by a person; disputed or stopped by the originator; or a dispute decided."""
        case, who = self.case(domain), {"who": "somebody", "why": "a test"}
        if case is None:
            return
        before = self.tally.ended.get(domain)
        if how == "stopped":
            self.run(withdraw.stop_case(self.desk, case.case, domain, who="the originator"))
            self.tally.ended[domain] = "stopped"
        elif how == "disputed":
            if self.run(withdraw.dispute_case(self.desk, case.case, **who)):
                self.tally.ended[domain] = "disputed"
        elif how == "withdrawn":
            if self._did(withdraw.withdraw_case(self.desk, case.case, **who)):
                self.tally.ended[domain] = "withdrawn"
        elif self._did(withdraw.decide_dispute(self.desk, case.case, resume=how == "resumed", **who)):
            assert before == "disputed"
            self.tally.ended[domain] = "" if how == "resumed" else "closed"

    def _did(self, work: Coroutine[Any, Any, object]) -> bool:
        try:
            self.run(work)
        except NO:
            return False
        return True

    def halt(self, scope: str, value: str) -> None:
        """A kill switch. Of a case people name the originator."""
        case = self.case(value) if scope == "case" else None
        stored = case.case.hex() if case is not None else value
        if scope != "case" or case is not None:
            self.run(arm.disarm(self.desk, scope=scope, value=stored, who="ada", why="a test"))
            if (scope, value) == ("everything", ""):
                self.tally.armed = 0
            else:
                self.tally.halted.add((scope, value))

    def resume(self, scope: str, value: str) -> None:
        """A person has read why, and lets it go on."""
        case = self.case(value) if scope == "case" else None
        stored = case.case.hex() if case is not None else value
        self.run(arm.resume(self.desk, scope=scope, value=stored))
        self.tally.halted.discard((scope, value))
        for attempt in self.tally.attempts:
            if value == (attempt.host if scope == "host" else attempt.originator):
                attempt.unread.discard(scope)

    def decide_pairs(self, *, allow: bool) -> None:
        """A person decides on every pair that waits."""
        for pair in self.find(Pair, state=PairState.HELD):
            if self.tries(decide(self.desk, pair.pair, allow=allow, who="ada", why="a test")) is not None:
                self.tally.pairs[pair.domain] = allow

    def bounce(self, token: str) -> None:
        """The mail of one attempt comes back."""
        self.run(bounced(self.desk, token, "5.1.1"))
        self.read()
