"""Any interleaving of what people, destinations, clocks and crashes do: the law holds after every step (LAW §2-§5)."""

from __future__ import annotations

import asyncio
import copy
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from antiphon.backends.memory import MemoryStore
from antiphon.backends.sqlite import SqliteStore, migrate, shipped
from antiphon.desk.judge import Deed
from antiphon.ledger.allowance import Armed
from antiphon.ports import CABINETS, Store
from antiphon.terms import DAY, HOUR
from tests.law.fetching import hand_over
from tests.law.fuse import STEPS, copy_records
from tests.law.judging import judge_harm
from tests.law.node import Node
from tests.law.stages import BIG, SMALL, STAGES, newsletter, staged
from tests.law.town import NEVER, ORIGINATORS, PEOPLE

pytestmark = pytest.mark.timeout(600 * int(os.environ.get("ANTIPHON_LAW", "1")))
LONGER = int(os.environ.get("ANTIPHON_LAW", "1"))
"""How many times the usual number of runs: `ANTIPHON_LAW=20 make law` for a night."""
EAGER = "count,token,optout"
HARMFUL = [Deed.PHISHING, Deed.PHISHING, Deed.HARMLESS]
SWITCHES = {"host": "shop.example", "case": "post.example", "channel": "mail"}
originators = st.sampled_from(sorted(ORIGINATORS))
asked = st.sampled_from(["shop.example", "post.example"])
people = st.sampled_from(PEOPLE)
numbers = st.integers(0, 200)
seen = st.sampled_from(
    [{"stored": stored, "uploaded": uploaded} for stored in (False, True) for uploaded in (False, True)]
)
"""Who saw a mail come, and whether its member moved it: classes A, B and C."""


