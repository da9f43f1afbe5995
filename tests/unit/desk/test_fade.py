"""Evidence is kept 30 days, then gone; what was spent stays spent, known again, and provable (LAW §7)."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import pytest

from antiphon.backends.spool import FileSpool
from antiphon.campaign.remembered import Band, Campaign
from antiphon.campaign.report import Delivery, EvidenceClass, Original, Report, ReportState
from antiphon.campaign.sighting import Sighting
from antiphon.desk.arrival import spool_mail
from antiphon.desk.click import click, show_click
from antiphon.desk.desk import Desk
from antiphon.desk.disclose import openings
from antiphon.desk.erase import leave
from antiphon.desk.fade import DELIVERY_FOR, EVIDENCE_FOR, fade, fades_at
from antiphon.desk.round import take_round
from antiphon.ledger.allowance import Armed
from antiphon.ledger.kept import KeptOpening, Spent
from antiphon.ledger.opening import Erased, Opening, SpendOpening
from antiphon.ports import CABINETS, Setting
from antiphon.terms import DAY, HOUR, Instant
from tests.unit.desk.household import MEMBER, START, Household

BOB = "bob@home.example"
PERSONAL = ("Subject of the mail", "token-of-this-person", "@shop.example>", "9.9.9.9")


@pytest.fixture
async def house() -> Household:
    """One mail whose own opt-out left and was heard, one upload that was clicked; all of the first day."""
    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    await house.enrol(MEMBER, "count,token,optout")
    await house.enrol(BOB, "count,token")
    for address in (MEMBER, BOB):
        await house.delivered(house.mail(to=address), address)
    await house.wait(2 * DAY + 12 * HOUR)
    await house.allow_pairs()
    link = "<https://shop.example/u/token-of-this-person-0123456789>"
    await house.delivered(house.mail(Subject="Subject of the mail", List_Unsubscribe=link))
    await house.delivered(house.mail(to=BOB), BOB)
    await house.wait(3 * DAY)
    assert len(house.out.posts) == 1
    return house


async def later(house: Household, span: int) -> None:
    """The clock jumps, and what is over goes."""
    house.time.at = Instant(house.time.at + span)
    await fade(house.desk)


async def records(house: Household) -> str:
    """All that the home keeps, but for its settings and its ledger."""
    kept = [r for cabinet in CABINETS if cabinet.kind is not Setting for r in await house.all(cabinet.kind)]
    return repr([astuple(record) for record in kept])  # type: ignore[call-overload]  # each is a dataclass


async def test_after_thirty_days_no_record_says_what_a_mail_was(house: Household) -> None:
    """Subject, links, Message-ID, peer, salts, hosts, keys as fetched; until then they are there."""
    newest = max(report.received_at for report in await house.all(Report))
    await house.wait(newest + EVIDENCE_FOR - HOUR - house.time.now())
    before = await records(house)
    assert all(word in before for word in PERSONAL)
    await house.wait(3 * DAY)
    after = await records(house)
    assert not [word for word in PERSONAL if word in after]
    assert not await house.all(Delivery) and not await house.all(Original)
    assert {(s.salts, s.hosts) for s in await house.all(Sighting)} == {(b"", "")}


async def test_what_faded_is_still_a_duplicate_and_still_spent(house: Household) -> None:
    """The same bytes reported again are known again, though nobody can read any more what they were."""
    raw = house.mail(Subject="Once more")
    await house.delivered(raw)
    spent = await house.all(Spent)
    bands, kept = await house.all(Band), await house.all(Campaign)
    await later(house, 33 * DAY)
    again = await house.report(raw)
    assert again.state is ReportState.REFUSED and again.reasons == "not-duplicate"
    assert await house.all(Spent) == spent
    assert await house.all(Band) == bands and await house.all(Campaign) == kept


async def opened(desk: Desk) -> list[Opening]:
    """What the node can open."""
    return await desk.store.read(lambda tx: openings(tx, desk))


async def test_an_opening_is_the_same_after_its_evidence_is_gone(house: Household) -> None:
    """Byte for byte, out of what was sealed under the member's key."""
    before = await opened(house.desk)
    (opening,) = [o for o in before if isinstance(o, SpendOpening)]
    assert opening.path is not None and opening.signatures
    await later(house, 40 * DAY)
    assert await opened(house.desk) == before and not await house.all(Delivery)
    (kept,) = await house.all(KeptOpening)
    assert opening.signatures[0].value not in kept.sealed and b"shop.example" not in kept.sealed


