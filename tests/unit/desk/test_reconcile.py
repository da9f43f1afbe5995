"""An anchor that is gone, an older copy, two copies at work: what was spent stays spent, and nothing leaves twice."""

from __future__ import annotations

import copy

import pytest

from antiphon.desk import reconcile
from antiphon.desk.arm import failures
from antiphon.desk.desk import ARMED
from antiphon.errors import AnchorLost, MalformedInput
from antiphon.ledger.allowance import Armed
from antiphon.ledger.kept import Spent
from antiphon.optout.approval import OperatorKey
from antiphon.optout.case import Case, State
from antiphon.ports import Setting
from antiphon.terms import DAY
from tests.unit.desk.household import MEMBER, Household

HELD = 4 * DAY
"""Longer than any hold, and over the next batch."""


OTHER = "bo@home.example"


async def begun() -> Household:
    """A member who wants its opt-outs made, and another one, by whose mail the links are seen to be personal."""
    home = await Household().open()
    await home.enrol(MEMBER, "count,token,optout")
    await home.enrol(OTHER, "count,token")
    await home.knows("shop.example")
    return home


async def ready() -> Household:
    """One mail of each member in the ledger; and the pair that the first try waits for is allowed."""
    home = await begun()
    await home.delivered(home.mail(to=OTHER), OTHER)
    await home.delivered(home.mail())
    await home.wait(HELD)
    await home.allow_pairs()
    assert home.out.posts == []
    return home


async def pay(home: Household, mails: int = 1) -> None:
    """New mail is reported, and the time passes after which it may pay."""
    for _ in range(mails):
        await home.delivered(home.mail())
    await home.wait(HELD)


async def arm(home: Household) -> None:
    """A person arms it again."""
    await home.store.write(lambda tx: tx.put(Setting(ARMED, bytes([Armed.OWN]))))


def twin(home: Household) -> Household:
    """A copy of a home as a backup has it, before the same anchor and the same world."""
    other = Household()
    other.store = copy.deepcopy(home.store)
    other.time, other.kept, other.names, other.out = home.time, home.kept, home.names, home.out
    other.dice, other.numbers, other.book = home.dice, home.numbers, home.book
    other.reopen()
    return other


async def test_without_its_anchor_a_ledger_stands_still() -> None:
    """Nothing is appended, no hour is closed, mail is taken in all the same, and arming says why not."""
    home = await ready()
    home.kept.held, size = None, (await home.store.read(lambda tx: reconcile.state(tx, home.desk)))["ledger_size"]
    home.reopen()
    with pytest.raises(AnchorLost, match="missing") as caught:
        await home.log.check_anchor()
    assert "antiphon anchor retire" in caught.value.advice
    await pay(home)
    found = await home.store.read(lambda tx: reconcile.state(tx, home.desk))
    assert (found["agrees"], found["ledger_size"], found["anchor_size"]) == (False, size, None)
    assert home.out.posts == []
    assert any("missing" in failed for failed in await failures(home.desk, Armed.OWN))


async def test_what_is_retired_never_pays_and_new_mail_does() -> None:
    """Retiring gives up the mail of before for good, over a restart too; it disarms; mail of after pays again."""
    home = await ready()
    await home.delivered(home.mail())
    home.kept.held = None
    home.reopen()
    with pytest.raises(AnchorLost):
        await home.log.check_anchor()
    with pytest.raises(MalformedInput, match="reason"):
        await reconcile.retire(home.desk, why=" ")
    assert (await reconcile.retire(home.desk, why="the stick burnt"))["retired"] == 3
    await home.wait(HELD)
    await arm(home)
    home.reopen()
    await home.log.check_anchor()
    await home.wait(HELD)
    assert home.out.posts == []
    await pay(home)
    assert len(home.out.posts) == 1
    found = await home.store.read(lambda tx: reconcile.state(tx, home.desk))
    assert found["retired_why"] == "the stick burnt"


async def test_a_mail_of_before_that_is_reported_afterwards_is_retired_too() -> None:
    """A lost copy may have spent it: what counts is when the mail came."""
    home = await ready()
    raw = home.mail()
    home.kept.held = None
    home.reopen()
    with pytest.raises(AnchorLost):
        await home.log.check_anchor()
    await reconcile.retire(home.desk, why="lost")
    await arm(home)
    await home.report(raw)
    await home.wait(HELD)
    assert home.out.posts == []


async def test_nothing_is_retired_while_the_anchor_is_there() -> None:
    """Neither when it agrees nor when it knows more: then there is another way."""
    home = await ready()
    with pytest.raises(AnchorLost, match="nothing has to be retired"):
        await reconcile.retire(home.desk, why="no reason")
    older = twin(home)
    await home.wait(DAY)
    with pytest.raises(AnchorLost, match="older copy"):
        await older.log.check_anchor()
    with pytest.raises(AnchorLost, match="older copy"):
        await reconcile.retire(older.desk, why="no reason")
    assert older.kept.held is not None


