"""Members come: hosted mailboxes at once, others when a signed mail from the address itself proves it (LAW §3)."""

from __future__ import annotations

import base64
from dataclasses import replace

from antiphon.desk.arrival import Fetched
from antiphon.desk.desk import Desk
from antiphon.desk.welcome import note_welcome
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.dkim import verify
from antiphon.formats.domain import organisational_domain, parse_domain
from antiphon.formats.message import Message
from antiphon.ports import Transaction
from antiphon.registry.agreement import VERSION
from antiphon.registry.mandate import Agreement, Consent, Mandate, MandateState, consents_of, is_role, proved
from antiphon.registry.proof import Proving, faults
from antiphon.terms import Domain


async def add_member(
    desk: Desk, address: str, *, consents: str, only: str = "", by_postmaster: bool = False
) -> Mandate:
    """A new mandate, or other consents for a known one. Hosted addresses are live at once; others wait for proof.

    A role or shared mailbox is nobody's own: only the postmaster of a domain that is hosted here enrols one. Raises
    MalformedInput for a bad address or consent, RefusedByLaw for such a mailbox.
    """
    folded, host, chosen = _asked(address, consents)
    hosted = host in desk.house.hosted_domains
    _check_one_person(folded, allowed=hosted and by_postmaster)

    def work(tx: Transaction) -> Mandate:
        now = desk.clock.now()
        known = tx.find(Mandate, address=folded)
        mandate = Mandate(
            member=known[0].member if known else desk.identifier(),
            community=desk.house.community,
            operator=desk.house.operator,
            tenant=host if hosted else organisational_domain(host),
            address=folded,
            state=MandateState.LIVE if hosted else MandateState.PENDING,
            consents=chosen,
            only=only,
            text_version=VERSION,
            given_at=now,
            proved_at=now if hosted else None,
            revoked_at=None,
            hosted=hosted,
            report_token=known[0].report_token if known else new_token(desk),
            data_key=known[0].data_key if known else desk.vault.new_key(),
        )
        tx.put(mandate)
        return mandate

    return await desk.store.write(work)


def _asked(address: str, consents: str) -> tuple[str, Domain, str]:
    """The address as it is kept, its domain, and the consents by name."""
    local, at, domain = address.strip().rpartition("@")
    if not at or not local:
        raise MalformedInput(f"{address!r} is not a mail address.", advice="Write it as name@example.org.")
    host = parse_domain(domain)
    try:
        return f"{local.lower()}@{host}", host, consents_of(consents)
    except ValueError as error:
        raise MalformedInput(f"{error}.", advice=f"Choose among {', '.join(Consent)}.") from error


def _check_one_person(address: str, *, allowed: bool) -> None:
    if is_role(address) and not allowed:
        raise RefusedByLaw(
            f"{address} is a role or shared mailbox.", ("one-person",),
            advice="Only the postmaster of a domain hosted here may enrol it, with --by-postmaster.",
        )  # fmt: skip


def new_token(desk: Desk) -> str:
    """80 random bits in a form that survives the local part of an address."""
    return base64.b32encode(desk.chance.draw(10)).decode().lower()


async def prove_member(desk: Desk, token: str, message: Message, fetched: Fetched) -> tuple[str, ...]:
    """A mail came to the proof address of a mandate. Where it is its holder's own, written for this, the mandate is
    live or renewed, and the mail is kept, sealed, as the signed text. Returns the rules that failed."""
    records = {Domain(name): text for name, text in fetched.records.items()}
    signatures = verify(message, fetched.keys)

    def work(tx: Transaction) -> tuple[str, ...]:
        now, found = desk.clock.now(), tx.find(Mandate, report_token=token)
        if not found or found[0].state is MandateState.REVOKED or found[0].data_key is None:
            return ("known",)
        mandate, key = found[0], found[0].data_key
        to = f"prove+{token}@{desk.house.domain}"
        failed = faults(Proving(message, signatures, records, mandate.address, to, now))
        if not failed:
            tx.put(proved(mandate, now, VERSION))
            sealed = desk.vault.seal(key, message.raw, b"agreement")
            tx.put(Agreement(mandate.member, VERSION, now, sealed))
            identity = message.one("message-id")
            note_welcome(tx, desk, mandate.member, identity.text.strip() if identity is not None else "")
        return failed

    return await desk.store.write(work)


async def suspend(desk: Desk, address: str, *, why: str) -> None:
    """A mandate rests: mail to the address bounced, or it has another holder. It counts again only once the address is
    proved anew. Raises RefusedByLaw."""

    def work(tx: Transaction) -> None:
        found = tx.find(Mandate, address=address.strip().lower())
        if not found or found[0].state is MandateState.REVOKED or not why.strip():
            raise RefusedByLaw(f"{address} is not a member, or no reason was given.", ("known",), advice="Give --why.")
        tx.put(replace(found[0], state=MandateState.SUSPENDED, rests_why=why.strip()))

    await desk.store.write(work)
