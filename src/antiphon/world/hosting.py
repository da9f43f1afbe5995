"""Hosts with abuse desks of every temper, and their customers: deaf originators that mail from a host's network.

A host knows its customers by the address that it gave them, and learns of a complaint only what stands in it.
"""

from __future__ import annotations

from email import message_from_bytes
from ipaddress import ip_address

from antiphon.errors import MalformedInput
from antiphon.formats.arf import parse_feedback
from antiphon.formats.dkim import KeyAnswer, KeyStatus, keys_needed, verify
from antiphon.formats.message import parse_message
from antiphon.terms import DAY, MINUTE, Instant
from antiphon.world.hosts import Delivery, Request, Response
from antiphon.world.letter import EdKey
from antiphon.world.masks import BAKERY
from antiphon.world.originator import READ_AFTER, Originator, Stage
from antiphon.world.post import answer_mail, bounce_mail

FIRST_CUSTOMER = 40
"""Last byte of the address of a host's first customer."""


class AbuseDesk(Originator):
    """A host that ignores what it gets. It writes to nobody."""

    key_kind = EdKey
    sightable = False
    known_by = "source-ip"
    """The field of a report by which it finds its customer."""

    def __init__(self, temper: str, stage: Stage) -> None:
        super().__init__(temper, stage, domain=f"{temper}.example")
        self.network = ""
        self.customers: dict[str, Originator] = {}
        self.complaints = 0

    async def settle_in(self) -> None:
        """Its office in one network, its customers in another that it holds."""
        await super().settle_in()
        self.network = self.stage.network.place(f"customers.{self.domain}")
        self.stage.network.registry.allocate(self.network, self.holder)

    @property
    def holder(self) -> str:
        """Whose abuse desk the registry names for its customers' network."""
        return self.domain

    def give_address(self, customer: Originator) -> str:
        """An address of its network for a customer, with a name of its own."""
        address = f"{self.network.rpartition('.')[0]}.{FIRST_CUSTOMER + len(self.customers)}"
        name = f"c{len(self.customers)}.{self.domain}"
        self.stage.network.names.record(name, "A", address)
        self.stage.network.names.record(ip_address(address).reverse_pointer, "PTR", name)
        self.customers[address] = customer
        return address

    def writes_to(self, member: str, now: Instant) -> bool:
        """Never."""
        return False

    async def take_mail(self, delivery: Delivery) -> str:
        """Reads complaints as any program would: a feedback report, signed by its author, about an address of ours."""
        try:
            report = parse_feedback(parse_message(delivery.data))
        except MalformedInput:
            return "250 2.0.0 taken"
        customer = self.customers.get(report.one(self.known_by))
        if customer is not None and self._is_signed(delivery.data):
            self.complaints += 1
            await self.complained(delivery, customer)
        return "250 2.0.0 taken"

    def _is_signed(self, raw: bytes) -> bool:
        message, names = parse_message(raw), self.stage.network.names
        records = {name: names.text(name) for name in keys_needed(message)}
        keys = {name: KeyAnswer(name, record, KeyStatus.FOUND) for name, record in records.items() if record}
        return any(s.passes and s.domain == message.from_domain() for s in verify(message, keys))

    async def complained(self, delivery: Delivery, customer: Originator) -> None:
        """Nothing."""

    def answer_with(self, after: int, word: str, delivery: Delivery) -> None:
        """A mail to where answers are asked for."""
        mail = message_from_bytes(delivery.data)
        sender, to = f"abuse@{self.domain}", str(mail["Reply-To"])
        self.write_back(after, sender, to, answer_mail(word, sender, to, str(mail["Message-ID"])))


class ActingDesk(AbuseDesk):
    """Somebody reads the complaint, and takes the customer off the net."""

    async def complained(self, delivery: Delivery, customer: Originator) -> None:
        """Its mail host is silent from then on."""

        async def act() -> None:
            assert isinstance(customer, Hosted)
            customer.connected = False

        self.later(READ_AFTER, act)


