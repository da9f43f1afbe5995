"""The ladder up to some stage, played once without a disturbance; machines and scenes go on from copies."""

from __future__ import annotations

from functools import cache

from antiphon.backends.memory import MemoryStore
from antiphon.ports import CABINETS, Store
from antiphon.terms import DAY, HOUR
from tests.law.node import Node
from tests.law.town import ORIGINATORS, PEOPLE, Books

BIG, SMALL = 16_000, 5_000
STAGES = ("begun", "opting-out", "proposed", "waiting", "requesting", "deaf")


def newsletter(node: Node, domain: str, size: int = BIG) -> None:
    """Everybody gets a mail and reports it."""
    for person in PEOPLE:
        node.report(ORIGINATORS[domain], person, size)


def _all(node: Node, consents: str) -> None:
    """Everybody decides anew."""
    for person in PEOPLE:
        node.enrol(person, consents)


def stage_of(node: Node, stage: str) -> None:
    """The ladder up to a stage, without a disturbance."""
    node.begin()
    node.sleep(8 * DAY)
    if stage == "begun":
        return
    if stage == "opting-out":
        _all(node, "count,token,optout")
    for domain in ("shop.example", "post.example"):
        newsletter(node, domain)
    for _ in range(3 if stage == "opting-out" else 0):
        newsletter(node, "shop.example")
    node.sleep(4 * DAY)
    if stage == "opting-out":
        # Looked up, and held: nothing leaves before a person has allowed the pair.
        node.decide_pairs(allow=True)
        return
    node.decide_pairs(allow=True)
    if stage != "proposed":
        _noticed(node, stage)


def _noticed(node: Node, stage: str) -> None:
    for domain in ("shop.example", "post.example"):
        node.approve_notice(domain)
    node.sleep(HOUR)
    node.decide_pairs(allow=True)
    node.sleep(HOUR)
    node.sleep(4 * DAY)
    if stage == "waiting":
        return
    node.sleep(17 * DAY)
    for domain in ("shop.example", "post.example"):
        newsletter(node, domain)
        node.approve_requests(domain, 4, 30)
    node.sleep(DAY)
    if stage == "deaf":
        _goes_on(node)


def _goes_on(node: Node) -> None:
    # Requests were made and did not help: the next mails are what its host may be told of.
    node.sleep(3 * DAY)
    _all(node, "count,token,complain")
    node.sleep(4 * DAY)
    newsletter(node, "shop.example")
    newsletter(node, "nameless.example")


@cache
def staged(stage: str) -> tuple[Store, Books]:
    """A stage, made once; whoever plays on takes copies."""
    node = Node(Books(), MemoryStore(CABINETS))
    stage_of(node, stage)
    node.check()
    node.close()
    return node.store, node.books
