"""The member's own click over the control socket: first what it would do, then the click on exactly that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict

from antiphon.campaign.report import Report
from antiphon.desk import confirm
from antiphon.desk.click import click, show_click
from antiphon.desk.desk import Desk
from antiphon.desk.receive import take_report
from antiphon.errors import MalformedInput, RefusedByLaw
from antiphon.formats.dkim import identities, verify
from antiphon.formats.message import parse_message
from antiphon.optout.click import Shown, sentences
from antiphon.ports import Transaction
from antiphon.registry.mandate import Mandate
from antiphon.terms import Identifier, show_instant
from antiphon.web.eligible import for_member
from antiphon.web.waiting import SENTENCES

MOST_CLICKS = 100
"""Reports in one click: a person read every line of it."""
SHORTEST_WORD, ID_DIGITS = 4, 32
Request = Mapping[str, object]


class Clicks:
    """What members were shown and did not click yet; forgotten when the node ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: dict[str, list[Shown]] = {}

    def verbs(self) -> dict[str, Callable[[dict[str, object]], Awaitable[object]]]:
        """The verbs by name."""
        return {"optout-prepare": self.prepare, "optout": self.click, "confirm": self.confirm}

    async def prepare(self, q: Request) -> object:
        """For each report what a click would tell whom, or every rule against it. `mails` are given in hex, with the
        member's `address`: one that is no report yet becomes one."""
        words = _words(q, "reports")
        names = [
            report.report for report in await self._desk.store.read(lambda tx: [find_report(tx, w) for w in words])
        ]
        names += [await self._handed_in(str(q.get("address", "")), raw) for raw in _words(q, "mails")]
        lines, shown = [], []
        for name in dict.fromkeys(names):
            try:
                shown.append(await show_click(self._desk, name))
                lines.append(_line(shown[-1]))
            except RefusedByLaw as refusal:
                rules = for_member(refusal.rules)
                lines.append({"report": name.hex(), "act": "nothing", "why_not": refusal.what, "rules": rules,
                              "sentences": [SENTENCES.get(rule, "") for rule in rules]})  # fmt: skip
        token = self._desk.chance.draw(8).hex()
        self._shown[token] = shown
        return {"id": token, "lines": lines}

    async def click(self, q: Request) -> object:
        """The click on what was shown under this id; `quick` for ten minutes and the next daily batch instead of the
        ordinary hold."""
        shown = self._shown.pop(str(q.get("id", "")), None)
        if not shown:
            raise MalformedInput("Nothing that can be clicked was shown under this id.", advice="Look at it again.")
        made = await click(self._desk, shown, quick=q.get("quick") is True)
        return [
            {
                "report": each.report.hex(),
                "originator": each.originator,
                "leaves_after": show_instant(each.leaves_at),
                "undo": f"antiphon undo {each.report.hex()}",
            }
            for each in made
        ]

    async def confirm(self, q: Request) -> object:
        """That an originator's mail answers no act of this member's, or `take_back` of it."""
        address, originator = str(q.get("address", "")), str(q.get("originator", ""))
        if q.get("take_back"):
            return {"taken_back": await confirm.take_back(self._desk, address, originator)}
        return {"mails": await confirm.confirm(self._desk, address, originator, str(q.get("why", "")))}

    async def _handed_in(self, address: str, raw_hex: str) -> Identifier:
        raw = bytes.fromhex(raw_hex)
        names = identities(message := parse_message(raw), verify(message, {}))

        def known(tx: Transaction) -> tuple[Mandate | None, Identifier | None]:
            mandate = next(iter(tx.find(Mandate, address=address.strip().lower())), None)
            found = [r for n in names if mandate for r in tx.find(Report, member=mandate.member, identity=n)]
            return mandate, found[0].report if found else None

        mandate, report = await self._desk.store.read(known)
        if mandate is None:
            raise RefusedByLaw(f"{address or 'Nobody'} is not a member.", ("known",), advice="Give --member ADDRESS.")
        if report is not None:
            return report
        at = self._desk.clock.now()
        return (await take_report(self._desk, mandate, raw, at=at, source="upload")).report


def find_report(tx: Transaction, word: str) -> Report:
    """The report with this identifier, or the only one whose identifier begins so. Raises MalformedInput."""
    try:
        low, high = (bytes.fromhex(word.lower().ljust(ID_DIGITS, digit)) for digit in "0f")
        found = tx.find(Report, report__ge=low, report__le=high, limit=2) if len(word) >= SHORTEST_WORD else []
    except ValueError:
        found = []
    if len(found) != 1:
        raise MalformedInput(
            f"{word!r} names no report, or several.", advice="`antiphon campaign ID` and `antiphon held` list them."
        )
    return found[0]


def _line(shown: Shown) -> dict[str, object]:
    said = asdict(shown)
    said["report"] = shown.report.hex()
    for name in ("registered_at", "first_seen_at"):
        said[name] = show_instant(said[name]) if said[name] is not None else None
    return {
        **said,
        "tells": list(sentences(shown.originator, quick=False)),
        "tells_if_quick": list(sentences(shown.originator, quick=True)),
        "rules": [],
    }


def _words(q: Request, name: str) -> list[str]:
    value = q.get(name, [])
    if not isinstance(value, list) or len(value) > MOST_CLICKS:
        raise MalformedInput(f"This verb takes {name!r} as a list of at most {MOST_CLICKS}.")
    return [str(word) for word in value]
