"""Originators that mean no harm to third parties, each with one trait: what they do with an opt-out or a notice."""

from __future__ import annotations

import asyncio
import re
from email.message import Message
from html import unescape

from antiphon.terms import DAY, HOUR, MINUTE, Instant
from antiphon.world.browser import browse
from antiphon.world.hosts import Delivery, Response
from antiphon.world.letter import EdKey
from antiphon.world.originator import READ_AFTER, Originator, Stage, text_of
from antiphon.world.post import answer_mail, bounce_mail

DESK_LINK = re.compile(r"https://\S+/desk/\w+")
RECORD = re.compile(r'(_antiphon-dispute\.\S+)\.  TXT  "([^"]+)"')
FORM_FIELD = re.compile(r"<input type=hidden name=(\w+) value=done>")


class Compliant(Originator):
    """Acts on the rows of the notice and on every opt-out, and says so by mail."""

    async def noticed(self, delivery: Delivery, mail: Message, tokens: list[str]) -> None:
        """Takes the rows off its list when somebody has read the notice."""
        await super().noticed(delivery, mail, tokens)
        for token in tokens:
            if token in self.recipients:
                self.removed.setdefault(self.recipients[token], Instant(self.stage.time.now() + READ_AFTER))
        self.say_done(mail)

    def say_done(self, mail: Message) -> None:
        """By mail, to the reply address."""
        sender, to = f"abuse@{self.domain}", str(mail["Reply-To"])
        self.write_back(READ_AFTER, sender, to, answer_mail("done", sender, to, str(mail["Message-ID"])))

    async def respond(self, recipient: str) -> Response:
        """Takes the recipient off at once."""
        self.removed.setdefault(recipient, self.stage.time.now())
        return Response(200)


class CompliantForm(Compliant):
    """Says so on the form behind the notice's link."""

    every = 8 * DAY

    def say_done(self, mail: Message) -> None:
        """Opens the page, reads the form, and presses its button."""
        found = DESK_LINK.search(text_of(mail))

        async def act() -> None:
            if found is None:
                return
            page = await browse(self.stage.network, found[0])
            field = FORM_FIELD.search(page)
            if field is not None:
                await browse(self.stage.network, found[0], form=f"{field[1]}=done")

        self.later(READ_AFTER, act)


class Prompt(Originator):
    """Honours opt-outs at once; would not read a notice."""

    key_kind = EdKey

    async def respond(self, recipient: str) -> Response:
        """Takes the recipient off at once."""
        self.removed.setdefault(recipient, self.stage.time.now())
        return Response(200)


class Slow(Originator):
    """Stops mailing everybody whom it was asked for, some days after the window."""

    late = 6 * DAY

    async def noticed(self, delivery: Delivery, mail: Message, tokens: list[str]) -> None:
        """Puts the rows on somebody's desk."""
        await super().noticed(delivery, mail, tokens)
        for member, end in self.window_end.items():
            self.removed.setdefault(member, Instant(end + self.late))


class SmallMail(Originator):
    """Writes mails that are shorter than a request."""

    size_bytes = (4_000, 6_000)


class Refusing(Originator):
    """403."""

    async def respond(self, recipient: str) -> Response:
        """Leave us alone."""
        return Response(403)


class Overloaded(Originator):
    """429 with Retry-After, then slow answers, then like any deaf one."""

    answered = 0
    busy, slow = 3, 8
    slow_seconds = 0.3

    async def respond(self, recipient: str) -> Response:
        """Not now; or now, but slowly."""
        self.answered += 1
        if self.answered <= self.busy:
            return Response(429, {"Retry-After": "86400"})
        if self.answered <= self.slow:
            await asyncio.sleep(self.slow_seconds)
        return Response(200)


class Unreachable(Originator):
    """Takes mail to its abuse mailbox, and bounces it half an hour later."""

    async def noticed(self, delivery: Delivery, mail: Message, tokens: list[str]) -> None:
        """Nobody is told, so nobody's window runs."""
        to = delivery.sender
        self.write_back(30 * MINUTE, "", to, bounce_mail(to, delivery.recipients[0]))


class Disputing(Originator):
    """Says that the notice is wrong, some days after it counts as accepted."""

    async def noticed(self, delivery: Delivery, mail: Message, tokens: list[str]) -> None:
        """Answers by mail."""
        await super().noticed(delivery, mail, tokens)
        sender, to = f"abuse@{self.domain}", str(mail["Reply-To"])
        self.write_back(96 * HOUR, sender, to, answer_mail("dispute", sender, to, str(mail["Message-ID"])))


class DisputingDaily(Originator):
    """Has no use for the notice's link: it disputes by a record in its DNS, and presses the button again the next days,
    as often as the desk's pace, which is that of the machine's own clock, lets one domain in a row."""

    presses = 3
    readers = 6
    every = 5 * DAY
    key_kind = EdKey

    def __init__(self, temper: str, stage: Stage, *, domain: str = "", account: str = "") -> None:
        super().__init__(temper, stage, domain=domain, account=account)
        self.disputes = 0

    async def noticed(self, delivery: Delivery, mail: Message, tokens: list[str]) -> None:
        """Finds the desk, and nothing else, in the notice."""
        await super().noticed(delivery, mail, tokens)
        found = DESK_LINK.search(text_of(mail))
        if found is not None:
            desk = found[0].rpartition("/")[0] + "/"
            self.later(96 * HOUR, lambda: self._dispute(desk))

    async def _dispute(self, desk: str) -> None:
        """Names its domain, publishes the record that is shown, and has it looked up; tomorrow again."""
        network = self.stage.network
        record = RECORD.search(unescape(await browse(network, desk, form=f"domain={self.domain}")))
        if record is not None:
            network.names.record(record[1], "TXT", record[2])
            await browse(network, f"{desk}dispute", form=f"domain={self.domain}")
            self.disputes += 1
        if self.disputes < self.presses:
            self.later(DAY, lambda: self._dispute(desk))


class Transactional(Originator):
    """Codes, receipts and invoices in three languages, reported by mistake."""

    sightable = False
    subjects = (
        "Your verification code is {n}", "Your order confirmation #{n}", "Invoice {n}", "Your appointment reminder",
        "Ihre Bestellung {n}: Versandbestätigung", "Rechnung {n}", "Buchungsbestätigung {n}",
        "Votre facture {n}", "Code de vérification {n}", "Votre commande {n}",
    )  # fmt: skip

    def subject(self, to: str) -> str:
        """One of them."""
        chance = self.chance(to)
        return chance.choice(self.subjects).format(n=chance.randrange(10_000, 99_999))
