"""The cast: every temper by name, and the innocents who stand by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from antiphon.world import esp, feedback, hosting, masks, tempers
from antiphon.world.letter import EdKey
from antiphon.world.originator import Originator, Stage


@dataclass(frozen=True, slots=True)
class Temper:
    """One role. `limit` is what the operators approve for it, once if it is less than a hundred."""

    name: str
    play: type[Originator]
    limit: int = 100
    account: str = ""


TEMPERS: tuple[Temper, ...] = (
    Temper("compliant", tempers.Compliant),
    Temper("compliant-form", tempers.CompliantForm),
    Temper("prompt", tempers.Prompt),
    Temper("feedback", feedback.FeedbackLoop),
    Temper("slow", tempers.Slow),
    Temper("deaf", Originator),
    Temper("deaf-capped", Originator, limit=20),
    Temper("small-mail", tempers.SmallMail),
    Temper("refusing", tempers.Refusing),
    Temper("redirecting", masks.Redirecting),
    Temper("overloaded", tempers.Overloaded),
    Temper("unreachable", tempers.Unreachable),
    Temper("disputing", tempers.Disputing),
    Temper("disputing-daily", tempers.DisputingDaily),
    Temper("unaccountable", masks.Unaccountable),
    Temper("throw-away", masks.ThrowAway),
    Temper("joe-jobber", masks.JoeJobber),
    Temper("joe-jobber-cname", masks.JoeJobberCname),
    Temper("joe-jobber-address", masks.JoeJobberAddress),
    Temper("joe-jobber-mx", masks.JoeJobberMx),
    Temper("joe-jobber-esp", esp.JoeJobberCustomer, account="a3001"),
    Temper("replayer", masks.Replayer),
    Temper("esp-deaf", esp.Customer, account="a1001"),
    Temper("esp-good-1", esp.GoodCustomer, account="a2001"),
    Temper("esp-good-2", esp.GoodCustomer, account="a2002"),
    Temper("esp-good-3", esp.LikedCustomer, account="a2003"),
    Temper("esp-good-4", esp.LikedCustomer, account="a2004"),
    Temper("transactional", tempers.Transactional),
    Temper("list-host", masks.ListHost),
    Temper("hosted-acting", hosting.HostedActing),
    Temper("hosted-ignoring", hosting.Hosted),
    Temper("hosted-bouncing", hosting.HostedBouncing),
    Temper("hosted-answering", hosting.HostedAnswering),
    Temper("hosted-declining", hosting.HostedDeclining),
    Temper("hosted-misnamed", hosting.HostedMisnamed),
    Temper("hosted-phishing", hosting.HostedPhishing),
)


class Innocent(Originator):
    """Writes to nobody here and wants nothing of anybody; counts whatever reaches it."""

    key_kind = EdKey


async def innocents_of(stage: Stage) -> list[Originator]:
    """Those who stand by, in their places."""
    found: list[Originator] = []
    for name in masks.INNOCENTS:
        # The newsletter signs its copies with RSA, as most do; the others sign nothing.
        kind = Originator if name == masks.LETTER else Innocent
        innocent = kind("innocent", stage, domain=name)
        await innocent.settle_in()
        stage.cast[name] = innocent
        found.append(innocent)
    return found


async def parties_of(stage: Stage, cast: Sequence[Temper]) -> list[Originator]:
    """Everybody of the cast, in their places; then their hosts, and last the provider and the registrar, each if it has
    customers."""
    provider = esp.Provider(stage)
    if any(temper.account for temper in cast):
        stage.cast[esp.DOMAIN] = provider
        await provider.settle_in()
    found: list[Originator] = []
    for temper in cast:
        party = temper.play(temper.name, stage, account=temper.account)
        await party.settle_in()
        found.append(party)
    found += [party.host_company for party in found if isinstance(party, hosting.Hosted)]
    found += [provider] if provider.customers else []
    registrar = hosting.RegistrarDesk("registrar", stage)
    registrar.customers = {party.domain: party for party in found if party.harmful}
    if registrar.customers:
        await registrar.settle_in()
        found.append(registrar)
    return found