async def test_erasing_a_member_takes_its_openings_too(house: Household) -> None:
    """Its leaf is named as erased from then on."""
    await later(house, 40 * DAY)
    await leave(house.desk, MEMBER)
    assert [type(o) for o in await opened(house.desk) if not hasattr(o, "case")] == [Erased]
    assert not await house.all(KeptOpening)


async def test_openings_go_when_nobody_can_go_to_law_any_more(house: Household) -> None:
    """After the years that the operator named; the audit then counts them as erased."""
    desk = replace(house.desk, house=replace(house.desk.house, openings_years=1))
    received = min(report.received_at for report in await house.all(Report))
    for at, kept in ((received + 40 * DAY, 1), (received + 365 * DAY, 1), (received + 368 * DAY, 0)):
        house.time.at = Instant(at)
        await fade(desk)
        assert len(await house.all(KeptOpening)) == kept
    assert any(isinstance(o, Erased) for o in await opened(desk))


@pytest.mark.parametrize(("evidence_class", "late"), [("A", False), ("B", False), ("C", True)])
def test_thirty_days_count_from_the_mail_or_from_a_late_upload(evidence_class: str, late: bool) -> None:
    """What this house saw arrive counts from then; an old archive is looked at before it fades."""
    handed_in = Instant(START + 100 * DAY)
    found = fades_at(EvidenceClass(evidence_class), START, handed_in)
    assert found == (handed_in if late else START) + EVIDENCE_FOR


async def test_nothing_fades_at_its_last_instant_but_within_the_hour_after_it(house: Household) -> None:
    """As long as a mail may pay all of it is there; and a delivery outlasts every report of its hour."""
    (first, *_) = sorted(await house.all(Report), key=lambda report: report.received_at)
    for late, left in ((0, False), (HOUR, True)):
        house.time.at = Instant(first.received_at + EVIDENCE_FOR + late)
        await fade(house.desk)
        report = await house.store.read(lambda tx: tx.get(Report, first.report))
        assert report is not None and (report.fades_at is None) is left
    house.time.at = Instant(first.received_at + DELIVERY_FOR)
    await fade(house.desk)
    assert any(row.received_at == first.received_at for row in await house.all(Delivery))


async def test_a_mail_reported_when_its_delivery_is_gone_buys_nothing(house: Household) -> None:
    """Nobody knows its keys any more: it is counted as an upload that nobody proved."""
    raw = house.mail()
    await house.delivered(raw)
    (mine,) = [r for r in await house.all(Report) if r.received_at == house.time.now()]
    await house.store.write(lambda tx: tx.drop(Report, mine.report))
    await house.store.write(lambda tx: tx.drop(Sighting, mine.report))
    await later(house, 40 * DAY)
    late = await house.report(raw)
    assert late.evidence_class is EvidenceClass.UPLOADED and late.sighting_reasons and not late.case


async def test_a_clicks_link_goes_with_its_report() -> None:
    """It is personal like the mail that held it."""
    from antiphon.optout.click import Click

    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    report = await house.report(house.mail())
    await click(house.desk, [await show_click(house.desk, report.report)])
    (made,) = await house.all(Click)
    assert "/u/" in made.target
    await later(house, 33 * DAY)
    (made,) = await house.all(Click)
    assert made.target == ""


async def test_once_a_day_the_spool_lets_go_what_was_worked_off(house: Household, tmp_path: Path) -> None:
    """Also where hardly any mail comes: nothing waits for a segment to fill."""
    spool = FileSpool(tmp_path / "spool")
    desk = replace(house.desk, spool=spool)
    await spool_mail(desk, "report", await house.member(), b"To: x\r\n\r\ntext")
    kept = sum(path.stat().st_size for path in (tmp_path / "spool").iterdir())
    assert kept > 0 and not spool.empty
    house.time.at = Instant(house.time.at + DAY)
    await fade(desk)
    assert not spool.empty
    house.time.at = Instant(house.time.at + DAY)
    await take_round(desk, house.kept)
    house.time.at = Instant(house.time.at + DAY)
    await fade(desk)
    assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) == 0
    assert await spool.append(b"next") == 1
