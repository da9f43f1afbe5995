"""An originator at the sender desk: it proves its key, fetches rows, and checks each against what it knows (LAW §8)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from antiphon.desk.rows import challenge, fetch, granted, prove, say
from antiphon.errors import AnchorLost, RefusedByLaw
from antiphon.optout.rows import RowStatus, text_to_sign
from antiphon.terms import DAY
from tests.law.node import Node
from tests.unit.formats.dkim_vectors import SIGNER


def hand_over(node: Node, domain: str, *, opted_in: bool = False) -> None:
    """Everybody in the file is asked for from now on. `opted_in`: the originator shows a recorded opt-in for the first
    row."""
    case = node.case(domain)
    if case is None:
        return

    async def work() -> None:
        asked = await challenge(node.desk, case)
        signature = SIGNER.sign(text_to_sign(case.tag, asked.nonce), PKCS1v15(), SHA256())
        secret = await prove(node.desk, case, asked.nonce, signature)
        grant = await granted(node.desk, case, secret) if secret is not None else None
        if grant is None:
            return
        found = await fetch(node.desk, grant)
        now, people = node.now, set[str]()
        for line in found.lines:
            said = node.tally.said[f"mail {line.message_id.strip('<').partition('@')[0]}"]
            people.add(said.person)
            node.tally.handed.setdefault((said.person, domain), now)
            node.tally.offences += _wrong(node, domain, line.message_id)
        if len(people) != len(found.lines):
            node.tally.offences.append("a person stands in two rows")
        if opted_in and found.lines:
            await say(node.desk, grant, [(found.lines[0].row, RowStatus.OPTED_IN, "a form of 3 May")])
            first = node.tally.said[f"mail {found.lines[0].message_id.strip('<').partition('@')[0]}"]
            node.tally.spared[first.person, domain] = now

    try:
        node.run(work())
    except (RefusedByLaw, AnchorLost):
        return


def _wrong(node: Node, domain: str, message_id: str) -> list[str]:
    """What a row says that it must not say."""
    said = node.tally.said[f"mail {message_id.strip('<').partition('@')[0]}"]
    person = node.tally.people[said.person]
    doubts = {
        "a row of another originator's mail": said.originator != domain,
        "a row of somebody without token": not person.token or person.left,
        "a row of what was taken back": said.dead,
        "a row of what is held": node.now - said.received_at < DAY,
        "a row in a case that is over": node.tally.ended.get(domain, "") in ("stopped", "withdrawn", "closed"),
        "a row of somebody who wants that mail": node.tally.wanted(said.person, domain, node.now),
    }
    return [sentence for sentence, true in doubts.items() if true]
