"""Originators over the control socket: what is known of one, and what people judged of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from antiphon.complaint.known import Finding
from antiphon.desk.desk import Desk
from antiphon.desk.judge import Deed, Judgement, blocked, originator_named, prepare_judgement, submit_judgement
from antiphon.desk.standing import standing_of
from antiphon.errors import MalformedInput
from antiphon.optout.case import Case
from antiphon.optout.known import KnownOriginator
from antiphon.optout.originator import STANDING, unaccountable
from antiphon.ports import Transaction
from antiphon.terms import Instant, show_instant

Request = Mapping[str, object]
View = dict[str, object]


def originator(tx: Transaction, desk: Desk, word: str) -> View:
    """One originator: its age, who vouched for it, blocked it or found harm in it, its cases, and what keeps it from
    being asked."""
    now, name = desk.clock.now(), originator_named(word)
    known, on_list = tx.get(KnownOriginator, name), blocked(tx, name)
    found = tx.get(Finding, name)
    against = unaccountable(standing_of(tx, name, now), now)
    return {
        "originator": name,
        "esp": known.esp if known is not None else "",
        "registered_at": _when(known.registered_at if known is not None else None),
        "first_seen_at": _when(known.first_seen_at if known is not None else None),
        "vouched": known.vouched_why if known is not None and known.vouched is not None else "",
        "blocked": on_list.why if on_list is not None else "",
        "blocked_by": on_list.who if on_list is not None else "",
        "blocked_at": _when(on_list.at if on_list is not None else None),
        "found": found.harm.value if found is not None else "",
        "found_why": found.why if found is not None else "",
        "found_by": found.who if found is not None else "",
        "found_at": _when(found.at if found is not None else None),
        "unaccountable": [rule.name for rule in STANDING if rule.name in against],
        "why_not": [rule.sentence for rule in STANDING if rule.name in against],
        "cases": [{"case": c.case.hex(), "epoch": c.epoch, "state": c.state.value} for c in _cases(tx, name)],
    }


def _cases(tx: Transaction, name: str) -> list[Case]:
    return tx.find(Case, originator=name, order="epoch")


def _when(at: Instant | None) -> str | None:
    return show_instant(at) if at is not None else None


class Judgements:
    """What an operator judges of an originator: prepared, signed elsewhere, submitted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._prepared: dict[str, Judgement] = {}

    def verbs(self) -> dict[str, Callable[[dict[str, object]], Awaitable[object]]]:
        """The verbs by name."""
        return {
            "originator": self.show,
            "judge-prepare": self.prepare,
            "judge": self.submit,
        }

    async def show(self, q: Request) -> View:
        """One originator."""
        return await self._desk.store.read(lambda tx: originator(tx, self._desk, _text(q, "originator")))

    async def prepare(self, q: Request) -> View:
        """The exact bytes to sign."""
        by = q.get("by")
        if not isinstance(by, int):
            raise MalformedInput("This verb needs 'by' as a number.")
        name, deed = _text(q, "originator"), _text(q, "deed")
        if deed not in tuple(Deed):
            raise MalformedInput(f"{deed!r} is no judgement.", advice=f"Known are {', '.join(Deed)}.")
        asked = await prepare_judgement(self._desk, name, Deed(deed), str(q.get("why", "")), by=by)
        token = self._desk.chance.draw(8).hex()
        self._prepared[token] = asked
        return {"id": token, "sign": asked.sign.hex(), "day": asked.day}

    async def submit(self, q: Request) -> View:
        """Done, once the signature verifies."""
        asked = self._prepared.pop(_text(q, "id"), None)
        rows = q.get("signatures")
        if asked is None or not isinstance(rows, list) or not rows:
            raise MalformedInput("Nothing was prepared under this id.", advice="Prepare it again.")
        who = await submit_judgement(self._desk, asked, bytes.fromhex(str(rows[0]["signature"])))
        return {"originator": asked.originator, "deed": asked.deed.value, "by": who}


def _text(q: Request, name: str) -> str:
    value = q.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedInput(f"This verb needs {name!r} as a text.")
    return value
