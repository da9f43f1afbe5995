"""Each refusal on the way from a mail to its channel switched off once: then the same mail reaches a socket.

One mail comes through our own door and is reported; its member wants to be opted out of everything, a mail of another
member shows its URL to be personal, a person allows every network. With the rule in place nothing leaves. Rules of one
name, in whatever table, are one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from antiphon.campaign import acceptance, gate
from antiphon.desk import admit, click, receive
from antiphon.desk.arrival import Arrival
from antiphon.optout import channel, originator
from antiphon.optout.known import Blocked, KnownOriginator
from antiphon.optout.originator import Signing
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, HOUR, Instant, to_datetime
from tests.law.node import Node
from tests.law.scenes import OPEN, at
from tests.law.tally import Said
from tests.law.town import PEOPLE
from tests.unit.formats.dkim_vectors import NEWSLETTER, SIGNER, SMALL, record_of, sign

ANN, BEN = PEOPLE[:2]
COVERS = ("From", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
BODY = b"All the good things of this week.\r\n" * 450
TABLES = (
    (gate, "GATE"), (acceptance, "ACCEPTED"), (acceptance, "SPENDABLE"), (receive, "ACCEPTED"), (receive, "SPENDABLE"),
    (admit, "SPENDABLE"), (click, "SPENDABLE"), (channel, "RULES"), (originator, "STANDING"),
)  # fmt: skip


@dataclass
class Fault:
    """One mail with one fault, and what is known of who wrote it."""

    head: dict[str, str] = field(default_factory=dict)
    above: bytes = b""
    domain: str = "shop.example"
    covers: tuple[str, ...] = COVERS
    tags: str = ""
    algorithm: str = ""
    key: rsa.RSAPrivateKey = SIGNER
    record: str = ""
    host: str = ""
    registered_days: int | None = 3000
    seen_days: int = 400
    blocklisted: bool = False
    dated: int = 0
    filed: bool = False
    then: Callable[[Node], None] | None = None


def less(*names: str) -> tuple[str, ...]:
    """What h= names, without these."""
    return tuple(name for name in COVERS if name not in names)


def plain(fault: Fault) -> Fault:
    """The same sender's ordinary mail."""
    return replace(fault, head={}, above=b"", covers=COVERS, tags="", algorithm="", dated=0, filed=False)


