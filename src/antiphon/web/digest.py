"""The week for the operator of a node that observes: what members junk, who sends it, what could be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, TypeVar

from antiphon.campaign.remembered import Campaign
from antiphon.campaign.report import Report, ReportState
from antiphon.desk.desk import Desk
from antiphon.errors import MalformedInput
from antiphon.optout.case import Case
from antiphon.optout.evidence import parse_evidence
from antiphon.optout.obstacle import best_offer, obstacles, sentence_of
from antiphon.ports import Transaction
from antiphon.terms import DAY, Identifier, Instant, day_start, ledger_day, show_instant

View = dict[str, object]
N = TypeVar("N", str, bytes)
MOST_DAYS = 30
SHOWN = 10
"""Lines of a list; the rest is in `antiphon campaigns` and `antiphon cases`."""
PAGE = 1_000


@dataclass(slots=True)
class _Line:
    """One mailing, or one sender: `said` by persons, `filed` by filters."""

    said: int = 0
    filed: int = 0
    members: set[Identifier] = field(default_factory=set)
    last: Report | None = None

    def add(self, report: Report) -> None:
        """One report more."""
        if report.state is ReportState.ACCEPTED:
            self.said += 1
            self.members.add(report.member)
            self.last = report
        elif report.state is ReportState.EVIDENCE_ONLY:
            self.filed += 1


def digest(tx: Transaction, desk: Desk, days: int) -> View:
    """The last whole ledger days, today not among them, so that the same command says the same all day."""
    if not 1 <= days <= MOST_DAYS:
        raise MalformedInput(f"A digest is of 1 to {MOST_DAYS} days.")
    until = day_start(ledger_day(desk.clock.now()))
    since = Instant(until - days * DAY)
    states, senders, mailings = Counter[str](), dict[str, _Line](), dict[bytes, _Line]()
    for report in _reports(tx, since, until):
        states[report.state.value] += 1
        senders.setdefault(report.originator, _Line()).add(report)
        if report.campaign is not None:
            mailings.setdefault(report.campaign, _Line()).add(report)
    nobody = senders.pop("", _Line())
    return {
        "since": show_instant(since),
        "until": show_instant(until),
        "reports": {state.value: states[state.value] for state in ReportState},
        "members": len({member for line in [nobody, *senders.values()] for member in line.members}),
        "mailings": [_mailing(tx, name, line) for name, line in _first(mailings)],
        "senders": [_sender(tx, desk, name, line) for name, line in _first(senders)],
        "nobody_answers_for": nobody.said,
    }


def _first(lines: dict[N, _Line]) -> list[tuple[N, _Line]]:
    said = [(name, line) for name, line in lines.items() if line.said]
    return sorted(said, key=lambda each: (-each[1].said, each[0]))[:SHOWN]


def _reports(tx: Transaction, since: Instant, until: Instant) -> Iterator[Report]:
    last = b""
    while page := tx.find(
        Report, report__gt=last, reported_at__ge=since, reported_at__lt=until, order="report", limit=PAGE
    ):
        yield from page
        last = page[-1].report


def _mailing(tx: Transaction, name: bytes, line: _Line) -> View:
    kept = tx.get(Campaign, name)
    while kept is not None and kept.merged_into is not None:
        kept = tx.get(Campaign, kept.merged_into)
    title = kept.title if kept is not None else ""
    return {"campaign": name.hex(), "title": title, "reports": line.said, "filtered": line.filed,
            "members": len(line.members)}  # fmt: skip


def _sender(tx: Transaction, desk: Desk, name: str, line: _Line) -> View:
    cases = tx.find(Case, community=desk.house.community, originator=name, order="-epoch", limit=1)
    evidence = parse_evidence(line.last.evidence) if line.last is not None else None
    against = obstacles(evidence) if evidence is not None else ()
    offer = best_offer(evidence) if evidence is not None else None
    able = offer is not None and not against
    return {
        "originator": name,
        "reports": line.said,
        "filtered": line.filed,
        "members": len(line.members),
        "case": cases[0].case.hex() if cases else "",
        "state": cases[0].state.value if cases else "",
        "could": f"own opt-out by {offer.kind.value} to {offer.host}" if offer is not None and able else "",
        "why_not": sentence_of(against[0]) if against else "",
    }


def verbs(desk: Desk) -> dict[str, Callable[[View], Awaitable[object]]]:
    """The verb by name."""

    def days(asked: View) -> int:
        found = asked.get("days", 7)
        if not isinstance(found, int):
            raise MalformedInput("A digest is of a number of days.")
        return found

    return {"digest": lambda asked: desk.store.read(lambda tx: digest(tx, desk, days(asked)))}


def told(found: Mapping[str, Any], columns: int) -> str:
    """The digest as a person reads it, in lines of so many columns."""
    reports = ", ".join(f"{count:,} {state}" for state, count in found["reports"].items() if count)
    lines = [f"{found['since'][:10]} to {found['until'][:10]} (UTC, the last day not included)",
             f"reports: {reports or 'none'}; by {found['members']:,} members"]  # fmt: skip
    for title, rows, name in (("mailings", found["mailings"], "title"), ("senders", found["senders"], "originator")):
        lines += ["", f"{title}, by members' reports"] if rows else []
        for row in rows:
            counts = f"{row['reports']:,} reports, {row['members']:,} members, {row['filtered']:,} by filters"
            lines += _broken(f"{_printable(row[name])}: {counts}", columns, "  - ", "    ")
            if title == "senders":
                lines += _broken(_could(row), columns, "      ", "      ")
    if found["nobody_answers_for"]:
        lines += ["", f"{found['nobody_answers_for']:,} reports are of mail that nobody answers for: nothing is asked."]
    return "\n".join(lines)


def _could(row: Mapping[str, Any]) -> str:
    said = f"could be asked: {row['could']}" if row["could"] else f"not asked: {row['why_not'] or 'no channel'}"
    return said + (f" (case {row['case'][:8]}, {row['state']})" if row["case"] else "")


def _broken(text: str, columns: int, first: str, indent: str) -> list[str]:
    return wrap(text, columns, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)


def _printable(text: str) -> str:
    """Nothing that came in a mail can move a cursor or begin a line."""
    return "".join(c if c.isprintable() else " " for c in text) or "-"
