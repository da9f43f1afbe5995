"""Rings the operator's own on-call when something needs a person: counts and a link, seldom, and never an originator.

One POST or one mail of our own fixed words. Nothing that came in a mail can start it, aim it or stand in it: where it
goes stands in the settings alone, and a place that belongs to anybody whom reports speak of is refused (decision 0026).
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP  # noqa: TID251 - writes our own mail, reads nobody's
from email.utils import format_datetime

from antiphon.complaint.known import KnownContact
from antiphon.desk.desk import UNSET, Desk
from antiphon.desk.locate import exchanger_of, resolve
from antiphon.desk.log import keep_number, number
from antiphon.desk.notify import LOOP_FIELD, loop_token
from antiphon.errors import AntiphonError, BrokenSettings, Unreachable
from antiphon.formats.domain import is_at_or_below, organisational_domain, parse_domain, parse_url
from antiphon.optout.destination import HostPair, Pair
from antiphon.optout.known import Blocked, KnownOriginator
from antiphon.ports import Letter, Questions, Setting, Transaction
from antiphon.terms import MINUTE, SECOND, Domain, Instant, ledger_day, to_datetime

APART = MINUTE
MOST_A_DAY = 24
"""However much happens: the on-call is rung, not the sender's host of a mailing (a UTC day)."""
LEAST_KEY_BYTES = 16
TOLD, LAST, DAYS = "ring.told", "ring.at", "ring.day"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}")
Counts = Mapping[str, int]
SENTENCES: Mapping[str, str] = {
    "anchor": "The anchor is missing or does not agree: nothing leaves.",
    "keys": "The copy of the members' keys can not be kept whole.",
    "halt": "{} hosts, cases or channels rest after an answer that a person has to read.",
    "notice": "{} notices wait to be read and approved.",
    "standing": "{} cases wait for a standing approval.",
    "vouch": "{} originators wait for somebody who knows them.",
    "pair": "{} networks wait for a decision.",
    "host": "{} hosts wait for a decision.",
}
"""All that is ever said, by what is counted."""


@dataclass(frozen=True, slots=True)
class Way:
    """How somebody is told: `url` or `mail`, where, and what stands against it, if anything."""

    kind: str
    where: str
    against: str


@dataclass(frozen=True, slots=True)
class Said:
    """What is told, the same on every way. It names nobody."""

    event: str
    title: str
    text: str
    counts: Counts


def said_of(desk: Desk, counts: Counts, event: str = "needs-person") -> Said:
    """The words for these counts."""
    lines = [SENTENCES[word].format(counts[word]) for word in SENTENCES if counts.get(word)]
    title = f"{desk.house.name}: this is a test" if event == "test" else f"{desk.house.name} needs a person"
    text = "\n".join([*(lines or ["Nothing needs a person."]), desk.house.on_call.console]).strip()
    return Said(event, title, text, {word: counts[word] for word in SENTENCES if counts.get(word)})


def ways_of(tx: Transaction, desk: Desk) -> list[Way]:
    """Each way that the settings name."""
    told, found = desk.house.on_call, []
    if told.url:
        found.append(Way("url", told.url, _against_url(tx, desk, told.url)))
    if told.mail:
        found.append(Way("mail", told.mail, _against_mail(tx, desk, told.mail)))
    return found


def is_own(desk: Desk, name: str) -> bool:
    """Whether a name lies in the node's own domain or one that its operator hosts."""
    return any(is_at_or_below(name, own.lower()) for own in (desk.house.domain, *desk.house.hosted_domains))


def _against_url(tx: Transaction, desk: Desk, url: str) -> str:
    if len(desk.house.on_call.key) < LEAST_KEY_BYTES:
        return f"on_call.url_key names no secret of {LEAST_KEY_BYTES} bytes."
    try:
        return _against(tx, desk, parse_url(url).host)
    except AntiphonError as error:
        return f"on_call.url can not be used: {error.sentence()}"


def _against_mail(tx: Transaction, desk: Desk, address: str) -> str:
    if desk.house.domain == UNSET:
        return "The node has no mail domain of its own to write from."
    if not _ADDRESS.fullmatch(address):
        return "on_call.mail is no address."
    try:
        return _against(tx, desk, parse_domain(address.rpartition("@")[2]))
    except AntiphonError as error:
        return f"on_call.mail can not be used: {error.sentence()}"


def _against(tx: Transaction, desk: Desk, host: Domain) -> str:
    """Why this host is not the operator's own to be rung at; empty where it may be. A channel's host lies in the
    organisation of its originator, in the provider map, or in a pair that a person approved (LAW §4): all are here."""
    if is_own(desk, host):
        return ""
    organisation = organisational_domain(host)
    names = [name for known in tx.find(KnownOriginator) for name in (known.originator, known.domain)]
    names += [blocked.originator for blocked in tx.find(Blocked)] + [pair.domain for pair in tx.find(Pair)]
    names += [name for pair in tx.find(HostPair) for name in (pair.host, pair.signer)]
    names += [known.contact.rpartition("@")[2] for known in tx.find(KnownContact)]
    if any(organisational_domain(Domain(name)) == organisation for name in names):
        return f"{organisation} is of an originator, of a host of its mail, or a contact: it is never rung."
    if desk.rules.providers.names(organisation):
        return f"{organisation} is a mail service of the provider map: it is never rung."
    return ""