def comes(node: Node, fault: Fault, number: int = 1, person: str = ANN) -> None:
    """The mail arrives and is reported at once."""
    now, host = node.now, fault.host or fault.domain
    token = sha256(f"{fault.domain} {number}".encode()).hexdigest()[:20]
    head = {
        **NEWSLETTER,
        "From": f"News <news@{fault.domain}>",
        "To": person,
        "Date": format_datetime(to_datetime(Instant(now - fault.dated))),
        "Message-ID": f"<{number}@{fault.domain}>",
        "List-Unsubscribe": f"<https://{host}/u/{token}>",
        **fault.head,
    }
    tags = fault.tags.replace("LENGTH", str(len(BODY))).replace("PAST", str(now // 1_000_000 - 60))
    raw = fault.above + sign(
        head, BODY, domain=fault.domain, covers=fault.covers, tags=tags, algorithm=fault.algorithm, key=fault.key
    )
    source = f"{fault.domain} {number}"
    node.tally.said[source] = Said(person, fault.domain, f"https://{host}/u/{token}", len(raw), now, now, False)
    mandate = node.find(Mandate, address=person)[0]

    async def work() -> None:
        arrival = Arrival("delivery", "", b"", now, "lmtp", "9.9.9.9", 25, False, b"")
        await receive.commit_delivery(node.desk, mandate, raw, arrival)
        said = replace(await receive.statable(node.desk, mandate, raw, at=now, source=source), filed=fault.filed)
        await node.store.write(lambda tx: receive.keep_report(tx, node.desk, mandate, said))

    node.run(work())


def is_known(node: Node, fault: Fault) -> None:
    """What DNS and the home know of the originator."""
    node.books.rows[f"s1._domainkey.{fault.domain}", "TXT"] = (fault.record or record_of(fault.key),)
    node.books.rows[fault.domain, "A"] = ("8.8.4.4",)
    at_ = None if fault.registered_days is None else Instant(node.now - fault.registered_days * DAY)
    seen = Instant(node.now - fault.seen_days * DAY)
    known = KnownOriginator(fault.domain, fault.domain, "", seen, at_, node.now, None, "")
    listed = Blocked(fault.domain, node.now, "ada", "a test")
    node.run(node.store.write(lambda tx: [tx.put(each) for each in (known, *[listed] * fault.blocklisted)]))


def attempts(fault: Fault) -> int:
    """How many attempts this mail causes, as the sockets count them."""
    node = at("begun")
    node.enrol(ANN, "count,token,optout")
    is_known(node, fault)
    comes(node, plain(fault), 0, BEN)
    comes(node, fault)
    if fault.then is not None:
        fault.then(node)
    for _ in range(3):
        node.sleep(2 * DAY)
        node.decide_pairs(allow=True)
    node.sleep(HOUR)
    return len(node.tally.attempts)


def _shared(node: Node) -> None:
    rows = [Signing("shop.example", f"brand{n}.example", bytes([n]), node.now) for n in range(3)]
    node.run(node.store.write(lambda tx: [tx.put(row) for row in rows]))


def _family(node: Node) -> None:
    for name in ("second.example", "third.example"):
        young = Fault(domain=name, registered_days=40)
        is_known(node, young)
        comes(node, young)
    _vouched(node)


def _vouched(node: Node) -> None:
    found = [replace(known, vouched=1) for known in node.find(KnownOriginator)]
    node.run(node.store.write(lambda tx: [tx.put(known) for known in found]))


ALONE: dict[str, Fault] = {
    # the gate
    "both-covered": Fault(covers=less("List-Unsubscribe-Post")),
    "no-length-tag": Fault(tags=" l=LENGTH;"),
    "no-sha1": Fault(algorithm="rsa-sha1"),
    "key-size": Fault(key=SMALL),
    "key-not-testing": Fault(record=record_of(SIGNER, " t=y;")),
    "key-for-email": Fault(record=record_of(SIGNER, " s=tlsrpt;")),
    "not-expired": Fault(tags=" x=PAST;"),
    # what makes a report, and a sighting
    "by-a-person": Fault(filed=True),
    "not-ours": Fault(head={"Message-ID": "<1@node.example>"}),
    "not-a-robot": Fault(head={"Auto-Submitted": "auto-replied"}),
    "unambiguous": Fault(above=b"CFBL-Address: a@shop.example\r\nCFBL-Address: b@shop.example\r\n"),
    "only-to-member": Fault(head={"To": f"{ANN}, other@home.example"}),
    "signed-lately": Fault(dated=73 * HOUR),
    "not-transactional": Fault(head={"Subject": "Your verification code"}),
    # the channel
    "host": Fault(host="innocent.example"),
    # who it is
    "not-blocklisted": Fault(blocklisted=True),
    "not-infrastructure": Fault(then=_shared),
    "not-rotating": Fault(registered_days=40, then=_family),
    "age-known": Fault(domain="nameless.example", registered_days=None, then=_vouched),
    "registered-long": Fault(registered_days=100),
    "seen-long": Fault(seen_days=80),
}
"""Rules that alone stand between a mail and a socket."""

TWICE: dict[str, tuple[Fault, str]] = {
    "one-list-unsubscribe": (
        Fault(above=b"List-Unsubscribe: <https://innocent.example/u>\r\n"),
        "of two fields none is read: the mail then offers no channel at all",
    ),
    "one-list-unsubscribe-post": (
        Fault(above=b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
        "of two fields none is read: the form of one-click is then missing",
    ),
    "signature-passes": (
        Fault(record=record_of(SMALL)),
        "without b= there is no nullifier, and no intent can be written",
    ),
    "from-covered": (Fault(above=b"From: x@innocent.example\r\n"), "two authors are none: nobody answers for the mail"),
    "to-covered": (Fault(covers=less("To")), "a permit needs it as well, but for a clicked own opt-out: to-signed"),
    "time-covered": (Fault(covers=less("Date")), "a sighting needs the time as well: signed-lately"),
    "originator-known": (Fault(head={"From": "News <news@other.example>"}), "without an originator there is no case"),
    "originator": (Fault(head={"From": "News <news@other.example>"}), "without an originator there is no case"),
    "gate-passes": (Fault(tags=" l=LENGTH;"), "nobody answers for a mail that fails the gate"),
    "form": (Fault(head={"List-Unsubscribe-Post": "no"}), "each fault of form is a reason of its own beside it"),
    "gate": (Fault(tags=" l=LENGTH;"), "nobody answers for a mail that fails the gate"),
    "not-relayed": (
        Fault(head={"List-Id": "<list.other.example>", "From": "News <news@other.example>"}),
        "relayed mail has no aligned signature, so nobody answers for it",
    ),
}
"""Rules behind which a second one stands: taken out alone, nothing leaves. With the reason."""

ELSEWHERE = {
    "mandate-live": "a rule of the permit as well: tests/law/scenes.py",
    "class-allows": "a rule of the permit as well: tests/law/scenes.py",
    "not-duplicate": "a spend key is unique in the store: tests/unit/ledger/test_allowance.py",
    "canonical-signature": "tests/unit/formats/test_dkim.py",
    "five-a-day": "below, by count",
    "relayed": "a mail that is relayed is no sighting: not-relayed",
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """Every node of a test ends with it."""
    yield
    while OPEN:
        OPEN.pop().close()


def switch_off(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Takes every rule of this name out of its table."""
    found = 0
    for module, table in TABLES:
        rules: tuple[Any, ...] = getattr(module, table)
        kept = tuple(rule for rule in rules if rule.name != name)
        found += len(rules) - len(kept)
        monkeypatch.setattr(module, table, kept)
    assert found


def test_every_refusal_is_here() -> None:
    """No rule of these tables that nobody switched off."""
    names = {rule.name for module, table in TABLES for rule in getattr(module, table)}
    assert names == {*ALONE, *TWICE, *ELSEWHERE}


def test_a_mail_without_a_fault_buys_one_opt_out() -> None:
    """The control: a zero below counts only since this counts."""
    assert attempts(Fault()) == 1


@pytest.mark.parametrize("name", ALONE)
def test_a_refusal_that_is_switched_off_lets_its_mail_reach_a_socket(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing with it, an attempt without it."""
    assert attempts(ALONE[name]) == 0
    switch_off(monkeypatch, name)
    assert attempts(ALONE[name]) > 0


@pytest.mark.parametrize("name", TWICE)
def test_behind_some_refusals_stands_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing leaves even without the one."""
    fault, why = TWICE[name]
    assert why and attempts(fault) == 0
    switch_off(monkeypatch, name)
    try:
        assert attempts(fault) == 0
    except Exception as refusal:  # noqa: BLE001 - whatever refuses there is a fence
        assert "MalformedInput" in repr(refusal)


@pytest.mark.parametrize(("there", "paid"), [(True, 5), (False, 6)])
def test_five_mails_a_day_count(there: bool, paid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sixth of one member, case and day is no sighting."""
    if not there:
        switch_off(monkeypatch, "five-a-day")
    node = at("begun")
    is_known(node, Fault())
    for number in range(6):
        comes(node, Fault(), number)
    from antiphon.campaign.sighting import Sighting

    assert len(node.find(Sighting)) == paid
