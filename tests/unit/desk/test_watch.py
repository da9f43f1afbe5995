"""Mailboxes elsewhere: what a watcher tells becomes a delivery, a report of class C, or evidence; and proof."""

from __future__ import annotations

from dataclasses import replace
from email.utils import format_datetime

import pytest

from antiphon.campaign.report import Delivery, EvidenceClass, Report, ReportState, Witness
from antiphon.campaign.sighting import Sighting
from antiphon.desk.click import click, show_click
from antiphon.desk.erase import leave
from antiphon.desk.hand_in import hand_in
from antiphon.desk.watch import MOST_WATCHES, Mail, Watching, add_watch, name_of, remove_watch, watches
from antiphon.desk.withdraw import revoke
from antiphon.desk.work_off import work_off
from antiphon.errors import RefusedByLaw
from antiphon.formats.handed import Event, Handed
from antiphon.ledger.allowance import Armed
from antiphon.optout.case import Case
from antiphon.registry.agreement import VERSION
from antiphon.registry.mandate import Agreement, MandateState
from antiphon.registry.watch import (
    GONE_LATELY,
    REMEMBERED,
    Meaning,
    SecretKind,
    Sight,
    Watch,
    WatchedFolder,
    WatchState,
    meaning,
)
from antiphon.terms import DAY, HOUR, Identifier, Instant, to_datetime
from tests.unit.desk.household import MEMBER, START, Household
from tests.unit.desk.test_hand_in import milter

STRANGER = "eve@big.example"
ASKED = Watch(
    Identifier(b""), "imap.big.example", 993, "eve", SecretKind.FILE, "/secret", False, False, "", "", "", Instant(0),
    WatchState.WAITING, "", Instant(0),
)  # fmt: skip


@pytest.fixture
async def home() -> Household:
    return await Household().open(armed=Armed.OWN)


async def watching(home: Household, address: str = MEMBER) -> Watching:
    """The mailbox of a member is looked at."""
    return Watching(home.desk, await add_watch(home.desk, address, ASKED))


async def tell(home: Household, seen: Watching, raw: bytes, *meanings: Meaning | None) -> None:
    """A mail was seen, and what that meant; all of it worked off."""
    for each in meanings:
        await seen.tell(each, Mail(1, raw, home.time.now(), name_of(raw)))
    await work_off(home.desk)


async def only(home: Household) -> Report:
    (report,) = [r for r in await home.all(Report) if r.state is not ReportState.RETRACTED]
    return report


@pytest.mark.parametrize(
    ("out_of_junk", "into_junk", "found"),
    [
        (False, True, Meaning.REPORTED),
        (True, False, Meaning.RETRACTED),
        (None, True, Meaning.FILED),
        (None, False, Meaning.NOTHING),
        (False, False, Meaning.NOTHING),
        (True, True, Meaning.NOTHING),
    ],
)
def test_what_a_mails_place_means_is_a_table(out_of_junk: bool | None, into_junk: bool, found: Meaning) -> None:
    """Only a move into Junk is a report, and only a move out of it takes one back."""
    assert meaning(out_of_junk, into_junk) is found


async def test_a_watched_report_is_of_class_c_with_the_key_of_first_sight(home: Household) -> None:
    """Its originator is known from the first moment; it is accepted, opens a case, and can pay for nothing."""
    seen, raw = await watching(home), home.mail()
    await tell(home, seen, raw, None)
    asked = list(home.names.asked)
    assert any("_domainkey" in name for name in asked)
    home.names.rows.clear()
    await tell(home, seen, raw, Meaning.REPORTED)
    report = await only(home)
    assert (report.state, report.evidence_class, report.source) == (
        ReportState.ACCEPTED,
        EvidenceClass.UPLOADED,
        "imap",
    )
    assert (report.originator, report.sighting_reasons) == ("shop.example", "class-allows")
    assert await home.all(Case) and not await home.all(Sighting)
    assert home.names.asked == asked, "a report asks no name server"


async def test_a_click_on_watched_mail_pays_and_asks_for_no_key(home: Household) -> None:
    """LAW §3: keys were fixed at first sight, so that a click is no beacon either."""
    seen, raw = await watching(home), home.mail()
    await home.knows("shop.example")
    await tell(home, seen, raw, None, Meaning.REPORTED)
    before = [name for name in home.names.asked if "_domainkey" in name]
    await click(home.desk, [await show_click(home.desk, (await only(home)).report)])
    await home.wait(3 * DAY)
    await home.allow_pairs()
    await home.wait(2 * DAY)
    assert len(home.out.posts) == 1
    assert [name for name in home.names.asked if "_domainkey" in name] == before


