"""What may be wrong with this node, as it sees itself: each finding says what, with what effect, and what to type."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from antiphon.desk.desk import Desk, armed
from antiphon.desk.probe import last_probe
from antiphon.ledger.allowance import Armed
from antiphon.ports import Answer, Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.terms import DAY, show_instant

UNSET = "antiphon.invalid"
PROBE_LASTS = 30 * DAY


class Severity(StrEnum):
    """`NOTE`: good to know. `WARNING`: something does less than it could. `ERROR`: something does not work."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing: `check` names what was looked at; `fix` is what to type or to do."""

    check: str
    severity: Severity
    trigger: str
    effect: str
    fix: str


NO_ANCHOR = Finding(
    "anchor", Severity.ERROR, "The anchor is missing, or knows a later ledger than this home.",
    "Nothing leaves and nothing is published: this may be an older copy.",
    "Put the anchor's file back, or restore the newest backup; `antiphon status` tells which.",
)  # fmt: skip
NO_MEMBER = Finding(
    "members", Severity.NOTE, "No member has a proved mandate.", "No mail is read, and no report is taken.",
    "antiphon member add NAME@DOMAIN",
)  # fmt: skip
KEYS_AWAY = Finding(
    "member-keys", Severity.WARNING, "The copy of the members' keys can not be kept whole.",
    "An erasure does not reach it, and what came since is lost with this disk.",
    "Mount it again; an empty file in its place begins a new one. `antiphon status` names it.",
)  # fmt: skip
STOP_FILE = Finding(
    "stop", Severity.WARNING, "The file STOP lies in the home.", "Nothing leaves as long as it is there.",
    "rm HOME/STOP",
)  # fmt: skip
NO_DOMAIN = Finding(
    "domain", Severity.NOTE, "The node has no mail domain of its own.",
    "It has no report addresses, and can write to nobody.", "Set domain in settings.toml.",
)  # fmt: skip
NO_HOSTED = Finding(
    "hosted-domains", Severity.NOTE, "No hosted domain is set.", "Each member has to prove an address by signed mail.",
    "Set hosted_domains in settings.toml.",
)  # fmt: skip
NO_DNS = Finding(
    "dns", Severity.ERROR, "The name server gives no answer.",
    "DKIM keys of mail that arrives now are not fetched: reports of it will pay for nothing.",
    "Look at the system's resolver, or set dns in settings.toml.",
)  # fmt: skip


async def diagnose(desk: Desk, doors: Iterable[str]) -> list[Finding]:
    """Every finding of what only the node can see, the worst first; `doors` are those that are open. Asks DNS for the
    node's own names, and nothing else."""
    found = await desk.store.read(lambda tx: list(_kept(tx, desk, doors)))
    level = await desk.store.read(armed)
    found += [finding async for finding in _outside(desk, level)]
    return sorted(found, key=lambda finding: -list(Severity).index(finding.severity))


def _kept(tx: Transaction, desk: Desk, doors: Iterable[str]) -> Iterator[Finding]:
    if not desk.log.agrees:
        yield NO_ANCHOR
    if desk.stopped():
        yield STOP_FILE
    if desk.vault.away:
        yield KEYS_AWAY
    if not tx.count(Mandate, state=MandateState.LIVE):
        yield NO_MEMBER
    if not desk.house.hosted_domains:
        yield NO_HOSTED
    for door in doors:
        at = last_probe(tx, door)
        if at is None or desk.clock.now() - at > PROBE_LASTS:
            seen = f"since {show_instant(at)}" if at is not None else "yet"
            yield Finding(
                f"probe-{door}", Severity.NOTE, f"No probe came through the {door} door {seen}.",
                "Whether mail gets from there to the end of the chain is not shown.", "antiphon doctor --probe",
            )  # fmt: skip


class _Outside:
    """What the world has to know of a node that writes to originators: an error when that is let out, else a note."""

    def __init__(self, level: Armed) -> None:
        self._severity = Severity.ERROR if level is Armed.COMMUNITY else Severity.NOTE

    def lacks(self, check: str, trigger: str, fix: str) -> Finding:
        """One thing that is missing."""
        effect = "Notices would not be believed, or not come back: `antiphon arm community` refuses."
        return Finding(check, self._severity, trigger, effect, fix)


async def _outside(desk: Desk, level: Armed) -> AsyncIterator[Finding]:
    house, world = desk.house, _Outside(level)
    exchanger = await desk.resolver.ask(house.domain, "MX")
    if exchanger.status == "temporary":
        yield NO_DNS
        return
    if house.domain == UNSET:
        yield NO_DOMAIN
        return
    for name, record in desk.mail_signer.records().items():
        answer = await desk.resolver.ask(name, "TXT")
        if answer.values != (record,):
            said = "is not in DNS" if answer.status == "absent" else "is not in DNS as it is here"
            yield world.lacks(
                f"dkim-{name.partition('.')[0]}", f"The DKIM key {name} {said}.", "antiphon doctor --zone"
            )
    if exchanger.status != "found":
        yield world.lacks("mx", f"Mail to {house.domain} has no exchanger.", f"{house.domain}. MX 10 YOUR-HOST.")
    address = await desk.resolver.ask(house.domain, "A")
    if not await _named(desk, address):
        yield world.lacks("reverse-dns", f"Reverse DNS does not name {house.domain}.",
                          f"Let the PTR of your outgoing address be {house.domain}.")  # fmt: skip
    if not (house.legal_name and house.postal_address):
        yield world.lacks("operator", "The operator's legal name and postal address are not set.",
                          "Set legal_name and postal_address below [operator] in settings.toml.")  # fmt: skip
    if not await desk.is_public():
        yield world.lacks("public-url", "The public URL does not show this ledger.",
                          "Serve HOME/public over https and set public_url in settings.toml.")  # fmt: skip


async def _named(desk: Desk, address: Answer) -> bool:
    if not address.values:
        return False
    names = await desk.resolver.ask(address.values[0], "PTR")
    return desk.house.domain in names.values