class Law(RuleBasedStateMachine):
    """A node in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="antiphon-law-")
        self.homes = 0

    def new_store(self) -> Store:
        """Where this machine keeps its truth."""
        return MemoryStore(CABINETS)

    @initialize(
        stage=st.sampled_from([*STAGES, "opting-out", "deaf"]),
        outcome=st.sampled_from(["accepted", "accepted", "failed", "unknown", "too-many"]),
        mail=st.sampled_from(["accepted", "accepted", "failed"]),
    )
    def begin(self, stage: str, outcome: str, mail: str) -> None:
        store, books = staged(stage)
        self.node = Node(copy.deepcopy(books), self.new_store())
        self.node.run(copy_records(store, self.node.store))
        self.node.books.outcome, self.node.books.mail_outcome = outcome, mail
        self.node.books.retry_after = 7200
        self.node.start()

    # --- mail and members -------------------------------------------------------------------------------------------

    @rule(domain=asked, size=st.sampled_from([BIG, BIG, SMALL]), days=st.sampled_from([0, 3, 4]), regret=st.booleans())
    def everybody_reports(self, domain: str, size: int, days: int, regret: bool) -> None:
        newsletter(self.node, domain, size)
        if regret:
            self.node.undo(self._said(0))
        self.node.sleep(days * DAY)

    @rule(domain=originators, person=people, size=st.sampled_from([BIG, SMALL]), seen=seen)
    def one_reports(self, domain: str, person: str, size: int, seen: dict[str, bool]) -> None:
        self.node.report(ORIGINATORS[domain], person, size, **seen)

    @rule(domain=originators, person=people, seen=seen, quick=st.booleans())
    def one_reports_and_clicks(self, domain: str, person: str, seen: dict[str, bool], quick: bool) -> None:
        self.node.click(self.node.report(ORIGINATORS[domain], person, BIG, **seen), quick=quick)

    def _said(self, number: int) -> str:
        """One of the newest reports."""
        said = list(self.node.tally.said)
        return said[-1 - number % len(said)] if said else ""

    @rule(number=numbers, quick=st.booleans())
    def one_clicks(self, number: int, quick: bool) -> None:
        if source := self._said(number):
            self.node.click(source, quick=quick)

    @rule(number=numbers)
    def one_takes_a_report_back(self, number: int) -> None:
        if source := self._said(number):
            self.node.undo(source)

    @rule(number=numbers)
    def one_takes_mail_out_of_junk(self, number: int) -> None:
        if source := self._said(number):
            self.node.take_out(source)

    @rule(
        person=people,
        what=st.sampled_from(["leave", "erase", "count", "count,token", "count,token,optout", "count,complain"]),
    )
    def one_decides_anew(self, person: str, what: str) -> None:
        if what in ("leave", "erase"):
            self.node.revoke(person, erase=what == "erase")
        else:
            self.node.enrol(person, what)

    @rule()
    def all_want_to_be_opted_out(self) -> None:
        for person in PEOPLE:
            self.node.enrol(person, EAGER)

    @rule()
    def all_agree_to_complaints(self) -> None:
        for person in PEOPLE:
            self.node.enrol(person, "count,token,complain")

    # --- operators and originators ----------------------------------------------------------------------------------

    @rule(domain=asked, limit=st.sampled_from([1, 2, 20, 80]), days=st.sampled_from([0, 3, 30]))
    def a_person_approves(self, domain: str, limit: int, days: int) -> None:
        self.node.approve_notice(domain)
        self.node.approve_requests(domain, limit, days)

    @rule(domain=asked, how=st.sampled_from(["disputed", "resumed", "resumed", "closed", "withdrawn", "stopped"]))
    def a_case_is_ended(self, domain: str, how: str) -> None:
        self.node.end_case(domain, how)

    @rule(domain=st.sampled_from(["nameless.example", "shop.example"]), deed=st.sampled_from(HARMFUL))
    def a_person_reads_the_mail(self, domain: str, deed: Deed) -> None:
        judge_harm(self.node, domain, deed)

    @rule(domain=asked, opted_in=st.sampled_from([False, False, True]))
    def an_originator_fetches_its_rows(self, domain: str, opted_in: bool) -> None:
        hand_over(self.node, domain, opted_in=opted_in)

    @rule(what=st.sampled_from(["host", "case", "channel", "observe", "own", "file", "pairs", "complaints"]))
    def a_person_stands_in_the_way(self, what: str) -> None:
        if what in SWITCHES:
            self.node.halt(what, SWITCHES[what])
        elif what == "complaints":
            self.node.halt("channel", "complaint")
        elif what in ("observe", "own"):
            self.node.arm(Armed.OBSERVING if what == "observe" else Armed.OWN)
        elif what == "pairs":
            self.node.decide_pairs(allow=False)
        else:
            self.node.tally.stop_file = True

    @rule()
    def all_is_let_go_again(self) -> None:
        self.node.tally.stop_file = False
        for domain in ("shop.example", "post.example"):
            for scope in ("host", "case"):
                self.node.resume(scope, domain)
        self.node.resume("channel", "mail")
        self.node.resume("channel", "complaint")
        self.node.arm(Armed.COMMUNITY)
        self.node.decide_pairs(allow=True)

    # --- the world --------------------------------------------------------------------------------------------------

    @rule(
        outcome=st.sampled_from(["accepted", "refused", "too-many", "redirected", "failed", "unknown", "certificate"]),
        mail=st.sampled_from(["accepted", "failed", "unknown"]),
        retry=st.sampled_from([None, 90, 7200]),
        took=st.sampled_from([0.1, 30.0]),
    )
    def hosts_change_their_mood(self, outcome: str, mail: str, retry: int | None, took: float) -> None:
        books = self.node.books
        books.outcome, books.mail_outcome, books.retry_after, books.took = outcome, mail, retry, took

    @rule(number=st.integers(0, 3))
    def a_mail_bounces(self, number: int) -> None:
        if bounces := self.node.books.bounces:
            self.node.bounce(bounces[-1 - number % len(bounces)])

    @rule(domain=asked, text=st.sampled_from(["v=antiphon1; stop", "", "", "v=antiphon1; what", "down"]))
    def a_stop_record(self, domain: str, text: str) -> None:
        books, name = self.node.books, f"_antiphon.{domain}"
        books.down.discard(name)
        books.rows.pop((name, "TXT"), None)
        if text == "down":
            books.down.add(name)
        elif text:
            books.rows[name, "TXT"] = (text,)

    @rule(hours=st.integers(1, 8))
    def hours_pass(self, hours: int) -> None:
        self.node.wait(hours * HOUR)

    @rule(days=st.sampled_from([1, 3, 4, 15, 16, 17, 31]), workers=st.sampled_from([1, 1, 2, 3]))
    def days_pass(self, days: int, workers: int) -> None:
        self.node.sleep(days * DAY, workers=workers)

    @rule(
        ticks=st.sampled_from([1, 1, 2, 3, 5, 12]),
        step=st.sampled_from(["", *STEPS, "sent", "socket"]),
        days=st.sampled_from([0, 3, 3, 18]),
        dies=st.sampled_from([True, True, False]),
    )
    def something_happens_in_the_middle(self, ticks: int, step: str, days: int, dies: bool) -> None:
        """The node dies, or a person touches STOP, at a step that matters."""
        newsletter(self.node, "shop.example")
        tally = self.node.tally
        self.node.books.fuse.set(ticks, step, None if dies else lambda: setattr(tally, "stop_file", True))
        self.node.sleep(days * DAY)
        self.node.start()

    @rule(days=st.sampled_from([1, 3, 18]))
    def an_old_copy_is_restored(self, days: int) -> None:
        old, node = self.new_store(), self.node
        node.run(copy_records(node.store, old))
        then = node.published.size
        node.sleep(days * DAY)
        if node.published.size > then and node.books.disk.sizes[-1] > then:
            node.go_on_from_an_old_copy(old, node.store)
        node.run(old.close())

    @rule(hours=st.sampled_from([1, 30, 24 * 40]), days=st.sampled_from([0, 3]))
    def the_clock_is_set_back(self, hours: int, days: int) -> None:
        self.node.books.time.at -= hours * HOUR
        self.node.start()
        newsletter(self.node, "shop.example")
        self.node.sleep(days * DAY)

    # --- always -----------------------------------------------------------------------------------------------------

    @invariant()
    def the_law_holds(self) -> None:
        if hasattr(self, "node"):
            self.node.check()
            assert not [a for a in self.node.tally.attempts if a.host in NEVER]

    def teardown(self) -> None:
        try:
            if hasattr(self, "node"):
                verdict = self.node.audited(Path(self.folder.name) / "ledger")
                assert verdict.consistent, verdict.text()
                assert verdict.lawful, verdict.text()
        finally:
            if hasattr(self, "node"):
                self.node.run(self.node.store.close())
                self.node.close()
            self.folder.cleanup()


class LawOnDisk(Law):
    """The same over SQLite."""

    def new_store(self) -> Store:
        self.homes += 1
        path = Path(self.folder.name) / f"{self.homes}.db"
        migrate(str(path), shipped(), Path(self.folder.name) / "snapshots")
        return asyncio.run(_opened(path))


async def _opened(path: Path) -> Store:
    return SqliteStore(str(path), CABINETS)


OFTEN = settings(
    max_examples=40 * LONGER,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    # The first offence is shown as it was found; a longer run takes the time to make it short.
    phases=list(Phase) if LONGER > 1 else [Phase.explicit, Phase.reuse, Phase.generate],
)
TestLaw = Law.TestCase
TestLaw.settings = OFTEN
TestLawOnDisk = LawOnDisk.TestCase
TestLawOnDisk.settings = settings(OFTEN, max_examples=5 * LONGER)
