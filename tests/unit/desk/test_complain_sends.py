"""Complaints that leave: once, to one contact, at its pace; and everything that keeps one here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from antiphon.campaign.report import Report
from antiphon.campaign.sighting import Sighting
from antiphon.complaint.known import Complaint, ContactState, KnownContact, Matter
from antiphon.complaint.pacing import CAP
from antiphon.desk.answer import take_bounce
from antiphon.desk.arm import disarm
from antiphon.desk.pair import decide
from antiphon.desk.told import decline
from antiphon.desk.withdraw import undo
from antiphon.errors import RefusedByLaw
from antiphon.formats.arf import parse_feedback
from antiphon.formats.message import parse_message
from antiphon.ledger.allowance import Armed
from antiphon.ledger.commitment import network_nullifier
from antiphon.ledger.entry import ComplaintIntended, ComplaintSettled, Outcome, PurseSide, parse_entry
from antiphon.ledger.kept import Spent, StoredEntry
from antiphon.optout.asking import Asked
from antiphon.optout.attempt import Attempt
from antiphon.optout.attempt import Outcome as Made
from antiphon.optout.case import Case, State
from antiphon.optout.destination import Pair, PairState
from antiphon.optout.evidence import parse_evidence
from antiphon.optout.pacing import Budget
from antiphon.terms import DAY, HOUR, Instant
from tests.unit.desk.household import START, Household

PEER, DESK = "9.9.9.9", "abuse@net.example"
MEMBERS = [f"m{n}@home.example" for n in range(3)]
CONSENTS = "count,token,complain"


async def town(*, armed: Armed = Armed.COMMUNITY, consents: str = CONSENTS) -> Household:
    """Members of a house, and a network whose contact has two sources; its mail host is known and was looked at."""
    house = await Household().open(armed=armed)
    house.names.contacts[PEER] = ((DESK,), ())
    house.names.call(PEER, "host.net.example")
    house.names.rows["net.example", "MX"] = ("10 mx.net.example",)
    house.names.rows["mx.net.example", "A"] = ("8.8.8.8",)
    await house.knows("shop.example")
    for address in MEMBERS:
        await house.enrol(address, consents)
    return house


async def mails(house: Household, *people: str, peer: str = PEER, state: State = State.UNDELIVERABLE) -> None:
    """Each got a mail and reported it; the case stands in this state from then on."""
    for address in people or MEMBERS:
        await house.delivered(house.mail(to=address), address, peer=peer)
    over = START if state is State.REQUESTING else None
    for case in await house.all(Case):
        there = replace(case, state=state, notice_window_end=over, last_sighting_at=house.time.now())
        await house.store.write(lambda tx, there=there: tx.put(there))


async def told(house: Household) -> list[Complaint]:
    """What left, in order."""
    return sorted(await house.all(Complaint), key=lambda complaint: complaint.intent)


async def seen_and_allowed(house: Household) -> None:
    """Two days pass, then a person allows the pair that waits."""
    await house.wait(3 * DAY)
    for pair in await house.all(Pair):
        await decide(house.desk, pair.pair, allow=True, who="op", why="seen")


async def entries(house: Household, kind: type) -> list[object]:
    """Entries of the ledger of a kind."""
    return [e for s in await house.all(StoredEntry) if isinstance(e := parse_entry(s.body), kind)]


async def one_left() -> Household:
    """A complaint has left."""
    house = await town()
    await mails(house)
    await seen_and_allowed(house)
    await house.wait(8 * DAY)
    assert house.out.mails == [DESK]
    return house


async def test_one_complaint_leaves_for_all_mails_and_spends_each_once() -> None:
    """Three members, three mails, one report; its intent stands in the ledger before it, and settles."""
    house = await one_left()
    report = parse_feedback(parse_message(house.out.letters[0].message))
    assert (report.kind, report.one("source-ip"), report.one("incidents")) == ("abuse", PEER, "3")
    (intent,), (settled,) = await entries(house, ComplaintIntended), await entries(house, ComplaintSettled)
    assert isinstance(intent, ComplaintIntended) and isinstance(settled, ComplaintSettled)
    assert (intent.purse, intent.rule, len(intent.leaves)) == (PurseSide.NETWORK, 4, 3)
    assert settled.outcome is Outcome.ACCEPTED
    assert {s.complained for s in await house.all(Sighting)} == {(await told(house))[0].intent}
    assert {s.paid for s in await house.all(Sighting)} == {None}


async def test_its_nullifiers_only_the_community_can_compute() -> None:
    """Keyed, one for each signature of each mail (LAW §9)."""
    house = await one_left()
    (intent,) = await entries(house, ComplaintIntended)
    assert isinstance(intent, ComplaintIntended)
    values = {v for r in await house.all(Report) for v in parse_evidence(r.evidence).signature_values}
    key = house.desk.house.derived("community/network")
    assert set(intent.nullifiers) == {network_nullifier(key, value) for value in values}


async def test_the_reserve_covers_the_mail_and_the_budgets_count_it() -> None:
    """Size of the letter and 8 KiB; host, organisation and network each lost an attempt."""
    house = await one_left()
    (intent,) = await entries(house, ComplaintIntended)
    assert isinstance(intent, ComplaintIntended)
    assert intent.reserve_bytes == len(house.out.letters[0].message) + 8192
    assert {b.key for b in await house.all(Budget)} == {
        "host:net.example", "organisation:net.example", "prefix:8.8.8.0/24"
    }  # fmt: skip


async def observing(house: Household) -> None:
    await disarm(house.desk, scope="everything", value="", who="op", why="reading")


async def halted(house: Household) -> None:
    await disarm(house.desk, scope="channel", value="complaint", who="op", why="reading")


async def halted_host(house: Household) -> None:
    await disarm(house.desk, scope="host", value="net.example", who="op", why="reading")


async def consents_gone(house: Household) -> None:
    for address in MEMBERS:
        await house.enrol(address, "count,token")


async def taken_back(house: Household) -> None:
    for report in await house.all(Report):
        await undo(house.desk, report.report, who="a member")


async def taken_back_late(house: Household) -> None:
    """What was asked of the originator has left; the other purse is the member's to close."""
    for sighting in await house.all(Sighting):
        await house.store.write(lambda tx, s=sighting: tx.put(replace(s, paid=3)))
        with pytest.raises(RefusedByLaw, match="nothing else will"):
            await undo(house.desk, sighting.report, who="a member")


