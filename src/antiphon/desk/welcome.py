"""Answers those who proved an address, each once, where the operator wants that (LAW §3, §5)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP  # noqa: TID251 - writes our own mail, reads nobody's
from email.utils import format_datetime

from antiphon.desk.desk import Desk
from antiphon.desk.locate import exchanger_of, resolve
from antiphon.desk.notify import LOOP_FIELD, loop_token
from antiphon.ports import Letter, Questions, Transaction
from antiphon.registry.mandate import Mandate
from antiphon.registry.welcome import Welcome, welcome_text
from antiphon.terms import Identifier, Instant, to_datetime

A_ROUND = 3
"""A mail host that does not answer holds up a round for some seconds; the next members wait for the next one."""


def note_welcome(tx: Transaction, desk: Desk, member: Identifier, proof_id: str) -> None:
    """This member proved its address just now, with the mail of this Message-ID. Who proves it anew gets no answer."""
    if desk.house.answers_enrolment and tx.get(Welcome, member) is None:
        tx.put(Welcome(member, proof_id, None))


async def send_welcomes(desk: Desk) -> None:
    """Sends what waits, a few at a time; not while the file STOP lies in the home, or once the switch is off."""
    if desk.stopped() or not desk.house.answers_enrolment:
        return
    for due in await desk.store.read(lambda tx: tx.find(Welcome, sent_at=None, limit=A_ROUND)):
        await _answer(desk, due)


async def _answer(desk: Desk, due: Welcome) -> None:
    now = desk.clock.now()

    def work(tx: Transaction) -> Mandate | None:
        tx.put(Welcome(due.member, due.proof_id, now))
        mandate = tx.get(Mandate, due.member)
        return mandate if mandate is not None and mandate.live_at(now) else None

    mandate = await desk.store.write(work)
    if mandate is None:
        return
    questions = Questions()
    exchanger = await exchanger_of(desk, mandate.address.rpartition("@")[2], questions)
    address, _ = await resolve(desk, exchanger, questions) if exchanger else ("", None)
    if address and not desk.stopped():
        message = desk.mail_signer.sign(_written(desk, mandate, due.proof_id, now), now)
        await desk.postman.answer(Letter("", mandate.address, exchanger, address, message))


def _written(desk: Desk, mandate: Mandate, proof_id: str, now: Instant) -> bytes:
    """The answer as RFC 3834 §3.1 wants it: marked, to whoever wrote, and no word of what was in the mail."""
    house = desk.house
    subject, body = welcome_text(
        house.language,
        address=mandate.address,
        report=f"report+{mandate.report_token}@{house.domain}",
        node=house.name,
        legal_name=house.legal_name,
        postal_address=house.postal_address,
    )
    mail, message_id = EmailMessage(policy=SMTP), f"<{desk.chance.draw(16).hex()}@{house.domain}>"
    mail["From"] = f"{house.name} <desk@{house.domain}>"
    mail["To"] = mandate.address
    mail["Subject"] = subject
    mail["Date"] = format_datetime(to_datetime(now).replace(microsecond=0))
    mail["Message-ID"] = message_id
    if proof_id:
        mail["In-Reply-To"] = proof_id
    mail["Auto-Submitted"] = "auto-replied"
    mail[LOOP_FIELD] = loop_token(desk, message_id)
    mail.set_content(body, cte="quoted-printable")
    return mail.as_bytes()
