"""Who writes to whom and when, and what the members do with it: every mail of a run is on the world's agenda."""

from __future__ import annotations

import random  # noqa: TID251 - a seeded source, in the world
from collections.abc import Mapping, Sequence

from antiphon.terms import DAY, HOUR, MINUTE, Instant
from antiphon.world.child import HOSTED
from antiphon.world.clock import Act
from antiphon.world.letter import mail_date
from antiphon.world.originator import Mail, Originator, Stage
from antiphon.world.post import Post, Taken, forward, received

NAMES = ("ada", "bea", "cem", "dor", "eli", "fay", "gus", "hal", "ida", "jon")
MEMBERS = tuple(f"{name}@{HOSTED}" for name in NAMES)
FIRST_WITHIN = 60 * HOUR
"""Everybody has had a first mail of everybody by then: before any operator's key is a week old."""
JITTER = 20 * HOUR
REPORT_FIRST, REPORT_LAST = HOUR, 20 * HOUR
QUIET_END = 4 * DAY
"""No mail in the last days of a run: no hold, batch or request is open at the end."""


class Traffic:
    """The mails of one run. Members report by forward-as-attachment what the node's own LMTP door has committed."""

    def __init__(self, stage: Stage, door: Post, parties: Sequence[Originator], *, until: Instant) -> None:
        self._stage, self._door, self._parties = stage, door, parties
        self._until = Instant(until - QUIET_END)
        self._report_addresses: Mapping[str, str] = {}

    def schedule(self, report_addresses: Mapping[str, str]) -> None:
        """Puts everybody's first mail to every member on the agenda; each brings about the next."""
        self._report_addresses = report_addresses
        for party in self._parties:
            for number, member in enumerate(MEMBERS[: party.readers]):
                chance = random.Random(f"{self._stage.seed}/{party.name}/{member}")
                first = Instant(self._stage.start + HOUR + chance.randrange(FIRST_WITHIN))
                reports = number < party.reporters
                self._stage.time.at(first, self._mailing(party, member, chance, reports=reports))

    def _mailing(self, party: Originator, member: str, chance: random.Random, *, reports: bool) -> Act:
        async def act() -> None:
            now = self._stage.time.now()
            if now >= self._until or not party.writes_to(member, now):
                return
            mail = Mail(member, await party.compose(member, now))
            source, address = f"mx.{party.domain}", party.sends_from
            by, planter = f"mx.{HOSTED}", self._stage.planter
            by += f" id {planter.word(member)}" if planter is not None else ""
            mail.raw = received(mail.raw, by=by, source=source, address=address, date=mail_date(now))
            party.mails.append(mail)
            report_in = chance.randrange(REPORT_FIRST, REPORT_LAST) if reports else None
            following = Instant(now + party.every + chance.randrange(-JITTER // 2, JITTER // 2))
            self._stage.time.at(following, act)
            await self._deliver(party, mail, report_in)

        return act

    async def _deliver(self, party: Originator, mail: Mail, report_in: int | None) -> None:
        planter = self._stage.planter
        bounces = f"bounce+{planter.word(mail.member)}" if planter is not None else "bounce"
        taken = await self._door.deliver(f"{bounces}@{party.domain}", mail.member, mail.raw)
        if taken is Taken.NOT_NOW:
            self._stage.time.shortly(MINUTE, lambda: self._deliver(party, mail, report_in))
        elif taken is Taken.ACKNOWLEDGED:
            mail.received_at = self._stage.time.now()
            if report_in is not None:
                self._stage.time.at(Instant(mail.received_at + report_in), lambda: self._report(mail))

    async def _report(self, mail: Mail) -> None:
        to = self._report_addresses[mail.member]
        taken = await self._door.deliver(mail.member, to, forward(mail.member, to, mail.raw))
        if taken is Taken.NOT_NOW:
            self._stage.time.shortly(MINUTE, lambda: self._report(mail))
        elif taken is Taken.ACKNOWLEDGED:
            mail.reported = True
            mail.raw = mail.raw if self._stage.keeps_mail else b""
