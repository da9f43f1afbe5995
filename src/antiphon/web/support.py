"""What a node can say of itself to somebody who helps: counts and words of our own, never what came from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from antiphon.desk.desk import Desk
from antiphon.ports import CABINETS
from antiphon.web.metrics import exposition

View = dict[str, object]


def verbs(desk: Desk) -> dict[str, Callable[[View], Awaitable[object]]]:
    """By name."""

    async def support(_: View) -> object:
        return await desk.store.read(
            lambda tx: {
                "metrics": exposition(tx, desk, {}),
                "records": {cabinet.name: tx.count(cabinet.kind) for cabinet in CABINETS},
            }
        )

    return {"support": support}
