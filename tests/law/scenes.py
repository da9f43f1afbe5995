"""For each rule of the law the one attempt that it alone refuses, with all else as it should be."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from antiphon.backends.memory import MemoryStore
from antiphon.desk import reconcile
from antiphon.ledger.allowance import Act, Armed
from antiphon.ledger.entry import ChannelKind
from antiphon.ports import CABINETS, Store
from antiphon.terms import DAY, HOUR, MINUTE
from tests.law.careless import ANN, BEN, SHOP, Wanted, attempt, complaint, notice, of, opt_out, request
from tests.law.fuse import copy_records
from tests.law.node import Node
from tests.law.stages import BIG, SMALL, newsletter, staged
from tests.law.tally import CARRIER
from tests.law.town import ORIGINATORS, PEOPLE, Books

POST = "post.example"


@cache
def ready(stage: str) -> tuple[Store, Books]:
    """Everything held long enough, committed and unspent: only a permit is missing."""
    store, books = staged(stage)
    node = Node(copy.deepcopy(books), MemoryStore(CABINETS))
    node.run(copy_records(store, node.store))
    node.start()
    if stage == "proposed":
        node.approve_notice(SHOP)
    if stage == "opting-out":
        node.decide_pairs(allow=True)
    node.tally.stop_file = True
    node.sleep(3 * DAY)
    node.decide_pairs(allow=True)
    node.tally.pairs |= {SHOP: True, POST: True, CARRIER: True}
    node.tally.stop_file = False
    node.books.time.at += HOUR
    node.close()
    return node.store, node.books


OPEN: list[Node] = []


def at(stage: str) -> Node:
    """A node of its own, ready at a stage."""
    store, books = ready(stage)
    node = Node(copy.deepcopy(books), MemoryStore(CABINETS))
    node.run(copy_records(store, node.store))
    OPEN.append(node)
    node.start()
    return node


Scene = Callable[[], tuple[Node, Wanted]]


def _armed() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.arm(Armed.OBSERVING)
    return node, request(node)


def _halted() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.halt("host", SHOP)
    return node, request(node)


def _anchor() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.books.disk.held = None
    node.start()
    return node, request(node)


def _case_allows() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.end_case(SHOP, "withdrawn")
    return node, request(node)


def stand_still(node: Node, span: int) -> None:
    """Time passes, and nothing of all that may leave does: it would use up what the one attempt needs."""
    node.tally.stop_file = True
    node.sleep(span)
    node.tally.stop_file = False


def _accountable() -> tuple[Node, Wanted]:
    node = at("opting-out")
    source = node.report(ORIGINATORS["nameless.example"], ANN, BIG)
    stand_still(node, 3 * DAY)
    return node, Wanted(Act.OWN_OPT_OUT, [source], domain="nameless.example")


def _usable() -> tuple[Node, Wanted]:
    node = at("requesting")
    to = {"usable": False, "target": "https://innocent.example/u/k3j5h2g9d8s7a6"}
    return node, request(node, changes=to)


def _pair() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.tally.pairs[SHOP] = False
    return node, request(node, changes={"pair_allowed": False})


def _stop() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.books.rows[f"_antiphon.{SHOP}", "TXT"] = ("v=antiphon1; stop",)
    return node, request(node, changes={"no_stop_published": False})


def _approved() -> tuple[Node, Wanted]:
    node = at("requesting")
    return node, request(node, approval=max(e for e, w in node.tally.leaves.items() if w.originator == POST))


def _named() -> tuple[Node, Wanted]:
    node = at("proposed")
    node.undo(of(node, BEN)[0])
    return node, notice(node)


def _paid() -> tuple[Node, Wanted]:
    node = at("requesting")
    return node, request(node, sources=[], target="https://shop.example/u/x", reserve=0)


def _same_case() -> tuple[Node, Wanted]:
    node = at("requesting")
    return node, request(node, sources=[*of(node, ANN), *of(node, BEN, domain=POST)])


def _distinct() -> tuple[Node, Wanted]:
    node = at("requesting")
    return node, request(node, ANN, ANN)


def _covered() -> tuple[Node, Wanted]:
    node = at("opting-out")
    source = node.report(ORIGINATORS[SHOP], ANN, SMALL)
    node.tally.stop_file = True
    node.sleep(3 * DAY)
    node.tally.stop_file = False
    return node, opt_out(node, sources=[source])


def _one_member() -> tuple[Node, Wanted]:
    node = at("opting-out")
    return node, opt_out(node, ANN, BEN)


def _mandate() -> tuple[Node, Wanted]:
    node = at("opting-out")
    node.books.time.at += 345 * DAY
    source = node.report(ORIGINATORS[SHOP], ANN, BIG)
    node.tally.stop_file = True
    node.sleep(20 * DAY)
    node.tally.stop_file = False
    return node, opt_out(node, sources=[source])


def _identify() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.enrol(ANN, "count")
    return node, request(node)


def _complain() -> tuple[Node, Wanted]:
    node = at("deaf")
    node.enrol(ANN, "count,token")
    return node, complaint(node)


def _upload() -> tuple[Node, Wanted]:
    node = at("opting-out")
    source = node.report(ORIGINATORS[SHOP], ANN, BIG, uploaded=True)
    node.click(source, quick=False)
    node.tally.stop_file = True
    node.sleep(3 * DAY)
    node.sleep(DAY)
    node.tally.stop_file = False
    return node, opt_out(node, sources=[source])


def _clicked() -> tuple[Node, Wanted]:
    node = at("opting-out")
    return node, opt_out(node, act=Act.CLICKED_OPT_OUT)


def _consented() -> tuple[Node, Wanted]:
    node = at("opting-out")
    node.enrol(ANN, "count,token")
    return node, opt_out(node)


def _committed() -> tuple[Node, Wanted]:
    node = at("opting-out")
    source = node.report(ORIGINATORS[SHOP], ANN, BIG)
    stand_still(node, 3 * HOUR)
    node.books.time.at += 50 * HOUR
    newsletter(node, POST)  # closes the hours, and nothing is published
    return node, opt_out(node, sources=[source])


def _held() -> tuple[Node, Wanted]:
    node = at("opting-out")
    source = node.report(ORIGINATORS[SHOP], ANN, BIG)
    stand_still(node, 18 * HOUR)
    return node, opt_out(node, sources=[source])


def _fresh() -> tuple[Node, Wanted]:
    node = at("opting-out")
    # No round: what it knows of the mail would have faded, and could not pay without the rule either.
    node.books.time.at += 31 * DAY
    return node, opt_out(node)


def _retired() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.books.disk.held = None
    node.start()
    node.run(reconcile.retire(node.desk, why="lost"))
    for said in node.tally.said.values():
        said.dead = True
    node.start()
    node.arm(Armed.COMMUNITY)
    return node, request(node)


def _retracted() -> tuple[Node, Wanted]:
    node = at("requesting")
    node.undo(of(node, ANN)[0])
    return node, request(node)


def _spared() -> tuple[Node, Wanted]:
    node = at("requesting")
    mine = [s for s, said in node.tally.said.items() if (said.person, said.originator) == (ANN, SHOP)]
    node.take_out(mine[0])
    return node, request(node)


def _unspent() -> tuple[Node, Wanted]:
    node = at("requesting")
    attempt(node, request(node))
    node.books.time.at += 2 * MINUTE
    return node, request(node)


def _twice(node: Node, *, outcome: str = "accepted", apart: int = 2 * DAY) -> str:
    """An own opt-out was made, and another mail of the same member is ready some time later."""
    first, second = (node.report(ORIGINATORS[SHOP], ANN, BIG) for _ in range(2))
    node.tally.stop_file = True
    node.sleep(4 * DAY)
    node.tally.stop_file = False
    node.books.outcome = outcome
    attempt(node, opt_out(node, sources=[first]))
    node.books.outcome = "accepted"
    node.books.time.at += apart
    return second


def _asked() -> tuple[Node, Wanted]:
    node = at("opting-out")
    return node, opt_out(node, sources=[_twice(node)])


def _waiting() -> tuple[Node, Wanted]:
    node = at("proposed")
    attempt(node, notice(node))
    node.books.time.at += 2 * MINUTE
    node.enrol(ANN, "count,token,optout")
    source = node.report(ORIGINATORS[SHOP], ANN, BIG)
    node.tally.stop_file = True
    node.books.time.at += 52 * HOUR
    node.round()
    node.tally.stop_file = False
    return node, opt_out(node, sources=[source])


def _tries() -> tuple[Node, Wanted]:
    node = at("opting-out")
    sources = [node.report(ORIGINATORS[SHOP], ANN, BIG) for _ in range(4)]
    node.tally.stop_file = True
    node.sleep(4 * DAY)
    node.tally.stop_file = False
    node.books.outcome = "failed"
    for source in sources[:3]:
        attempt(node, opt_out(node, sources=[source]))
        node.books.time.at += 25 * HOUR
    return node, opt_out(node, sources=sources[3:])


def _apart() -> tuple[Node, Wanted]:
    node = at("opting-out")
    return node, opt_out(node, sources=[_twice(node, outcome="failed", apart=23 * HOUR)])


def _window() -> tuple[Node, Wanted]:
    node = at("waiting")
    inside = node.report(ORIGINATORS[SHOP], ANN, BIG)
    node.tally.stop_file = True
    node.sleep(18 * DAY)
    newsletter(node, SHOP)
    node.approve_requests(SHOP, 20, 30)
    node.sleep(3 * DAY)
    node.tally.stop_file = False
    return node, request(node, sources=[inside])


def _quorum() -> tuple[Node, Wanted]:
    node = at("proposed")
    for person in PEOPLE[1:3]:
        node.enrol(person, "count,token,optout")
    return node, notice(node)


def _mail_spaced() -> tuple[Node, Wanted]:
    node = at("opting-out")
    first, second = (node.report(ORIGINATORS[POST], ANN, BIG) for _ in range(2))
    node.tally.stop_file = True
    node.sleep(4 * DAY)
    node.tally.stop_file = False
    wanted = Wanted(Act.OWN_OPT_OUT, [first], domain=POST, changes={"kind": ChannelKind.MAIL})
    node.books.mail_outcome = "failed"
    attempt(node, wanted)
    node.books.time.at += 25 * HOUR
    return node, replace(wanted, sources=[second])


def _to_signed() -> tuple[Node, Wanted]:
    node = at("opting-out")
    attempt(node, opt_out(node))
    node.tally.stop_file = True
    node.sleep(18 * DAY)
    source = node.report(ORIGINATORS[SHOP], ANN, BIG, to_signed=False)
    node.click(source, quick=False)
    node.sleep(3 * DAY)
    node.sleep(DAY)
    node.tally.stop_file = False
    return node, Wanted(Act.CLICKED_REQUEST, [source])


def _pace() -> tuple[Node, Wanted]:
    node = at("requesting")
    attempt(node, request(node))
    return node, request(node, BEN)


SCENES: dict[str, Scene] = {
    "armed": _armed,
    "not-halted": _halted,
    "anchor-agrees": _anchor,
    "case-allows": _case_allows,
    "accountable": _accountable,
    "channel-usable": _usable,
    "pair-allowed": _pair,
    "no-stop-published": _stop,
    "approved": _approved,
    "named-stand": _named,
    "paid": _paid,
    "same-case": _same_case,
    "distinct": _distinct,
    "covered": _covered,
    "one-member": _one_member,
    "mandate-live": _mandate,
    "may-identify": _identify,
    "may-complain": _complain,
    "class-allows": _upload,
    "clicked": _clicked,
    "consented": _consented,
    "committed": _committed,
    "hold-over": _held,
    "fresh": _fresh,
    "not-retracted": _retracted,
    "not-spared": _spared,
    "not-retired": _retired,
    "unspent": _unspent,
    "not-asked-for": _asked,
    "none-waiting": _waiting,
    "tries-left": _tries,
    "tries-apart": _apart,
    "window-over": _window,
    "quorum": _quorum,
    "mail-spaced": _mail_spaced,
    "to-signed": _to_signed,
    "pace": _pace,
}
