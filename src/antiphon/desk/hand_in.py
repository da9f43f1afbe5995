"""What the mail store, or a person by the pipe, says of one message: whose it is, and into the spool (LAW §3)."""

from __future__ import annotations

from antiphon.desk.answer import box_of
from antiphon.desk.arrival import spool_mail
from antiphon.desk.desk import Desk
from antiphon.desk.probe import door_of
from antiphon.errors import RefusedByLaw
from antiphon.formats.handed import Event, Handed
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import Instant

SOURCES = {Event.REPORTED: "pipe", Event.JUNKED: "junk", Event.RETRACTED: "junk", Event.DELIVERED: "store"}
"""Which door a statement came through, as reports name it."""


async def hand_in(desk: Desk, handed: Handed, at: Instant | None) -> None:
    """Durable when this returns. What a mail store tells of a mailbox without a live mandate is forgotten at once; a
    person who hands a message in is told. Raises RefusedByLaw, StorageFailed."""
    box = box_of(desk, handed.mailbox)
    if box is not None and box[0] == "probe" and door_of(desk, box[1]) == "reports":
        await spool_mail(desk, "probe", None, handed.raw, token=box[1], source="reports")
        return
    member = await desk.store.read(lambda tx: member_of(tx, desk, handed.mailbox))
    if member is None:
        if handed.event is Event.REPORTED:
            raise RefusedByLaw(
                f"{handed.mailbox} is not a member.", ("known",), advice="`antiphon member add` enrols it."
            )
        return
    # Whoever laid it down can set its time; it did not come later than now.
    when = None if at is None else Instant(min(at, desk.clock.now()))
    await spool_mail(desk, handed.event.value, member, handed.raw, source=SOURCES[handed.event], at=when)


def member_of(tx: Transaction, desk: Desk, mailbox: str) -> Mandate | None:
    """The mandate of a mailbox, named by its address, or by its local part where one domain is hosted alone; None where
    it is no member's, or the member has left."""
    hosted = desk.house.hosted_domains
    name = mailbox if "@" in mailbox or len(hosted) != 1 else f"{mailbox}@{hosted[0]}"
    found = tx.find(Mandate, address=name.lower())
    gone = not found or found[0].state is MandateState.REVOKED or found[0].data_key is None
    return None if gone else found[0]
