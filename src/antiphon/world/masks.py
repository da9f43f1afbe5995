"""Originators that hide, or point at somebody else. All but two are aged and vouched for: one rule alone stops each.

With that rule taken out, the party that they aim at is reached; so each zero at an innocent means something.
"""

from __future__ import annotations

import asyncio

from antiphon.terms import DAY, Instant, ledger_day
from antiphon.world.hosts import Response
from antiphon.world.letter import Seal
from antiphon.world.network import WEB_HOST
from antiphon.world.originator import SELECTOR, Originator, Stage

GARDEN, SCHOOL, BAKERY, BANK, LETTER = (
    "garden-club.example",
    "school-choir.example",
    "bakery.example",
    "river-bank.example",
    "village-letter.example",
)
INNOCENTS = (GARDEN, SCHOOL, BAKERY, BANK, LETTER)
STRANGERS = "strangers.example"
WEEKLY = "-now.example"
READERS = 40


class Redirecting(Originator):
    """Answers every opt-out with 302 to an innocent."""

    aims_at = GARDEN

    async def respond(self, recipient: str) -> Response:
        """Elsewhere."""
        return Response(302, {"Location": f"https://{self.aims_at}/"})


class JoeJobber(Originator):
    """Signs with its own key, and publishes an innocent's host as its own."""

    aims_at = GARDEN

    def link(self, token: str) -> str:
        """To the innocent."""
        return f"https://u.{self.aims_at}/u/{token}"


class JoeJobberCname(Originator):
    """Publishes a name of its own that is another name for an innocent's host."""

    aims_at = SCHOOL

    async def settle_in(self) -> None:
        """The name leads away."""
        await super().settle_in()
        self.host = f"leave.{self.domain}"
        self.stage.network.names.record(self.host, "CNAME", f"u.{self.aims_at}")


class JoeJobberAddress(Originator):
    """Publishes a wildcard name of its own that has an innocent's address."""

    aims_at = BAKERY

    async def settle_in(self) -> None:
        """Any name leads away."""
        await super().settle_in()
        self.host = f"leave.{self.domain}"
        self.stage.network.names.record(f"*.{self.domain}", "A", self.stage.cast[self.aims_at].address)


class JoeJobberMx(Originator):
    """Has its mail taken by an innocent's mail host."""

    aims_at = BAKERY

    async def settle_in(self) -> None:
        """Mail leads away."""
        await super().settle_in()
        self.stage.network.names.record(self.domain, "MX", f"10 mx.{self.aims_at}")


class Replayer(Originator):
    """Sends members the genuine, signed copies of a newsletter that were written to others."""

    aims_at = LETTER
    sightable = False

    async def compose(self, member: str, now: Instant) -> bytes:
        """One copy of the newsletter, as its reader got it."""
        self.written[member] += 1
        reader = f"reader{self.chance(member).randrange(READERS)}@readers.example"
        return await self.stage.cast[self.aims_at].compose(reader, now)


class Unaccountable(Originator):
    """Writes in a bank's name: no signature, or one of the bank that does not verify."""

    aims_at = BANK
    sightable = False

    def author(self) -> str:
        """The bank, who knows nothing of it."""
        return f"River Bank <service@{self.aims_at}>"

    def seals(self, to: str) -> tuple[Seal, ...]:
        """None, or one in the bank's name with a key that is not the bank's."""
        return () if self.written[to] % 2 else (Seal(self.aims_at, SELECTOR, self.key),)


class ThrowAway(Originator):
    """A new domain each week, registered two days before, with names, hosts and a valid signature."""

    def __init__(self, temper: str, stage: Stage, *, domain: str = "", account: str = "") -> None:
        super().__init__(temper, stage, domain=domain, account=account)
        self._weeks: dict[str, asyncio.Task[None]] = {}

    async def compose(self, member: str, now: Instant) -> bytes:
        """In the name of this week's domain."""
        week = (ledger_day(now) - ledger_day(self.stage.start)) // 7
        domain = f"deal{week}{WEEKLY}"
        if domain not in self._weeks:
            self._weeks[domain] = asyncio.create_task(self._move_to(domain, week, now))
        await self._weeks[domain]
        self.domain, self.host = domain, f"u.{domain}"
        return await super().compose(member, now)

    async def _move_to(self, domain: str, week: int, now: Instant) -> None:
        network = self.stage.network
        network.registry.register(domain, registered_at=Instant(now - 2 * DAY), holder="Privacy Service")
        address = f"{self.address.rpartition('.')[0]}.{WEB_HOST + 20 + week}"
        await self.publish(domain, address)


class ListHost(Originator):
    """Relays what strangers write, unsigned by them, and signs it as the list that it is."""

    sightable = False

    def author(self) -> str:
        """Somebody on the list."""
        return f"somebody <somebody@{STRANGERS}>"

    def fields(self, to: str, now: Instant, token: str) -> list[tuple[str, str]]:
        """With the list's own fields."""
        listed = [("List-Id", f"<talk.{self.domain}>"), ("List-Post", f"<mailto:talk@{self.domain}>")]
        return [*super().fields(to, now, token), *listed]