async def test_without_a_click_a_watched_report_never_pays(home: Household) -> None:
    """Not even with a standing consent: class C buys what is clicked (LAW §3)."""
    await home.enrol(MEMBER, "count,token,optout")
    await home.knows("shop.example")
    seen = await watching(home)
    await tell(home, seen, home.mail(), None, Meaning.REPORTED)
    await home.wait(4 * DAY)
    await home.allow_pairs()
    await home.wait(4 * DAY)
    assert home.out.posts == [] and not await home.all(Sighting)


async def test_what_a_filter_filed_is_evidence_only(home: Household) -> None:
    """Grouped, with its reason, in no case; told twice it is one; a click on it is refused."""
    seen, raw = await watching(home), home.mail()
    await tell(home, seen, raw, None, Meaning.FILED, Meaning.FILED)
    report = await only(home)
    assert (report.state, report.reasons) == (ReportState.EVIDENCE_ONLY, "by-a-person")
    assert report.campaign is not None and report.case is None
    assert await home.all(Case) == []
    with pytest.raises(RefusedByLaw) as refused:
        await show_click(home.desk, report.report)
    assert "accepted" in refused.value.rules


@pytest.mark.parametrize("between", [(), (Meaning.RETRACTED,)])
async def test_a_persons_word_replaces_the_filters(home: Household, between: tuple[Meaning, ...]) -> None:
    """It is no duplicate; a second word of a person is, and the filter's after it too."""
    seen, raw = await watching(home), home.mail()
    await tell(home, seen, raw, None, Meaning.FILED, *between, Meaning.REPORTED)
    assert (await only(home)).state is ReportState.ACCEPTED
    await tell(home, seen, raw, Meaning.REPORTED, Meaning.FILED)
    assert (await only(home)).state is ReportState.ACCEPTED
    assert len(await home.all(Report)) == 2


async def test_out_of_junk_takes_a_watched_report_back(home: Household) -> None:
    """With what has not left."""
    seen, raw = await watching(home), home.mail()
    await tell(home, seen, raw, None, Meaning.REPORTED, Meaning.RETRACTED)
    assert [r.state for r in await home.all(Report)] == [ReportState.RETRACTED]


async def test_what_a_filter_filed_for_a_mandate_that_waits_is_evidence_too(home: Household) -> None:
    """Both reasons stand, and neither makes it a refusal; a mandate that ended does."""
    await home.enrol(STRANGER)
    seen = await watching(home, STRANGER)
    await tell(home, seen, home.mail(to=STRANGER), None, Meaning.FILED)
    report = await only(home)
    assert (report.state, report.reasons) == (ReportState.EVIDENCE_ONLY, "mandate-live,by-a-person")


async def test_a_watcher_says_less_than_the_houses_own_mta_and_store(home: Household) -> None:
    """Whichever comes first; and a move that only a watcher saw is not the store's word."""
    seen, raw = await watching(home), home.mail()
    await tell(home, seen, raw, None)
    await milter(home, raw)
    await tell(home, seen, raw, None, Meaning.REPORTED)
    assert {row.witness for row in await home.all(Delivery)} == {Witness.MTA}
    assert (await only(home)).evidence_class is EvidenceClass.COMMITTED
    other = home.mail()
    await tell(home, seen, other, None)
    await hand_in(home.desk, Handed(Event.DELIVERED, MEMBER, other), None)
    await tell(home, seen, other, None, Meaning.REPORTED)
    report = next(r for r in await home.all(Report) if r.evidence_class is not EvidenceClass.COMMITTED)
    assert report.evidence_class is EvidenceClass.UPLOADED
    assert Witness.STORE in {row.witness for row in await home.all(Delivery)}


async def test_when_a_watched_mail_came_is_the_servers_word_but_never_later_than_now(home: Household) -> None:
    """72 hours between signing and arrival are judged by it; a day ahead is not believed."""
    seen, raw = await watching(home), home.mail()
    await seen.tell(None, Mail(1, raw, Instant(START - HOUR), None))
    await seen.tell(None, Mail(2, home.mail(), Instant(START + DAY), None))
    await work_off(home.desk)
    assert {row.received_at for row in await home.all(Delivery)} == {START - HOUR, START}


def to_itself(home: Household, word: str, body: str = f"I agree to mandate {VERSION}", **fields: str) -> bytes:
    """What a member sends itself."""
    head = {
        "From": STRANGER, "To": STRANGER, "Subject": word, "Message-ID": "<1@big.example>",
        "Date": format_datetime(to_datetime(home.time.now())), **{k.replace("_", "-"): v for k, v in fields.items()},
    }  # fmt: skip
    return "".join(f"{name}: {value}\r\n" for name, value in head.items()).encode() + f"\r\n{body}\r\n".encode()


async def word_of(home: Household, address: str = STRANGER) -> str:
    """The nonce that the member was told."""
    return (await watches(home.desk))[(await home.member(address)).member].nonce


