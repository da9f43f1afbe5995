"""What may be wrong with this node, as it sees itself: each finding says what, with what effect, and what to type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from antiphon.desk.desk import UNSET, Desk, armed
from antiphon.desk.probe import last_probe
from antiphon.desk.ring import ways_of
from antiphon.ledger.allowance import Armed
from antiphon.ports import Answer, Transaction
from antiphon.registry.mandate import Mandate, MandateState
from antiphon.registry.watch import Watch, WatchState
from antiphon.terms import DAY, show_instant

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
    node's own names, and nothing else. A check that fails itself is a finding and stops no other; what one look outside
    missed is looked for once more, and is a finding only where it is missing both times."""
    open_doors, found = tuple(doors), list[Finding]()
    for name, check in KEPT:
        found += await _apart(name, partial(desk.store.read, partial(_all, check, desk, open_doors)))
    found += await _outside(desk, _Outside(await desk.store.read(armed)))
    return sorted(found, key=lambda finding: -list(Severity).index(finding.severity))


async def _apart(name: str, look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    try:
        return await look()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one check, the others are still told
        return [broken(name, error)]


def _all(check: KeptCheck, desk: Desk, doors: Sequence[str], tx: Transaction) -> list[Finding]:
    return list(check(tx, desk, doors))


def broken(name: str, error: Exception) -> Finding:
    """A check that could not look."""
    return Finding(name, Severity.WARNING, f"The check {name} failed itself ({type(error).__name__}).",
                   "Whether there is something to find is not known.",
                   "Look at the node's log, and send it with `antiphon support`.")  # fmt: skip


def _switches(tx: Transaction, desk: Desk, _: Sequence[str]) -> Iterator[Finding]:
    if not desk.log.agrees:
        yield NO_ANCHOR
    if desk.stopped():
        yield STOP_FILE
    if desk.vault.away:
        yield KEYS_AWAY


def _people(tx: Transaction, desk: Desk, _: Sequence[str]) -> Iterator[Finding]:
    if not tx.count(Mandate, state=MandateState.LIVE):
        yield NO_MEMBER
    if not desk.house.hosted_domains:
        yield NO_HOSTED


def _probes(tx: Transaction, desk: Desk, doors: Sequence[str]) -> Iterator[Finding]:
    for door in doors:
        at = last_probe(tx, door)
        if at is None or desk.clock.now() - at > PROBE_LASTS:
            seen = f"since {show_instant(at)}" if at is not None else "yet"
            yield Finding(
                f"probe-{door}", Severity.NOTE, f"No probe came through the {door} door {seen}.",
                "Whether mail gets from there to the end of the chain is not shown.", "antiphon doctor --probe",
            )  # fmt: skip


def _watches(tx: Transaction, desk: Desk, _: Sequence[str]) -> Iterator[Finding]:
    failing = tx.find(Watch, state=WatchState.FAILING)
    if failing:
        why = Counter(watch.why for watch in failing).most_common(1)[0][0]
        yield Finding(
            "watches", Severity.WARNING, f"{len(failing)} watched mailboxes can not be looked at; most often: {why}",
            "What is moved to Junk there is not seen until they can be.", "antiphon watch list",
        )  # fmt: skip


def _bell(tx: Transaction, desk: Desk, _: Sequence[str]) -> Iterator[Finding]:
    """Also a way that was good when it was written: a house becomes an originator by one reported mail."""
    for way in ways_of(tx, desk):
        if way.against:
            yield Finding(
                f"bell-{way.kind}", Severity.WARNING, way.against,
                "What needs a person is told to nobody this way; it shows in `antiphon status` alone.",
                "Name another place below [on_call] in settings.toml, then: antiphon notify test",
            )  # fmt: skip


KeptCheck = Callable[[Transaction, Desk, Sequence[str]], Iterator[Finding]]
KEPT: tuple[tuple[str, KeptCheck], ...] = (
    ("switches", _switches),
    ("people", _people),
    ("probes", _probes),
    ("watches", _watches),
    ("bell", _bell),
)
"""What the node has in itself; each stands apart from the others."""


class _Outside:
    """What the world has to know of a node that writes to originators: an error when that is let out, else a note."""

    def __init__(self, level: Armed) -> None:
        self._severity = Severity.ERROR if level is Armed.COMMUNITY else Severity.NOTE

    def lacks(self, check: str, trigger: str, fix: str) -> Finding:
        """One thing that is missing."""
        effect = "Notices would not be believed, or not come back: `antiphon arm community` refuses."
        return Finding(check, self._severity, trigger, effect, fix)


async def _outside(desk: Desk, world: _Outside) -> list[Finding]:
    exchanger = await desk.resolver.ask(desk.house.domain, "MX")
    if exchanger.status == "temporary":
        return [NO_DNS]
    if desk.house.domain == UNSET:
        return [NO_DOMAIN]
    found = list[Finding]()
    for name, check in OUTSIDE:
        look = partial(check, desk, world)
        found += await _apart(name, look) and await _apart(name, look)
    return found


async def _keys(desk: Desk, world: _Outside) -> list[Finding]:
    found = []
    for name, record in desk.mail_signer.records().items():
        answer = await desk.resolver.ask(name, "TXT")
        if answer.values != (record,):
            said = "is not in DNS" if answer.status == "absent" else "is not in DNS as it is here"
            found.append(world.lacks(
                f"dkim-{name.partition('.')[0]}", f"The DKIM key {name} {said}.", "antiphon doctor --zone"
            ))  # fmt: skip
    return found


async def _exchanger(desk: Desk, world: _Outside) -> list[Finding]:
    domain = desk.house.domain
    if (await desk.resolver.ask(domain, "MX")).status == "found":
        return []
    return [world.lacks("mx", f"Mail to {domain} has no exchanger.", f"{domain}. MX 10 YOUR-HOST.")]


async def _reverse(desk: Desk, world: _Outside) -> list[Finding]:
    domain = desk.house.domain
    if await _named(desk, await desk.resolver.ask(domain, "A")):
        return []
    return [world.lacks("reverse-dns", f"Reverse DNS does not name {domain}.",
                        f"Let the PTR of your outgoing address be {domain}.")]  # fmt: skip


async def _operator(desk: Desk, world: _Outside) -> list[Finding]:
    if desk.house.legal_name and desk.house.postal_address:
        return []
    return [world.lacks("operator", "The operator's legal name and postal address are not set.",
                        "Set legal_name and postal_address below [operator] in settings.toml.")]  # fmt: skip


async def _public(desk: Desk, world: _Outside) -> list[Finding]:
    if await desk.is_public():
        return []
    return [world.lacks("public-url", "The public URL does not show this ledger.",
                        "Serve HOME/public over https and set public_url in settings.toml.")]  # fmt: skip


OUTSIDE: tuple[tuple[str, Callable[[Desk, _Outside], Awaitable[list[Finding]]]], ...] = (
    ("dkim", _keys),
    ("mx", _exchanger),
    ("reverse-dns", _reverse),
    ("operator", _operator),
    ("public-url", _public),
)
"""What the world has to know of the node; each stands apart from the others."""


async def _named(desk: Desk, address: Answer) -> bool:
    if not address.values:
        return False
    names = await desk.resolver.ask(address.values[0], "PTR")
    return desk.house.domain in names.values
