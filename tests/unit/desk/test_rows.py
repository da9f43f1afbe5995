"""The sender desk's inner room: the key that signed opens it, a fetch starts clocks, what is said of a row counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from antiphon.campaign.sighting import Sighting
from antiphon.desk.coin import asked_of, coin, is_spared
from antiphon.desk.confirm import confirm
from antiphon.desk.erase import leave
from antiphon.desk.receive import take_back
from antiphon.desk.rows import RowFile, challenge, fetch, granted, prove, say
from antiphon.errors import RefusedByLaw
from antiphon.ledger.allowance import Act
from antiphon.ledger.entry import Handed, parse_entry
from antiphon.ledger.kept import StoredEntry
from antiphon.optout.case import Case, State
from antiphon.optout.rows import (
    CHALLENGE_FOR,
    GRANT_FOR,
    MOST_CHALLENGES,
    Challenge,
    HandedRow,
    RowStatus,
    text_to_sign,
)
from antiphon.registry.mandate import Mandate
from antiphon.terms import DAY, HOUR, Digest, Instant
from tests.unit.desk.household import MEMBER, Household
from tests.unit.formats.dkim_vectors import SIGNER

BEN, CAT = "ben@home.example", "cat@home.example"


def signed(text: bytes, key: rsa.RSAPrivateKey | Ed25519PrivateKey = SIGNER) -> bytes:
    """As `openssl` makes it."""
    return key.sign(text) if isinstance(key, Ed25519PrivateKey) else key.sign(text, padding.PKCS1v15(), SHA256())


@pytest.fixture
async def house() -> Household:
    """Mail of one originator to two members with *token* and one without, held no more when the day began."""
    house = await Household().open()
    await house.knows("shop.example")
    for address, consents in ((MEMBER, "count,token"), (BEN, "count,token"), (CAT, "count")):
        await house.enrol(address, consents)
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    return house


async def the_case(house: Household) -> Case:
    (case,) = await house.all(Case)
    return case


async def room(house: Household) -> str:
    """The secret, by way of the key."""
    case = await the_case(house)
    asked = await challenge(house.desk, case)
    secret = await prove(house.desk, case, asked.nonce, signed(text_to_sign(case.tag, asked.nonce)))
    assert secret is not None
    return secret


async def fetched(house: Household, secret: str) -> RowFile:
    """The file, as things stand now."""
    grant = await granted(house.desk, await the_case(house), secret)
    assert grant is not None
    return await fetch(house.desk, grant)


async def handed(house: Household) -> list[tuple[int, Handed]]:
    """All Handed entries."""
    found = [(entry.index, parse_entry(entry.body)) for entry in await house.all(StoredEntry)]
    return [(index, entry) for index, entry in found if isinstance(entry, Handed)]


async def test_a_fetch_is_entered_first_and_starts_the_window_of_everybody_in_it(house: Household) -> None:
    """Rows of members with *token*, in the originator's own words; their clocks run from the entry."""
    found = await fetched(house, await room(house))
    assert len(found.lines) == 2 and b"@home.example" not in found.data
    assert all(line.token and line.message_id.endswith("@shop.example>") for line in found.lines)
    ((index, entry),) = await handed(house)
    assert (index, entry.rows, entry.case) == (found.entry, sha256(found.data).digest(), (await the_case(house)).tag)
    assert index < house.desk.log.anchored
    for address, started in ((MEMBER, index), (BEN, index), (CAT, None)):
        member = (await house.member(address)).member
        asked = await house.store.read(lambda tx, m=member: asked_of(tx, m, "shop.example"))
        assert asked.started == started and asked.window_hours == entry.window_hours
        assert asked.window_end() == (found.window_ends if started is not None else None)


async def test_mail_after_a_window_that_a_fetch_began_may_be_answered(house: Household) -> None:
    """In the case that was handed over, and not by a click, which rests on an opt-out that was ignored."""
    await fetched(house, await room(house))
    for days, after in ((10, False), (20, True)):
        await house.wait(days * DAY)
        report = await house.delivered(house.mail())
        seen = [s for s in await house.all(Sighting) if s.report == report.report]
        now = house.time.now()
        for act, counts in ((Act.REQUEST, after), (Act.CLICKED_REQUEST, False)):
            spent = await house.store.read(lambda tx, s=seen[0], a=act, n=now: coin(tx, s, n, a))
            assert spent.after_window is counts


@pytest.mark.parametrize(
    "answer",
    [
        lambda case, nonce: (nonce, b""),
        lambda case, nonce: (nonce, signed(text_to_sign(case.tag, nonce), Ed25519PrivateKey.generate())),
        lambda case, nonce: (nonce, signed(text_to_sign(case.tag, nonce + "0"))),
        lambda case, nonce: (nonce, signed(text_to_sign(Digest(bytes(32)), nonce))),
        lambda case, nonce: ("0" * 32, signed(text_to_sign(case.tag, "0" * 32))),
    ],
    ids=["nothing", "another key", "another nonce", "another case", "a nonce of its own"],
)
async def test_nothing_but_the_key_opens_the_room(
    house: Household, answer: Callable[[Case, str], tuple[str, bytes]]
) -> None:
    """And a nonce is good for one try."""
    case = await the_case(house)
    nonce = (await challenge(house.desk, case)).nonce
    said, signature = answer(case, nonce)
    assert await prove(house.desk, case, said, signature) is None
    if said == nonce:
        assert await prove(house.desk, case, nonce, signed(text_to_sign(case.tag, nonce))) is None