async def test_a_mail_to_itself_with_the_nonce_proves_a_watched_mailbox(home: Household) -> None:
    """LAW §3; the mail is kept, sealed, as the signed text, and the same one proves nothing twice."""
    await home.enrol(STRANGER)
    seen = await watching(home, STRANGER)
    raw = to_itself(home, f"Re: {await word_of(home)}")
    assert await seen.prove(Mail(1, raw, START, None))
    member = await home.member(STRANGER)
    assert member.state is MandateState.LIVE and member.data_key is not None and member.proved_at == START
    (kept,) = await home.all(Agreement)
    assert home.desk.vault.open(member.data_key, kept.sealed, b"agreement") == raw
    assert not await seen.prove(Mail(1, raw, START, None))
    home.time.at = Instant(START + 300 * DAY)
    assert await seen.prove(Mail(2, to_itself(home, await word_of(home)), START, None))
    member = await home.member(STRANGER)
    assert (member.proved_at, member.renewed_at) == (START, home.time.at)


@pytest.mark.parametrize(
    "changes",
    [
        {"From": "mallory@big.example"},
        {"To": f"{STRANGER}, friend@big.example"},
        {"To": "friend@big.example"},
        {"Auto_Submitted": "auto-replied"},
        {"Date": "Mon, 25 May 2026 06:00:00 +0000"},
        {"body": "Nice weather."},
        {"word": "no nonce"},
        {"word": "no nonce", "X_Other": "the nonce"},
    ],
)
async def test_any_other_mail_proves_no_watched_mailbox(home: Household, changes: dict[str, str]) -> None:
    """Another author or reader, a machine, an old one, one that agrees to nothing, one without the word."""
    await home.enrol(STRANGER)
    seen = await watching(home, STRANGER)
    word = await word_of(home)
    said = {"word": word, **{name: value.replace("the nonce", word) for name, value in changes.items()}}
    assert not await seen.prove(Mail(1, to_itself(home, **said), START, None))
    assert (await home.member(STRANGER)).state is MandateState.PENDING


async def test_only_members_mailboxes_are_looked_at_and_so_many(home: Household) -> None:
    """Whoever is no member, or has left; and one more than the limit."""
    with pytest.raises(RefusedByLaw):
        await add_watch(home.desk, STRANGER, ASKED)
    for number in range(MOST_WATCHES):
        await home.store.write(lambda tx, n=number: tx.put(replace(ASKED, member=Identifier(bytes([n] * 16)))))
    with pytest.raises(RefusedByLaw, match="no more than"):
        await add_watch(home.desk, MEMBER, ASKED)
    await home.store.write(lambda tx: tx.drop(Watch, bytes(16)))
    await add_watch(home.desk, MEMBER, ASKED)
    await add_watch(home.desk, MEMBER, ASKED)


@pytest.mark.parametrize("end", [remove_watch, revoke, leave])
async def test_a_watch_that_ends_leaves_nothing(home: Household, end: object) -> None:
    """Removed, revoked or erased; and a watcher that is still at work writes nothing any more."""
    seen = await watching(home)
    member = (await home.member()).member
    sight = Sight(member, "INBOX", 4, name_of(home.mail()) or START, START, True, None)  # type: ignore[arg-type]  # a digest
    await seen.saw(WatchedFolder(member, "INBOX", 1, 5, 1), [sight], None)
    assert await home.all(Sight) and await home.all(WatchedFolder)
    await end(home.desk, MEMBER)  # type: ignore[operator]  # one of three
    await seen.saw(WatchedFolder(member, "INBOX", 1, 5, 1), [sight], ())
    await seen.settle(sight, [])
    await seen.say(WatchState.WATCHING)
    assert [await home.all(kind) for kind in (Watch, WatchedFolder, Sight)] == [[], [], []]
    with pytest.raises(RefusedByLaw):
        await remove_watch(home.desk, MEMBER)


async def test_places_are_forgotten_when_they_say_nothing_any_more(home: Household) -> None:
    """Gone for two minutes, or seen thirty days ago: to the second."""
    seen, member = await watching(home), (await home.member()).member
    mine = Sight(member, "INBOX", 4, name_of(home.mail()) or START, START, True, None)  # type: ignore[arg-type]  # as above
    folder = WatchedFolder(member, "INBOX", 1, 6, 2)
    await seen.saw(folder, [mine, replace(mine, uid=5)], None)
    await seen.saw(folder, [], {5})
    home.time.at = Instant(START + GONE_LATELY)
    await seen.tidy()
    assert [s.uid for s in await seen.sights()] == [4, 5]
    home.time.at = Instant(START + GONE_LATELY + 1)
    await seen.tidy()
    assert [s.uid for s in await seen.sights()] == [5]
    home.time.at = Instant(START + REMEMBERED)
    await seen.tidy()
    assert [s.uid for s in await seen.sights()] == [5]
    home.time.at = Instant(START + REMEMBERED + 1)
    await seen.tidy()
    assert await seen.sights() == []