async def test_a_damaged_anchor_is_told_from_a_missing_one() -> None:
    """It is not overwritten: a person looks first."""
    home = await ready()
    home.kept.held = b"something else"
    home.reopen()
    with pytest.raises(AnchorLost, match="no checkpoint of this ledger") as caught:
        await home.log.check_anchor()
    assert "move it away" in caught.value.advice
    with pytest.raises(AnchorLost):
        await reconcile.retire(home.desk, why="x")
    assert home.kept.held == b"something else"


async def test_an_older_copy_catches_up_with_what_was_published_and_repeats_nothing() -> None:
    """The entries that it lacks are taken as they stand: what they spent is spent, whom they asked is left alone."""
    home = await ready()
    older = twin(home)
    await pay(home)
    assert len(home.out.posts) == 1
    with pytest.raises(AnchorLost, match="older copy"):
        await older.log.check_anchor()
    found = await reconcile.catch_up(older.desk, lambda path: home.kept.files[path], why="the disk died")
    assert found["cases_stopped"] == 1
    assert older.log.agrees
    theirs, mine = [{row.key for row in await each.all(Spent)} for each in (home, older)]
    assert mine
    assert mine < theirs, "all that the ledger publishes; the mailbox's own key is no such"
    await arm(older)
    await older.wait(1)
    await pay(older, mails=3)
    assert len(home.out.posts) == 1
    assert [case.state for case in await older.all(Case)] == [State.STOPPED]


async def test_after_catching_up_new_mail_pays_where_nothing_happened_meanwhile() -> None:
    """The copy is a node again: a case of which the ledger said nothing meanwhile goes its way with new mail."""
    home = await ready()
    older = twin(home)
    await home.wait(DAY // 2)
    with pytest.raises(AnchorLost):
        await older.log.check_anchor()
    await reconcile.catch_up(older.desk, lambda path: home.kept.files[path], why="the disk died")
    await arm(older)
    await older.wait(1)
    await pay(older)
    assert len(home.out.posts) == 1


async def test_a_case_that_the_copy_does_not_know_ends_the_way_back() -> None:
    """Whom the lost home asked there can not be known: nothing is taken, and the advice is a newer backup."""
    home = await begun()
    older = twin(home)
    await home.delivered(home.mail(to=OTHER), OTHER)
    await pay(home)
    await home.allow_pairs()
    await pay(home)
    assert len(home.out.posts) == 1
    with pytest.raises(AnchorLost):
        await older.log.check_anchor()
    with pytest.raises(AnchorLost, match="opened after this copy") as caught:
        await reconcile.catch_up(older.desk, lambda path: home.kept.files[path], why="x")
    assert "newer backup" in caught.value.advice
    state = await older.store.read(lambda tx: reconcile.state(tx, older.desk))
    assert not state["agrees"]
    assert state["ledger_size"] < state["anchor_size"]  # type: ignore[operator]  # both are numbers


async def test_entries_that_do_not_lead_to_the_anchor_are_not_taken() -> None:
    """One changed byte in the published folder, and nothing changes here."""
    home = await ready()
    older = twin(home)
    await home.wait(DAY)
    with pytest.raises(AnchorLost):
        await older.log.check_anchor()
    files = dict(home.kept.files)
    bundle = max(path for path in files if path.startswith("tile/entries"))
    files[bundle] = files[bundle][:-1] + bytes([files[bundle][-1] ^ 1])
    with pytest.raises(AnchorLost, match="do not lead to"):
        await reconcile.catch_up(older.desk, lambda path: files[path], why="x")
    with pytest.raises(AnchorLost, match="nothing to catch up"):
        await reconcile.catch_up(home.desk, lambda path: files[path], why="x")


async def test_of_two_copies_at_work_one_stops_before_its_first_socket() -> None:
    """Both have the same sighting and would write the same bytes; the anchor lets one of them go on."""
    home = await ready()
    other = twin(home)
    await other.log.check_anchor()
    await home.delivered(home.mail())
    await home.wait(HELD)
    assert len(home.out.posts) == 1
    with pytest.raises(AnchorLost, match="else wrote to the anchor"):
        await other.wait(HELD)
    assert not other.log.agrees
    await other.wait(HELD)
    assert len(home.out.posts) == 1


async def test_keys_of_people_follow_into_the_copy() -> None:
    """What was revoked meanwhile is revoked, what was added is known."""
    home = await ready()
    await home.operator("ada", first=True)
    older = twin(home)
    await home.operator("ben")
    await home.operator("ada", revoke=True)
    await home.wait(DAY)
    with pytest.raises(AnchorLost):
        await older.log.check_anchor()
    await reconcile.catch_up(older.desk, lambda path: home.kept.files[path], why="x")
    mine, theirs = await older.all(OperatorKey), await home.all(OperatorKey)
    assert [(key.key, key.revoked) for key in mine] == [(key.key, key.revoked) for key in theirs]
    assert [key.revoked for key in mine] == [True, False]
