"""One round: who goes first where several are due."""

from __future__ import annotations

from dataclasses import replace

from antiphon.desk.round import in_turn
from antiphon.ledger.allowance import Armed
from antiphon.optout.attempt import Attempt, Outcome
from antiphon.optout.case import Case
from tests.unit.desk.household import Household


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
