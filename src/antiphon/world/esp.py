"""A provider that mails for many: one `d=`, one opt-out host, and an account in a signed field tells them apart."""

from __future__ import annotations

from antiphon.terms import DAY, Instant
from antiphon.world.hosts import Request, Response, Tally
from antiphon.world.letter import EdKey, Seal
from antiphon.world.masks import BANK
from antiphon.world.network import MAIL_HOST
from antiphon.world.originator import SELECTOR, Originator, Stage
from antiphon.world.tempers import Compliant

DOMAIN = "mailworks.example"
HOST = f"out.{DOMAIN}"
ACCOUNT_FIELD = "X-Mailworks-Account"
PROVIDERS = f"""\
[[provider]]
name = "Mailworks"
signing_domains = ["{DOMAIN}"]
cname_zones = ["{DOMAIN}"]
account_header = "{ACCOUNT_FIELD}"
places = [{{ host = "{HOST}", path = "/u", account_in = "query a" }}]
source = "this world"
date = "2027-01-04"
"""


class Provider(Originator):
    """The provider: writes nothing of its own, signs and answers for its customers."""

    def __init__(self, stage: Stage) -> None:
        super().__init__("esp", stage, domain=DOMAIN)
        self.customers: dict[str, Customer] = {}

    async def settle_in(self) -> None:
        """With a host for opt-outs beside its own."""
        await super().settle_in()
        address = f"{self.address.rpartition('.')[0]}.{MAIL_HOST + 1}"
        self.stage.network.point(HOST, address)
        self.hosts.append(await self.stage.network.web(address, HOST, self.answer))

    async def answer(self, request: Request) -> Response:
        """Hands the request to the customer whose account the link names."""
        customer = self.customers.get(request.target.partition("a=")[2].partition("&")[0])
        return await customer.answer(request) if customer else Response(404)

    def writes_to(self, member: str, now: Instant) -> bool:
        """Never."""
        return False

    @property
    def tally(self) -> Tally:
        """What came to its hosts for none of its customers."""
        whole = super().tally
        for customer in self.customers.values():
            whole.take_away(customer.credit)
        return whole


class Customer(Originator):
    """Mails through the provider; both sign: its own domain answers, the provider vouches for the link."""

    key_kind = EdKey

    @property
    def provider(self) -> Provider:
        """Whose customer it is."""
        found = self.stage.cast[DOMAIN]
        assert isinstance(found, Provider)
        return found

    async def settle_in(self) -> None:
        """A domain and a mail host of its own, and an account."""
        await super().settle_in()
        self.provider.customers[self.account] = self

    def link(self, token: str) -> str:
        """At the provider's host, with the account in it."""
        return f"https://{HOST}/u?a={self.account}&t={token}"

    def seals(self, to: str) -> tuple[Seal, ...]:
        """Its own, and the provider's."""
        return (*super().seals(to), Seal(DOMAIN, SELECTOR, self.provider.key))

    def fields(self, to: str, now: Instant, token: str) -> list[tuple[str, str]]:
        """With the account."""
        return [*super().fields(to, now, token), (ACCOUNT_FIELD, self.account)]


class GoodCustomer(Customer, Compliant):
    """Acts on notices and opt-outs."""


class LikedCustomer(GoodCustomer):
    """Hardly anybody reports its mail."""

    reporters = 2
    every = 8 * DAY


class JoeJobberCustomer(Customer):
    """Writes in a bank's name through the provider, whose valid signature says nothing about the bank."""

    aims_at = BANK

    @property
    def case(self) -> str:
        """Only the signed account names it."""
        return f"{DOMAIN}/{self.account}"

    def seals(self, to: str) -> tuple[Seal, ...]:
        """The provider's alone."""
        return super().seals(to)[1:]

    def author(self) -> str:
        """The bank, who knows nothing of it."""
        return f"River Bank <service@{self.aims_at}>"
