"""What comes through a door: sealed into the spool, and what DNS says of it at that moment (LAW §3)."""

from __future__ import annotations

import msgspec

from antiphon.desk.desk import Desk
from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed
from antiphon.formats.domain import walk_names
from antiphon.formats.message import Message
from antiphon.ports import Questions, Setting
from antiphon.registry.mandate import Mandate
from antiphon.terms import Domain, Instant

NODE_KEY = "node.key"


class Arrival(msgspec.Struct, frozen=True):
    """One record of the spool. `box` is delivery, report, reply, bounce, prove or probe, or what was handed in:
    reported, junked, retracted, delivered; of a watcher also watched and filed. `sealed` is the raw mail under the
    member's key, or the node's own where there is no member. `mail_from` is the reverse-path, empty where it is null,
    None where no mail server told it."""

    box: str
    token: str
    member: bytes
    at: int
    source: str
    peer_address: str
    peer_port: int
    clicked: bool
    sealed: bytes
    mail_from: str | None = None


class Fetched(msgspec.Struct, frozen=True):
    """What DNS said when a mail arrived, kept with its delivery: keys by name, and DMARC records of the tree walk; and
    the reverse-path that the MTA told, as in `Arrival`."""

    received_at: int
    keys: dict[str, KeyAnswer]
    records: dict[str, str | None]
    mail_from: str | None = None


async def fetch(desk: Desk, message: Message, received_at: Instant) -> Fetched:
    """Asks for every key and DMARC record that judging this mail needs, with the questions that one message has. What
    was not answered is kept as not answered: the rules that rest on it then fail."""
    questions = Questions()
    keys: dict[str, KeyAnswer] = {}
    names = keys_needed(message)
    for name in names:
        answer = await desk.resolver.ask(name, "TXT", questions)
        status = {"found": KeyStatus.FOUND, "absent": KeyStatus.ABSENT}.get(answer.status, KeyStatus.TEMPORARY)
        record = answer.values[0] if status is KeyStatus.FOUND and len(answer.values) == 1 else None
        chain = tuple(Domain(link) for link in answer.chain)
        keys[name] = KeyAnswer(name, record, status, answer.ttl_seconds, answer.dnssec, chain)
    records: dict[str, str | None] = {}
    author = message.from_domain()
    signers = [Domain(name.partition("._domainkey.")[2]) for name in names]
    for domain in [author, *(d for d in signers if d != author)] if author is not None and names else []:
        for step in walk_names(domain):
            if step not in records:
                answer = await desk.resolver.ask(f"_dmarc.{step}", "TXT", questions)
                if answer.status != "temporary":
                    found = [value for value in answer.values if value.lstrip().startswith("v=DMARC1")]
                    records[step] = found[0] if len(found) == 1 else None
    return Fetched(received_at, keys, records)


async def spool_mail(
    desk: Desk,
    box: str,
    member: Mandate | None,
    raw: bytes,
    *,
    token: str = "",
    peer: tuple[str, int] = ("", 0),
    mail_from: str | None = None,
    source: str = "lmtp",
    clicked: bool = False,
    at: Instant | None = None,
) -> int:
    """Seals a mail and writes it to the spool; when this returns it may be acknowledged. Raises StorageFailed. `at` is
    when it came, where that was not now."""
    at = desk.clock.now() if at is None else at
    wrapped = member.data_key if member is not None and member.data_key else await node_key(desk)
    sealed = desk.vault.seal(wrapped, raw, b"spool")
    name = bytes(member.member) if member is not None else b""
    record = Arrival(box, token, name, at, source, peer[0], peer[1], clicked, sealed, mail_from)
    return await desk.spool.append(msgspec.msgpack.encode(record))


async def node_key(desk: Desk) -> bytes:
    """The wrapped data key of mail that belongs to no member."""
    kept = await desk.store.read(lambda tx: tx.get(Setting, NODE_KEY))
    if kept is not None:
        return kept.value
    fresh = Setting(NODE_KEY, desk.vault.new_key())
    await desk.store.write(lambda tx: tx.put(fresh))
    return fresh.value