async def over(house: Household) -> None:
    for case in await house.all(Case):
        await house.store.write(lambda tx, case=case: tx.put(replace(case, state=State.DISPUTED)))


async def declined(house: Household) -> None:
    await house.store.write(lambda tx: decline(tx, DESK, "they asked", house.time.now()))


async def declined_domain(house: Household) -> None:
    await house.store.write(lambda tx: decline(tx, "@example", "they asked", house.time.now()))


async def anchor_gone(house: Household) -> None:
    house.log.agrees = False


async def stop_in_dns(house: Household) -> None:
    house.names.rows["_antiphon.net.example", "TXT"] = ("v=antiphon1; stop",)


async def one_source(house: Household) -> None:
    house.names.rows.pop((PEER, "PTR"))


async def mail_host_at_the_abusers(house: Household) -> None:
    house.names.rows["mx.net.example", "A"] = ("9.9.9.77",)


async def gone_from_dns(house: Household) -> None:
    house.names.rows.pop(("shop.example", "A"))


async def contact_is_the_originator(house: Household) -> None:
    house.names.contacts[PEER] = (("abuse@shop.example",), ())
    house.names.call(PEER, "mail.shop.example")


OBSTACLES = [
    observing, halted, halted_host, consents_gone, taken_back, taken_back_late, over, declined, declined_domain,
    anchor_gone, stop_in_dns, one_source, mail_host_at_the_abusers, gone_from_dns, contact_is_the_originator,
]  # fmt: skip


@pytest.mark.parametrize("obstacle", OBSTACLES, ids=lambda each: each.__name__)
async def test_nothing_leaves_where_one_thing_stands_in_the_way(
    obstacle: Callable[[Household], Awaitable[None]],
) -> None:
    """Each of these alone; without it the same house tells (the test above). It comes when all else is in place."""
    house = await town()
    await mails(house)
    house.names.rows.pop(("mx.net.example", "A"))
    await house.wait(3 * DAY)
    house.names.rows["mx.net.example", "A"] = ("8.8.8.8",)
    (case,) = await house.all(Case)
    pair = Pair("net.example", "8.8.8.0/24", "p", PairState.ALLOWED, "8.8.8.8", "mx.net.example", "", "", case.case, "",
                house.time.now())  # fmt: skip
    await house.store.write(lambda tx: tx.put(pair))
    for matter in await house.all(Matter):
        await house.store.write(lambda tx, matter=matter: tx.drop(Matter, matter.case, matter.object))
    await obstacle(house)
    await house.wait(14 * DAY)
    assert house.out.mails == [] and await told(house) == []


