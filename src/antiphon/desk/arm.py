"""Arming and halting: the unsafe direction reads and checks, the safe one is one step (LAW §5)."""

from __future__ import annotations

from contextlib import suppress

from antiphon.desk.desk import ARMED, Desk
from antiphon.desk.history import look_by
from antiphon.errors import AnchorLost, RefusedByLaw, StorageFailed
from antiphon.ledger.allowance import Armed
from antiphon.optout.case import Case
from antiphon.optout.destination import Halt
from antiphon.ports import Answer, Setting, Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import Instant


async def arm(desk: Desk, level: Armed) -> tuple[str, ...]:
    """Lets attempts out up to this level, after live checks. Raises RefusedByLaw with every check that failed."""
    failed = await failures(desk, level)
    if failed:
        raise RefusedByLaw("This node can not be armed yet; it goes on observing.", failed)

    def work(tx: Transaction) -> None:
        tx.put(Setting(ARMED, bytes([level])))
        for case in tx.find(Case):
            look_by(tx, case.case, desk.clock.now())

    await desk.store.write(work)
    return ()


async def failures(desk: Desk, level: Armed) -> tuple[str, ...]:
    """Every live check of this level that fails now, in words."""
    house = desk.house
    now = desk.clock.now()
    # Read anew: it may have been lost since. Where it was lost before, only a new start finds it again.
    if desk.log.agrees:
        with suppress(AnchorLost, StorageFailed):
            await desk.log.check_anchor()
    found = await desk.store.read(lambda tx: tx.find(Mandate, state=MandateState.LIVE))
    checks: list[tuple[str, bool]] = [
        ("no member has a proved mandate", any(mandate.live_at(now) for mandate in found)),
        (f"the anchor does not agree: {desk.log.lost.sentence()}", desk.log.agrees),
    ]
    if level is Armed.COMMUNITY:
        signed = [await desk.resolver.ask(name, "TXT") for name in desk.mail_signer.records()]
        published = [answer.values[0] if len(answer.values) == 1 else "" for answer in signed]
        exchanger = await desk.resolver.ask(house.domain, "MX")
        address = await desk.resolver.ask(house.domain, "A")
        names = await desk.resolver.ask(address.values[0], "PTR") if address.values else None
        checks += [
            (
                "the operator's legal name and postal address are not set",
                bool(house.legal_name and house.postal_address),
            ),
            ("the DKIM keys are not in DNS as they are here", published == list(desk.mail_signer.records().values())),
            (f"mail to {house.domain} has no exchanger", any(v.split()[-1:] != ["."] for v in exchanger.values)),
            (f"reverse DNS does not name {house.domain}", names is not None and house.domain in names.values),
            ("the public URL does not show this ledger", await desk.is_public()),
        ]
        refused = await reply_mailbox(desk, exchanger)
        checks.append((f"mail to {reply_probe(desk)} is not taken: {refused}", not refused))
    return tuple(sentence for sentence, holds in checks if not holds)


def reply_probe(desk: Desk) -> str:
    """An address of the kind that notices name as Reply-To; no case has it."""
    return f"reply+{'arming'.ljust(24, '0')}@{desk.house.domain}"


async def reply_mailbox(desk: Desk, exchanger: Answer) -> str:
    """Why an answer to a notice would not reach this node; empty where its mail exchanger, as the world finds it, takes
    mail for such an address. Asks it, and sends nothing."""
    ranked = sorted((int(p), name) for p, _, name in (v.partition(" ") for v in exchanger.values) if p.isdigit())
    host = ranked[0][1].rstrip(".").lower() if ranked else ""
    if not host:
        return "there is no exchanger"
    found = await desk.resolver.ask(host, "A")
    if not found.values:
        return f"{host} has no address"
    return await desk.postman.takes(sorted(found.values)[0], host, reply_probe(desk))


async def disarm(desk: Desk, *, scope: str, value: str, who: str, why: str, until: Instant | None = None) -> None:
    """Stops everything, or one host, case or kind of channel: at once and without asking back."""

    def work(tx: Transaction) -> None:
        if scope == "everything":
            tx.put(Setting(ARMED, bytes([Armed.OBSERVING])))
        else:
            tx.put(Halt(scope, value, desk.clock.now(), until, who, why))

    await desk.store.write(work)


async def resume(desk: Desk, *, scope: str, value: str) -> None:
    """A person has read why something was halted and lets it go on."""

    def work(tx: Transaction) -> None:
        tx.drop(Halt, scope, value)
        for case in tx.find(Case):
            look_by(tx, case.case, desk.clock.now())

    await desk.store.write(work)
