"""One round: who goes first where several are due, and what is due once nothing stops it."""

from __future__ import annotations

from dataclasses import replace

from antiphon.desk.round import in_turn, take_round
from antiphon.ledger.allowance import Armed
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case
from antiphon.ports import Setting
from antiphon.terms import DAY, HOUR
from tests.unit.desk.household import MEMBER, Household

BOB = "bob@home.example"


def attempt(case: Case, intent: int) -> Attempt:
    """One earlier attempt of a case."""
    return Attempt(
        intent, "request", case.case, case.originator, "", "one-click", "h", "o", "p", 1, case.since, 384,
        Outcome.ACCEPTED, "", 0, 0, None, None, "", None,
    )  # fmt: skip


async def test_cases_that_share_a_budget_take_turns() -> None:
    """Whoever had no attempt for the longest time goes first, whatever its name."""
    house = await Household().open(armed=Armed.OBSERVING)
    for domain in ("a.example", "b.example", "c.example"):
        house.know(domain)
        await house.delivered(house.mail(domain=domain))
    cases = sorted(await house.all(Case), key=lambda case: case.case)

    def prepare(tx) -> None:  # type: ignore[no-untyped-def]  # a transaction
        for case, intent in zip(cases, (9, 7, None), strict=True):
            tx.put(replace(case, look_at=house.time.now()))
            if intent is not None:
                tx.add(attempt(case, intent))

    await house.store.write(prepare)
    turns = await house.store.read(lambda tx: [case.case for case in in_turn(tx, house.time.now())])
    assert turns == [cases[2].case, cases[1].case, cases[0].case]


async def test_what_waited_for_stop_is_looked_at_once_the_file_is_gone() -> None:
    """Not before; and a round without the file writes nothing about it."""
    house = await Household().open(armed=Armed.OWN)
    await house.knows("shop.example")
    for address in (MEMBER, BOB):
        await house.enrol(address, "count,token,optout")
        await house.delivered(house.mail(to=address), address)
    await house.wait(2 * DAY + 12 * HOUR)
    await house.allow_pairs()
    lies = [True]
    house.desk = replace(house.desk, stopped=lambda: lies[0])
    for address in (MEMBER, BOB):
        await house.delivered(house.mail(to=address), address)
    await house.wait(4 * DAY)
    assert house.out.posts == [] and not [c for c in await house.all(Case) if c.look_at is not None]
    lies[0] = False
    await house.wait(HOUR)
    assert len(house.out.posts) == 2
    seen = await house.all(Setting)
    await take_round(house.desk, house.kept)
    assert await house.all(Setting) == seen