async def test_a_node_that_observes_asks_nobody_whom_it_might_tell() -> None:
    """Neither DNS nor the registry."""
    house = await town(armed=Armed.OBSERVING)
    await mails(house)
    await house.wait(14 * DAY)
    assert PEER not in house.names.registry_asked and PEER not in house.names.asked


async def test_an_originator_that_can_be_asked_is_asked_before_its_host() -> None:
    """Its notice was ignored: the host is told only when a request did not end the mail either."""
    house = await town()
    await mails(house, state=State.REQUESTING)
    await seen_and_allowed(house)
    await mails(house, state=State.REQUESTING)
    await house.wait(8 * DAY)
    assert house.out.mails == []
    await requested(house, MEMBERS[0])
    await mails(house, MEMBERS[0], state=State.REQUESTING)
    await seen_and_allowed(house)
    assert house.out.mails == [], "within three days of the request"
    await mails(house, MEMBERS[0], state=State.REQUESTING)
    await seen_and_allowed(house)
    await house.wait(8 * DAY)
    assert house.out.mails == [DESK] and (await told(house))[0].rule == 3


async def test_an_originator_of_whom_nothing_could_be_asked_for_a_month_is_told_about() -> None:
    """Its notice was ignored, and its mails offer no way that may be used."""
    house = await town()
    await mails(house, state=State.REQUESTING)
    await seen_and_allowed(house)
    await house.wait(28 * DAY)
    assert house.out.mails == []
    await mails(house, state=State.REQUESTING)
    await seen_and_allowed(house)
    await house.wait(3 * DAY)
    assert house.out.mails == [DESK] and (await told(house))[0].rule == 3


async def requested(house: Household, address: str) -> None:
    """A request was made for this member just now, and its answer was 200."""
    member, (case,) = await house.member(address), await house.all(Case)
    made = Attempt(
        intent=900_000 + house.time.now() % 1000, act="request", case=case.case, originator=case.originator,
        members=member.member.hex(), channel="one-click", host="shop.example", organisation="shop.example",
        prefix="8.8.4.0/24", reserve=12288, at=house.time.now(), window_hours=384, outcome=Made.ACCEPTED, status="200",
        bytes_out=1, bytes_in=1, settles_at=None, settled=3, token="", message=None,
    )  # fmt: skip
    await house.store.write(lambda tx: tx.add(made))


async def test_whoever_is_not_accountable_learns_nothing_and_its_host_does() -> None:
    """A domain of forty days: no notice, no request, one complaint by the last row."""
    house = await town()
    await house.knows("shop.example", registered_at=Instant(START - 40 * DAY))
    await mails(house, state=State.WATCHING)
    await seen_and_allowed(house)
    await house.wait(8 * DAY)
    assert (house.out.posts, house.out.mails) == ([], [DESK])
    assert [complaint.rule for complaint in await told(house)] == [5]


async def test_a_member_whose_own_wish_is_under_way_is_not_told_about() -> None:
    """The originator has its time for that one."""
    house = await town()
    await mails(house)
    member = await house.member(MEMBERS[0])
    asked = Asked(member.member, "shop.example", 1, None, None, Instant(START - HOUR), 3, 384)
    await house.store.write(lambda tx: tx.put(asked))
    await seen_and_allowed(house)
    await house.wait(8 * DAY)
    assert [complaint.incidents for complaint in await told(house)] == [2]


async def test_a_new_contact_has_a_week_of_silence_and_then_a_day_between() -> None:
    """The first message is a probe, whatever comes meanwhile."""
    house = await one_left()
    (first,) = await told(house)
    for _ in range(20):
        await mails(house)
        await house.wait(DAY)
    gaps = [b.at - a.at for a, b in pairwise(await told(house))]
    assert gaps[0] >= 7 * DAY and min(gaps[1:]) >= DAY
    assert first.incidents == 3


