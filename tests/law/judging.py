"""A person of the town reads the mail of one originator, and signs what it is."""

from __future__ import annotations

from antiphon.desk.judge import Deed, prepare_judgement, submit_judgement
from tests.law.node import Node
from tests.law.town import signature


def judge_harm(node: Node, domain: str, deed: Deed) -> None:
    """Found, or taken back; refused where there is no mail of it."""

    async def work() -> str:
        judged = await prepare_judgement(node.desk, domain, deed, "imitates a bank", by=node.books.operator)
        return await submit_judgement(node.desk, judged, signature(judged.sign))

    if node.tries(work()) is not None:
        (node.tally.found.discard if deed is Deed.HARMLESS else node.tally.found.add)(domain)
