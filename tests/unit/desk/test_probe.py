"""A probe shows that a door works, and is nothing else: no report, no delivery, no entry, whoever made it."""

from __future__ import annotations

from contextlib import suppress

import pytest

from antiphon.campaign.report import Delivery, Report
from antiphon.desk.hand_in import hand_in
from antiphon.desk.log import SIZE, number
from antiphon.desk.probe import DOORS, LASTS, last_probe, probe_token
from antiphon.desk.work_off import work_off
from antiphon.errors import RefusedByLaw
from antiphon.formats.handed import Event, Handed
from antiphon.intake.mailport import Envelope
from antiphon.terms import SECOND, Instant
from antiphon.web.door import GONE, MailDoor
from tests.unit.desk.household import MEMBER, Household
from tests.unit.desk.test_hand_in import Wake
from tests.unit.web.test_api import Client


async def send(home: Household, token: str, *, way: str = "milter", raw: bytes | None = None) -> None:
    """A message to a probe's mailbox, by one of the ways in, whatever the door says of that mailbox."""
    recipient, raw = f"probe+{token}@node.example", raw if raw is not None else home.mail()
    door = MailDoor(home.desk, Wake())  # type: ignore[arg-type]  # it only rings
    envelope = Envelope("192.0.2.7", 25, "", (recipient,), raw)
    if way == "http":
        await Client(home, f"probe+{token}").report(raw)
    elif way == "reports":
        for event in Event:
            with suppress(RefusedByLaw):  # which forged ones are told
                await hand_in(home.desk, Handed(event, recipient, raw), None)
    elif way == "milter":
        await door.commit(envelope)
    else:
        await door.accept(envelope)
    await work_off(home.desk)


async def seen(home: Household) -> dict[str, Instant | None]:
    return await home.store.read(lambda tx: {door: last_probe(tx, door) for door in DOORS})


async def nothing_came_of_it(home: Household) -> bool:
    """No record and no entry speaks of it."""
    size = await home.store.read(lambda tx: number(tx, SIZE))
    return not await home.all(Report) and not await home.all(Delivery) and not size


WAYS = [("milter", "milter"), ("lmtp", "lmtp"), ("smtp", "lmtp"), ("reports", "reports"), ("http", "http")]


@pytest.mark.parametrize(("door", "way"), WAYS)
async def test_a_probe_is_seen_at_the_end_of_the_chain(door: str, way: str) -> None:
    """Through this door, now; even as a perfect newsletter to a member it becomes nothing."""
    home = await Household().open()
    await send(home, probe_token(home.desk, door), way=way)
    assert {name for name, at in (await seen(home)).items() if at == home.time.now()} == {door}
    assert await nothing_came_of_it(home)


@pytest.mark.parametrize(("door", "way"), WAYS)
@pytest.mark.parametrize("change", ["time", "digit", "short", "words", "zero"])
async def test_a_forged_probe_shows_nothing(change: str, door: str, way: str) -> None:
    """Another time, a guess: no door turns green, and nothing else comes of it either, by whatever way it comes."""
    home = await Household().open()
    token = probe_token(home.desk, door)
    forged = {
        "time": f"{int(token[:10], 16) + 1:010x}{token[10:]}",
        "digit": token[:-1] + ("0" if token[-1] != "0" else "1"),
        "short": token[:12],
        "words": "z" * 42,
        "zero": "0" * 42,
    }[change]
    await send(home, forged, way=way)
    assert set((await seen(home)).values()) == {None}
    assert await nothing_came_of_it(home)


@pytest.mark.parametrize(("later", "counts"), [(LASTS - SECOND, True), (LASTS + SECOND, False)])
async def test_a_probe_lasts_ten_minutes(later: int, counts: bool) -> None:
    """What somebody kept of one shows nothing later."""
    home = await Household().open()
    token = probe_token(home.desk, "smtp")
    home.time.at = Instant(home.time.at + later)
    await send(home, token)
    assert ((await seen(home))["smtp"] is not None) is counts


async def test_a_forged_probe_is_not_even_kept_where_anybody_may_knock() -> None:
    """Over HTTP, where a stranger could fill the disk: refused as any without a ticket; so is one for another door."""
    home = await Household().open()
    for token in ("0" * 42, probe_token(home.desk, "smtp")):
        assert (await Client(home, f"probe+{token}").report(home.mail())).status == 401
    assert home.kept.records == {}
    good = Client(home, f"probe+{probe_token(home.desk, 'http')}")
    assert (await good.ask("GET", "/api/v1/reports/0")).status in (401, 404, 405)
    assert (await good.report(home.mail())).status == 202 and len(home.kept.records) == 1


@pytest.mark.parametrize("token", ["0" * 42, "smtp"])
async def test_the_pipe_keeps_no_forged_probe(token: str) -> None:
    """Any user of the machine can say one: a person is told no, a mail store's is forgotten; so is another door's."""
    home = await Household().open()
    mailbox = f"probe+{probe_token(home.desk, token) if token in DOORS else token}@node.example"
    with pytest.raises(RefusedByLaw):
        await hand_in(home.desk, Handed(Event.REPORTED, mailbox, home.mail()), None)
    for event in set(Event) - {Event.REPORTED}:
        await hand_in(home.desk, Handed(event, mailbox, home.mail()), None)
    assert home.kept.records == {}


async def test_no_mail_door_knows_a_forged_probe() -> None:
    """Nor keeps it: over SMTP a stranger could fill the disk too. A genuine one it knows, and keeps."""
    home = await Household().open()
    door = MailDoor(home.desk, Wake())  # type: ignore[arg-type]  # it only rings
    genuine = f"probe+{probe_token(home.desk, 'smtp')}@node.example"
    for forged in (f"probe+{'0' * 42}@node.example", genuine.replace("probe+0", "probe+1")):
        assert not await door.knows(forged) and not await door.watches(forged)
        assert await door.accept(Envelope("192.0.2.7", 25, "", (forged,), home.mail())) == [GONE]
        await door.commit(Envelope("192.0.2.7", 25, "", (forged,), home.mail()))
    assert home.kept.records == {}
    assert await door.knows(genuine) and await door.watches(genuine)
    await door.accept(Envelope("192.0.2.7", 25, "", (genuine,), home.mail()))
    assert len(home.kept.records) == 1


async def test_mail_to_a_member_is_no_probe() -> None:
    """A token in its text or fields makes no difference: the recipient alone does."""
    home = await Household().open()
    token = probe_token(home.desk, "milter")
    raw = home.mail(Subject=f"probe+{token}@node.example", X_Probe=token)
    await MailDoor(home.desk, Wake()).commit(Envelope("192.0.2.7", 25, "", (MEMBER,), raw))  # type: ignore[arg-type]  # as above
    await work_off(home.desk)
    assert len({delivery.delivery for delivery in await home.all(Delivery)}) == 1
    assert set((await seen(home)).values()) == {None}