async def test_reports_thin_out_as_the_standard_says() -> None:
    """Between the tenth and the hundredth incident every tenth brings a report about, which says how many it is for."""
    house = await one_left()
    for _ in range(24):
        await mails(house, MEMBERS[0])
        await house.wait(DAY)
    counts = [complaint.incidents for complaint in await told(house)]
    sums = [sum(counts[: at + 1]) for at in range(len(counts))]
    assert len(counts) > 3 and sums[-1] >= 20, counts
    assert all(before < 10 or after // 10 > before // 10 for before, after in pairwise(sums)), counts


async def test_a_contact_has_three_days_to_act() -> None:
    """Mail that was under way when it read the first complaint brings about no second one."""
    house = await town()
    await mails(house)
    await seen_and_allowed(house)
    while not house.out.letters:
        await house.wait(HOUR)
    for _ in range(2):
        await mails(house)
        await house.wait(DAY)
    await house.wait(20 * DAY)
    assert house.out.mails == [DESK] and {s.complained for s in await house.all(Sighting)} != {None}


async def test_one_contact_gets_no_more_than_the_cap() -> None:
    """Over all networks that it answers for."""
    house = await one_left()
    (made,) = [a for a in await house.all(Attempt) if a.act == "complaint"]
    now = house.time.now()
    for n in range(1, CAP):
        extra = replace(made, intent=800_000 + n, token=f"t{n}", at=Instant(now - n * DAY))
        await house.store.write(lambda tx, extra=extra: tx.add(extra))
    await mails(house)
    await house.wait(9 * DAY)
    assert house.out.mails == [DESK]


async def test_a_bounce_settles_it_and_a_dead_contact_is_not_written_to_again() -> None:
    """No such mailbox: counted, not mailed."""
    house = await town()
    await mails(house)
    await seen_and_allowed(house)
    while not house.out.letters:
        await house.wait(HOUR)
    (attempt,) = [a for a in await house.all(Attempt) if a.act == "complaint"]
    assert await take_bounce(house.desk, attempt.token, b"Action: failed\r\nStatus: 5.1.1\r\n")
    (settled,) = await entries(house, ComplaintSettled)
    assert isinstance(settled, ComplaintSettled) and settled.outcome is Outcome.BOUNCED
    (contact,) = await house.all(KnownContact)
    assert contact.state is ContactState.DEAD
    await mails(house)
    await house.wait(20 * DAY)
    assert len(house.out.mails) == 1


async def test_a_pair_that_no_person_saw_is_held() -> None:
    """The one place where somebody looks before a contact hears from us."""
    house = await town()
    await mails(house)
    await house.wait(14 * DAY)
    assert house.out.mails == [] and [p.state for p in await house.all(Pair)] == [PairState.HELD]


async def test_two_networks_are_two_matters() -> None:
    """Each host hears of its own customer only."""
    house = await town()
    other = "7.7.7.7"
    house.names.contacts[other] = (("abuse@tel.example",), ())
    house.names.call(other, "host.tel.example")
    house.names.rows["tel.example", "MX"] = ("10 mx.tel.example",)
    house.names.rows["mx.tel.example", "A"] = ("6.6.6.6",)
    await mails(house, *MEMBERS[:1])
    await seen_and_allowed(house)
    await mails(house, *MEMBERS[1:], peer=other)
    await seen_and_allowed(house)
    await house.wait(9 * DAY)
    assert sorted(house.out.mails) == [DESK, "abuse@tel.example"]
    for letter in house.out.letters:
        address = PEER if letter.recipient == DESK else other
        assert parse_feedback(parse_message(letter.message)).one("source-ip") == address


async def test_the_same_mail_never_pays_twice_on_one_side() -> None:
    """Another node of the community, or an old copy of this one, was first."""
    house = await town()
    await mails(house)
    key = house.desk.house.derived("community/network")
    values = [v for r in await house.all(Report) for v in parse_evidence(r.evidence).signature_values]
    await house.store.write(lambda tx: tx.add(Spent("network", network_nullifier(key, values[0]), 1)))
    await seen_and_allowed(house)
    await house.wait(9 * DAY)
    assert house.out.mails == []