class BouncingDesk(AbuseDesk):
    """Takes the mail and sends it back: there is no such mailbox."""

    async def complained(self, delivery: Delivery, customer: Originator) -> None:
        """Half an hour later."""
        self.write_back(30 * MINUTE, "", delivery.sender, bounce_mail(delivery.sender, delivery.recipients[0]))


class AnsweringDesk(AbuseDesk):
    """A program answers everything, and does not say that it is one."""

    async def complained(self, delivery: Delivery, customer: Originator) -> None:
        """With a ticket number."""
        self.answer_with(MINUTE, f"Thank you. Your ticket is {1000 + self.complaints}.", delivery)


class DecliningDesk(AbuseDesk):
    """Wants no more of this."""

    async def complained(self, delivery: Delivery, customer: Originator) -> None:
        """One word."""
        self.answer_with(READ_AFTER, "stop", delivery)


class MisnamedDesk(AbuseDesk):
    """The registry names a bystander as its abuse desk; nobody else does."""

    @property
    def holder(self) -> str:
        """The bystander."""
        return BAKERY


class RegistrarDesk(AbuseDesk):
    """Where every domain of this world was registered: it knows them by name, and suspends one that phishes."""

    known_by = "reported-domain"

    async def settle_in(self) -> None:
        """With a server that answers for its domains itself, where the registry points. To ask that is no attempt."""
        await super().settle_in()
        registry, name = self.stage.network.registry, f"rdap.{self.domain}"
        registry.registrar = self.domain

        async def answer(request: Request) -> Response:
            return Response(*registry.answer(request.method, request.target))

        address = self.stage.network.place(name)
        await self.stage.network.web(address, name, answer)

    async def complained(self, delivery: Delivery, customer: Originator) -> None:
        """Takes its names out of DNS, if that is what the report is about."""

        async def act() -> None:
            assert isinstance(customer, Hosted)
            customer.connected = False
            self.stage.network.names.forget(customer.domain)

        if parse_feedback(parse_message(delivery.data)).kind == "fraud":
            self.later(READ_AFTER, act)


class Hosted(Originator):
    """Deaf, as any; its mail leaves from an address of its host, which is all that ties the two."""

    desk = AbuseDesk
    readers = 6
    every = 5 * DAY
    key_kind = EdKey

    def __init__(self, temper: str, stage: Stage, *, domain: str = "", account: str = "") -> None:
        super().__init__(temper, stage, domain=domain, account=account)
        self.connected = True
        self.host_company = self.desk(temper.replace("hosted", "host"), stage)
        self._sends_from = ""

    async def settle_in(self) -> None:
        """Its own names and opt-out host, and an address at its host's."""
        await super().settle_in()
        await self.host_company.settle_in()
        self._sends_from = self.host_company.give_address(self)

    @property
    def sends_from(self) -> str:
        """At its host's."""
        return self._sends_from

    def writes_to(self, member: str, now: Instant) -> bool:
        """As long as its host lets it."""
        return self.connected and super().writes_to(member, now)


class HostedActing(Hosted):
    """Its host acts. It mails often, so that it is told about before long."""

    desk = ActingDesk
    every = 2 * DAY


class HostedBouncing(Hosted):
    """Its host's mailbox is not there."""

    desk = BouncingDesk


class HostedAnswering(Hosted):
    """A program answers at its host's."""

    desk = AnsweringDesk


class HostedDeclining(Hosted):
    """Its host wants no more."""

    desk = DecliningDesk


class HostedPhishing(Hosted):
    """Imitates a bank by a domain that it registered three weeks ago; its host ignores complaints."""

    harmful = True
    every = 2 * DAY
    registered_for = 21 * DAY


class HostedMisnamed(Hosted):
    """The registry names a bystander for its host's network."""

    desk = MisnamedDesk
    aims_at = BAKERY