async def ring(desk: Desk, counts: Counts) -> None:
    """Tells what is more than when it was told last. What can not be told yet waits, and is told as it is then."""
    if not (desk.house.on_call.url or desk.house.on_call.mail) or desk.stopped():
        return
    now = desk.clock.now()

    def more(tx: Transaction) -> bool:
        return any(count > _told(tx).get(word, 0) for word, count in counts.items())

    def work(tx: Transaction) -> list[Way]:
        if not more(tx):
            _keep(tx, counts)
            return []
        ways = [way for way in ways_of(tx, desk) if not way.against]
        if not ways or not _take(tx, now):
            return []
        _keep(tx, counts)
        return ways

    changed = await desk.store.read(lambda tx: dict(_told(tx)) != {w: n for w, n in counts.items() if n})
    ways = await desk.store.write(work) if changed else []
    await _tell(desk, ways, said_of(desk, counts))


async def ring_once(desk: Desk, said: Said, kinds: tuple[str, ...] = ("url", "mail")) -> list[tuple[Way, str]]:
    """Tells this now: each way, and why it was not taken. Raises BrokenSettings where nobody is named, Unreachable
    where it is too early or the file STOP lies in the home."""
    if desk.stopped():
        raise Unreachable("The file STOP lies in the home: nothing leaves.")
    now = desk.clock.now()

    def work(tx: Transaction) -> list[Way]:
        ways = [way for way in ways_of(tx, desk) if way.kind in kinds]
        if not ways:
            raise BrokenSettings("Nobody is on call.", advice="Set url or mail below [on_call] in settings.toml.")
        if any(not way.against for way in ways) and not _take(tx, now):
            raise Unreachable(f"It is told once a minute and {MOST_A_DAY} times a day.", advice="Try again later.")
        return ways

    return await _tell(desk, await desk.store.write(work), said)


def _told(tx: Transaction) -> dict[str, int]:
    kept = tx.get(Setting, TOLD)
    return dict(json.loads(kept.value)) if kept is not None else {}


def _keep(tx: Transaction, counts: Counts) -> None:
    said = {word: count for word, count in counts.items() if count}
    tx.put(Setting(TOLD, json.dumps(said, sort_keys=True).encode()))


def _take(tx: Transaction, now: Instant) -> bool:
    """Takes one of the day's turns, if there is one; written down before anything leaves, so none comes back."""
    day, turns = divmod(number(tx, DAYS), MOST_A_DAY + 1)
    turns = turns if day == ledger_day(now) else 0
    if turns >= MOST_A_DAY or now - number(tx, LAST) < APART:
        return False
    keep_number(tx, DAYS, ledger_day(now) * (MOST_A_DAY + 1) + turns + 1)
    keep_number(tx, LAST, now)
    return True


async def _tell(desk: Desk, ways: list[Way], said: Said) -> list[tuple[Way, str]]:
    found = []
    for way in ways:
        tell = _post if way.kind == "url" else _write
        found.append((way, way.against or await tell(desk, way.where, said)))
    return found


async def _post(desk: Desk, where: str, said: Said) -> str:
    url = parse_url(where)
    address, _ = await resolve(desk, url.host, Questions())
    if not address:
        return f"{url.host} has no public address now."
    body, kind = body_of(desk, said)
    name, at = desk.chance.draw(16).hex(), str(desk.clock.now() // SECOND)
    signed = hmac.digest(desk.house.on_call.key, b".".join((name.encode(), at.encode(), body)), "sha256")
    fields = {
        "Content-Type": kind,
        "webhook-id": name,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{b64encode(signed).decode()}",
    }
    return await desk.hook(url, address, body, fields)


def body_of(desk: Desk, said: Said) -> tuple[bytes, str]:
    """What is POSTed, and its media type."""
    if desk.house.on_call.plain:
        return f"{said.title}\n{said.text}\n".encode(), "text/plain; charset=utf-8"
    told = {"event": said.event, "text": f"{said.title}\n{said.text}", "counts": said.counts,
            "console": desk.house.on_call.console}  # fmt: skip
    return json.dumps(told).encode(), "application/json"


async def _write(desk: Desk, recipient: str, said: Said) -> str:
    questions, domain = Questions(), recipient.rpartition("@")[2]
    exchanger = await exchanger_of(desk, domain, questions)
    address, _ = await resolve(desk, exchanger, questions) if exchanger else ("", None)
    if not address:
        return f"The mail exchanger of {domain} has no public address now."
    mail, message_id = EmailMessage(policy=SMTP), f"<{desk.chance.draw(16).hex()}@{desk.house.domain}>"
    mail["From"] = f"{desk.house.name} <desk@{desk.house.domain}>"
    mail["To"] = recipient
    mail["Subject"] = said.title
    mail["Date"] = format_datetime(to_datetime(desk.clock.now()).replace(microsecond=0))
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail[LOOP_FIELD] = loop_token(desk, message_id)
    mail.set_content(said.text + "\n", cte="quoted-printable")
    signed = desk.mail_signer.sign(mail.as_bytes(), desk.clock.now())
    found = await desk.postman.answer(Letter("", recipient, exchanger, address, signed))
    return "" if found.outcome == "accepted" else f"Its mail exchanger said {found.status or found.reason}."