async def test_challenges_and_rooms_lapse(house: Household) -> None:
    """A nonce after a day, a room after thirty; and only so many nonces wait."""
    case, secret = await the_case(house), await room(house)
    asked = await challenge(house.desk, case)
    house.time.at = asked.until
    assert await prove(house.desk, case, asked.nonce, signed(text_to_sign(case.tag, asked.nonce))) is None
    house.time.at = Instant(house.time.at + GRANT_FOR - CHALLENGE_FOR - 1)
    assert await granted(house.desk, case, secret) is not None
    house.time.at = Instant(house.time.at + 1)
    assert await granted(house.desk, case, secret) is None
    for wrong in ("", "zz", "00" * 32):
        assert await granted(house.desk, case, wrong) is None
    for _ in range(MOST_CHALLENGES + 3):
        await challenge(house.desk, case)
    assert len(await house.all(Challenge)) == MOST_CHALLENGES


async def test_the_same_file_is_entered_once_and_a_new_one_is_whole(house: Household) -> None:
    """Who comes later is in it with all the others, whose numbers stay, and whose clocks are not set back."""
    secret = await room(house)
    first = await fetched(house, secret)
    await house.delivered(house.mail(to="dan@home.example"), (await house.enrol("dan@home.example")).address)
    assert await fetched(house, secret) == first
    await house.wait(4 * DAY)
    second = await fetched(house, secret)
    assert {line.row for line in first.lines} < {line.row for line in second.lines} and len(second.lines) == 3
    await house.wait(DAY)
    assert await fetched(house, secret) == second
    assert [index for index, _ in await handed(house)] == [first.entry, second.entry]
    member = (await house.member()).member
    assert (await house.store.read(lambda tx: asked_of(tx, member, "shop.example"))).started == first.entry


async def test_a_file_does_not_tell_the_hour_in_which_a_hold_ended(house: Household) -> None:
    """It is as things stood when the day began."""
    secret, dan = await room(house), await house.enrol("dan@home.example")
    report = await house.delivered(house.mail(to=dan.address), dan.address)
    await house.wait(3 * DAY)
    (sighting,) = [s for s in await house.all(Sighting) if s.report == report.report]
    morning = sighting.hold_until - sighting.hold_until % DAY
    for at, rows in ((sighting.hold_until, 2), (morning + DAY - 1, 2), (morning + DAY, 3)):
        house.time.at = Instant(at)
        assert len((await fetched(house, secret)).lines) == rows


async def test_what_was_taken_back_revoked_or_is_held_stands_in_no_row(house: Household) -> None:
    """The last moment counts, and a hold ends for the desk when the day begins."""
    secret, mandate = await room(house), await house.member(BEN)
    await house.store.write(lambda tx: tx.put(replace(mandate, consents="count")))
    raw = house.mail(to="eve@home.example")
    eve = await house.enrol("eve@home.example")
    await house.delivered(raw, eve.address)
    assert len((await fetched(house, secret)).lines) == 1
    await house.wait(4 * DAY)
    assert len((await fetched(house, secret)).lines) == 2
    await take_back(house.desk, eve, raw, at=house.time.now())
    assert len((await fetched(house, secret)).lines) == 1


@pytest.mark.parametrize("state", [State.STOPPED, State.WITHDRAWN, State.CLOSED])
async def test_a_case_that_is_over_hands_nobody_over(house: Household, state: State) -> None:
    """Nothing more is asked, so no clock starts."""
    secret, case = await room(house), await the_case(house)
    await house.store.write(lambda tx: tx.put(replace(case, state=state)))
    with pytest.raises(RefusedByLaw):
        await fetched(house, secret)
    assert not await handed(house)


async def test_a_recorded_opt_in_takes_that_mailbox_out_until_its_member_says_otherwise(house: Household) -> None:
    """Its weight is gone from the next look on; other words are kept and change nothing."""
    case, secret = await the_case(house), await room(house)
    found, grant = await fetched(house, secret), await granted(house.desk, case, secret)
    assert grant is not None
    rows = {row.member: row for row in await house.all(HandedRow)}
    mandates = {m.member: m for m in await house.all(Mandate)}
    for member in rows:
        number = rows[member].number
        assert not await house.store.read(lambda tx, m=member: is_spared(tx, m, "shop.example", house.time.now()))
        with pytest.raises(RefusedByLaw):
            await say(house.desk, grant, [(number, RowStatus.OPTED_IN, " ")])
        assert await say(house.desk, grant, [(number, RowStatus.OPTED_IN, "3 May, web form")]) == 1
        assert await house.store.read(lambda tx, m=member: is_spared(tx, m, "shop.example", house.time.now()))
    assert not (await fetched(house, secret)).lines
    house.time.at = Instant(house.time.at + HOUR)
    member = next(iter(rows))
    await confirm(house.desk, mandates[member].address, "shop.example", why="I never did")
    assert not await house.store.read(lambda tx: is_spared(tx, member, "shop.example", house.time.now()))
    assert await say(house.desk, grant, [(0, RowStatus.REMOVED, ""), (found.lines[0].row, RowStatus.REMOVED, "")]) == 1


async def test_an_erased_members_row_is_forgotten(house: Household) -> None:
    """Its number is nobody's."""
    await fetched(house, await room(house))
    await leave(house.desk, BEN)
    member = (await house.member()).member
    assert [row.member for row in await house.all(HandedRow)] == [member]
